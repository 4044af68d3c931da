"""Outputs and gradients of the compiled network against the slow twin, in both precisions, and central differences."""

import naive
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose
from strategies import exercises, kink_distance, patient, random_exercise

from mix2fld_np.nn import losses
from mix2fld_np.nn.network import Network

LETTER = Network()
SMALL = Network((2, 4, 4), (3, 2), 4)
STEP = 2e-6  # of central differences; moves no sum in front of a ReLU by more than SMOOTH
SMOOTH = 4e-5


def central_difference(loss, weights, chosen=None):
    """The gradient of loss(weights) in float64, one weight at a time; zero by those that are not `chosen`."""
    gradient, w = np.zeros_like(weights), weights.copy()
    for n in range(w.size) if chosen is None else np.flatnonzero(chosen):
        w[n] = weights[n] + STEP
        above = loss(w)
        w[n] = weights[n] - STEP
        gradient[n], w[n] = (above - loss(w)) / (2 * STEP), weights[n]
    return gradient


def assert_layers_agree(network, gradient, expected, rtol):
    """Every layer's gradient agrees to a relative error in its norm."""
    for name, mine, other in zip(
        network.layers(gradient)._fields, network.layers(gradient), network.layers(expected), strict=True
    ):
        error, size = np.linalg.norm(mine - other), np.linalg.norm(other)
        assert error <= rtol * size + 1e-9, f"gradient of {name}: error {error:.2e} of {size:.2e}"


# ------------------------------------------------------------------------------------------------------------ slow twin
@patient
@given(exercises())
def test_outputs_are_those_of_the_slow_twin(exercise):
    network, w, x, _, _ = exercise
    slow = naive.outputs(network, w, x)
    assert_allclose(network.outputs(w, x), slow, rtol=0, atol=1e-12)
    single = network.outputs(w.astype(np.float32), x)
    assert single.dtype == np.float32
    assert_allclose(single, slow, rtol=0, atol=1e-5)


@patient
@given(exercises(margin=1e-4))
def test_gradients_are_those_of_the_slow_twin(exercise):
    network, w, x, y, _ = exercise
    slow = naive.gradient(network, w, x, y)
    assert_allclose(network.gradient(w, x, y), slow, rtol=0, atol=1e-12 * max(1, abs(slow).max()))
    single = network.gradient(w.astype(np.float32), x, y)
    assert single.dtype == np.float32
    assert_allclose(single, slow, rtol=0, atol=1e-5 * max(1, abs(slow).max()))


@pytest.mark.parametrize(
    "network",
    [Network(), pytest.param(Network((3, 32, 32), (2, 3), 4), marks=pytest.mark.slow)],
    ids=["letter", "3x32x32"],
)
def test_colour_images_of_32_pixels_and_the_letters_own_follow_the_slow_twin(network):
    _, w, x, y, _ = random_exercise(network, np.random.default_rng(1), 1)
    assert_allclose(network.outputs(w, x), naive.outputs(network, w, x), rtol=0, atol=1e-12)
    slow = naive.gradient(network, w, x, y)
    assert_allclose(network.gradient(w, x, y), slow, rtol=0, atol=1e-12 * max(1, abs(slow).max()))


def test_equal_pixels_and_black_ones_follow_the_slow_twin():
    network, w, x, y, _ = random_exercise(SMALL, np.random.default_rng(2), 3)
    x[0], x[1], x[2, :, :3] = 0.0, 1.0, 0.0
    assert_allclose(network.gradient(w, x, y), naive.gradient(network, w, x, y), rtol=0, atol=1e-12)


# -------------------------------------------------------------------------------------------------- central differences
@settings(patient, max_examples=15)
@given(exercises(margin=SMOOTH, max_samples=2), st.floats(0.01, 2), st.booleans())
def test_gradients_of_phi_of_psi_and_of_their_sum_are_central_differences(exercise, beta, printed_sign):
    network, w, x, y, G = exercise
    teacher, sign = y @ G, -1 if printed_sign else 1
    phi = central_difference(lambda v: losses.phi(network.outputs(v, x), y).mean(), w)
    psi = central_difference(lambda v: losses.psi(network.outputs(v, x), teacher, printed_sign).mean(), w)
    assert_layers_agree(network, network.gradient(w, x, y), phi, 1e-6)
    assert_layers_agree(network, network.gradient(w, x, sign * teacher), psi, 1e-6)
    both = network.gradient(w, x, losses.distillation_target(y, G, beta, printed_sign))
    assert np.linalg.norm(both - (phi + beta * psi)) <= 1e-6 * (np.linalg.norm(phi) + beta * np.linalg.norm(psi))


@pytest.mark.parametrize("share", [0.02, pytest.param(1.0, marks=pytest.mark.slow)])
def test_every_one_of_the_12_544_derivatives_is_a_central_difference(share):
    drawn = (random_exercise(LETTER, np.random.default_rng(seed), 1) for seed in range(100))
    _, w, x, y, _ = next(
        exercise for exercise in drawn if kink_distance(LETTER, exercise.weights, exercise.images) > SMOOTH
    )
    chosen = np.random.default_rng(1).random(w.size) < share
    for part in LETTER.layers(chosen):
        part[..., -1] = True  # some of each layer
    by_hand = LETTER.gradient(w, x, y) * chosen
    by_difference = central_difference(lambda v: losses.phi(LETTER.outputs(v, x), y).mean(), w, chosen)
    assert_layers_agree(LETTER, by_hand, by_difference, 1e-6)
    assert all(np.any(part) for part in LETTER.layers(by_hand))


@patient
@given(exercises())
def test_the_gradient_of_many_images_is_the_mean_of_theirs(exercise):
    network, w, x, y, _ = exercise
    each = [network.gradient(w, x[n : n + 1], y[n : n + 1]) for n in range(len(x))]
    assert_allclose(network.gradient(w, x, y), np.mean(each, axis=0), rtol=0, atol=1e-12 * max(1, np.abs(each).max()))
