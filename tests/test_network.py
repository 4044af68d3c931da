"""The network behind its front door: its weights, its outputs, the same bits every time, and what it turns away."""

from concurrent.futures import ThreadPoolExecutor

import naive
import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import exercises, generators, networks, patient, random_exercise

from mix2fld_np.errors import InputError
from mix2fld_np.nn.kernels import BLOCK
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update
from mix2fld_np.nn.workspace import BlockWorkspace, Workspace

LETTER = Network()
SMALL = Network((2, 4, 4), (3, 2), 4)


# -------------------------------------------------------------------------------------------------------- weight vector
def test_the_letters_network_has_12_544_weights_layer_by_layer():
    layers = LETTER.layers(np.zeros(12_544))
    assert LETTER.n_weights == 12_544
    assert [layers.w1.size + layers.b1.size, layers.w2.size + layers.b2.size, layers.w3.size + layers.b3.size] == [
        120,
        654,
        11_770,
    ]


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
@pytest.mark.parametrize("layer", ["w1", "b1", "w2", "b2", "w3", "b3"])
def test_a_broken_weight_breaks_the_whole_output_instead_of_hiding_in_it(dtype, bad, layer):
    network, w, x, _, _ = random_exercise(SMALL, np.random.default_rng(7), 3)
    w = w.astype(dtype)
    getattr(network.layers(w), layer).flat[0] = bad
    assert np.isnan(network.outputs(w, x)).all()


@patient
@given(exercises(), generators)
def test_accuracy_counts_the_largest_outputs_that_stand_at_the_label(exercise, rng):
    network, w, x, _, _ = exercise
    labels = rng.integers(network.n_labels, size=len(x))
    hits = [F[l] == max(F) for F, l in zip(naive.outputs(network, w, x), labels, strict=True)]
    assert network.accuracy(w, x, labels) == sum(hits) / len(hits)


@patient
@given(exercises(), st.integers(1, 2 * BLOCK + 1))
def test_an_output_does_not_depend_on_its_place_among_many(exercise, n_images):
    network, w, x, _, _ = exercise
    many = x[np.arange(n_images) % len(x)]
    assert_array_equal(network.outputs(w, many), network.outputs(w, x)[np.arange(n_images) % len(x)])


@patient
@given(exercises())
def test_inference_and_training_put_out_the_same_but_for_rounding(exercise):
    network, w, x, y, _ = exercise
    trained = [local_update(network, w, x, y, [n], 0.1).outputs[0] for n in range(len(x))]
    assert_allclose(network.outputs(w, x), trained, rtol=1e-9, atol=1e-12)


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


def scattered(arrays, rng):
    """Copies of named arrays in one piece of memory: in random order, close together, each on a cache line."""
    memory, copies = np.zeros(sum(a.nbytes + 64 for a in arrays.values()) + 64, np.uint8), {}
    start = -memory.ctypes.data % 64
    for name in rng.permutation(list(arrays)):
        a = arrays[name]
        copies[name] = memory[start : start + a.nbytes].view(a.dtype).reshape(a.shape)
        copies[name][...] = a
        start += a.nbytes + -a.nbytes % 64
    return copies


@pytest.mark.parametrize("network", [SMALL, LETTER], ids=["small", "letter"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_do_not_depend_on_where_arrays_lie_in_memory(network, dtype):
    for rng in map(np.random.default_rng, range(200)):
        w, x, y = (a.astype(dtype) for a in random_exercise(network, rng, 1)[1:4])
        work, outputs, into = network.workspace(dtype), np.empty_like(y), np.zeros_like(w)
        network.compiled.add_gradient(network.layers(w), x, y, dtype(1), work, outputs, network.layers(into))
        here = scattered(work._asdict() | {"weights": w, "x": x, "y": y, "outputs": 0 * y, "into": 0 * w}, rng)
        there, layers = Workspace(*(here[name] for name in work._fields)), network.layers(here["weights"])
        network.compiled.add_gradient(
            layers, here["x"], here["y"], dtype(1), there, here["outputs"], network.layers(here["into"])
        )
        assert_array_equal(here["outputs"], outputs)
        assert_array_equal(here["into"], into)


@pytest.mark.parametrize("network", [SMALL, LETTER], ids=["small", "letter"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_of_inferred_outputs_do_not_depend_on_where_arrays_lie_in_memory(network, dtype):
    for rng in map(np.random.default_rng, range(50)):
        w, x, y = (a.astype(dtype) for a in random_exercise(network, rng, BLOCK + 2)[1:4])
        work = network.block_workspace(dtype)
        here = scattered(work._asdict() | {"weights": w, "x": x, "outputs": 0 * y}, rng)
        there = BlockWorkspace(*(here[name] for name in work._fields))
        network.compiled.infer(network.layers(here["weights"]), here["x"], there, here["outputs"])
        assert_array_equal(here["outputs"], network.outputs(w, x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_that_cannot_be_written_to_are_read_by_the_code_that_is_there(dtype):
    network, w, x, y, _ = random_exercise(SMALL, np.random.default_rng(8), 3)
    w, x, y = w.astype(dtype), x.astype(dtype), y.astype(dtype)
    expected, n_compiled = network.gradient(w, x, y), len(network.compiled.add_gradient.signatures)
    for a in (w, x, y):
        a.flags.writeable = False
    assert_array_equal(network.gradient(w, x, y), expected)
    assert len(network.compiled.add_gradient.signatures) == n_compiled, "compiled anew"


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


def test_weights_of_any_type_are_read_for_what_they_are():
    network, w, x, _, _ = random_exercise(SMALL, np.random.default_rng(5), 3)
    single = network.outputs(w.astype(np.float32), x)
    assert_array_equal(network.outputs(w.astype(">f8"), x), network.outputs(w, x))
    assert_array_equal(network.outputs(w.astype(">f4"), x), single)
    assert network.outputs(w.tolist(), x).dtype == np.float64 and single.dtype == np.float32
    whole = (100 * w).astype(np.int8)
    assert_array_equal(network.outputs(whole, x), network.outputs(whole.astype(np.float64), x))


def test_sizes_in_a_narrow_type_make_the_same_network():
    narrow = Network(np.array([3, 32, 32], np.uint8), [np.uint8(200), np.int8(100)], np.uint8(10))
    assert (
        narrow == Network((3, 32, 32), (200, 100), 10)
        and narrow.n_weights == Network((3, 32, 32), (200, 100), 10).n_weights
    )


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


@pytest.mark.parametrize(
    "shape", [(28, 28), (1, 28, 28), (2, 28, 28, 1), (2, 3, 28, 28), (2, 1, 28, 26), (0, 1, 28, 28)]
)
def test_images_of_the_wrong_shape_are_turned_away(shape):
    with pytest.raises(InputError, match=r"at least one image of \(C, H, W\) = \(1, 28, 28\)"):
        LETTER.outputs(np.zeros(12_544), np.zeros(shape))


@pytest.mark.parametrize("shape", [(2,), (2, 9), (2, 11), (1, 10), (3, 10), (10, 2), (0, 10)])
def test_targets_of_the_wrong_shape_are_turned_away(shape):
    with pytest.raises(InputError, match="one row of 10 for each of 2 images"):
        LETTER.gradient(np.zeros(12_544), np.zeros((2, 1, 28, 28)), np.zeros(shape))


@pytest.mark.parametrize("labels", [[0], [0, 0, 0], [[0], [1]], [[0, 1]], np.eye(10, dtype=int)[:2], 0, []])
def test_accuracy_needs_one_label_for_each_image(labels):
    with pytest.raises(InputError, match="one label for each"):
        LETTER.accuracy(np.zeros(12_544), np.zeros((2, 1, 28, 28)), labels)


@pytest.mark.parametrize("labels", [[0, 10], [-1, 0], [0.5, 1.0], [0.0, 1.0], [True, False], ["0", "1"], [0, 2**70]])
def test_accuracy_refuses_labels_that_are_none(labels):
    with pytest.raises(InputError, match="numbered from 0 to 9"):
        LETTER.accuracy(np.zeros(12_544), np.zeros((2, 1, 28, 28)), labels)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f8"])
def test_weights_that_are_not_finite_have_outputs_but_no_accuracy(bad, dtype):
    weights, images = np.full(12_544, bad, dtype), np.ones((2, 1, 28, 28))
    assert np.isnan(LETTER.outputs(weights, images)).all()
    with pytest.raises(InputError, match="classify nothing"):
        LETTER.accuracy(weights, images, [0, 0])


@pytest.mark.parametrize("values", [1j * np.ones(12_544), np.full(12_544, "1"), np.full(12_544, None)])
def test_values_that_are_no_real_numbers_are_turned_away(values):
    with pytest.raises(InputError, match="no real numbers"):
        LETTER.outputs(values, np.ones((1, 1, 28, 28)))
    with pytest.raises(InputError, match="no real numbers"):
        LETTER.outputs(np.zeros(12_544), values[:784].reshape(1, 1, 28, 28))
