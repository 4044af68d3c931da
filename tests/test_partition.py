"""The split of the samples over the devices: exact counts, no sample twice where that can be, and honesty where it cannot."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from mix2fld_np.datasets.partition import split
from mix2fld_np.errors import InputError

MNIST_SIZED = np.random.default_rng(7).permutation(np.repeat(np.arange(10, dtype=np.uint8), 6_000))


@st.composite
def tasks(draw, kinds=("iid", "non-iid")):
    """Labels (at least what one device needs of each), devices, samples per device, a seed and a kind that go together."""
    n_labels, kind = draw(st.integers(3, 12)), draw(st.sampled_from(kinds))
    n_devices, n_samples = draw(st.integers(1, 12)), draw(st.integers(2 * n_labels, 80))
    need = -(-n_samples // (n_labels - 2))
    supply = draw(st.lists(st.integers(need, 6 * need), min_size=n_labels, max_size=n_labels))
    labels = np.repeat(np.arange(n_labels), supply)
    return np.random.default_rng(draw(st.integers(0, 99))).permutation(labels), n_devices, n_samples, draw(st.integers(0, 99)), kind


def draw_split(task):
    labels, n_devices, n_samples, seed, kind = task
    return split(labels, n_devices, n_samples, np.random.default_rng(seed), kind)


@settings(deadline=None)
@given(task=tasks())
def test_every_device_holds_distinct_samples_with_the_counts_the_split_declares(task):
    labels, n_devices, n_samples, _, _ = task
    found = draw_split(task)
    assert found.indices.shape == (n_devices, n_samples)
    for row, counts in zip(found.indices, found.counts, strict=True):
        assert len(set(row.tolist())) == n_samples
        assert_array_equal(np.bincount(labels[row], minlength=len(counts)), counts)


@settings(deadline=None)
@given(task=tasks())
def test_devices_share_samples_only_where_a_label_runs_out_and_then_evenly(task):
    labels = task[0]
    found = draw_split(task)
    copies = np.bincount(found.indices.ravel(), minlength=len(labels))
    need, supply = found.counts.sum(axis=0), np.bincount(labels)
    assert found.shared == bool((need > supply).any())
    assert (found.notice is None) == (not found.shared)
    assert found.most_copies == copies.max()
    for l in range(len(supply)):
        assert np.ptp(copies[labels == l]) <= 1
        assert copies[labels == l].max() == -(-need[l] // supply[l])


@settings(deadline=None)
@given(task=tasks(kinds=["iid"]))
def test_an_iid_split_gives_each_label_the_same_number_up_to_one_on_each_device_and_in_all(task):
    labels, _, n_samples, _, _ = task
    found = draw_split(task)
    assert (np.ptp(found.counts, axis=1) <= 1).all()
    assert np.ptp(found.counts.sum(axis=0)) <= 1
    assert (found.counts.sum(axis=1) == n_samples).all()
    assert found.rare_labels.shape == (len(found.indices), 0)


@settings(deadline=None)
@given(task=tasks(kinds=["non-iid"]))
def test_a_non_iid_split_gives_two_labels_two_samples_and_shares_the_rest_evenly(task):
    labels, _, n_samples, _, _ = task
    found = draw_split(task)
    for counts, rare in zip(found.counts, found.rare_labels, strict=True):
        assert len(set(rare.tolist())) == 2
        assert counts[rare].tolist() == [2, 2]
        common = np.delete(counts, rare)
        assert common.sum() == n_samples - 4
        assert np.ptp(common) <= 1


@settings(deadline=None)
@given(task=tasks())
def test_the_same_generator_gives_the_same_split_and_another_one_another(task):
    labels, n_devices, n_samples, seed, kind = task
    first, again = draw_split(task), draw_split(task)
    assert_array_equal(first.indices, again.indices)
    other = split(labels, n_devices, n_samples, np.random.default_rng(seed + 1), kind)
    assert (other.indices != first.indices).any()


def test_the_letter_s_numbers_come_out():
    iid = split(MNIST_SIZED, 10, 500, np.random.default_rng(1), "iid")
    assert (iid.counts == 50).all()
    non_iid = split(MNIST_SIZED, 10, 500, np.random.default_rng(1), "non-iid")
    assert all(sorted(counts) == [2, 2] + 8 * [62] for counts in non_iid.counts.tolist())
    assert len(np.unique(non_iid.indices)) == len(np.unique(iid.indices)) == 5_000


def test_rare_labels_differ_from_device_to_device_and_no_label_is_favoured():
    rare = split(MNIST_SIZED, 1_000, 40, np.random.default_rng(1), "non-iid").rare_labels
    times = np.bincount(rare.ravel(), minlength=10)
    assert (np.abs(times - 200) < 5 * np.sqrt(1_000 * 0.2 * 0.8)).all()


def test_a_thousand_devices_share_what_a_hundred_need_not():
    many = split(MNIST_SIZED, 1_000, 500, np.random.default_rng(1), "iid")
    assert many.most_copies == 9
    assert "up to 9 devices" in many.notice
    held = [set(row.tolist()) for row in many.indices[:300]]
    assert max(len(held[0] & other) for other in held[1:]) < 50
    few = split(MNIST_SIZED, 100, 500, np.random.default_rng(1), "iid")
    assert few.notice is None
    assert len(np.unique(few.indices)) == 50_000


def test_samples_come_from_everywhere_in_the_data_set():
    indices = split(MNIST_SIZED, 1, 500, np.random.default_rng(1), "iid").indices
    assert abs(indices.mean() - 30_000) < 5 * 60_000 / np.sqrt(12 * 500)


def test_labels_do_not_stand_in_order_on_a_device():
    row = split(MNIST_SIZED, 1, 500, np.random.default_rng(1), "iid").indices[0]
    assert len(set(MNIST_SIZED[row[:50]].tolist())) == 10


TWENTY = np.arange(20) % 10


@pytest.mark.parametrize(
    ("labels", "n_devices", "n_samples", "kind", "words"),
    [
        (TWENTY, 1, 10, "IID", "'IID' is no way to split"),
        (TWENTY, 0, 10, "iid", "0 devices"),
        (TWENTY, 21, 10, "iid", "21 devices"),
        (TWENTY, 1, 9, "iid", "9 samples per device"),
        (TWENTY, 1, 21, "iid", "needs 3 samples of label"),
        (TWENTY, 1, 19, "non-iid", "at least 20 samples"),
        (TWENTY % 2, 1, 10, "non-iid", "three labels or more"),
        (np.array([0, 0, 2, 2]), 1, 3, "iid", "label 1, but the data set has 0"),
        (np.array([], int), 1, 10, "iid", "cannot be split"),
        (np.zeros((2, 2), int), 1, 10, "iid", "cannot be split"),
        (np.zeros(4), 1, 10, "iid", "cannot be split"),
        (np.array([0, -1]), 1, 10, "iid", "cannot be split"),
    ],
)
def test_what_cannot_be_split_is_refused_in_one_sentence(labels, n_devices, n_samples, kind, words):
    with pytest.raises(InputError, match=words):
        split(labels, n_devices, n_samples, np.random.default_rng(1), kind)


def test_the_smallest_data_set_that_serves_one_device_does():
    found = split(TWENTY, 1, 20, np.random.default_rng(1), "non-iid")
    assert_array_equal(np.sort(found.indices[0]), np.arange(20))
