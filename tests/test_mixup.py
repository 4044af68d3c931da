"""Mixup on a device: eq. (6), the soft labels of eq. (8), and which samples are drawn."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import generators, labelled_samples, mixing_ratios

from mix2fld_np.errors import InputError
from mix2fld_np.mixing import mixup

shares = st.floats(0, 1)


@given(generators, shares)
def test_a_blend_lies_between_its_two_samples(rng, ratio):
    first, second = rng.random((2, 3, 1, 4, 4))
    blend = mixup.mixup(first, second, ratio)
    assert np.all(blend >= np.minimum(first, second) - 1e-12)
    assert np.all(blend <= np.maximum(first, second) + 1e-12)


@given(generators, shares)
def test_equation_6_pixel_by_pixel(rng, ratio):
    first, second = rng.random((2, 5))
    assert_allclose(
        mixup.mixup(first, second, ratio), [ratio * x + (1 - ratio) * y for x, y in zip(first, second, strict=True)]
    )


def test_ratio_zero_is_no_mixing_and_a_tenth_keeps_a_tenth_of_the_first():
    first, second = np.full((2, 2), 10.0), np.arange(4.0).reshape(2, 2)
    assert_array_equal(mixup.mixup(first, second, 0), second)
    assert_array_equal(mixup.mixup(first, second, 1), first)
    assert_allclose(mixup.mixup(first, second, 0.1), [[1.0, 1.9], [2.8, 3.7]])


def test_single_precision_stays_single():
    image = np.ones((1, 2, 2), dtype=np.float32)
    assert mixup.mixup(image, image, np.float64(0.1)).dtype == np.float32


@pytest.mark.parametrize("ratio", [-0.1, 1.1, np.nan])
def test_a_ratio_that_is_no_share_is_refused(ratio):
    with pytest.raises(InputError, match="no share"):
        mixup.mixup(np.zeros(3), np.ones(3), ratio)


def test_samples_of_two_shapes_are_refused_rather_than_broadcast():
    with pytest.raises(InputError, match="one shape"):
        mixup.mixup(np.zeros((28, 28)), np.zeros(28), 0.1)


# --------------------------------------------------------------------------------------------------- rounding
@given(generators, st.integers(1, 64), st.sampled_from([np.float32, np.float64]))
def test_a_rounded_sample_is_the_nearest_value_that_its_bits_can_tell_apart(rng, bits, dtype):
    samples = rng.random((2, 1, 3, 3)).astype(dtype)
    rounded = mixup.quantize(samples, bits)
    assert rounded.dtype == np.float32
    assert_allclose(rounded, samples, atol=0.5 / (2**bits - 1) + 1e-7)
    steps = rounded.astype(np.float64) * (2**bits - 1)
    assert bits > 16 or abs(steps - np.rint(steps)).max() < 0.01


@pytest.mark.parametrize("bits", [8, 16, 24, 32, 64])
def test_raw_pixels_of_eight_bits_lose_nothing_at_eight_bits_or_a_multiple_of_eight(bits):
    pixels = np.arange(256, dtype=np.float32) / np.float32(255)
    assert_array_equal(mixup.quantize(pixels, bits), pixels)


def test_fewer_bits_leave_fewer_values():
    pixels = np.linspace(0, 1, 1_001)
    assert [len(np.unique(mixup.quantize(pixels, bits))) for bits in (1, 2, 3, 8)] == [2, 4, 8, 256]
    assert_allclose(mixup.quantize([0.2, 0.4, 0.5001, 0.9], 2), [1 / 3, 1 / 3, 2 / 3, 1], rtol=1e-6)
    with pytest.raises(InputError, match="at least 1"):
        mixup.quantize(pixels, 0)


# ------------------------------------------------------------------------------------------------ the matrix of eq. (8)
def test_the_matrix_is_laid_out_as_equation_8_prints_it():
    a, b, c = 0.1, 0.2, 0.7
    assert_array_equal(mixup.mixing_matrix([a, b, c]), [[a, b, c], [b, c, a], [c, a, b]])
    assert_array_equal(mixup.mixing_matrix([0.1, 0.9]), [[0.1, 0.9], [0.9, 0.1]])


@given(mixing_ratios())
def test_the_matrix_is_symmetric_and_its_rows_are_soft_labels(ratios):
    matrix = mixup.mixing_matrix(ratios)
    assert_array_equal(matrix, matrix.T)
    assert_allclose(matrix.sum(axis=1), 1)
    assert_array_equal(matrix[0], ratios)


@pytest.mark.parametrize("ratios", [[1.0], [], [0.4, 0.4], [1.5, -0.5], [0.5, np.nan], [[0.1, 0.9]]])
def test_ratios_that_are_not_shares_of_one_blend_are_refused(ratios):
    with pytest.raises(InputError, match="mixing ratios"):
        mixup.mixing_matrix(ratios)


@given(mixing_ratios(), st.sampled_from([np.float16, np.float32, ">f4"]))
def test_shares_in_single_precision_are_shares_of_one_all_the_same(ratios, dtype):
    lam = mixup.checked_ratios(np.array(ratios, dtype))
    assert lam.dtype == np.float64 and lam.sum() == pytest.approx(1, abs=1e-12)
    assert_allclose(lam, ratios, rtol=5e-3 if dtype == np.float16 else 1e-6, atol=1e-6)


# --------------------------------------------------------------------------------------------------- drawing pairs
@given(labelled_samples(), st.integers(0, 30), generators)
def test_random_pairs_have_two_samples_and_two_labels(labels, n_pairs, rng):
    first, second = mixup.draw_pairs(labels, n_pairs, rng)
    assert first.shape == second.shape == (n_pairs,)
    assert np.all(labels[first] != labels[second])
    assert np.all(first != second)


def test_random_pairs_are_uniform_over_all_ordered_pairs_of_different_labels():
    labels = np.array([0, 2, 0, 1, 0, 2])
    pairs = [(i, j) for i in range(6) for j in range(6) if labels[i] != labels[j]]
    n_draws = 2_000 * len(pairs)
    first, second = mixup.draw_pairs(labels, n_draws, np.random.default_rng(3))
    share, seen = 1 / len(pairs), np.zeros((6, 6))
    np.add.at(seen, (first, second), 1 / n_draws)
    assert np.all(np.abs([seen[pair] - share for pair in pairs]) < 5 * np.sqrt(share * (1 - share) / n_draws))
    assert seen.sum() == pytest.approx(1)


@pytest.mark.parametrize("labels", [[3, 3, 3], [1], []])
def test_a_device_with_one_label_has_nothing_to_mix_up(labels):
    with pytest.raises(InputError, match="at least two labels"):
        mixup.draw_pairs(np.array(labels, dtype=int), 1, np.random.default_rng(0))


@given(labelled_samples(), generators, st.data())
def test_a_scheduled_pair_has_the_labels_asked_for_or_falls_back_to_two_others(labels, rng, data):
    label = st.sampled_from([*map(int, labels), 100, 101])  # the last two are nobody's
    wanted = data.draw(
        st.lists(st.tuples(label, label).filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=12)
    )
    first, second = mixup.draw_scheduled_pairs(labels, np.array(wanted), rng)
    for (a, b), i, j in zip(wanted, first, second, strict=True):
        if a in labels and b in labels:
            assert (labels[i], labels[j]) == (a, b)
        else:
            assert labels[i] != labels[j]


def test_scheduled_samples_are_drawn_from_all_that_carry_the_label():
    labels = np.array([1, 0, 1, 1, 0])
    first, second = mixup.draw_scheduled_pairs(labels, np.tile([1, 0], (3_000, 1)), np.random.default_rng(0))
    for drawn, holders in ((first, [0, 2, 3]), (second, [1, 4])):
        share = 1 / len(holders)
        assert np.all(
            np.abs([np.mean(drawn == holder) - share for holder in holders]) < 5 * np.sqrt(share * (1 - share) / 3_000)
        )


@pytest.mark.parametrize("wanted", [[[1, 1]], [[-1, 0]], [0, 1], [[0, 1, 2]]])
def test_label_pairs_that_name_no_two_labels_are_refused(wanted):
    with pytest.raises(InputError, match="two different labels|whole numbers from 0"):
        mixup.draw_scheduled_pairs(np.array([0, 1]), np.array(wanted), np.random.default_rng(0))


# --------------------------------------------------------------------------------------------------- a device's upload
@given(labelled_samples(), st.floats(0.01, 0.49), generators)
def test_an_upload_blends_images_and_labels_alike(labels, ratio, rng):
    images = rng.random((len(labels), 2, 3, 3)).astype(np.float32)
    first, second = mixup.draw_pairs(labels, 6, rng)
    mixed = mixup.mix_samples(
        (images[first], labels[first]), (images[second], labels[second]), np.full(6, 3), ratio, n_labels=100
    )
    assert len(mixed.images) == 6 and mixed.images.dtype == np.float32 and np.all(mixed.device == 3)
    for m in range(6):
        i, j = first[m], second[m]
        assert_allclose(mixed.images[m], ratio * images[i] + (1 - ratio) * images[j], rtol=1e-5)
        assert mixed.labels[m].sum() == pytest.approx(1)
        assert (mixed.labels[m, labels[i]], mixed.labels[m, labels[j]]) == pytest.approx((ratio, 1 - ratio))
        assert (mixed.first_label[m], mixed.second_label[m]) == (labels[i], labels[j])


@pytest.mark.parametrize("labels", [[-1, 0], [0, 3], [0.0, 1.0], [255, 0]])
def test_labels_that_do_not_exist_are_not_mixed_up(labels):
    images = np.zeros((2, 1, 2, 2))
    for first, second in ((labels, [0, 1]), ([0, 1], labels)):
        with pytest.raises(InputError, match="whole numbers from 0 to 2"):
            mixup.mix_samples((images, first), (images, second), [0, 1], 0.1, 3)


def test_parts_of_different_lengths_are_no_collection():
    with pytest.raises(InputError, match="one row a sample"):
        mixup.MixedSamples(np.zeros((2, 1, 1, 1)), np.zeros((2, 2)), np.zeros(2), np.zeros(2), np.zeros(1))
