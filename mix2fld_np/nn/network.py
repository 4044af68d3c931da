"""The letter's convolutional network behind one checked front door: a flat weight vector in, numbers out."""

import math
import operator
import os
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mix2fld_np.errors import InputError
from mix2fld_np.nn.workspace import BlockWorkspace, Layers, Workspace, aligned_zeros

if TYPE_CHECKING:
    from mix2fld_np.nn.kernels import EntryPoints


@dataclass(frozen=True)
class Network:
    """Two 3x3 convolutions with ReLU (max-pool 2 after the first), a fully connected layer, softmax  (Section IV).

    With the default shapes it has the letter's N_mod = 12,544 weights, the only such one with round numbers of filters:

        conv 3x3, C -> F1, ReLU, max-pool 2     9 C F1 + F1
        conv 3x3, F1 -> F2, ReLU                9 F1 F2 + F2
        fully connected, F2 H/2 W/2 -> N_L      F2 H/2 W/2 N_L + N_L

    Weights are one flat vector in the order of `layer_shapes`, each in C order: to compare with another framework, copy
    one vector. float32 weights compute in float32, others in float64.
    """

    image_shape: tuple[int, int, int] = (1, 28, 28)
    filters: tuple[int, int] = (12, 6)
    n_labels: int = 10

    def __post_init__(self) -> None:
        for name in ("image_shape", "filters"):  # as Python's integers, whose products do not overflow
            object.__setattr__(self, name, tuple(map(operator.index, getattr(self, name))))
        object.__setattr__(self, "n_labels", operator.index(self.n_labels))
        C, H, W = self.image_shape
        if C < 1 or H < 2 or W < 2 or H % 2 or W % 2:
            raise InputError(f"images of shape {self.image_shape} do not fit: the max-pool halves height and width, so "
                             "both must be even and at least 2; crop or pad the images by a pixel")
        if min(self.filters) < 1 or self.n_labels < 2:
            raise InputError("a network needs at least one filter in each layer and two labels, not "
                             f"{self.filters} and {self.n_labels}")

    @property
    def layer_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of w1, b1, w2, b2, w3, b3."""
        (C, H, W), (F1, F2), N_L = self.image_shape, self.filters, self.n_labels
        return (F1, C, 3, 3), (F1,), (F2, F1, 3, 3), (F2,), (N_L, F2 * (H // 2) * (W // 2)), (N_L,)

    @property
    def n_weights(self) -> int:
        """N_mod, the length of the flat weight vector."""
        return sum(math.prod(shape) for shape in self.layer_shapes)

    def initial_weights(self, rng: np.random.Generator, initialisation: str = "uniform") -> np.ndarray:
        """Fresh weights (N_mod,) float32, uniform in +-1/sqrt(fan_in) for weights and biases of each layer.

        "glorot": uniform in +-sqrt(6 / (fan_in + fan_out)), biases zero.
        """
        parts = []
        for F, C, *taps in self.layer_shapes[::2]:  # a filter of each layer sees C x taps numbers
            fan_in, fan_out = C * math.prod(taps), F * math.prod(taps)
            weights, biases = rng.uniform(-1, 1, F * fan_in), rng.uniform(-1, 1, F)
            if initialisation == "glorot":
                parts += [weights * math.sqrt(6 / (fan_in + fan_out)), 0 * biases]
            else:
                parts += [weights / math.sqrt(fan_in), biases / math.sqrt(fan_in)]
        return np.concatenate(parts).astype(np.float32)

    def layers(self, weights: np.ndarray) -> Layers:
        """Named views of a flat vector (N_mod,): writing to a view writes to the vector."""
        ends = np.cumsum([math.prod(shape) for shape in self.layer_shapes])
        parts = np.split(np.asarray(weights), ends[:-1])
        return Layers(*(part.reshape(shape) for part, shape in zip(parts, self.layer_shapes, strict=True)))

    def outputs(self, weights: ArrayLike, images: ArrayLike) -> np.ndarray:
        """Softmax output vectors F (N, N_L) of images (N, C, H, W)."""
        w = self.check_weights(weights)
        x = self.check_images(images, w.dtype)
        outputs = np.empty((len(x), self.n_labels), w.dtype)
        self.compiled.infer(self.layers(w), x, self.block_workspace(w.dtype), outputs)
        return outputs

    def accuracy(self, weights: ArrayLike, images: ArrayLike, labels: ArrayLike) -> float:
        """Fraction of images (N, C, H, W) whose largest output stands at their label (N,)."""
        outputs = self.outputs(weights, images)
        label = check_labels(labels, len(outputs), self.n_labels)
        if not np.isfinite(outputs).all():
            raise InputError("infinite or NaN outputs classify nothing: check weights and images")
        return float(np.mean(outputs.argmax(axis=1) == label))

    def gradient(self, weights: ArrayLike, images: ArrayLike, targets: ArrayLike) -> np.ndarray:
        """Gradient (N_mod,) of the mean loss -sum_m t_m log F_m over N images with targets t (N, N_L).

        With one-hot targets that of phi, eq. (1); with `losses.distillation_target` that of phi + beta psi, eq. (3).
        """
        w = self.check_weights(weights)
        x = self.check_images(images, w.dtype)
        t = self.check_targets(targets, len(x), w.dtype)
        gradient, outputs = np.zeros_like(w), np.empty_like(t)
        scale = w.dtype.type(1 / len(x))
        self.compiled.add_gradient(self.layers(w), x, t, scale, self.workspace(w.dtype), outputs, self.layers(gradient))
        return gradient

    def workspace(self, dtype: type | np.dtype) -> Workspace:
        """Room for one image on its way forward and back; see `kernels` for pitches and for bare and padded planes."""
        (C, H, W), (F1, F2), N_L = self.image_shape, self.filters, self.n_labels
        height, width = H // 2, W // 2
        bare, padded = height * (width + 2), (height + 3) * (width + 2)
        F1_even, F2_even = F1 + F1 % 2, F2 + F2 % 2
        zeros = partial(aligned_zeros, dtype=dtype)
        return Workspace(
            quarters=zeros((C, 4, padded)), sums1=zeros((4, bare)),
            pooled=zeros((F1, padded)), argmax=aligned_zeros((F1, bare), np.int32),
            gradient_pooled=zeros((F1_even, bare)), sums2=zeros((F2_even, bare)), gradient2=zeros((F2_even, padded)),
            flipped=zeros((F1, F2, 3, 3)), no_bias=zeros((F1,)),
            feature=zeros((F2, height, width)), gradient_feature=zeros((F2, height, width)), gradient=zeros((N_L,)),
        )

    def block_workspace(self, dtype: type | np.dtype) -> BlockWorkspace:
        """Room for kernels.BLOCK images side by side on their way forward."""
        (C, H, W), (F1, F2), N_L = self.image_shape, self.filters, self.n_labels
        height, width = H // 2, W // 2
        block, zeros = kernels().BLOCK, partial(aligned_zeros, dtype=dtype)
        row, padded = width * block, (height + 3) * (width + 2) * block
        return BlockWorkspace(
            quarters=zeros((C, 4, padded)), sums1=zeros((4, row)), pooled=zeros((F1, padded)),
            sums2=zeros((F2 + F2 % 2, row)), feature=zeros((F2, height, row)), logits=zeros((N_L, block)),
        )

    @property
    def compiled(self) -> "EntryPoints":
        """The compiled functions for this image size."""
        _, H, W = self.image_shape
        return kernels().entry_points(H // 2, W // 2)

    def compile(self) -> None:
        """Compiles training and inference in float32, or loads them where they were compiled before."""
        image, weights = np.zeros((1, *self.image_shape), np.float32), np.zeros(self.n_weights, np.float32)
        target, work = np.zeros((1, self.n_labels), np.float32), self.workspace(np.float32)
        order, rate = np.zeros(1, np.int64), np.float32(0)
        self.compiled.descend(self.layers(weights), image, target, order, rate, work, target.copy())
        self.outputs(weights, image)

    def check_weights(self, weights: ArrayLike) -> np.ndarray:
        """The weights as a contiguous vector of float32, or float64 where they are more than that, or an InputError."""
        w = np.asarray(weights)
        if w.shape != (self.n_weights,):
            raise InputError(f"weights {w.shape} do not fit; give one flat vector of N_mod = {self.n_weights:,}")
        return plain(w, np.float32 if w.dtype.kind == "f" and w.dtype.itemsize <= 4 else np.float64)

    def check_images(self, images: ArrayLike, dtype: np.dtype) -> np.ndarray:
        """The images as a contiguous array (N, C, H, W) of the weights' dtype, or an InputError."""
        x = np.asarray(images)
        if x.ndim != 4 or x.shape[1:] != self.image_shape or not len(x):
            raise InputError(f"images {x.shape} do not fit: give at least one image of (C, H, W) = {self.image_shape}")
        return plain(x, dtype)

    def check_targets(self, targets: ArrayLike, n_images: int, dtype: np.dtype) -> np.ndarray:
        """The targets as a contiguous array (N, N_L) of the weights' dtype, or an InputError."""
        t = np.asarray(targets)
        if t.shape != (n_images, self.n_labels):
            raise InputError(f"targets {t.shape} do not fit; one row of {self.n_labels} for each of {n_images} images")
        return plain(t, dtype)


def kernels() -> ModuleType:
    """The module of all compiled functions; it loads Numba, which takes a while, when it is needed first."""
    try:
        return import_module("mix2fld_np.nn.kernels")
    except ValueError as problem:
        variables = ", ".join(name for name in os.environ if name.startswith("NUMBA_"))
        if not variables:
            raise
        raise InputError(f"Numba cannot be loaded ({problem}); change or unset {variables}.") from None


def plain(values: np.ndarray, dtype: type | np.dtype) -> np.ndarray:
    """The values contiguous, aligned, writeable; copied if needed: Numba would compile once more for another layout."""
    if values.dtype.kind not in "fiub":
        raise InputError(f"values of type {values.dtype} are no real numbers: give floating-point numbers or integers")
    return np.require(values, dtype, ["C", "A", "W"])


def check_labels(labels: ArrayLike, n_samples: int, n_labels: int) -> np.ndarray:
    """The labels as int64 (N,), or an InputError unless they are one number from 0 to N_L - 1 for each sample."""
    l = np.asarray(labels)
    if l.shape != (n_samples,):
        raise InputError(f"labels of shape {l.shape} do not fit {n_samples} samples: give one label for each")
    if l.size and (l.dtype.kind not in "iu" or not 0 <= l.min() <= l.max() < n_labels):
        raise InputError(f"labels such as {l[:3].tolist()} do not fit N_L = {n_labels}: give whole numbers, "
                         f"numbered from 0 to {n_labels - 1}")
    return l.astype(np.int64)
