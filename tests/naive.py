"""Slow twins: each kernel of mix2fld_np/nn/kernels.py as the textbook writes it. Planes are (H, W) arrays."""

import numpy as np

from mix2fld_np.nn import losses
from mix2fld_np.nn.workspace import Layers


def convolve(images, filters, bias):
    """'Same' 3x3 convolution (C, H, W) -> (F, H, W), one output pixel at a time."""
    C, H, W = images.shape
    padded = np.zeros((C, H + 2, W + 2), images.dtype)
    padded[:, 1:-1, 1:-1] = images
    out = np.empty((len(filters), H, W), images.dtype)
    for f in range(len(filters)):
        for r in range(H):
            for x in range(W):
                out[f, r, x] = bias[f] + np.sum(filters[f] * padded[:, r : r + 3, x : x + 3])
    return out


def convolution_gradients(images, filters, gradients):
    """Gradients of a 'same' convolution by its input (C, H, W), its filters (F, C, 3, 3) and its bias (F,)."""
    C, H, W = images.shape
    padded = np.zeros((C, H + 2, W + 2), images.dtype)
    padded[:, 1:-1, 1:-1] = images
    by_padded, by_filters = np.zeros_like(padded), np.zeros_like(filters)
    for f in range(len(filters)):
        for r in range(H):
            for x in range(W):
                by_filters[f] += gradients[f, r, x] * padded[:, r : r + 3, x : x + 3]
                by_padded[:, r : r + 3, x : x + 3] += gradients[f, r, x] * filters[f]
    return by_padded[:, 1:-1, 1:-1], by_filters, gradients.sum(axis=(1, 2))


def pool(planes):
    """2x2 max-pool (F, H, W) -> values (F, H/2, W/2) and the largest of the four pixels (the first of equals)."""
    F, H, W = planes.shape
    values, argmax = np.empty((F, H // 2, W // 2), planes.dtype), np.empty((F, H // 2, W // 2), int)
    for f in range(F):
        for r in range(H // 2):
            for x in range(W // 2):
                four = planes[f, 2 * r : 2 * r + 2, 2 * x : 2 * x + 2].ravel()
                values[f, r, x], argmax[f, r, x] = four.max(), four.argmax()
    return values, argmax


def unpool(gradients, argmax):
    """Backward pass of the max-pool: the largest of four pixels gets the whole gradient."""
    F, h, w = gradients.shape
    back = np.zeros((F, 2 * h, 2 * w), gradients.dtype)
    for f in range(F):
        for r in range(h):
            for x in range(w):
                dr, dx = divmod(argmax[f, r, x], 2)
                back[f, 2 * r + dr, 2 * x + dx] = gradients[f, r, x]
    return back


def forward(layers, image):
    """Softmax output (N_L,) of one image and all that the way back needs."""
    sums1 = convolve(image, layers.w1, layers.b1)
    pooled, argmax = pool(np.maximum(sums1, 0))
    sums2 = convolve(pooled, layers.w2, layers.b2)
    feature = np.maximum(sums2, 0).ravel()
    return losses.softmax(layers.w3 @ feature + layers.b3), (image, sums1, pooled, argmax, sums2, feature)


def outputs(network, weights, images):
    """Softmax outputs (N, N_L), image by image."""
    return np.stack([forward(network.layers(weights), image)[0] for image in images])


def sample_gradient(network, weights, image, target):
    """Gradient (N_mod,) of -sum t log F at one image, chain rule layer by layer."""
    layers = network.layers(weights)
    F, (image, sums1, pooled, argmax, sums2, feature) = forward(layers, image)
    gradient = target.sum() * F - target
    gradient2 = (layers.w3.T @ gradient).reshape(sums2.shape) * (sums2 > 0)
    by_pooled, w2, b2 = convolution_gradients(pooled, layers.w2, gradient2)
    gradient1 = unpool(by_pooled, argmax) * (sums1 > 0)
    _, w1, b1 = convolution_gradients(image, layers.w1, gradient1)
    return flat(Layers(w1, b1, w2, b2, np.outer(gradient, feature), gradient))


def gradient(network, weights, images, targets):
    """Gradient of the mean loss."""
    return np.mean([sample_gradient(network, weights, x, t) for x, t in zip(images, targets, strict=True)], axis=0)


def descend(network, weights, images, targets, order, rate):
    """SGD with batches of one; returns the last weights and the output before each step."""
    w, seen = weights.copy(), []
    for i in order:
        seen.append(forward(network.layers(w), images[i])[0])
        w = w - rate * sample_gradient(network, w, images[i], targets[i])
    return w, np.array(seen)


def flat(layers):
    """The flat vector of a set of layers."""
    return np.concatenate([part.ravel() for part in layers])
