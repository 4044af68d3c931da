"""The network behind its front door: against the slow twin, against central differences, in both precisions, compiled and not."""

from concurrent.futures import ThreadPoolExecutor

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import exercises, generators, kink_distance, networks, patient, random_exercise

from mix2fld_np.errors import InputError
from mix2fld_np.nn import losses
from mix2fld_np.nn.network import Network

LETTER = Network()
SMALL = Network((2, 6, 8), (3, 2), 4)
STEP = 2e-6  # of central differences; moves no sum in front of a ReLU by more than SMOOTH
SMOOTH = 4e-5


def central_difference(loss, weights):
    """The gradient of loss(weights) in float64, one weight at a time."""
    gradient, w = np.empty_like(weights), weights.copy()
    for n, value in enumerate(weights):
        w[n] = value + STEP
        above = loss(w)
        w[n] = value - STEP
        gradient[n], w[n] = (above - loss(w)) / (2 * STEP), value
    return gradient


def assert_layers_agree(network, gradient, expected, rtol):
    """Every layer's gradient agrees to a relative error in its norm."""
    for name, mine, other in zip(network.layers(gradient)._fields, network.layers(gradient), network.layers(expected), strict=True):
        error, size = np.linalg.norm(mine - other), np.linalg.norm(other)
        assert error <= rtol * size + 1e-9, f"gradient of {name}: error {error:.2e} of {size:.2e}"


# -------------------------------------------------------------------------------------------------------- weight vector
def test_the_letters_network_has_12_544_weights_layer_by_layer():
    layers = LETTER.layers(np.zeros(12_544))
    assert LETTER.n_weights == 12_544
    assert [layers.w1.size + layers.b1.size, layers.w2.size + layers.b2.size, layers.w3.size + layers.b3.size] == [120, 654, 11_770]


def test_the_flat_vector_holds_w1_b1_w2_b2_w3_b3_each_in_c_order():
    starts, shapes = [0, 108, 120, 768, 774, 12_534], [(12, 1, 3, 3), (12,), (6, 12, 3, 3), (6,), (10, 1176), (10,)]
    for part, start, shape in zip(LETTER.layers(np.arange(12_544)), starts, shapes, strict=True):
        assert_array_equal(part, np.arange(start, start + np.prod(shape)).reshape(shape))


@given(networks())
def test_writing_to_a_layer_writes_to_the_vector(network):
    w = np.zeros(network.n_weights)
    for part in network.layers(w):
        part += 1
    assert_array_equal(w, 1)


@given(networks(), generators)
def test_fresh_weights_are_uniform_within_one_over_the_root_of_the_inputs(network, rng):
    (C, H, W), (F1, F2) = network.image_shape, network.filters
    layers = network.layers(network.initial_weights(rng))
    for part, inputs in zip(layers, np.repeat([9 * C, 9 * F1, F2 * H * W // 4], 2), strict=True):
        assert part.dtype == np.float32
        assert abs(part).max() <= np.float32(inputs**-0.5)


def test_fresh_weights_fill_their_range_evenly():
    layers = LETTER.layers(LETTER.initial_weights(np.random.default_rng(0)))
    for part, inputs in [(layers.w1, 9), (layers.w2, 108), (layers.w3, 1176)]:
        unit = part.astype(np.float64).ravel() * inputs**0.5
        assert abs(unit.mean()) < 5 / np.sqrt(3 * unit.size)
        assert abs(np.mean(unit**2) - 1 / 3) < 5 * np.sqrt(4 / 45 / unit.size)


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


@pytest.mark.parametrize("network", [Network((3, 32, 32), (2, 3), 4), Network((1, 28, 28))], ids=["3x32x32", "letter"])
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
@patient
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


def test_every_one_of_the_12_544_derivatives_is_a_central_difference():
    drawn = (random_exercise(LETTER, np.random.default_rng(seed), 1) for seed in range(100))
    _, w, x, y, _ = next(exercise for exercise in drawn if kink_distance(LETTER, exercise.weights, exercise.images) > SMOOTH)
    by_hand = LETTER.gradient(w, x, y)
    assert_layers_agree(LETTER, by_hand, central_difference(lambda v: losses.phi(LETTER.outputs(v, x), y).mean(), w), 1e-6)
    assert all(np.any(part) for part in LETTER.layers(by_hand))


@patient
@given(exercises())
def test_the_gradient_of_many_images_is_the_mean_of_theirs(exercise):
    network, w, x, y, _ = exercise
    each = [network.gradient(w, x[n : n + 1], y[n : n + 1]) for n in range(len(x))]
    assert_allclose(network.gradient(w, x, y), np.mean(each, axis=0), rtol=0, atol=1e-12 * max(1, np.abs(each).max()))


# ------------------------------------------------------------------------------------------------------- outputs proper
@patient
@given(exercises())
def test_an_output_does_not_depend_on_the_images_before_it(exercise):
    network, w, x, _, _ = exercise
    together = network.outputs(w, x)
    for n in range(len(x)):
        assert_array_equal(network.outputs(w, x[n : n + 1])[0], together[n])


@patient
@given(exercises(), st.sampled_from([np.float32, np.float64]))
def test_huge_weights_give_outputs_that_still_sum_to_one(exercise, dtype):
    network, w, x, _, _ = exercise
    w = w.astype(dtype)
    network.layers(w).w3[:] *= 1e4
    outputs = network.outputs(w, x)
    assert (outputs >= 0).all()
    assert_allclose(outputs.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_broken_logit_breaks_the_whole_output_instead_of_hiding_in_it(dtype, bad):
    network, w, x, _, _ = random_exercise(SMALL, np.random.default_rng(7), 3)
    w = w.astype(dtype)
    network.layers(w).b3[1] = bad
    assert np.isnan(network.outputs(w, x)).all()


@patient
@given(exercises(), generators)
def test_accuracy_counts_the_largest_outputs_that_stand_at_the_label(exercise, rng):
    network, w, x, _, _ = exercise
    labels = rng.integers(network.n_labels, size=len(x))
    hits = [F[l] == max(F) for F, l in zip(naive.outputs(network, w, x), labels, strict=True)]
    assert network.accuracy(w, x, labels) == sum(hits) / len(hits)


# ---------------------------------------------------------------------------------------------------------- to the bit
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_same_input_gives_the_same_bits_on_two_threads(dtype):
    network, w, x, y, _ = random_exercise(SMALL, np.random.default_rng(3), 50)
    w = w.astype(dtype)
    alone = network.outputs(w, x), network.gradient(w, x, y)
    with ThreadPoolExecutor(2) as pool:
        for outputs, gradient in pool.map(lambda _: (network.outputs(w, x), network.gradient(w, x, y)), range(20)):
            assert_array_equal(outputs, alone[0])
            assert_array_equal(gradient, alone[1])


def test_what_is_handed_in_is_left_alone():
    network, w, x, y, _ = random_exercise(SMALL, np.random.default_rng(4), 3)
    before = w.copy(), x.copy(), y.copy()
    network.outputs(w, x)
    network.gradient(w, x, y)
    for now, then in zip((w, x, y), before, strict=True):
        assert_array_equal(now, then)


def test_images_of_another_layout_or_type_are_read_for_what_they_are():
    network, w, x, y, _ = random_exercise(SMALL, np.random.default_rng(5), 3)
    channels_last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    assert_array_equal(network.gradient(w, channels_last, y), network.gradient(w, x, y))
    assert_array_equal(network.outputs(np.repeat(w, 2)[::2], x[::-1]), network.outputs(w, x)[::-1])
    assert_array_equal(network.outputs(w, (x > 0.5).astype(np.uint8)), network.outputs(w, (x > 0.5).astype(float)))


# ----------------------------------------------------------------------------------------------------------- front door
@pytest.mark.parametrize("shape", [(1, 27, 28), (1, 28, 27), (0, 28, 28), (1, 0, 28), (1, 28, 0), (3, 1, 1)])
def test_sizes_that_a_pool_cannot_halve_are_turned_away(shape):
    with pytest.raises(InputError, match="must be even and at least 2"):
        Network(shape)


@pytest.mark.parametrize("arguments", [{"filters": (0, 6)}, {"filters": (12, 0)}, {"n_labels": 1}])
def test_a_network_without_filters_or_choices_is_turned_away(arguments):
    with pytest.raises(InputError, match="at least one filter in each layer and two labels"):
        Network(**arguments)


@pytest.mark.parametrize("weights", [np.zeros(12_543), np.zeros(12_545), np.zeros((1, 12_544)), np.zeros(0), 0.0])
def test_weights_of_the_wrong_number_are_turned_away(weights):
    with pytest.raises(InputError, match="one flat vector of N_mod = 12,544"):
        LETTER.outputs(weights, np.zeros((1, 1, 28, 28)))


@pytest.mark.parametrize("shape", [(28, 28), (1, 28, 28), (2, 28, 28, 1), (2, 3, 28, 28), (2, 1, 28, 26), (0, 1, 28, 28)])
def test_images_of_the_wrong_shape_are_turned_away(shape):
    with pytest.raises(InputError, match=r"at least one image of \(C, H, W\) = \(1, 28, 28\)"):
        LETTER.outputs(np.zeros(12_544), np.zeros(shape))


@pytest.mark.parametrize("shape", [(2,), (2, 9), (2, 11), (1, 10), (3, 10), (10, 2), (0, 10)])
def test_targets_of_the_wrong_shape_are_turned_away(shape):
    with pytest.raises(InputError, match="one row of 10 for each of 2 images"):
        LETTER.gradient(np.zeros(12_544), np.zeros((2, 1, 28, 28)), np.zeros(shape))


@pytest.mark.parametrize("n_labels, n_images", [(1, 2), (2, 1), (0, 0)])
def test_accuracy_needs_a_label_for_each_of_at_least_one_image(n_labels, n_images):
    with pytest.raises(InputError, match="one label for each, and at least one"):
        LETTER.accuracy(np.zeros(12_544), np.zeros((n_images, 1, 28, 28)), np.zeros(n_labels, int))
