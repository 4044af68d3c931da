"""Pairing across devices: label pairs handed out, partners found, pairs chosen."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_array_equal
from strategies import generators, label_pairs, labelled_samples

from mix2fld_np.errors import InputError
from mix2fld_np.mixing import mixup, pairing


def partners_of(label_pairs):
    """Uploads (first_label, second_label, device) of devices that mix up what was asked for, and their pairs."""
    D, N_S, _ = label_pairs.shape
    first, second, device = label_pairs[..., 0].ravel(), label_pairs[..., 1].ravel(), np.repeat(np.arange(D), N_S)
    return first, second, device, pairing.symmetric_pairs(first, second, device)


@st.composite
def feasible_sizes(draw):
    """D, N_S, N_I, N_L for which D N_I inverse samples can be made at all."""
    D, N_S = draw(st.integers(2, 9)), draw(st.integers(1, 14))
    return D, N_S, draw(st.integers(1, 2 * (D**2 // 4) * N_S**2 // D)), draw(st.integers(2, 12))


# --------------------------------------------------------------------------------------------------- policy "scheduled"
@given(feasible_sizes(), generators)
def test_the_schedule_always_reaches_what_was_asked_for_across_devices(sizes, rng):
    D, N_S, N_I, N_L = sizes
    label_pairs = pairing.schedule(D, N_S, N_I, N_L, rng)
    assert label_pairs.shape == (D, N_S, 2)
    assert np.all(label_pairs[..., 0] != label_pairs[..., 1])
    assert label_pairs.min() >= 0 and label_pairs.max() < N_L
    first, second, device, pairs = partners_of(label_pairs)
    assert np.all(device[pairs[:, 0]] != device[pairs[:, 1]])
    assert 2 * len(pairs) >= D * N_I


@pytest.mark.parametrize(("D", "N_S", "N_I"), [(10, 10, 10), (10, 10, 20), (10, 50, 50), (10, 50, 100), (50, 10, 20),
                                               (10, 10, 15), (10, 10, 30), (20, 15, 14)])
def test_the_letters_sizes_and_others_give_every_label_equally_often_to_within_one(D, N_S, N_I):
    rng = np.random.default_rng(D + N_S + N_I)
    first, second, _, pairs = partners_of(pairing.schedule(D, N_S, N_I, 10, rng))
    chosen = pairing.choose_pairs(pairs, first, second, D * N_I, rng)
    assert len(chosen) == D * N_I // 2
    times = np.bincount(np.concatenate([first[chosen[:, 0]], second[chosen[:, 0]]]), minlength=10)
    assert np.all(abs(times - D * N_I // 10) <= 1)


@given(st.integers(2, 9), st.integers(1, 14), st.integers(2, 12), st.integers(0, 99))
def test_label_pairs_are_the_same_for_every_n_i_up_to_twice_n_s_and_others_beyond_only(D, N_S, N_L, seed):
    def planned(N_I):
        return pairing.schedule(D, N_S, N_I, N_L, np.random.default_rng(seed))

    most = 2 * (D**2 // 4) * N_S**2 // D
    reachable = min(2 * N_S, most)
    for N_I in {1, (reachable + 1) // 2, reachable}:
        assert_array_equal(planned(N_I), planned(reachable))
    assert (
        np.unique(planned(most).reshape(-1, 2), axis=0).shape[0] <= 2 or most <= 2 * N_S
    )  # one group of all that there is


@given(st.integers(2, 6), st.integers(2, 11), generators)
def test_as_many_uploads_as_labels_on_every_device_hold_every_label_equally_often(half_D, N_L, rng):
    label_pairs = pairing.schedule(2 * half_D, N_L, N_L, N_L, rng)
    assert_array_equal(np.bincount(label_pairs.ravel(), minlength=N_L), 4 * half_D)


def test_more_than_one_group_of_everything_is_refused_and_one_group_is_not():
    rng = np.random.default_rng(0)
    for D, N_S in ((2, 3), (3, 4), (5, 2)):
        most = 2 * (D**2 // 4) * N_S**2
        assert 2 * len(partners_of(pairing.schedule(D, N_S, most // D, 10, rng))[3]) >= most // D * D
        with pytest.raises(InputError, match=f"give n_seed_samples of at least {N_S + 1}"):
            pairing.schedule(D, N_S, most // D + 1, 10, rng)


@pytest.mark.parametrize(
    "sizes", [(1, 10, 10, 10), (10, 0, 10, 10), (10, 10, 0, 10), (10, 10, 10, 1), (10, 10, 10.5, 10)]
)
def test_sizes_that_leave_nothing_to_pair_are_refused(sizes):
    with pytest.raises(InputError, match="whole number of at least"):
        pairing.schedule(*sizes, np.random.default_rng(0))


@given(st.integers(2, 25))
def test_label_pairs_are_all_there_and_use_every_label_equally_often_at_any_time(n_labels):
    label_pairs = pairing.balanced_label_pairs(n_labels)
    assert {frozenset(pair) for pair in label_pairs.tolist()} == {
        frozenset((a, b)) for a in range(n_labels) for b in range(a)
    }
    assert len(label_pairs) == n_labels * (n_labels - 1) // 2
    turn = n_labels if n_labels % 2 else n_labels // 2
    for start in range(0, len(label_pairs), turn):
        assert len(set(np.bincount(label_pairs[start : start + turn].ravel(), minlength=n_labels))) == 1


# --------------------------------------------------------------------------------------------------- policy "random"
@given(st.lists(labelled_samples(), min_size=1, max_size=6), st.integers(1, 12), generators)
def test_random_uploads_are_never_paired_within_one_device(devices, n_seeds, rng):
    uploads = [
        np.stack([labels.astype(int)[drawn] for drawn in mixup.draw_pairs(labels, n_seeds, rng)]) for labels in devices
    ]
    first, second = np.concatenate(uploads, axis=1)
    device = np.repeat(np.arange(len(devices)), n_seeds)
    pairs = pairing.symmetric_pairs(first, second, device)
    assert np.all(device[pairs[:, 0]] != device[pairs[:, 1]])
    assert len(devices) > 1 or len(pairs) == 0


# ------------------------------------------------------------------------------------------- finding and choosing pairs
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint64, ">i2"])
@pytest.mark.parametrize("n_labels", [16, 17, 100])
def test_every_label_pair_meets_its_mirror_image_alone_whatever_type_labels_come_in(dtype, n_labels):
    first, second = np.nonzero(~np.eye(n_labels, dtype=bool))
    device = (first < second).astype(np.uint8)
    pairs = pairing.symmetric_pairs(first.astype(dtype), second.astype(dtype), device)
    assert len(pairs) == n_labels * (n_labels - 1) // 2
    assert_array_equal(np.stack([first, second])[:, pairs[:, 0]], np.stack([second, first])[:, pairs[:, 1]])
    chosen = [pairing.choose_pairs(pairs, *labels, 2 * n_labels, np.random.default_rng(0))
              for labels in ((first, second), (first.astype(dtype), second.astype(dtype)))]
    assert_array_equal(*chosen)
    assert len(chosen[0]) == n_labels


@pytest.mark.parametrize("labels", [[0.0, 1.0], [-1, 0], ["0", "1"], [True, False], [0, 10**7], [0, 2**70]])
def test_labels_that_are_no_whole_numbers_from_zero_are_refused(labels):
    for ask in (
        lambda: pairing.symmetric_pairs(labels, [1, 0], [0, 1]),
        lambda: mixup.draw_pairs(labels, 1, np.random.default_rng(0)),
    ):
        with pytest.raises(InputError, match="whole numbers from 0"):
            ask()


def test_mixed_up_samples_without_a_label_or_a_device_each_are_refused():
    for uploads in (([0, 1], [1, 0], [0]), ([0], [1, 0], [0, 1]), ([[0, 1]], [[1, 0]], [[0, 1]])):
        with pytest.raises(InputError, match="one of each"):
            pairing.symmetric_pairs(*uploads)


@given(label_pairs())
def test_symmetric_pairs_are_those_a_double_loop_over_python_integers_finds(uploads):
    first, second, device = uploads
    a, b, d = first.tolist(), second.tolist(), device.tolist()
    looped = {
        frozenset((m, k)) for m in range(len(a)) for k in range(m) if a[m] == b[k] != a[k] == b[m] and d[m] != d[k]
    }
    pairs = pairing.symmetric_pairs(first, second, device)
    assert {frozenset(pair) for pair in pairs.tolist()} == looped
    assert len(pairs) == len(looped)
    assert np.all(first[pairs[:, 0]] < second[pairs[:, 0]])


@given(st.integers(2, 6), st.integers(1, 12), st.integers(0, 400), generators)
def test_chosen_pairs_are_distinct_and_as_even_over_label_pairs_as_they_allow(D, n_seeds, n_wanted, rng):
    first = rng.integers(4, size=D * n_seeds)
    second = (first + rng.integers(1, 4, size=len(first))) % 4
    pairs = pairing.symmetric_pairs(first, second, np.repeat(np.arange(D), n_seeds))
    chosen = pairing.choose_pairs(pairs, first, second, n_wanted, rng)
    assert len(chosen) == min(len(pairs), (n_wanted + 1) // 2)
    assert len({tuple(pair) for pair in chosen.tolist()}) == len(chosen)
    assert {tuple(pair) for pair in chosen.tolist()} <= {tuple(pair) for pair in pairs.tolist()}

    offered, taken = (np.zeros((4, 4), dtype=int) for _ in range(2))
    np.add.at(offered, (first[pairs[:, 0]], second[pairs[:, 0]]), 1)
    np.add.at(taken, (first[chosen[:, 0]], second[chosen[:, 0]]), 1)
    short = taken < offered  # label pairs that could have given more
    if short.any():
        assert taken.max() - taken[short].min() <= 1


def test_pairs_are_chosen_at_random_each_as_often_as_any_other():
    first, second, device = np.array([0] * 3 + [1] * 4), np.array([1] * 3 + [0] * 4), np.repeat([0, 1], [3, 4])
    pairs = pairing.symmetric_pairs(first, second, device)
    assert len(pairs) == 12
    rng, n_draws, seen = np.random.default_rng(0), 2_000, np.zeros((7, 7))
    for _ in range(n_draws):
        for m, k in pairing.choose_pairs(pairs, first, second, 6, rng):
            seen[m, k] += 1 / n_draws
    assert np.all(np.abs(seen[:3, 3:] - 0.25) < 5 * np.sqrt(0.25 * 0.75 / n_draws))


def test_thousands_of_uploads_are_paired_in_one_go():
    rng = np.random.default_rng(0)
    first = rng.integers(10, size=5_000)
    second = (first + rng.integers(1, 10, size=5_000)) % 10
    device = np.repeat(np.arange(50), 100)
    pairs = pairing.symmetric_pairs(first, second, device)
    by_label = np.zeros((10, 10, 50), dtype=int)
    np.add.at(by_label, (first, second, device), 1)
    mirrored = by_label.swapaxes(0, 1)
    assert 2 * len(pairs) == (by_label.sum(2) * mirrored.sum(2) - (by_label * mirrored).sum(2)).sum()


@given(st.integers(1, 6), st.integers(1, 40), generators)
def test_bounded_partners_are_some_of_all_and_shared_out_evenly(most, n, rng):
    first = rng.integers(2, size=2 * n)
    second, device = 1 - first, np.arange(2 * n)  # two labels, every sample on a device of its own
    every = pairing.symmetric_pairs(first, second, device)
    some = pairing.symmetric_pairs(first, second, device, most)
    assert {tuple(pair) for pair in some} <= {tuple(pair) for pair in every}
    n_rising, n_falling = int((first == 0).sum()), int((first == 1).sum())
    assert len(np.unique(some, axis=0)) == len(some) == n_rising * min(most, n_falling)
    used = np.bincount(some[:, 1], minlength=2 * n)[first == 1]
    assert n_falling == 0 or used.max() - used.min() <= min(most, n_falling)


def test_a_bound_beyond_all_partners_changes_nothing():
    rng = np.random.default_rng(3)
    first, device = rng.integers(3, size=60), rng.integers(4, size=60)
    second = (first + 1 + rng.integers(2, size=60)) % 3
    bounded, every = pairing.symmetric_pairs(first, second, device, 60), pairing.symmetric_pairs(first, second, device)
    assert {tuple(pair) for pair in bounded} == {tuple(pair) for pair in every}
    assert_array_equal(pairing.symmetric_pairs(first, second, device, 2**63), every)
