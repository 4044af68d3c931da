"""Every kernel against its slow twin, on planes of any size, as plain Python; test_network.py compiles them."""

import json
import os
import subprocess
import sys

import naive
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import generators, random_exercise

from mix2fld_np.nn import kernels, losses
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update

few = st.integers(1, 5)
brief = settings(deadline=None, max_examples=25)


def source(kernel):
    """The Python function under a compiled kernel."""
    return getattr(kernel, "py_func", kernel)


def bare(planes):
    """Planes (F, H, W) without padding as kernels keep them: rubbish beyond the width, a spare plane if F is odd."""
    F, H, W = planes.shape
    flat = np.full((F + F % 2, H, W + 2), 1e3)
    flat[:F, :, :W] = planes
    return flat.reshape(len(flat), -1)


def padded(planes):
    """Planes (F, H, W) with zeros all around and a spare row of them below, in a pitch of W + 2."""
    F, H, W = planes.shape
    flat = np.zeros((F, H + 3, W + 2))
    flat[:, 1 : H + 1, 1 : W + 1] = planes
    return flat.reshape(F, -1)


def evened(planes):
    """Planes with a spare one of zeros at the end if their number is odd."""
    return np.concatenate([planes, np.zeros((len(planes) % 2, planes.shape[1]))])


def proper(flat, n_planes, height, width):
    """The planes (F, H, W) within flat bare ones."""
    return flat[:n_planes, : height * (width + 2)].reshape(n_planes, height, width + 2)[:, :, :width]


def dealt(image):
    """An image (C, H, W) in four planes by parity, as the kernel deals it."""
    C, H, W = image.shape
    quarters = np.zeros((C, 4, (H // 2 + 3) * (W // 2 + 2)))
    source(kernels.deal)(image[None], W // 2, quarters)
    return quarters


def side_by_side(arrays):
    """Arrays of N images (N, ..., P) as (..., P * N): number p of image n stands at p * N + n."""
    return np.ascontiguousarray(np.moveaxis(np.asarray(arrays), 0, -1)).reshape(*np.shape(arrays)[1:-1], -1)


# -------------------------------------------------------------------------------------------------- second convolution
@brief
@given(generators, few, few, few, few)
def test_correlating_whole_planes_is_the_textbook_convolution(rng, C, F, H, W):
    planes, filters, bias = rng.normal(size=(C, H, W)), rng.normal(size=(F, C, 3, 3)), rng.normal(size=F)
    sums = np.empty((F + F % 2, H * (W + 2)))
    source(kernels.correlate)(padded(planes), filters, bias, W + 2, H * (W + 2), sums)
    assert_allclose(proper(sums, F, H, W), naive.convolve(planes, filters, bias), atol=1e-12)


@brief
@given(generators, few, few, few, few)
def test_correlating_with_flipped_filters_carries_gradients_back_to_the_input(rng, C, F, H, W):
    gradients, filters = rng.normal(size=(F, H, W)), rng.normal(size=(F, C, 3, 3))
    flipped, back = np.empty((C, F, 3, 3)), np.empty((C + C % 2, H * (W + 2)))
    source(kernels.flip_filters)(filters, flipped)
    source(kernels.correlate)(padded(gradients), flipped, np.zeros(C), W + 2, H * (W + 2), back)
    by_input, _, _ = naive.convolution_gradients(np.zeros((C, H, W)), filters, gradients)
    assert_allclose(proper(back, C, H, W), by_input, atol=1e-12)


@brief
@given(generators, few, few, few, few, st.floats(-2, 2))
def test_running_sums_over_whole_planes_are_the_gradient_of_the_filters(rng, C, F, H, W, scale):
    planes, gradients, start = rng.normal(size=(C, H, W)), rng.normal(size=(F, H, W)), rng.normal(size=(F, C, 3, 3))
    into, pitch = start.copy(), W + 2
    spare = evened(padded(gradients))
    source(kernels.add_tap_gradient)(padded(planes), spare, pitch + 1, pitch, H * pitch, scale, into)
    _, by_filters, _ = naive.convolution_gradients(planes, start, gradients)
    assert_allclose(into, start + scale * by_filters, atol=1e-11)


@brief
@given(generators, few, few, few, st.floats(-2, 2))
def test_relu_and_its_way_back_leave_the_rubbish_beyond_the_width_behind(rng, F, H, W, scale):
    sums, gradient_feature, start = rng.normal(size=(F, H, W)), rng.normal(size=(F, H, W)), rng.normal(size=F)
    feature, gradient, into_bias = np.empty((F, H, W)), padded(np.zeros((F, H, W))), start.copy()
    for f, r in np.ndindex(F, H):
        source(kernels.relu)(bare(sums)[f, r * (W + 2) :], W, feature[f, r])
    assert_array_equal(feature, np.maximum(sums, 0))
    source(kernels.relu_backward)(gradient_feature, feature, W + 2, scale, gradient, into_bias)
    assert_array_equal(gradient, padded(gradient_feature * (sums > 0)))
    assert_allclose(into_bias, start + scale * (gradient_feature * (sums > 0)).sum(axis=(1, 2)), atol=1e-12)


# --------------------------------------------------------------------------------------------------- first convolution
@brief
@given(generators, few, few, few)
def test_dealing_an_image_by_parity_puts_every_pixel_in_its_quarter(rng, C, h, w):
    image = rng.random((C, 2 * h, 2 * w))
    framed = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    quarters = dealt(image).reshape(C, 4, h + 3, w + 2)[:, :, : h + 1, : w + 1]
    for k in range(4):
        assert_array_equal(quarters[:, k], framed[:, k // 2 :: 2, k % 2 :: 2])


@brief
@given(generators, few, few, few)
def test_correlating_cells_is_the_textbook_convolution_at_the_four_pixels_of_each_cell(rng, C, h, w):
    image, taps, bias = rng.random((C, 2 * h, 2 * w)), rng.normal(size=(C, 3, 3)), rng.normal()
    sums = np.empty((4, h * (w + 2)))
    source(kernels.correlate_cells)(dealt(image), taps, bias, w + 2, h * (w + 2), sums)
    whole = naive.convolve(image, taps[None], [bias])[0]
    for k, pixels in enumerate(proper(sums, 4, h, w)):
        assert_allclose(pixels, whole[k // 2 :: 2, k % 2 :: 2], atol=1e-12)


@brief
@given(generators, few, few)
def test_pooling_keeps_the_first_of_the_largest_and_none_where_the_relu_cuts(rng, h, w):
    whole = rng.integers(-2, 2, size=(2 * h, 2 * w)).astype(float)  # few values: ties and negative cells are common
    cells = np.stack([whole[k // 2 :: 2, k % 2 :: 2] for k in range(4)])
    pooled, argmax = padded(np.zeros((1, h, w))), np.empty((1, h * (w + 2)), np.int32)
    source(kernels.relu_and_pool)(bare(cells), w + 2, h, w, pooled[0], argmax[0])
    values, first = naive.pool(np.maximum(whole, 0)[None])
    assert_array_equal(pooled, padded(values))
    assert_array_equal(proper(argmax, 1, h, w), np.where(values > 0, first, 4))
    assert (argmax.reshape(h, w + 2)[:, w:] == 4).all()


@brief
@given(generators, few, few, few, st.floats(-2, 2))
def test_the_argmax_of_each_cell_takes_the_gradient_to_the_first_filters(rng, C, h, w, scale):
    image, gradients, start = rng.random((C, 2 * h, 2 * w)), rng.normal(size=(1, h, w)), rng.normal(size=(C, 3, 3))
    argmax = rng.integers(0, 5, size=(1, h, w))
    flat_argmax = np.full((1, h, w + 2), 4, np.int32)
    flat_argmax[:, :, :w] = argmax
    into, gradient_pooled = start.copy(), bare(gradients)[0]
    flat = flat_argmax.ravel()
    source(kernels.add_cell_gradient)(dealt(image), gradient_pooled, flat, w + 2, h * (w + 2), scale, into)
    gradient1 = naive.unpool(gradients * (argmax < 4), argmax % 4)
    _, by_filters, by_bias = naive.convolution_gradients(image, start[None], gradient1)
    assert_allclose(into, start + scale * by_filters[0], atol=1e-11)
    assert_allclose(source(kernels.alive_sum)(gradient_pooled, flat_argmax.ravel()), by_bias[0], atol=1e-12)


# ----------------------------------------------------------------------------------------------------- connected layer
@brief
@given(generators, few, st.integers(1, 40), st.floats(-2, 2))
def test_the_connected_layer_is_a_matrix_and_its_way_back_the_transpose(rng, N_L, n_feature, scale):
    feature, w3 = rng.normal(size=n_feature), rng.normal(size=(N_L, n_feature))
    b3, gradient = rng.normal(size=(2, N_L))
    logits, gradient_feature, into_w3, into_b3 = np.empty(N_L), np.empty(n_feature), w3.copy(), b3.copy()
    source(kernels.dense)(feature, w3, b3, logits)
    assert_allclose(logits, w3 @ feature + b3, atol=1e-12)
    source(kernels.dense_backward)(gradient, feature, w3, scale, gradient_feature, into_w3, into_b3)
    assert_allclose(gradient_feature, w3.T @ gradient, atol=1e-12)
    assert_allclose(into_w3, w3 + scale * np.outer(gradient, feature), atol=1e-12)
    assert_allclose(into_b3, b3 + scale * gradient, atol=1e-12)


@brief
@given(generators, few)
def test_stepping_in_place_reads_every_weight_of_the_connected_layer_before_it_writes_it(rng, N_L):
    feature, w3, (b3, gradient) = rng.normal(size=6), rng.normal(size=(N_L, 6)), rng.normal(size=(2, N_L))
    before, gradient_feature = w3.copy(), np.empty(6)
    source(kernels.dense_backward)(gradient, feature, w3, -0.1, gradient_feature, w3, b3)
    assert_allclose(gradient_feature, before.T @ gradient, atol=1e-12)
    assert_allclose(w3, before - 0.1 * np.outer(gradient, feature), atol=1e-12)


@brief
@given(generators, few, st.sampled_from([1.0, 1e2, 1e4]))
def test_the_kernels_softmax_is_that_of_the_losses(rng, N_L, spread):
    logits = spread * rng.normal(size=N_L)
    output = logits.copy()
    source(kernels.softmax)(output)
    assert_allclose(output, losses.softmax(logits), rtol=1e-12, atol=1e-300)


# --------------------------------------------------------------------------------------------------------- side by side
@brief
@given(generators, few, few, few, few, few)
def test_images_side_by_side_are_convolved_row_by_row_each_for_itself(rng, N, C, F, H, W):
    planes, filters, bias = rng.normal(size=(N, C, H, W)), rng.normal(size=(F, C, 3, 3)), rng.normal(size=F)
    beside, pitch, length = side_by_side([padded(image) for image in planes]), (W + 2) * N, W * N
    expected = np.stack([naive.convolve(image, filters, bias) for image in planes], axis=-1)
    for r in range(H):
        sums = np.empty((F + F % 2, length))
        source(kernels.correlate)(beside, filters, bias, pitch, length, sums, r * pitch, N)
        assert_allclose(sums[:F].reshape(F, W, N), expected[:, r], atol=1e-12)


@brief
@given(generators, few, few, few, few)
def test_images_side_by_side_are_dealt_convolved_and_pooled_row_by_row_each_for_itself(rng, N, C, h, w):
    images, taps, bias = rng.random((N, C, 2 * h, 2 * w)), rng.normal(size=(C, 3, 3)), rng.normal()
    quarters, pitch, length = np.zeros((C, 4, (h + 3) * (w + 2) * N)), (w + 2) * N, w * N
    source(kernels.deal)(images, w, quarters, N)
    assert_array_equal(quarters, side_by_side([dealt(image) for image in images]))
    whole = np.stack([np.maximum(naive.convolve(image, taps[None], [bias]), 0) for image in images])
    expected = np.stack([naive.pool(planes)[0][0] for planes in whole], axis=-1)
    for r in range(h):
        sums, best = np.empty((4, length)), np.empty(length)
        source(kernels.correlate_cells)(quarters, taps, bias, pitch, length, sums, r * pitch, N)
        source(kernels.pool)(sums, length, best)
        assert_allclose(best.reshape(w, N), expected[r], atol=1e-12)


@pytest.mark.parametrize("where", range(4))
@pytest.mark.parametrize("what", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_pooled_away(what, where):
    sums, best = np.ones((4, 3)), np.empty(3)
    sums[where, 1] = what
    source(kernels.pool)(sums, 3, best)
    assert_array_equal(best, [1, max(what, 1) if what == what else what, 1])


@brief
@given(generators, few, st.integers(1, 40))
def test_a_block_is_connected_like_its_images(rng, N_L, n_feature):
    features = rng.normal(size=(kernels.BLOCK, n_feature))
    w3, b3 = rng.normal(size=(N_L, n_feature)), rng.normal(size=N_L)
    logits = np.empty((N_L, kernels.BLOCK))
    source(kernels.dense_block)(side_by_side(features), w3, b3, logits)
    assert_allclose(logits, w3 @ features.T + b3[:, None], atol=1e-12)


# ----------------------------------------------------------------------------------------------------- without compiler
UNCOMPILED = """
import json
import numpy as np
from strategies import random_exercise
from mix2fld_np.nn import kernels
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update
assert not hasattr(kernels.forward, "py_func"), "compiled after all"
network, w, x, y, _ = random_exercise(Network((2, 4, 4), (3, 2), 4), np.random.default_rng(6), 3)
results = network.outputs(w, x), network.gradient(w, x, y), local_update(network, w, x, y, [0, 2, 1], 0.1).weights
print(json.dumps([result.tolist() for result in results]))
"""


def test_the_source_gives_the_same_numbers_without_a_compiler():
    network, w, x, y, _ = random_exercise(Network((2, 4, 4), (3, 2), 4), np.random.default_rng(6), 3)
    path = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": path}
    command = [sys.executable, "-c", UNCOMPILED]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    outputs, gradient, weights = json.loads(run.stdout)
    assert_allclose(outputs, network.outputs(w, x), rtol=0, atol=1e-12)
    assert_allclose(gradient, network.gradient(w, x, y), rtol=0, atol=1e-12)
    assert_allclose(weights, local_update(network, w, x, y, [0, 2, 1], 0.1).weights, rtol=0, atol=1e-12)
