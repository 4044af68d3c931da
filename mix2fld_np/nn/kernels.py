"""Every compiled function of the network: float32 for training and float64 for checks, from the same source.

A plane of height x width numbers is kept as one flat array whose rows are `pitch` = width + 2 long:

    pixel (r, x) of a bare plane     stands at    r      * pitch +  x
    pixel (r, x) of a padded plane   stands at   (r + 1) * pitch + (x + 1),   zeros all around

Then tap (i, j) of a 3x3 filter meets its pixel at the constant distance i * pitch + j in every row, and a convolution
is one long loop over the whole plane, with nine taps in one expression, which the compiler turns into vector
instructions. The price: columns of a bare plane beyond its width hold sums across two rows, which nobody may read.

Such a loop takes as long as its loads, so each number loaded has to serve several sums:

    second convolution   two filters at a time, u and v; with an odd number of them, a spare row goes with the last.
                         `correlate` goes forward and, with flipped filters, back to the input.
    first convolution    one filter at the four pixels of each pooling cell, which share 16 pixels. `deal` puts the
                         image into four planes by parity of row and column: neighbours in a plane belong to
                         neighbouring cells.

Training takes one image at a time. Inference takes BLOCK images side by side, pixel p of image n at p * BLOCK + n. A
tap then meets its pixel at the distance i * pitch + j * step, with step = BLOCK and pitch = (width + 2) * BLOCK, and
the same two convolutions run over one row of width * BLOCK numbers from its start, `at`.

All functions take arrays (`workspace.py` names them) and write into arrays; they check, draw and remember nothing.
A slow twin of each, as the textbook writes it, is in tests/naive.py. They share one file, as kept machine code is
compiled anew when its own file changes, but not for the file of a function that it calls.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np

from mix2fld_np.compilation import kept, kernel_options

# reassoc spreads a sum over vector lanes, contract fuses multiply and add, nsz ignores the sign of zero; NaN is kept.
FAST = {"reassoc", "contract", "nsz"}
compiled = functools.partial(numba.njit, nogil=True, error_model="numpy", fastmath=FAST, **kernel_options())
inlined = functools.partial(compiled, forceinline=True)  # part of its caller: constants reach its loops
merged = functools.partial(compiled, inline="always")  # not compiled on its own, which takes a second each

BLOCK = 32  # images that inference takes side by side


@inlined()
def nine(taps):
    """A filter (3, 3) as nine numbers, which the compiler keeps in registers."""
    return taps[0, 0], taps[0, 1], taps[0, 2], taps[1, 0], taps[1, 1], taps[1, 2], taps[2, 0], taps[2, 1], taps[2, 2]


@numba.njit(inline="always")  # without the options of kernels, which may not return a view
def since(plane, at):
    """plane[at:], but the plane itself for at = 0, which compiles to faster code than a slice."""
    return plane[at:] if at else plane


@inlined()
def sum_at(q, taps, rows, step):
    """The nine products of a filter at q."""
    t0, t1, t2, t3, t4, t5, t6, t7, t8 = taps
    top, mid, low = rows
    upper = t0 * top[q] + t1 * top[q + step] + t2 * top[q + 2 * step]
    middle = t3 * mid[q] + t4 * mid[q + step] + t5 * mid[q + 2 * step]
    return upper + middle + (t6 * low[q] + t7 * low[q + step] + t8 * low[q + 2 * step])


@inlined()
def correlate(planes, taps, bias, pitch, length, sums, at=0, step=1):
    """sums[f, q] = bias[f] + sum_cij taps[f, c, i, j] planes[c, at + q + i pitch + j step], for q < length."""
    n_filters, n_channels = taps.shape[0], taps.shape[1]
    for f in range(0, n_filters, 2):
        g = min(f + 1, n_filters - 1)
        su, sv = sums[f], sums[f + 1]
        for c in range(n_channels):
            u, v = nine(taps[f, c]), nine(taps[g, c])
            rows = since(planes[c], at), planes[c, at + pitch :], planes[c, at + 2 * pitch :]
            if c == 0:
                for q in range(length):
                    su[q], sv[q] = bias[f] + sum_at(q, u, rows, step), bias[g] + sum_at(q, v, rows, step)
            else:
                for q in range(length):
                    su[q], sv[q] = su[q] + sum_at(q, u, rows, step), sv[q] + sum_at(q, v, rows, step)


@inlined()
def add_tap_gradient(planes, gradients, first, pitch, length, scale, into):
    """into[f, c, i, j] += scale * sum_q gradients[f, first + q] planes[c, q + i pitch + j], for q < length."""
    n_filters, n_channels = into.shape[0], into.shape[1]
    zero = gradients.dtype.type(0)
    for f in range(0, n_filters, 2):
        du, dv = gradients[f, first:], gradients[f + 1, first:]
        for c in range(n_channels):
            top, mid, low = planes[c], planes[c, pitch:], planes[c, 2 * pitch :]
            u0, u1, u2, u3, u4, u5, u6, u7, u8 = zero, zero, zero, zero, zero, zero, zero, zero, zero
            v0, v1, v2, v3, v4, v5, v6, v7, v8 = zero, zero, zero, zero, zero, zero, zero, zero, zero
            for q in range(length):
                u, x0, x1, x2, x3, x4 = du[q], top[q], top[q + 1], top[q + 2], mid[q], mid[q + 1]
                v, x5, x6, x7, x8 = dv[q], mid[q + 2], low[q], low[q + 1], low[q + 2]
                u0, u1, u2, u3, u4 = u0 + u * x0, u1 + u * x1, u2 + u * x2, u3 + u * x3, u4 + u * x4
                u5, u6, u7, u8 = u5 + u * x5, u6 + u * x6, u7 + u * x7, u8 + u * x8
                v0, v1, v2, v3, v4 = v0 + v * x0, v1 + v * x1, v2 + v * x2, v3 + v * x3, v4 + v * x4
                v5, v6, v7, v8 = v5 + v * x5, v6 + v * x6, v7 + v * x7, v8 + v * x8
            add_taps(into[f, c], scale, u0, u1, u2, u3, u4, u5, u6, u7, u8)
            if f + 1 < n_filters:
                add_taps(into[f + 1, c], scale, v0, v1, v2, v3, v4, v5, v6, v7, v8)


@inlined()
def add_taps(into, scale, s0, s1, s2, s3, s4, s5, s6, s7, s8):
    """into (3, 3) += scale * nine sums."""
    into[0, 0], into[0, 1], into[0, 2] = into[0, 0] + scale * s0, into[0, 1] + scale * s1, into[0, 2] + scale * s2
    into[1, 0], into[1, 1], into[1, 2] = into[1, 0] + scale * s3, into[1, 1] + scale * s4, into[1, 2] + scale * s5
    into[2, 0], into[2, 1], into[2, 2] = into[2, 0] + scale * s6, into[2, 1] + scale * s7, into[2, 2] + scale * s8


@inlined()
def deal(images, width, quarters, step=1):
    """Puts images (N, C, H, W), N <= step, into four planes by parity of row and column, with a frame of zeros."""
    for c in range(images.shape[1]):
        for r in range(images.shape[2]):
            below, start = 2 * ((r + 1) % 2), (r + 1) // 2 * (width + 2) * step
            for n in range(images.shape[0]):
                row, even = images[n, c, r], quarters[c, below, start + step + n :]
                odd = quarters[c, below + 1, start + n :]
                for x in range(width):
                    odd[x * step], even[x * step] = row[2 * x], row[2 * x + 1]


@inlined()
def sums_at(q, taps, rows, step):
    """The nine products of a filter at each of the four pixels of cell q."""
    t0, t1, t2, t3, t4, t5, t6, t7, t8 = taps
    ee, eo, oe, oo, ee2, eo2, oe2, oo2 = rows
    a0, a1, a2, a3 = ee[q], eo[q], ee[q + step], eo[q + step]
    b0, b1, b2, b3 = oe[q], oo[q], oe[q + step], oo[q + step]
    c0, c1, c2, c3 = ee2[q], eo2[q], ee2[q + step], eo2[q + step]
    d0, d1, d2, d3 = oe2[q], oo2[q], oe2[q + step], oo2[q + step]
    s0 = t0 * a0 + t1 * a1 + t2 * a2 + t3 * b0 + t4 * b1 + t5 * b2 + t6 * c0 + t7 * c1 + t8 * c2
    s1 = t0 * a1 + t1 * a2 + t2 * a3 + t3 * b1 + t4 * b2 + t5 * b3 + t6 * c1 + t7 * c2 + t8 * c3
    s2 = t0 * b0 + t1 * b1 + t2 * b2 + t3 * c0 + t4 * c1 + t5 * c2 + t6 * d0 + t7 * d1 + t8 * d2
    s3 = t0 * b1 + t1 * b2 + t2 * b3 + t3 * c1 + t4 * c2 + t5 * c3 + t6 * d1 + t7 * d2 + t8 * d3
    return s0, s1, s2, s3


@inlined()
def correlate_cells(quarters, taps, bias, pitch, length, sums, at=0, step=1):
    """One filter at the four pixels k of every pooling cell: sums[k, q] of cell at + q, for q < length."""
    s0, s1, s2, s3 = sums[0], sums[1], sums[2], sums[3]
    for c in range(taps.shape[0]):
        t, below = nine(taps[c]), at + pitch
        ee, eo, oe, oo = quarters[c, 0], quarters[c, 1], quarters[c, 2], quarters[c, 3]
        upper = since(ee, at), since(eo, at), since(oe, at), since(oo, at)
        rows = (*upper, ee[below:], eo[below:], oe[below:], oo[below:])
        if c == 0:
            for q in range(length):
                u0, u1, u2, u3 = sums_at(q, t, rows, step)
                s0[q], s1[q], s2[q], s3[q] = bias + u0, bias + u1, bias + u2, bias + u3
        else:
            for q in range(length):
                u0, u1, u2, u3 = sums_at(q, t, rows, step)
                s0[q], s1[q], s2[q], s3[q] = s0[q] + u0, s1[q] + u1, s2[q] + u2, s3[q] + u3


@inlined()
def relu_and_pool(sums, pitch, height, width, pooled, argmax):
    """ReLU and max over the four pixels of each cell into a padded plane; argmax is its pixel, 4 if the ReLU cuts."""
    zero, one, two, three, nobody = sums.dtype.type(0), np.int32(1), np.int32(2), np.int32(3), np.int32(4)
    s0, s1, s2, s3, best = sums[0], sums[1], sums[2], sums[3], pooled[pitch + 1 :]
    for q in range(height * pitch):
        who, value = nobody, zero
        if s0[q] > value:
            who, value = np.int32(0), s0[q]
        if s1[q] > value:
            who, value = one, s1[q]
        if s2[q] > value:
            who, value = two, s2[q]
        if s3[q] > value:
            who, value = three, s3[q]
        total = s0[q] + s1[q] + s2[q] + s3[q]
        argmax[q], best[q] = who, value if total == total else total  # NaN, which loses all comparisons, is kept
    for r in range(height):
        for x in range(width, pitch):
            argmax[r * pitch + x], best[r * pitch + x] = nobody, zero


@inlined()
def pool(sums, length, best):
    """ReLU and max over the four pixels of each cell, without the argmax."""
    zero, s0, s1, s2, s3 = sums.dtype.type(0), sums[0], sums[1], sums[2], sums[3]
    for q in range(length):
        value = s0[q] if s0[q] > zero else zero
        value = s1[q] if s1[q] > value else value
        value = s2[q] if s2[q] > value else value
        value = s3[q] if s3[q] > value else value
        total = s0[q] + s1[q] + s2[q] + s3[q]
        best[q] = value if total == total else total  # NaN, as above


@inlined()
def add_cell_gradient(quarters, gradient_pooled, argmax, pitch, length, scale, into):
    """Backward pass of one filter through pool and ReLU: the largest pixel of each cell gets its whole gradient."""
    zero, one, two, three = gradient_pooled.dtype.type(0), np.int32(1), np.int32(2), np.int32(3)
    for c in range(into.shape[0]):
        ee, eo, oe, oo = quarters[c, 0], quarters[c, 1], quarters[c, 2], quarters[c, 3]
        ee2, eo2, oe2, oo2 = ee[pitch:], eo[pitch:], oe[pitch:], oo[pitch:]
        t0, t1, t2, t3, t4, t5, t6, t7, t8 = zero, zero, zero, zero, zero, zero, zero, zero, zero
        for q in range(length):
            g, who = gradient_pooled[q], argmax[q]
            s0, s1 = g if who == 0 else zero, g if who == one else zero
            s2, s3 = g if who == two else zero, g if who == three else zero
            a0, a1, a2, a3 = ee[q], eo[q], ee[q + 1], eo[q + 1]
            b0, b1, b2, b3 = oe[q], oo[q], oe[q + 1], oo[q + 1]
            c0, c1, c2, c3 = ee2[q], eo2[q], ee2[q + 1], eo2[q + 1]
            d0, d1, d2, d3 = oe2[q], oo2[q], oe2[q + 1], oo2[q + 1]
            t0 += s0 * a0 + s1 * a1 + s2 * b0 + s3 * b1
            t1 += s0 * a1 + s1 * a2 + s2 * b1 + s3 * b2
            t2 += s0 * a2 + s1 * a3 + s2 * b2 + s3 * b3
            t3 += s0 * b0 + s1 * b1 + s2 * c0 + s3 * c1
            t4 += s0 * b1 + s1 * b2 + s2 * c1 + s3 * c2
            t5 += s0 * b2 + s1 * b3 + s2 * c2 + s3 * c3
            t6 += s0 * c0 + s1 * c1 + s2 * d0 + s3 * d1
            t7 += s0 * c1 + s1 * c2 + s2 * d1 + s3 * d2
            t8 += s0 * c2 + s1 * c3 + s2 * d2 + s3 * d3
        add_taps(into[c], scale, t0, t1, t2, t3, t4, t5, t6, t7, t8)


@inlined()
def alive_sum(gradient_pooled, argmax):
    """Sum of the gradients of all cells that the ReLU let through: the gradient of the first bias."""
    total = gradient_pooled.dtype.type(0)
    for q in range(argmax.size):
        total += gradient_pooled[q] if argmax[q] < 4 else gradient_pooled.dtype.type(0)
    return total


@inlined()
def relu(sums, length, activated):
    """ReLU of the first `length` numbers; NaN stays NaN."""
    zero = sums.dtype.type(0)
    for q in range(length):
        activated[q] = zero if sums[q] <= zero else sums[q]


@inlined()
def relu_backward(gradient_feature, feature, pitch, scale, gradient, into_bias):
    """Backward pass of the ReLU into padded planes; into_bias[f] += scale * the sum of plane f."""
    zero = gradient.dtype.type(0)
    for f in range(feature.shape[0]):
        total = zero
        for r in range(feature.shape[1]):
            row = gradient[f, (r + 1) * pitch + 1 :]
            for x in range(feature.shape[2]):
                value = gradient_feature[f, r, x]  # read in any case: no vector instructions read under a condition
                row[x] = value if feature[f, r, x] > zero else zero
        row = gradient[f]
        for q in range(row.size):
            total += row[q]
        into_bias[f] += scale * total


@inlined()
def dense(feature, w3, b3, logits):
    """logits = w3 feature + b3."""
    for m in range(b3.size):
        total, row = b3[m], w3[m]
        for k in range(feature.size):
            total += row[k] * feature[k]
        logits[m] = total


@inlined()
def eight(row, k):
    """Eight numbers of a row, which the compiler keeps in registers."""
    return row[k], row[k + 1], row[k + 2], row[k + 3], row[k + 4], row[k + 5], row[k + 6], row[k + 7]


@inlined()
def sum_of_eight(n, weights, x):
    """Eight weights times eight features of image n."""
    t0, t1, t2, t3, t4, t5, t6, t7 = weights
    early = t0 * x[n] + t1 * x[n + BLOCK] + t2 * x[n + 2 * BLOCK] + t3 * x[n + 3 * BLOCK]
    return early + (t4 * x[n + 4 * BLOCK] + t5 * x[n + 5 * BLOCK] + t6 * x[n + 6 * BLOCK] + t7 * x[n + 7 * BLOCK])


@inlined()
def dense_block(feature, w3, b3, logits):
    """logits[m, n] = b3[m] + sum_k w3[m, k] feature[k BLOCK + n], two labels and eight features at a time."""
    n_labels, n_feature = w3.shape
    for m in range(0, n_labels, 2):
        o = min(m + 1, n_labels - 1)
        u, v, zu, zv = w3[m], w3[o], logits[m], logits[o]
        zu[:], zv[:] = b3[m], b3[o]
        for k in range(n_feature % 8):
            for n in range(BLOCK):
                zu[n], zv[n] = zu[n] + u[k] * feature[k * BLOCK + n], zv[n] + v[k] * feature[k * BLOCK + n]
        for k in range(n_feature % 8, n_feature, 8):
            eight_u, eight_v, x = eight(u, k), eight(v, k), feature[k * BLOCK :]
            for n in range(BLOCK):
                zu[n], zv[n] = zu[n] + sum_of_eight(n, eight_u, x), zv[n] + sum_of_eight(n, eight_v, x)


@inlined()
def dense_backward(gradient, feature, w3, scale, gradient_feature, into_w3, into_b3):
    """Backward pass: gradient_feature = w3^T gradient; that of w3 is the outer product of gradient and feature."""
    gradient_feature[:] = 0
    for m in range(gradient.size):
        d, step, row, into_row = gradient[m], scale * gradient[m], w3[m], into_w3[m]
        for k in range(feature.size):
            gradient_feature[k] += d * row[k]
        for k in range(feature.size):
            into_row[k] += step * feature[k]
        into_b3[m] += step


@inlined()
def softmax(logits):
    """F_m = exp(z_m) / sum of exp(z), shifted by the largest logit so that nothing overflows.

    In place, and with a loop of its own for the sum: whether two arrays overlap in memory, which the compiler would ask
    at run time, must not choose between two orders of summation.
    """
    highest, total = logits[0], logits.dtype.type(0)
    for m in range(1, logits.size):
        highest = max(highest, logits[m])
    for m in range(logits.size):
        logits[m] = np.exp(logits[m] - highest)
    for m in range(logits.size):
        total += logits[m]
    for m in range(logits.size):
        logits[m] /= total


@inlined()
def flip_filters(taps, flipped):
    """flipped[c, f, i, j] = taps[f, c, 2 - i, 2 - j]: the filters that carry a gradient back to the input."""
    for f in range(taps.shape[0]):
        for c in range(taps.shape[1]):
            for i in range(3):
                for j in range(3):
                    flipped[c, f, i, j] = taps[f, c, 2 - i, 2 - j]


@merged()
def forward(layers, images, height, width, work, output):
    """One image (1, C, H, W) to its softmax output F (N_L,); everything in between stays in the workspace."""
    pitch = width + 2
    deal(images, width, work.quarters)
    for f in range(layers.b1.size):
        correlate_cells(work.quarters, layers.w1[f], layers.b1[f], pitch, height * pitch, work.sums1)
        relu_and_pool(work.sums1, pitch, height, width, work.pooled[f], work.argmax[f])
    correlate(work.pooled, layers.w2, layers.b2, pitch, height * pitch, work.sums2)
    for f in range(layers.b2.size):
        for r in range(height):
            relu(work.sums2[f, r * pitch :], width, work.feature[f, r])
    dense(work.feature.reshape(-1), layers.w3, layers.b3, output)
    softmax(output)


@merged()
def forward_block(layers, images, height, width, work, outputs):
    """Up to BLOCK images (N, C, H, W), side by side, to their softmax outputs (N, N_L), row by row."""
    pitch, length = (width + 2) * BLOCK, width * BLOCK
    deal(images, width, work.quarters, BLOCK)
    for r in range(height):
        for f in range(layers.b1.size):
            correlate_cells(work.quarters, layers.w1[f], layers.b1[f], pitch, length, work.sums1, r * pitch, BLOCK)
            pool(work.sums1, length, work.pooled[f, (r + 1) * pitch + BLOCK :])
    for r in range(height):
        correlate(work.pooled, layers.w2, layers.b2, pitch, length, work.sums2, r * pitch, BLOCK)
        for f in range(layers.b2.size):
            relu(work.sums2[f], length, work.feature[f, r])
    dense_block(work.feature.reshape(-1), layers.w3, layers.b3, work.logits)
    for n in range(images.shape[0]):
        for m in range(layers.b3.size):
            outputs[n, m] = work.logits[m, n]
        softmax(outputs[n])


@merged()
def backward(layers, output, target, height, width, work, scale, into):
    """Adds scale times the gradient of the loss with target t to the layers of `into`.

    SGD hands in the weights themselves and scale = -eta: each layer is read for the last time before it is written.
    """
    pitch = width + 2
    total = target.sum()
    for m in range(target.size):
        work.gradient[m] = total * output[m] - target[m]
    feature, gradient_feature = work.feature.reshape(-1), work.gradient_feature.reshape(-1)
    dense_backward(work.gradient, feature, layers.w3, scale, gradient_feature, into.w3, into.b3)
    relu_backward(work.gradient_feature, work.feature, pitch, scale, work.gradient2, into.b2)
    flip_filters(layers.w2, work.flipped)
    add_tap_gradient(work.pooled, work.gradient2, pitch + 1, pitch, height * pitch, scale, into.w2)
    correlate(work.gradient2, work.flipped, work.no_bias, pitch, height * pitch, work.gradient_pooled)
    for f in range(layers.b1.size):
        pooled, argmax = work.gradient_pooled[f], work.argmax[f]
        add_cell_gradient(work.quarters, pooled, argmax, pitch, height * pitch, scale, into.w1[f])
        into.b1[f] += scale * alive_sum(pooled, argmax)


class EntryPoints(NamedTuple):
    """The three compiled functions that Python calls."""

    descend: Callable
    infer: Callable
    add_gradient: Callable


@functools.cache
def entry_points(height, width):
    """The functions that Python calls, for a pooled size that is constant: known loops need no code for remainders."""

    @compiled()
    def descend(layers, images, targets, order, rate, work, outputs):
        """SGD with batches of one, in place: w <- w - rate * gradient at sample order[k], with output outputs[k]."""
        for k in range(order.size):
            i = order[k]
            forward(layers, images[i : i + 1], height, width, work, outputs[k])
            backward(layers, outputs[k], targets[i], height, width, work, -rate, layers)

    @compiled()
    def infer(layers, images, work, outputs):
        """Softmax outputs (N, N_L) of images (N, C, H, W)."""
        for i in range(0, images.shape[0], BLOCK):
            forward_block(layers, images[i : i + BLOCK], height, width, work, outputs[i : i + BLOCK])

    @compiled()
    def add_gradient(layers, images, targets, scale, work, outputs, into):
        """Adds scale times the sum of the samples' gradients to `into`."""
        for i in range(images.shape[0]):
            forward(layers, images[i : i + 1], height, width, work, outputs[i])
            backward(layers, outputs[i], targets[i], height, width, work, scale, into)

    return EntryPoints(kept(descend), kept(infer), kept(add_gradient))
