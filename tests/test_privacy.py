"""Sample privacy, Tables II and III: the measure, its closed form for two samples, and its chunks."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose
from strategies import generators

from mix2fld_np.errors import InputError
from mix2fld_np.mixing import inverse, mixup, privacy


@given(generators, st.integers(1, 6), st.integers(1, 3))
def test_privacy_is_the_smallest_distance_a_double_loop_finds(rng, n_samples, n_sources):
    mixed = rng.uniform(0, 255, (n_samples, 1, 3, 2))
    raw = rng.uniform(0, 255, (n_sources, *mixed.shape))
    looped = min(np.sqrt(((mixed[m] - source[m]) ** 2).sum()) for m in range(n_samples) for source in raw)
    assert privacy.sample_privacy(mixed, *raw) == pytest.approx(np.log(looped))


@given(generators, st.floats(0.001, 0.5))
def test_mixup_shifts_privacy_by_the_logarithm_of_its_ratio(rng, lam):
    images = rng.integers(0, 256, (8, 1, 4, 4), dtype=np.uint8)
    first, second = np.array([0, 2, 4]), np.array([1, 3, 7])
    nearest = min(np.linalg.norm(images[i].astype(float) - images[j]) for i, j in zip(first, second, strict=True))
    assert privacy.mixup_privacy(images, first, second, lam) == pytest.approx(np.log(lam * nearest))


def test_table_ii_prints_differences_of_logarithms_of_001_and_049():
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 6, 6), dtype=np.uint8)
    first, second = np.arange(20), np.arange(20, 40)
    table = np.array([privacy.mixup_privacy(images, first, second, lam) for lam in (0.01, 0.1, 0.2, 0.3, 0.4, 0.49)])
    assert_allclose(
        np.diff(table), np.diff([2.163, 4.465, 5.158, 5.564, 5.852, 6.055]), atol=1.5e-3
    )  # MNIST as printed
    as_headed = np.array([privacy.mixup_privacy(images, first, second, lam) for lam in (0.001, 0.1)])
    assert as_headed[1] - as_headed[0] > 2 * (4.465 - 2.163) - 0.01


def test_no_mixing_leaves_no_privacy_and_a_little_mixing_leaves_some():
    images = np.random.default_rng(0).integers(0, 256, (2, 1, 4, 4), dtype=np.uint8)
    assert privacy.mixup_privacy(images, np.array([0]), np.array([1]), 0.0) == -np.inf
    assert privacy.mixup_privacy(images, np.array([0]), np.array([1]), 0.01) > 0


@given(generators, st.floats(0.01, 0.45))
def test_mix2up_privacy_is_the_distance_from_the_four_raw_samples(rng, lam):
    images = rng.integers(0, 256, (4, 1, 5, 5), dtype=np.uint8)
    s_i, s_j, s_i_, s_j_ = images.astype(float)
    towards_a = s_j_ + (lam**2 * (s_j_ - s_i) + lam * (1 - lam) * (s_i_ - s_j)) / (1 - 2 * lam)
    towards_b = s_j + (lam**2 * (s_j - s_i_) + lam * (1 - lam) * (s_i - s_j_)) / (1 - 2 * lam)
    nearest = min(np.linalg.norm(made - raw) for made in (towards_a, towards_b) for raw in images)
    measured = privacy.mix2up_privacy(images, np.array([0, 2]), np.array([1, 3]), np.array([[0, 1]]), lam)
    assert measured == pytest.approx(np.log(nearest))


@given(generators, st.floats(0.05, 0.45))
def test_an_inverse_sample_is_a_scaled_difference_away_from_its_nearer_upload(rng, lam):
    raw = rng.uniform(0, 255, (4, 1, 5, 5))
    up, up_ = mixup.mixup(raw[0], raw[1], lam), mixup.mixup(raw[2], raw[3], lam)
    made = inverse.inverse_mixup(np.stack([up, up_]), [lam, 1 - lam])
    measured = privacy.sample_privacy(made, np.stack([up, up]), np.stack([up_, up_]))
    assert measured == pytest.approx(np.log(lam / (1 - 2 * lam) * np.linalg.norm(up - up_)))


def test_chunks_do_not_change_the_measure(monkeypatch):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (30, 1, 4, 4), dtype=np.uint8)
    first, second = np.arange(30), np.roll(np.arange(30), 11)
    pairs = rng.integers(30, size=(50, 2))
    whole = privacy.mixup_privacy(images, first, second, 0.2), privacy.mix2up_privacy(images, first, second, pairs, 0.2)
    monkeypatch.setattr(privacy, "CHUNK", 7)
    pieces = (
        privacy.mixup_privacy(images, first, second, 0.2),
        privacy.mix2up_privacy(images, first, second, pairs, 0.2),
    )
    assert np.all(np.isfinite(whole)) and pieces == pytest.approx(whole)


def test_more_samples_never_raise_privacy():
    rng = np.random.default_rng(2)
    images, raw = rng.uniform(0, 255, (2, 60, 1, 4, 4))
    measures = [privacy.sample_privacy(images[:n], raw[:n]) for n in (1, 10, 60)]
    assert measures[0] > measures[1] > measures[2]


def test_single_precision_does_not_blur_a_small_distance():
    raw = np.full((1, 1, 28, 28), 200, dtype=np.float32)
    assert privacy.sample_privacy(raw + np.float32(2**-12), raw) == pytest.approx(np.log(28 * 2**-12))


@pytest.mark.parametrize("ask", [
    lambda: privacy.sample_privacy(np.zeros((0, 4)), np.zeros((0, 4))),
    lambda: privacy.sample_privacy(np.zeros((2, 4))),
    lambda: privacy.sample_privacy(np.zeros((2, 4)), np.zeros((2, 5))),
    lambda: privacy.mixup_privacy(np.zeros((2, 4)), np.array([], dtype=int), np.array([], dtype=int), 0.1),
    lambda: privacy.mix2up_privacy(np.zeros((2, 4)), np.array([0]), np.array([1]), np.empty((0, 2), dtype=int), 0.1),
])
def test_nothing_has_no_privacy(ask):
    with pytest.raises(InputError, match="at least one"):
        ask()


@given(generators, st.floats(1e-6, 0.49), st.integers(1, 5))
def test_images_that_repeat_have_no_distance_whatever_rounding_leaves(rng, lam, n):
    images = np.repeat(rng.integers(0, 256, (1, 3, 8, 8), dtype=np.uint8), 4 * n, axis=0)
    first, second = np.arange(2 * n), np.arange(2 * n, 4 * n)
    pairs = np.stack([np.arange(n), np.arange(n, 2 * n)], axis=1)
    assert privacy.mixup_privacy(images, first, second, lam) == -np.inf
    assert privacy.mix2up_privacy(images, first, second, pairs, lam) == -np.inf


@given(generators, st.floats(1e-6, 0.49))
def test_one_pixel_that_differs_by_one_is_a_distance(rng, lam):
    images = np.repeat(rng.integers(1, 255, (1, 3, 32, 32), dtype=np.uint8), 2, axis=0)
    images[1, 0, 0, 0] += 1
    assert privacy.mixup_privacy(images, np.array([0]), np.array([1]), lam) == pytest.approx(np.log(lam), abs=1e-5)
