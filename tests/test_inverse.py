"""Inverse-Mixup: eqs. (7) to (10), hard labels for any N, and where no inverse exists."""

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import generators, mixing_ratios

from mix2fld_np.errors import InputError
from mix2fld_np.mixing import inverse, mixup

ratios_of_two = st.floats(0.01, 0.99).filter(lambda ratio: abs(ratio - 0.5) > 0.01)


@given(mixing_ratios())
def test_inverse_mixup_gives_back_hard_labels(ratios):
    soft_labels = mixup.mixing_matrix(ratios)
    assert_allclose(inverse.inverse_ratios(ratios) @ soft_labels, np.eye(len(ratios)), atol=1e-9)
    assert_allclose(inverse.inverse_mixup(soft_labels, ratios), np.eye(len(ratios)), atol=1e-9)


@given(mixing_ratios(), generators)
def test_samples_that_were_blended_in_turn_come_back_when_all_devices_hold_the_same_ones(ratios, rng):
    raw = rng.random((len(ratios), 2, 3))
    mixed = np.array(
        [sum(ratios[(r + c) % len(ratios)] * raw[c] for c in range(len(ratios))) for r in range(len(ratios))]
    )
    assert_allclose(inverse.inverse_mixup(mixed, ratios), raw, atol=1e-9)


@given(ratios_of_two)
def test_the_inverse_ratio_solves_equations_9_and_10(lam):
    first, second = inverse.inverse_ratio(lam, 1), inverse.inverse_ratio(lam, 2)
    assert first * lam + (1 - first) * (1 - lam) == pytest.approx(1)
    assert first * (1 - lam) + (1 - first) * lam == pytest.approx(0, abs=1e-9)
    assert second * lam + (1 - second) * (1 - lam) == pytest.approx(0, abs=1e-9)
    assert second * (1 - lam) + (1 - second) * lam == pytest.approx(1)


@given(ratios_of_two)
def test_two_samples_are_the_smallest_case_of_equation_8(lam):
    by_hand = [[inverse.inverse_ratio(lam, n), 1 - inverse.inverse_ratio(lam, n)] for n in (1, 2)]
    assert_allclose(inverse.inverse_ratios([lam, 1 - lam]), by_hand, rtol=1e-9, atol=1e-12)


def test_the_inverse_ratio_at_one_tenth():
    assert inverse.inverse_ratio(0.1, 1) == pytest.approx(-0.125)
    assert inverse.inverse_ratio(0.1, 2) == pytest.approx(1.125)


# --------------------------------------------------------------------------------------------------- conditioning
@given(mixing_ratios())
def test_condition_number_from_the_transform_is_that_of_the_matrix(ratios):
    assert inverse.condition_number(ratios) == pytest.approx(np.linalg.cond(mixup.mixing_matrix(ratios)), rel=1e-6)


@given(generators, st.integers(2, 8))
def test_condition_number_holds_for_any_shares(rng, n):
    ratios = rng.dirichlet(np.ones(n))
    assume(inverse.condition_number(ratios) < 1e6)
    assert inverse.condition_number(ratios) == pytest.approx(np.linalg.cond(mixup.mixing_matrix(ratios)), rel=1e-6)


@given(ratios_of_two)
def test_condition_number_of_two_ratios_grows_as_they_meet(lam):
    assert inverse.condition_number([lam, 1 - lam]) == pytest.approx(1 / abs(1 - 2 * lam))


@pytest.mark.parametrize(
    "singular", [[0.5, 0.5], [1 / 3] * 3, [0.25] * 4, [0.2, 0.3, 0.2, 0.3], [1 / 7] * 7, [0.1, 0.4] * 2]
)
def test_singular_ratios_are_refused_and_those_just_beside_them_are_not(singular):
    assert inverse.condition_number(singular) == np.inf
    with pytest.raises(InputError, match="cannot be inverted"):
        inverse.inverse_ratios(singular)

    beside = np.array(singular)
    beside[:2] += [1e-6, -1e-6]
    condition = inverse.condition_number(beside)
    if condition < np.inf:
        assert condition > 1e4
        assert_allclose(inverse.inverse_ratios(beside) @ mixup.mixing_matrix(beside), np.eye(len(beside)), atol=1e-8)
    else:  # a zero elsewhere in the transform is left: another nudge removes it
        beside[1:3] += [2e-6, -2e-6]
        assert 1e4 < inverse.condition_number(beside) < np.inf


def test_the_error_explains_why_one_half_cannot_be_inverted():
    explained = (
        r"mixing ratios \[0.5, 0.5\] cannot be inverted: both devices would upload the same blend of labels. "
        "Any ratio but 0.5"
    )
    for ask in (lambda: inverse.inverse_ratios([0.5, 0.5]), lambda: inverse.inverse_ratio(0.5, 1)):
        with pytest.raises(InputError, match=explained):
            ask()


def test_there_is_no_third_of_two():
    with pytest.raises(InputError, match="give 1 or 2"):
        inverse.inverse_ratio(0.1, 3)
    with pytest.raises(InputError, match="one sample a ratio"):
        inverse.inverse_mixup(np.zeros((3, 4)), [0.1, 0.9])


# ------------------------------------------------------------------------------------------------- two devices, in full
def two_uploads(rng, ratio, n_labels=4, a=2, b=0):
    """s_i, s_j of device 5 with labels (a, b) and s_i', s_j' of device 1 with (b, a), and their mixed-up samples."""
    raw = rng.random((4, 1, 3, 3))
    labels = np.array([a, b, b, a])
    first, second = (raw[[0, 2]], labels[[0, 2]]), (raw[[1, 3]], labels[[1, 3]])
    return raw, mixup.mix_samples(first, second, np.array([5, 1]), ratio, n_labels)


@given(generators, st.floats(0.01, 0.45))
def test_an_inverse_sample_is_a_raw_one_and_a_known_remainder(rng, lam):
    (s_i, s_j, s_i_, s_j_), mixed = two_uploads(rng, lam)
    expected = s_j_ + (lam**2 * (s_j_ - s_i) + lam * (1 - lam) * (s_i_ - s_j)) / (1 - 2 * lam)
    made = inverse.inversely_mix(mixed, np.array([[0, 1]]), lam)
    assert_allclose(made.images[0], expected, atol=1e-5)
    other = s_j + (lam**2 * (s_j - s_i_) + lam * (1 - lam) * (s_i - s_j_)) / (1 - 2 * lam)
    assert_allclose(made.images[1], other, atol=1e-5)


@given(generators, ratios_of_two)
def test_a_pair_makes_one_sample_of_each_label(rng, lam):
    _, mixed = two_uploads(rng, lam)
    made = inverse.inversely_mix(mixed, np.array([[0, 1], [1, 0]]), lam)
    assert len(made.images) == 4 and made.images.dtype == np.float32
    assert_array_equal(made.labels, np.eye(4)[[2, 0, 0, 2]])
    soft = np.stack([mixed.labels[0], mixed.labels[1]])
    assert_allclose(inverse.inverse_mixup(soft, [lam, 1 - lam]), made.labels[:2], atol=1e-9)
    assert_allclose(made.images[:2], made.images[[3, 2]], atol=1e-4)  # the order within a pair does not matter


@given(generators, ratios_of_two)
def test_many_pairs_at_once_make_what_each_makes_alone(rng, lam):
    images, labels, ask = rng.random((8, 1, 2, 2)), np.arange(8) % 4, np.array([0, 1, 2, 3])
    first, second = np.concatenate([ask, 4 + np.roll(ask, 1)]), np.concatenate([np.roll(ask, 1), 4 + ask])
    mixed = mixup.mix_samples(
        (images[first], labels[first]), (images[second], labels[second]), np.arange(8) // 4, lam, 4
    )
    pairs = np.array([[2, 6], [0, 4], [7, 3]])
    together = inverse.inversely_mix(mixed, pairs, lam)
    for k in range(3):
        alone = inverse.inversely_mix(mixed, pairs[k : k + 1], lam)
        for name in ("images", "labels"):
            assert_array_equal(getattr(together, name)[2 * k : 2 * k + 2], getattr(alone, name))


def test_nothing_is_clipped():
    mixed = mixup.MixedSamples(np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1), np.array([[0.1, 0.9], [0.9, 0.1]]),
                               np.array([0, 1]), np.array([1, 0]), np.array([0, 1]))
    assert_allclose(inverse.inversely_mix(mixed, np.array([[0, 1]]), 0.1).images.ravel(), [1.125, -0.125], rtol=1e-6)


def test_pairs_on_one_device_and_pairs_without_symmetry_are_refused():
    _, mixed = two_uploads(np.random.default_rng(0), 0.1)
    alone = mixup.MixedSamples(mixed.images, mixed.labels, mixed.first_label, mixed.second_label, np.array([1, 1]))
    with pytest.raises(InputError, match="raw samples"):
        inverse.inversely_mix(alone, np.array([[0, 1]]), 0.1)
    skew = mixup.MixedSamples(mixed.images, mixed.labels, np.array([2, 2]), np.array([0, 0]), mixed.device)
    with pytest.raises(InputError, match="symmetric"):
        inverse.inversely_mix(skew, np.array([[0, 1]]), 0.1)


def test_no_pairs_make_no_samples():
    _, mixed = two_uploads(np.random.default_rng(0), 0.1)
    made = inverse.inversely_mix(mixed, np.empty((0, 2), dtype=int), 0.1)
    assert made.images.shape == (0, 1, 3, 3) and made.labels.shape == (0, 4)
