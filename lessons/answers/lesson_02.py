"""Answers and hints of lesson 02."""

from dataclasses import dataclass, field

import numpy as np
from marking import Number
from scores import Missed, Open, Refused
from written import Written

from mix2fld_np.nn import kernels
from mix2fld_np.nn.network import Network
from mix2fld_np.randomness import stream


def convolution(planes, filters, bias):
    """A 'same' convolution of planes (C, H, W) with filters (F, C, 3, 3) and a bias each, by the library's kernel."""
    (C, H, W), F = planes.shape, len(filters)
    pitch = W + 2
    flat, sums = np.zeros((C, (H + 3) * pitch)), np.zeros((F + F % 2, H * pitch))  # two filters at a time
    flat.reshape(C, H + 3, pitch)[:, 1 : H + 1, 1 : W + 1] = planes
    padded = [np.concatenate([part, np.zeros_like(part[: F % 2])]) for part in (filters, bias)]
    kernels.correlate(flat, *padded, pitch, H * pitch, sums)
    return sums[:F].reshape(F, H, pitch)[:, :, :W].copy()


def filter_gradient(planes, g):
    """Gradient by the filters (F, C, 3, 3), tap by tap: the gradient g of what came out times what went in."""
    _, H, W = g.shape
    padded, by_filters = np.pad(planes, ((0, 0), (1, 1), (1, 1))), np.zeros((len(g), len(planes), 3, 3))
    for i, j in np.ndindex(3, 3):
        by_filters[:, :, i, j] = np.tensordot(g, padded[:, i : i + H, j : j + W], axes=[(1, 2), (1, 2)])
    return by_filters


def flipped(filters):
    """The filters (C, F, 3, 3) that carry a gradient back: turned by 180 degrees, inputs and outputs exchanged."""
    return filters.swapaxes(0, 1)[:, :, ::-1, ::-1]


@dataclass
class Counter:
    """How many products of two numbers from picture and filter were made."""

    products: int = 0


@dataclass
class Counted:
    """A number that counts its products with others of its kind; sums, and products with plain numbers, are free."""

    value: float
    counter: Counter = field(repr=False)

    def __add__(self, other):
        return Counted(self.value + as_float(other), self.counter)

    def __sub__(self, other):
        return Counted(self.value - as_float(other), self.counter)

    def __rsub__(self, other):
        return Counted(as_float(other) - self.value, self.counter)

    def __neg__(self):
        return Counted(-self.value, self.counter)

    def __mul__(self, other):
        self.counter.products += isinstance(other, Counted)
        return Counted(self.value * as_float(other), self.counter)

    def __truediv__(self, other):
        if isinstance(other, Counted):
            raise Refused("dividing by a number of picture or filter is not allowed; divide by plain numbers only.")
        return Counted(self.value / other, self.counter)

    __radd__, __rmul__ = __add__, __mul__


def as_float(number):
    """The value of a counted number, or a plain number as it is."""
    return number.value if isinstance(number, Counted) else number


def fewest_products(four_sums):
    """Products that `four_sums(x, w)` makes for the 2 x 2 outputs of a 4 x 4 picture x under a filter w of 3 x 3."""
    rng, most = stream(2, "pictures to count with"), 0
    for _ in range(5):
        x, w, counter = rng.standard_normal((4, 4)), rng.standard_normal((3, 3)), Counter()
        counted = [[[Counted(float(value), counter) for value in row] for row in array] for array in (x, w)]
        made = four_sums(*counted)
        if not isinstance(made, (list, tuple)) or [np.shape(row) for row in made] != [(2,), (2,)]:
            raise Refused("two rows of two sums are wanted, [[y00, y01], [y10, y11]].")
        got = [[as_float(value) for value in row] for row in made]
        wanted = [[np.sum(w * x[r : r + 3, s : s + 3]) for s in range(2)] for r in range(2)]
        if not np.allclose(got, wanted):
            raise Missed("what comes back are not the four sums: [[y00, y01], [y10, y11]] without padding.")
        most = max(most, counter.products)
    if not most:
        raise Refused("no product was counted: multiply the numbers that were handed in, without taking them apart.")
    return most


rng = stream(2, "planes to try")
PLANES, FILTERS, BIAS = rng.standard_normal((2, 4, 5)), rng.standard_normal((3, 2, 3, 3)), rng.standard_normal(3)
ONE, TAPS = np.arange(9.0).reshape(1, 3, 3), np.arange(1.0, 10).reshape(1, 1, 3, 3)
GRADIENT = rng.standard_normal((3, 4, 5))

EXERCISES = {
    "02.1": Written(
        convolution,
        [(ONE, TAPS, np.zeros(1)), (ONE, TAPS, np.ones(1)), (PLANES, FILTERS, BIAS)],
        hints=(
            "put a border of zeros around every plane first; then each output reads the 3 x 3 pixels below its filter.",
            "output (f, r, s) is bias[f] plus the sum of filters[f] times padded[:, r : r + 3, s : s + 3].",
        ),
    ),
    "02.2": Written(
        filter_gradient,
        [(ONE, np.ones((1, 3, 3))), (PLANES, GRADIENT)],
        hints=(
            "every output pixel (f, r, s) sends its gradient, times what each tap was multiplied by, to the nine taps.",
            "add g[f, r, s] * padded[:, r : r + 3, s : s + 3] to the gradient of filters[f], for all f, r, s.",
        ),
    ),
    "02.3": Number(
        9 * 12 * 6 * 28 * 28,
        hints=(
            "(taps of a filter) x (planes that go in) x (filters) x (output pixels).",
            "without a pool before it the planes have 28 x 28 pixels.",
        ),
        mistakes=[
            (9 * 12 * 6 * 14 * 14, "that is what it takes now; without a pool before it the planes are larger."),
            (9 * 6 * 28 * 28, "each of the six filters looks at all twelve planes."),
            (12 * 6 * 28 * 28, "a filter has nine taps on each plane, not one."),
            (9 * 12 * 6, "that is the number of taps; each of them is used at every output pixel."),
        ],
    ),
    "02.4": Number(
        Network((3, 32, 32)).n_weights,
        hints=(
            "layer by layer: only w1 and w3 change.",
            "the first filters look at three planes, and the pooled planes have 16 x 16 pixels.",
        ),
        mistakes=[
            (12_544, "that is the network for MNIST; more planes go in, and the pictures are larger."),
            (12_760, "the colours are in; the planes after the pool are larger, too."),
            (16_144, "the larger planes are in; the first filters look at three colour planes each."),
            (16_332, "are the biases in?"),
            (62_440, "the pool halves both sides of the picture."),
        ],
    ),
    "02.5": Written(
        flipped,
        [(FILTERS,), (TAPS,)],
        hints=(
            "put i' = 2 - i and j' = 2 - j into the formula for the pixels; compare it with the lesson's first.",
            "turn each filter by 180 degrees, and exchange the axes of what goes in and what comes out.",
        ),
    ),
    "02.6": Open(
        fewest_products,
        best=16,
        unit="products",
        more_is_better=False,
        hints=(
            "first in one dimension: two sums of three taps each need four products instead of six.",
            "Winograd's scheme multiplies sums of pixels by sums of taps, such as (x1 + x2) by (w0 + w1 + w2) / 2.",
        ),
    ),
}
