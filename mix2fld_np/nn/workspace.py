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
    """What one image leaves behind on its way forward and back; one per thread. A slope is the gradient of the loss by that quantity.

    Planes are those of the pooled image, height x width = H/2 x W/2.
    """

    quarters: np.ndarray  # (C, 4, padded) the image, dealt by parity
    sums1: np.ndarray  # (4, bare) first convolution, one filter at a time
    pooled: np.ndarray  # (F1, padded) after ReLU and max-pool
    winner: np.ndarray  # (F1, bare) which of its four pixels gave a cell its maximum; 4 where the ReLU cut
    slope_pooled: np.ndarray  # (F1 made even, bare)
    sums2: np.ndarray  # (F2 made even, bare) second convolution
    slope2: np.ndarray  # (F2 made even, padded) by sums2
    turned: np.ndarray  # (F1, F2, 3, 3) w2 turned by 180 degrees, inputs and outputs exchanged
    no_bias: np.ndarray  # (F1,) zeros
    feature: np.ndarray  # (F2, height, width) after the second ReLU
    slope_feature: np.ndarray  # (F2, height, width)
    slope: np.ndarray  # (N_L,) by the logits


class BlockWorkspace(NamedTuple):
    """What BLOCK images leave behind, side by side, on their way forward; a row is that of the pooled image."""

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
