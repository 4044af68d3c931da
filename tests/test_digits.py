"""The embedded digits: fixed by their generator, all of them different, readable,
and as hard as the letter's own data set."""

import math
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from small_runs import ended

from mix2fld_np.datasets import digits as drawing
from mix2fld_np.datasets.digits import CHUNK, N_BLOTS, WRITINGS, blueprint, digits
from mix2fld_np.datasets.formats import pixels
from mix2fld_np.errors import InputError
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update

ALL_WRITINGS = [(label, w) for label in range(10) for w in range(len(WRITINGS[label]))]


@pytest.fixture(scope="module")
def some():
    """Three thousand digits for training and a thousand others."""
    return digits(3_000, np.random.default_rng(11)), digits(1_000, np.random.default_rng(12))


@settings(deadline=None, max_examples=20)
@given(n=st.integers(1, 40), seed=st.integers(0, 1000))
def test_as_many_digits_come_as_were_asked_for_each_label_equally_often(n, seed):
    images, labels = digits(n, np.random.default_rng(seed))
    assert images.shape == (n, 1, 28, 28)
    assert images.dtype == labels.dtype == np.uint8
    assert np.ptp(np.bincount(labels, minlength=10)) <= 1


def test_more_digits_than_are_drawn_at_once_are_all_drawn():
    images, labels = digits(CHUNK + 1, np.random.default_rng(1))
    assert (images.max(axis=(1, 2, 3)) > 100).all()
    assert len(labels) == CHUNK + 1


def test_the_same_generator_draws_the_same_digits_and_another_one_others():
    first, again, other = (digits(50, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert_array_equal(first[0], again[0])
    assert_array_equal(first[1], again[1])
    assert (first[0] != other[0]).any()


THOUSAND = """
import hashlib, numpy as np
from mix2fld_np.datasets.digits import digits
images, labels = digits(1_000, np.random.default_rng(5))
print(hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest())
"""
THOUSAND_DIGEST = "1650958e51de697d4a8b0b8075164152b1ab7b069c49fa5180183be629b44ff7"
AVX_512 = (
    "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4"  # as older and newer NumPy say it
)
PROCESSORS = {
    "one thread": {"OPENBLAS_NUM_THREADS": "1"},
    "two threads": {"OPENBLAS_NUM_THREADS": "2"},
    **{core: {"OPENBLAS_CORETYPE": core} for core in ("Haswell", "Sandybridge", "Zen")},
    "without AVX-512": {"NPY_DISABLE_CPU_FEATURES": AVX_512},
    "without AVX2 and FMA": {
        "NPY_DISABLE_CPU_FEATURES": f"{AVX_512} AVX2 FMA3 X86_V3",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-FMA,-FMA_Usable,-FMA4",
    },
}


@pytest.fixture(scope="module", autouse=True)
def drawing_elsewhere():
    """The thousand digits as each of these processors draws them, beside the other tests."""
    command, printed = [sys.executable, "-W", "ignore", "-c", THOUSAND], {"stdout": subprocess.PIPE, "text": True}
    processes = {name: subprocess.Popen(command, env=os.environ | more, **printed) for name, more in PROCESSORS.items()}
    yield processes
    ended(processes.values())


@pytest.mark.parametrize("processor", PROCESSORS)
def test_every_processor_draws_the_same_bytes(processor, drawing_elsewhere):
    printed, _ = drawing_elsewhere[processor].communicate(timeout=300)
    assert printed.strip() == THOUSAND_DIGEST


def less_exact(function):
    """A library function whose last digits are others."""

    def other(*arguments):
        exact = function(*arguments)
        signs = np.where(np.arange(exact.size).reshape(exact.shape) % 2, 1, -1)
        return exact * (1 + 4 * np.finfo(exact.dtype).eps * signs).astype(exact.dtype)

    return other


def test_no_digit_depends_on_the_last_digits_of_a_library_function(monkeypatch):
    images, labels = digits(300, np.random.default_rng(5))
    for name in ("exp", "cos", "sin", "interp"):
        monkeypatch.setattr(np, name, less_exact(getattr(np, name)))
    for kept in (blueprint, drawing._bell):
        monkeypatch.setattr(drawing, kept.__name__, kept.__wrapped__)
    again = digits(300, np.random.default_rng(5))
    assert_array_equal(images, again[0])
    assert_array_equal(labels, again[1])


def test_no_two_digits_are_the_same_picture_and_labels_come_in_no_order(some):
    images, labels = some[0]
    assert len({image.tobytes() for image in images}) == len(images)
    assert len(set(labels[:100].tolist())) == 10
    assert (np.diff(labels.astype(int)) == 1).mean() < 0.2


def test_ink_covers_about_as_much_as_in_mnist_and_stays_off_the_edge(some):
    images = some[0][0][:, 0] / 255
    assert 0.11 < images.mean() < 0.16  # MNIST: 0.13
    assert 0.7 < (images == 0).mean() < 0.88  # MNIST: 0.81
    edge = np.ones((28, 28), bool)
    edge[1:-1, 1:-1] = False
    assert images[:, edge].mean() < 0.01


def test_digits_lie_where_the_pen_put_them_near_the_middle(some):
    images = some[0][0][:, 0].astype(float)
    middle = (images.sum(axis=1) @ np.arange(28) / images.sum(axis=(1, 2))).mean()
    assert abs(middle - 13.5) < 0.3


@pytest.mark.parametrize(("label", "writing"), ALL_WRITINGS)
def test_the_line_of_a_writing_passes_all_its_points_and_moves_along_with_them(label, writing):
    plan = blueprint(label, writing)
    assert plan.line.shape == (N_BLOTS, len(plan.points))
    assert_allclose(plan.line.sum(axis=1), 1, atol=1e-5)
    blots = plan.line @ plan.points
    away = np.linalg.norm(blots[:, None] - plan.points, axis=2).min(axis=0)
    assert away.max() < 0.05
    assert np.abs(blots).max() < 0.62


@pytest.mark.parametrize(("label", "writing"), ALL_WRITINGS)
def test_blots_of_a_stroke_stand_equally_far_apart(label, writing):
    plan = blueprint(label, writing)
    blots = plan.line @ plan.points
    for stroke in np.unique(plan.stroke):
        steps = np.linalg.norm(np.diff(blots[plan.stroke == stroke], axis=0), axis=1)
        usual = np.median(steps)
        assert steps.max() < 1.1 * usual
        assert (steps < 0.9 * usual).sum() <= 2  # where the line turns sharply between two blots


def test_free_ends_of_a_stroke_waver_more_than_corners_and_the_way_between():
    one_with_a_hook = blueprint(1, 1)  # 32 50 / 50 53 56 59
    assert_allclose(one_with_a_hook.waver[:, 0] / one_with_a_hook.waver.min(), [1.5, 1, 1, 1, 1.5])


def test_a_picture_is_the_sum_of_its_blots_added_one_by_one(monkeypatch):
    for spread in ("GRAIN", "PALE", "PEN_SPREAD"):
        monkeypatch.setattr(drawing, spread, 0.0)
    rng = np.random.default_rng(3)
    x, y = rng.uniform(5, 22, (2, 1, 9)).astype(np.float32)
    ink = rng.uniform(0.2, 1, (1, 9)).astype(np.float32)
    expected = np.zeros((28, 28))
    for across, down, amount in zip(x[0], y[0], ink[0], strict=True):
        for row in range(28):
            for column in range(28):
                far = ((column - across) ** 2 + (row - down) ** 2) / drawing.PEN**2
                expected[row, column] += (
                    drawing.SOAK * amount * math.exp(-far / 2) / (math.sqrt(2 * math.pi) * drawing.PEN)
                )
    expected = 255 * np.clip(expected - drawing.FAINTEST, 0, 1)
    assert expected.max() > 100
    assert_allclose(drawing._soak(x, y, ink, rng)[0], expected, atol=1)  # profiles are rounded, and so are pixels


def test_a_pen_that_is_lifted_leaves_no_ink():
    x, y = np.float32([[0, 1, 2, 12, 13]]), np.zeros((1, 5), np.float32)
    assert_allclose(drawing._ink(x, y, np.uint8([[0, 0, 0, 1, 1]])), [[0.5, 1, 0.5, 0.5, 0.5]])
    assert_allclose(drawing._ink(x, y, np.uint8([[0, 0, 0, 0, 0]])), [[0.5, 1, 5.5, 5.5, 0.5]])


def test_labels_name_what_the_pictures_show_but_a_mean_picture_of_each_is_not_enough(some):
    (train, train_labels), (test, test_labels) = (
        (pixels(images).reshape(len(images), -1), labels) for images, labels in some
    )
    means = np.array([train[train_labels == l].mean(axis=0) for l in range(10)])
    nearest = ((test[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert 0.6 < (nearest == test_labels).mean() < 0.9  # MNIST: 0.82


def test_a_device_alone_with_500_digits_learns_most_of_them_but_not_all():
    images, labels = digits(500, np.random.default_rng(21))
    test_images, test_labels = digits(2_000, np.random.default_rng(22))
    accuracy = trained_alone(images, labels, test_images, test_labels, n_steps=20_000)
    assert 0.80 < accuracy < 0.95  # MNIST: about 0.90


def trained_alone(images, labels, test_images, test_labels, n_steps):
    """Test accuracy of the letter's network after `n_steps` of eq. (1) with eta = 0.01."""
    network, rng = Network(), np.random.default_rng(23)
    targets, order = np.eye(10, dtype=np.float32)[labels], rng.integers(0, len(images), n_steps)
    update = local_update(network, network.initial_weights(rng), pixels(images), targets, order, 0.01)
    return network.accuracy(update.weights, pixels(test_images), test_labels)


def test_drawing_many_digits_takes_little_more_memory_than_the_pictures():
    tracemalloc.start()
    images, _ = digits(3 * CHUNK, np.random.default_rng(1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - images.nbytes < 150_000_000


@pytest.mark.parametrize("n", [0, -3])
def test_no_digits_cannot_be_drawn(n):
    with pytest.raises(InputError, match=f"{n} digits"):
        digits(n, np.random.default_rng(1))
