"""The order of samples: equal sets give equal arrays, however their files list them."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_array_equal

from mix2fld_np.datasets.registry import in_order, load, pixel_digests


@st.composite
def sets_with_repeats(draw):
    """Images (N, C, H, W) and labels (N,) uint8, with equal pictures under the same and under other labels;
    and a permutation."""
    n, shape = draw(st.integers(1, 30)), draw(st.sampled_from([(1, 2, 2), (1, 3, 3), (3, 2, 4), (1, 28, 28)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pictures = rng.integers(0, draw(st.sampled_from([2, 256])), (draw(st.integers(1, n)), *shape), np.uint8)
    labels = rng.integers(0, draw(st.sampled_from([1, 2, 100])), n).astype(np.uint8)
    return pictures[rng.integers(0, len(pictures), n)], labels, rng.permutation(n)


@settings(deadline=None)
@given(drawn=sets_with_repeats())
def test_a_permuted_copy_of_a_set_comes_out_byte_for_byte_the_same(drawn):
    images, labels, permutation = drawn
    ordered, again = in_order(images, labels), in_order(images[permutation], labels[permutation])
    for one, other in zip(ordered, again, strict=True):
        assert one.tobytes() == other.tobytes()
        assert one.dtype == np.uint8


@settings(deadline=None)
@given(drawn=sets_with_repeats())
def test_no_sample_is_lost_and_each_keeps_its_label(drawn):
    images, labels, _ = drawn
    found = in_order(images, labels)
    before, after = (
        sorted((image.tobytes(), int(l)) for image, l in zip(*pair, strict=True)) for pair in ((images, labels), found)
    )
    assert before == after


def test_equal_pictures_with_other_labels_stand_by_label():
    images, labels = np.full((4, 1, 2, 2), 7, np.uint8), np.array([200, 3, 150, 3], np.uint8)
    assert in_order(images, labels)[1].tolist() == [3, 3, 150, 200]


def test_the_digest_of_pixels_is_the_one_that_was_written_down():
    images = np.arange(18, dtype=np.uint8).reshape(2, 1, 3, 3)
    h, mask = [], 2**64 - 1
    for row in images.reshape(2, 9).tolist():
        digest = 0
        for k in (0, 8):
            digest = (digest ^ int.from_bytes(bytes(row[k : k + 8]), "little")) * 0x9E3779B97F4A7C15 & mask
            digest ^= digest >> 29
        h.append(digest)
    assert pixel_digests(images).tolist() == h


@pytest.mark.parametrize("changed", range(0, 784, 97))
def test_one_pixel_by_one_step_gives_another_digest(changed):
    images = np.zeros((256, 784), np.uint8)
    images[:, changed] = np.arange(256)
    assert len(np.unique(pixel_digests(images.reshape(256, 1, 28, 28)))) == 256


def test_two_copies_of_a_data_set_in_other_orders_load_alike(tmp_path):
    rng = np.random.default_rng(1)
    images, labels = rng.integers(0, 256, (50, 28, 28), np.uint8), rng.integers(0, 10, 50).astype(np.uint8)
    loaded = []
    for copy in ("one", "two"):
        folder = tmp_path / copy / "mnist"
        folder.mkdir(parents=True)
        for split in ("train", "t10k"):
            shuffled = rng.permutation(50)
            for name, array in (("images-idx3", images[shuffled]), ("labels-idx1", labels[shuffled])):
                header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
                (folder / f"{split}-{name}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes()))
        loaded.append(load("mnist", tmp_path / copy))
    one, two = loaded
    assert_array_equal(one.train_images, two.train_images)
    assert_array_equal(one.test_labels, two.test_labels)
    assert one.digest == two.digest
    assert one.digest != load("digits", n_train=50, n_test=50).digest


def test_the_digits_stand_in_the_same_order():
    data = load("digits", n_train=200, n_test=50)
    assert_array_equal(data.train_images, in_order(data.train_images[::-1], data.train_labels[::-1])[0])
    assert_array_equal(data.test_labels, in_order(data.test_images[::-1], data.test_labels[::-1])[1])
