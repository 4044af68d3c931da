"""The named arrays that the kernels work on."""

import math
from typing import NamedTuple

import numpy as np

LINE = 64  # bytes of a cache line; planes that start on one load faster


class Layers(NamedTuple):
    """Named views of one flat vector of weights (or of a gradient), in its order."""

    w1: np.ndarray  # (F1, C, 3, 3)
    b1: np.ndarray  # (F1,)
    w2: np.ndarray  # (F2, F1, 3, 3)
    b2: np.ndarray  # (F2,)
    w3: np.ndarray  # (N_L, N_feature), N_feature = F2 * H/2 * W/2
    b3: np.ndarray  # (N_L,)


class Workspace(NamedTuple):
    """What one image leaves behind in the forward and the backward pass; one per thread.

    Gradients are those of the loss by the quantity. Planes are those of the pooled image, height x width = H/2 x W/2.
    """

    quarters: np.ndarray  # (C, 4, padded) the image by parity of row and column
    sums1: np.ndarray  # (4, bare) first convolution, one filter at a time
    pooled: np.ndarray  # (F1, padded) after ReLU and max-pool
    argmax: np.ndarray  # (F1, bare) the largest of the four pixels of a cell; 4 where the ReLU cut
    gradient_pooled: np.ndarray  # (F1 made even, bare)
    sums2: np.ndarray  # (F2 made even, bare) second convolution
    gradient2: np.ndarray  # (F2 made even, padded) by sums2
    flipped: np.ndarray  # (F1, F2, 3, 3) w2 flipped by 180 degrees, inputs and outputs exchanged
    no_bias: np.ndarray  # (F1,) zeros
    feature: np.ndarray  # (F2, height, width) after the second ReLU
    gradient_feature: np.ndarray  # (F2, height, width)
    gradient: np.ndarray  # (N_L,) by the logits


class BlockWorkspace(NamedTuple):
    """What BLOCK images leave behind, side by side, in the forward pass; a row is that of the pooled image."""

    quarters: np.ndarray  # (C, 4, padded)
    sums1: np.ndarray  # (4, row) first convolution, one filter at a time
    pooled: np.ndarray  # (F1, padded)
    sums2: np.ndarray  # (F2 made even, row) second convolution
    feature: np.ndarray  # (F2, height, row)
    logits: np.ndarray  # (N_L, BLOCK)


def aligned_zeros(shape: tuple[int, ...], dtype: type | np.dtype) -> np.ndarray:
    """Zeros whose first element stands at the start of a cache line."""
    n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.zeros(n_bytes + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + n_bytes].view(dtype).reshape(shape)
