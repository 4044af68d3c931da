"""The split of the samples over the devices: exact counts, no sample twice where that can be,
and honesty where it cannot."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_array_equal

from mix2fld_np.datasets.partition import split
from mix2fld_np.errors import InputError

MNIST_SIZED = np.random.default_rng(7).permutation(np.repeat(np.arange(10, dtype=np.uint8), 6_000))


class Wanted(NamedTuple):
    """What a split is asked for; some labels may have no samples at all."""

    labels: np.ndarray
    n_devices: int
    n_samples: int
    seed: int
    kind: str
    n_labels: int

    @property
    def present(self):
        return np.unique(self.labels)


@st.composite
def tasks(draw, kinds=("iid", "non-iid")):
    """Labels as the readers give them (at least what one device needs of each), and what goes together with them."""
    n_present, kind = draw(st.integers(3, 12) | st.sampled_from([20, 100])), draw(st.sampled_from(kinds))
    n_devices, n_samples = draw(st.integers(1, 12)), draw(st.integers(3 * n_present - 2, 3 * n_present + 50))
    need = -(-n_samples // (n_present - 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_labels = draw(st.integers(n_present, min(n_present + 3, 100)))
    present = rng.permutation(n_labels)[:n_present].astype(np.uint8)
    labels = rng.permutation(np.repeat(present, rng.integers(need, 6 * need, n_present, endpoint=True)))
    return Wanted(labels, n_devices, n_samples, draw(st.integers(0, 99)), kind, n_labels)


@st.composite
def dirichlet_tasks(draw):
    """The same for a Dirichlet split with any alpha, of data in which one device finds all that it may need."""
    task, alpha = draw(tasks()), draw(st.floats(1e-6, 1e6) | st.sampled_from([1e-300, 0.1, 1.0, 100.0]))
    rng, n_labels = np.random.default_rng(task.seed), len(task.present)
    labels = rng.permutation(np.repeat(task.present, task.n_samples + rng.integers(0, 9, n_labels)))
    return task._replace(labels=labels, kind=f"dirichlet:{alpha!r}")


def draw_split(task):
    labels, n_devices, n_samples, seed, kind, n_labels = task
    return split(labels, n_devices, n_samples, np.random.default_rng(seed), kind, n_labels)


@settings(deadline=None)
@given(task=tasks() | dirichlet_tasks())
def test_every_device_holds_distinct_samples_with_the_counts_the_split_declares(task):
    labels, n_devices, n_samples, *_ = task
    found = draw_split(task)
    assert found.counts.shape == (n_devices, task.n_labels)
    assert found.indices.shape == (n_devices, n_samples)
    for row, counts in zip(found.indices, found.counts, strict=True):
        assert len(set(row.tolist())) == n_samples
        assert_array_equal(np.bincount(labels[row], minlength=len(counts)), counts)


@settings(deadline=None)
@given(task=tasks() | dirichlet_tasks())
def test_devices_share_samples_only_where_a_label_runs_out_and_then_evenly(task):
    labels = task.labels
    found = draw_split(task)
    copies = np.bincount(found.indices.ravel(), minlength=len(labels))
    need, supply = found.counts.sum(axis=0), np.bincount(labels, minlength=task.n_labels)
    assert found.shared == bool((need > supply).any())
    assert ("devices share samples" in str(found.notice)) == found.shared
    assert found.most_copies == copies.max()
    for l in task.present:
        assert np.ptp(copies[labels == l]) <= 1
        assert copies[labels == l].max() == -(-need[l] // supply[l])


@settings(deadline=None)
@given(task=tasks(kinds=["iid"]))
def test_an_iid_split_gives_each_label_the_same_number_up_to_one_on_each_device_and_in_all(task):
    found = draw_split(task)
    counts = found.counts[:, task.present]
    assert (np.ptp(counts, axis=1) <= 1).all()
    assert np.ptp(counts.sum(axis=0)) <= 1
    assert (counts.sum(axis=1) == task.n_samples).all()
    assert found.rare_labels.shape == (len(found.indices), 0)


@settings(deadline=None)
@given(task=tasks(kinds=["non-iid"]))
def test_a_non_iid_split_gives_two_labels_two_samples_and_shares_the_rest_evenly(task):
    found = draw_split(task)
    for counts, rare in zip(found.counts, found.rare_labels, strict=True):
        assert len(set(rare.tolist())) == 2
        assert counts[rare].tolist() == [2, 2]
        common = counts[np.setdiff1d(task.present, rare)]
        assert common.sum() == task.n_samples - 4
        assert np.ptp(common) <= 1
        assert common.min() > 2


@settings(deadline=None)
@given(task=tasks())
def test_a_label_without_samples_takes_no_part_wherever_it_is_missing_and_is_named(task):
    found = draw_split(task)
    missing = sorted(set(range(task.n_labels)) - set(task.present.tolist()))
    assert (found.counts[:, missing] == 0).all()
    assert (found.counts[:, task.present] > 0).all()
    assert ("there is no sample" in str(found.notice)) == bool(missing)
    if missing:
        assert f"no sample of label {', '.join(map(str, missing))} on any device" in found.notice


@pytest.mark.parametrize("kind", ["iid", "non-iid"])
def test_it_does_not_matter_which_label_is_missing(kind):
    counts = []
    for l in range(10):
        found = split(MNIST_SIZED[l != MNIST_SIZED], 10, 500, np.random.default_rng(1), kind, 10)
        counts.append(np.delete(found.counts, l, axis=1))
    assert all((other == counts[0]).all() for other in counts)


@settings(deadline=None)
@given(task=tasks() | dirichlet_tasks())
def test_the_same_generator_gives_the_same_split_and_another_one_another(task):
    first, again = draw_split(task), draw_split(task)
    assert_array_equal(first.indices, again.indices)
    other = draw_split(task._replace(seed=task.seed + 1))
    assert (other.indices != first.indices).any()


def test_the_letter_s_numbers_come_out():
    iid = split(MNIST_SIZED, 10, 500, np.random.default_rng(1), "iid", 10)
    assert (iid.counts == 50).all()
    non_iid = split(MNIST_SIZED, 10, 500, np.random.default_rng(1), "non-iid", 10)
    assert all(sorted(counts) == [2, 2] + 8 * [62] for counts in non_iid.counts.tolist())
    assert len(np.unique(non_iid.indices)) == len(np.unique(iid.indices)) == 5_000


def test_rare_labels_differ_from_device_to_device_and_no_label_is_favoured():
    rare = split(MNIST_SIZED, 1_000, 40, np.random.default_rng(1), "non-iid", 10).rare_labels
    times = np.bincount(rare.ravel(), minlength=10)
    assert (np.abs(times - 200) < 5 * np.sqrt(1_000 * 0.2 * 0.8)).all()


def test_a_thousand_devices_share_what_a_hundred_need_not():
    many = split(MNIST_SIZED, 1_000, 500, np.random.default_rng(1), "iid", 10)
    assert many.most_copies == 9
    assert "up to 9 devices" in many.notice
    held = [set(row.tolist()) for row in many.indices[:300]]
    assert max(len(held[0] & other) for other in held[1:]) < 50
    few = split(MNIST_SIZED, 100, 500, np.random.default_rng(1), "iid", 10)
    assert few.notice is None
    assert len(np.unique(few.indices)) == 50_000


def test_samples_come_from_everywhere_in_the_data_set():
    indices = split(MNIST_SIZED, 1, 500, np.random.default_rng(1), "iid", 10).indices
    assert abs(indices.mean() - 30_000) < 5 * 60_000 / np.sqrt(12 * 500)


def test_labels_do_not_stand_in_order_on_a_device():
    row = split(MNIST_SIZED, 1, 500, np.random.default_rng(1), "iid", 10).indices[0]
    assert len(set(MNIST_SIZED[row[:50]].tolist())) == 10


# ----------------------------------------------------------------------------------------------------- a Dirichlet law
def shares(alpha, n_devices=10, seed=1):
    """Shares of the labels on each device (D, N_L)."""
    return split(MNIST_SIZED, n_devices, 500, np.random.default_rng(seed), f"dirichlet:{alpha}", 10).counts / 500


@settings(deadline=None)
@given(task=dirichlet_tasks())
def test_shares_of_a_dirichlet_split_sum_to_the_devices_samples_and_a_label_that_nobody_holds_is_said(task):
    found = draw_split(task)
    assert (found.counts.sum(axis=1) == task.n_samples).all() and (found.counts >= 0).all()
    assert found.rare_labels.shape == (task.n_devices, 0)
    lacking = np.flatnonzero(found.counts.sum(axis=0) == 0)
    assert ("there is no sample" in str(found.notice)) == bool(lacking.size)
    if lacking.size:
        assert f"no sample of label {', '.join(map(str, lacking))} on any device" in found.notice


def test_the_two_ends_of_a_dirichlet_split_are_one_label_a_device_and_an_iid_split():
    assert (shares(1e-6).max(axis=1) == 1).all() and len(np.unique(shares(1e-6, 100).argmax(axis=1))) == 10
    assert np.abs(shares(1e6) - 0.1).max() < 0.005
    held = [(shares(alpha, 100) > 0).sum(axis=1).mean() for alpha in (0.01, 0.1, 1.0, 10.0)]
    assert held == sorted(held) and held[0] < 2.5 and held[-1] > 9.9


@pytest.mark.parametrize("alpha", [0.1, 0.3, 1.0, 10.0])
def test_shares_have_the_mean_and_the_variance_of_their_law(alpha):
    """Mean 1 / N_L and variance (1 / N_L) (1 - 1 / N_L) / (N_L alpha + 1), of a thousand devices."""
    found = shares(alpha, 1_000)
    variance = 0.1 * 0.9 / (10 * alpha + 1)
    assert np.abs(found.mean(axis=0) - 0.1).max() < 5 * np.sqrt(variance / 1_000)
    assert found.var() == pytest.approx(variance, rel=0.1, abs=2 / 500**2)


def test_rare_on_a_device_are_the_letters_two_labels_and_otherwise_those_that_it_lacks():
    iid, non_iid, dirichlet = (
        split(MNIST_SIZED, 10, 500, np.random.default_rng(1), kind, 10) for kind in ("iid", "non-iid", "dirichlet:0.1")
    )
    for d in range(10):
        assert non_iid.rare_on(d) == non_iid.rare_labels[d].tolist() and iid.rare_on(d) == []
        assert dirichlet.rare_on(d) == [l for l in range(10) if l not in MNIST_SIZED[dirichlet.indices[d]]]
    assert max(len(dirichlet.rare_on(d)) for d in range(10)) > 2


def test_where_one_label_is_all_that_a_device_holds_the_data_set_has_to_have_enough_of_it():
    with pytest.raises(InputError, match="take fewer samples per device or a larger data set or an alpha above 0.001"):
        split(MNIST_SIZED[:600], 10, 500, np.random.default_rng(1), "dirichlet:0.001", 10)


@pytest.mark.parametrize("alpha", ["0", "-1", "nan", "inf", "1e7", "", "0.3,", "ALPHA"])
def test_an_alpha_that_is_no_number_above_0_is_refused(alpha):
    with pytest.raises(InputError, match="alpha is a number above 0"):
        split(MNIST_SIZED, 10, 500, np.random.default_rng(1), f"dirichlet:{alpha}", 10)


TWENTY = np.arange(20) % 10


@pytest.mark.parametrize(
    ("labels", "n_devices", "n_samples", "kind", "words"),
    [
        (TWENTY, 1, 10, "IID", "'IID' is no way to split"),
        (np.append(TWENTY, 10), 1, 10, "iid", "label 10 cannot be split"),
        (TWENTY, 0, 10, "iid", "0 devices"),
        (TWENTY, 21, 10, "iid", "21 devices"),
        (TWENTY, 1, 9, "iid", "9 samples per device"),
        (TWENTY, 1, 21, "iid", "needs 3 samples of label"),
        (MNIST_SIZED, 10, 20, "non-iid", "at least 28 samples"),
        (MNIST_SIZED, 10, 27, "non-iid", "at least 28 samples"),
        (MNIST_SIZED[MNIST_SIZED > 1], 10, 21, "non-iid", "at least 22 samples"),
        (TWENTY % 2, 1, 10, "non-iid", "three labels or more"),
        (np.array([], int), 1, 10, "iid", "cannot be split"),
        (np.zeros((2, 2), int), 1, 10, "iid", "cannot be split"),
        (np.zeros(4), 1, 10, "iid", "cannot be split"),
        (np.array([0, -1]), 1, 10, "iid", "cannot be split"),
    ],
)
def test_what_cannot_be_split_is_refused_in_one_sentence(labels, n_devices, n_samples, kind, words):
    with pytest.raises(InputError, match=words):
        split(labels, n_devices, n_samples, np.random.default_rng(1), kind, 10)


def test_the_smallest_data_set_that_serves_one_device_does():
    found = split(TWENTY, 1, 20, np.random.default_rng(1), "iid", 10)
    assert_array_equal(np.sort(found.indices[0]), np.arange(20))
    assert split(MNIST_SIZED, 1, 28, np.random.default_rng(1), "non-iid", 10).counts.max() == 3
