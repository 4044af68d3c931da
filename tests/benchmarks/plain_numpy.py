"""The same network as one would write it in plain NumPy: convolutions as matrix products of unfolded planes (im2col).

Written with care, so that the comparison is worth something: every buffer is made once, planes are unfolded by one
strided copy, the pixels of the first layer come out sorted by pooling cell, and inference works on stacks of images.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided


class PlainNumpy:
    """Buffers for stacks of `n` images and the flat float32 weights they are shown to (the order of
    `mix2fld_np.nn.network`)."""

    def __init__(self, network, weights, n=1):
        (C, H, W), (F1, F2) = network.image_shape, network.filters
        h, w = H // 2, W // 2
        self.weights, self.flat_gradient = weights, np.zeros_like(weights)
        self.layers, self.gradient = network.layers(weights), network.layers(self.flat_gradient)
        self.w1, self.w2 = self.layers.w1.reshape(F1, -1), self.layers.w2.reshape(F2, -1)
        self.image, self.pooled = zeros(n, C, H + 2, W + 2), zeros(n, F1, h + 2, w + 2)
        self.gradient2 = zeros(1, F2, h + 2, w + 2)
        self.cells, self.patches = unfold_cells(self.image), unfold(self.pooled)
        self.gradient_patches = unfold(self.gradient2)
        self.columns1, self.columns2, self.columns3 = (
            zeros(n, 9 * C, 4 * h * w),
            zeros(n, 9 * F1, h * w),
            zeros(1, 9 * F2, h * w),
        )
        self.sums1, self.sums2 = zeros(n, F1, 4 * h * w), zeros(n, F2, h * w)
        self.four, self.feature = self.sums1.reshape(n, F1, 4, h * w), self.sums2.reshape(n, F2 * h * w)
        self.gradient1, self.gradient_sums2 = zeros(F1, 4, h * w), zeros(F2, h * w)

    def forward(self, images):
        """Softmax outputs (n, N_L) of n images."""
        self.image[:, :, 1:-1, 1:-1] = images
        np.copyto(self.columns1.reshape(self.cells.shape), self.cells)
        np.matmul(self.w1, self.columns1, out=self.sums1)
        best = self.four.max(axis=2)  # the bias is the same for all four pixels, and the ReLU grows with its argument
        best += self.layers.b1[:, None]
        np.maximum(best, 0, out=best)
        inside = self.pooled[:, :, 1:-1, 1:-1]
        inside[:] = best.reshape(inside.shape)
        np.copyto(self.columns2.reshape(self.patches.shape), self.patches)
        np.matmul(self.w2, self.columns2, out=self.sums2)
        self.sums2 += self.layers.b2[:, None]
        np.maximum(self.sums2, 0, out=self.sums2)
        logits = self.feature @ self.layers.w3.T
        logits += self.layers.b3
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits

    def step(self, image, target, rate):
        """One step of SGD with a batch of one, in place."""
        F, G = self.forward(image)[0], self.gradient
        gradient = target.sum() * F - target
        np.outer(gradient, self.feature[0], out=G.w3)
        G.b3[:] = gradient
        by_feature = (gradient @ self.layers.w3).reshape(self.gradient_sums2.shape)
        np.multiply(by_feature, self.sums2[0] > 0, out=self.gradient_sums2)
        np.matmul(self.gradient_sums2, self.columns2[0].T, out=G.w2.reshape(self.w2.shape))
        self.gradient_sums2.sum(axis=1, out=G.b2)
        gradient_pooled = self.back_to_pooled()
        self.unpool(gradient_pooled)
        np.matmul(self.gradient1.reshape(G.b1.size, -1), self.columns1[0].T, out=G.w1.reshape(self.w1.shape))
        gradient_pooled.sum(axis=1, out=G.b1)
        self.flat_gradient *= rate
        self.weights -= self.flat_gradient

    def back_to_pooled(self):
        """The gradient by the first layer's sums of each pooling cell (F1, H/2 W/2): a convolution, filters flipped."""
        inside, F1 = self.gradient2[0, :, 1:-1, 1:-1], self.layers.b1.size
        inside[:] = self.gradient_sums2.reshape(inside.shape)
        np.copyto(self.columns3.reshape(self.gradient_patches.shape), self.gradient_patches)
        gradient_pooled = self.layers.w2[:, :, ::-1, ::-1].transpose(1, 0, 2, 3).reshape(F1, -1) @ self.columns3[0]
        gradient_pooled *= self.pooled[0, :, 1:-1, 1:-1].reshape(F1, -1) > 0
        return gradient_pooled

    def unpool(self, gradient_pooled):
        """The gradient of every pooling cell to the first of its largest pixels; argmax along a short axis is slow."""
        (s0, s1, s2, s3), (a, b, c, d) = self.four[0].transpose(1, 0, 2), self.gradient1.transpose(1, 0, 2)
        lower = np.maximum(s2, s3) > np.maximum(s0, s1)
        np.multiply(gradient_pooled, lower, out=c)
        np.subtract(gradient_pooled, c, out=a)
        np.multiply(a, s1 > s0, out=b)
        np.multiply(c, s3 > s2, out=d)
        a -= b
        c -= d


def zeros(*shape):
    """Zeros in single precision."""
    return np.zeros(shape, np.float32)


def unfold(padded):
    """A view (n, C, 3, 3, H, W) of padded planes: the nine neighbours of every pixel."""
    n, C, height, width = padded.shape
    s, sc, sy, sx = padded.strides
    return as_strided(padded, (n, C, 3, 3, height - 2, width - 2), (s, sc, sy, sx, sy, sx))


def unfold_cells(padded):
    """A view (n, C, 3, 3, 2, 2, H/2, W/2) of padded planes: the same,
    with pixels sorted by their place in a pooling cell."""
    n, C, height, width = padded.shape
    s, sc, sy, sx = padded.strides
    return as_strided(
        padded, (n, C, 3, 3, 2, 2, height // 2 - 1, width // 2 - 1), (s, sc, sy, sx, sy, sx, 2 * sy, 2 * sx)
    )
