"""The embedded data set: handwritten digits, drawn by a pen that wavers, as many as wanted and without any download."""

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

from mix2fld_np.errors import InputError

SIZE = 28  # pixels along a side, as in MNIST
N_LABELS = 10
N_BLOTS = 64  # blots of ink that make up one digit
N_STRAY = 5  # blots of a stray dash
CHUNK = 500  # digits drawn at once; bounds the memory

# Bits after the point of what is rounded before it is summed.
FINE = 20  # of the line through a writing, and of what exp, cos and sin give
POSITION = 10  # of a blot's position in pixels
ACROSS, DOWN = 9, 11  # of the two profiles of a blot: 20 bits, and sums below 16, fit the 24 bits of float32
PROFILE_STEPS = 256  # entries of the table of the bell curve per standard deviation

# How much hands differ, as standard deviations unless said otherwise. Chosen so that the letter's network, trained on
# 500 digits, recognises about as many others as it does on MNIST, and clearly more when trained on 5,000.
WAVER = 0.033  # how far the pen misses a point of the writing, in heights of a digit
LOOSENESS = 1.5  # times as far at the free end of a stroke
FAVOURITE = 1.3  # the first writings of a label are the more usual ones; 1 would make all equally usual
BEND = 0.17
SLANT, USUAL_SLANT = 0.22, 0.12  # of the upright; most people lean to the right
TURN = 0.1  # radians
GROW, ASPECT = 0.06, 0.12  # of the logarithm of the size, and of width against height
HEIGHT = 18.5  # pixels, of the middle size
SHIFT = 0.7  # pixels
PEN, PEN_SPREAD = 0.88, 0.18  # radius of a blot in pixels, and the spread of its logarithm
SOAK = 1.7  # ink on the middle of a line, where 1 is as dark as it gets
GRAIN = 0.08  # unevenness of the paper, as a fraction of the ink
PALE = 0.1  # by how much a digit is paler than black
STRAY = 0.03  # probability of a dash that does not belong there
FAINTEST = 0.04  # ink that leaves no trace

# Ways of writing each digit on a 10 x 10 grid: "xy" is a point the pen passes (x to the right, y downwards), "/" ends a
# smooth stroke.
# A point named twice in one digit is the same point: "52 59 / 59 29" turns a sharp corner at 59.
# fmt: off
WRITINGS = (
    ("50 22 26 49 77 73 50", "61 40 23 27 49 76 73 51", "50 32 25 38 59 77 72 41", "52 31 24 28 59 76 72 41"),  # 0
    ("50 53 56 59", "32 50 / 50 53 56 59", "31 50 / 50 54 59 / 39 59 79", "60 53 49", "50 55 58 69"),  # 1
    ("22 40 61 63 46 29 / 29 49 79", "31 50 71 64 47 29 / 29 59 78", "22 40 71 64 47 39 28 37 58 79",
     "32 41 61 63 46 28 37 59 88"),  # 2
    ("21 40 70 72 54 / 54 75 78 49 27", "20 50 70 / 70 54 / 54 76 78 49 28", "22 50 71 63 44 64 77 59 28",
     "31 50 62 54 43 54 76 68 49 29"),  # 3
    ("60 43 26 / 26 56 86 / 60 56 59", "20 23 25 45 75 / 71 65 59", "20 24 26 55 74 / 70 65 69",
     "30 24 36 55 74 72 / 72 65 59", "70 26 / 26 56 95 / 62 55 49"),  # 4
    ("70 30 / 30 23 / 23 54 76 68 49 28", "71 41 / 41 34 / 34 54 76 78 59 28", "31 24 / 24 54 76 58 29 / 31 70",
     "80 50 42 34 54 66 58 39 18"),  # 5
    ("60 42 25 27 39 68 76 55 36", "70 43 26 28 49 68 66 45 27", "50 33 26 28 49 69 77 65 45 27",
     "51 34 37 49 68 66 54 46"),  # 6
    ("21 50 71 / 71 54 49", "20 50 80 / 80 63 56 49", "22 31 61 72 / 72 55 49 / 35 55 75", "20 70 / 70 54 39 / 35 64",
     "12 20 50 71 64 59"),  # 7
    ("71 40 32 44 65 77 59 38 27 45 64 72 61", "50 32 44 66 68 49 28 36 54 62 50", "70 41 33 55 76 68 39 27 36 63 71",
     "51 33 45 57 49 37 45 63 51"),  # 8
    ("71 40 23 35 64 71 / 71 67 59", "62 41 33 45 64 62 / 62 67 59 39 28", "72 50 32 34 54 72 / 72 59",
     "71 50 23 34 63 71 65 48 39"),  # 9
)
# fmt: on


@dataclass(frozen=True)
class Blueprint:
    """One way of writing a digit, ready to be drawn; P points, coordinates from -0.5 to 0.5."""

    points: np.ndarray  # (P, 2)  x to the right, y downwards
    waver: np.ndarray  # (P, 1)   how far the pen misses each of them
    line: np.ndarray  # (N_BLOTS, P)  leads a smooth line through the points
    stroke: np.ndarray  # (N_BLOTS,)  the stroke each blot belongs to


def digits(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`n` handwritten digits: images (n, 1, 28, 28) and labels (n,), both uint8; paper is 0, ink up to 255.

    Every label comes up equally often (up to one), in random order. The same generator gives the same bytes on every
    processor and with any number of threads: whatever exp, cos, sin or a matrix product has touched is rounded to a
    grid so coarse that all sums of such numbers are exact, in any order, and that libraries which differ in their last
    digit meet the same point of it (but for a chance below 1e-4 in all 70,000 digits).

    The surprise: a round blot is the product of a column and a row, so all blots of a digit are one matrix product.
    """
    if n < 1:
        raise InputError(f"{n} digits cannot be drawn; ask for one or more.")
    labels = rng.permutation(np.arange(n) % N_LABELS).astype(np.uint8)
    images = np.empty((n, 1, SIZE, SIZE), np.uint8)
    for first in range(0, n, CHUNK):
        x, y, stroke = _trace(labels[first : first + CHUNK], rng)
        x, y = _bend(x, y, rng)
        x, y = _place(x, y, rng)
        x, y, ink = _add_dash(x, y, _ink(x, y, stroke), rng)
        images[first : first + CHUNK, 0] = _soak(x, y, ink, rng)
    return images, labels


@cache
def blueprint(label: int, writing: int) -> Blueprint:
    """The blueprint of one of the `WRITINGS` of a label."""
    text = WRITINGS[label][writing]
    names = sorted(set(text.replace("/", " ").split()))
    points = np.array([[int(name[0]), int(name[1])] for name in names]) / 9 - 0.5
    strokes = [[names.index(name) for name in stroke.split()] for stroke in text.split("/")]
    ends = [p for stroke in strokes for p in (stroke[0], stroke[-1])]
    loose = [LOOSENESS if ends.count(p) == 1 else 1 for p in range(len(names))]
    lengths = [_on_grid(np.linalg.norm(np.diff(points[stroke], axis=0), axis=1), FINE).sum() for stroke in strokes]
    n_blots = np.diff(np.round(np.cumsum([0, *lengths]) / sum(lengths) * N_BLOTS).astype(int))
    line = np.concatenate([_line_through(stroke, n, points) for stroke, n in zip(strokes, n_blots, strict=True)])
    waver = WAVER * np.array(loose)[:, None]
    return Blueprint(points, waver, line, np.repeat(np.arange(len(strokes)), n_blots))


def _line_through(stroke, n_blots, points):
    """Weights (n_blots, P) of the points in each of the blots, equally far apart, on a smooth line through `stroke`."""
    knots = np.array([stroke[0], *stroke, stroke[-1]])
    t = np.linspace(0, len(stroke) - 1, 16 * len(stroke))
    steps = np.linalg.norm(np.diff(_catmull_rom(t, knots, len(points)) @ points, axis=0), axis=1)
    way = np.concatenate([[0], np.cumsum(steps)])
    return _on_grid(_catmull_rom(np.interp(np.linspace(0, way[-1], n_blots), way, t), knots, len(points)), FINE)


def _catmull_rom(t, knots, n_points):
    """Weights (T, n_points) of a Catmull-Rom spline, which passes through its knots one unit of `t` apart."""
    first = np.minimum(t.astype(int), len(knots) - 4)
    u = t - first
    cubics = (-u + 2 * u**2 - u**3) / 2, (2 - 5 * u**2 + 3 * u**3) / 2, (u + 4 * u**2 - 3 * u**3) / 2, (u**3 - u**2) / 2
    weights = np.zeros((len(t), n_points))
    for i, cubic in enumerate(cubics):
        np.add.at(weights, (np.arange(len(t)), knots[first + i]), cubic)
    return weights


def _trace(labels, rng):
    """Blots along the digits as a wavering hand leads the pen: x, y and the stroke of each, (n, N_BLOTS)."""
    n_writings = np.array([len(writings) for writings in WRITINGS])[labels]
    writing = (rng.random(len(labels)) ** FAVOURITE * n_writings).astype(int)
    blots = np.empty((len(labels), N_BLOTS, 2), np.float32)
    stroke = np.empty((len(labels), N_BLOTS), np.uint8)
    for label, w in sorted({*zip(labels.tolist(), writing.tolist(), strict=True)}):
        chosen, plan = np.flatnonzero((labels == label) & (writing == w)), blueprint(label, w)
        missed = plan.points + plan.waver * _normal(rng, len(chosen), *plan.points.shape)
        blots[chosen] = plan.line @ _on_grid(missed, FINE)
        stroke[chosen] = plan.stroke
    return blots[..., 0], blots[..., 1], stroke


def _bend(x, y, rng):
    """The same blots where heads grow against feet and straight lines bow."""
    a, b, c, d, e = BEND * _normal(rng, 5, len(x), 1)
    x_2, y_2 = x * x - 0.1, y * y - 0.1
    return x * (1 + a * y) + b * y_2 + c * x_2, y + d * y_2 + e * x_2


def _place(x, y, rng):
    """The same blots scaled, slanted and turned, in pixels, somewhere near the middle of the picture."""
    n = len(x)
    size, aspect = GROW * _normal(rng, n, 1), ASPECT * _normal(rng, n, 1)
    slant, turn = USUAL_SLANT + SLANT * _normal(rng, n, 1), TURN * _normal(rng, n, 1)
    x, y = HEIGHT * _same_everywhere(np.exp, size + aspect) * x, HEIGHT * _same_everywhere(np.exp, size - aspect) * y
    x = x - slant * y
    cosine, sine = _same_everywhere(np.cos, turn), _same_everywhere(np.sin, turn)
    x, y = _on_grid(cosine * x - sine * y, POSITION), _on_grid(sine * x + cosine * y, POSITION)
    middle = (SIZE - 1) / 2 + SHIFT * _normal(rng, 2, n, 1)
    return x - x.mean(axis=1, keepdims=True) + middle[0], y - y.mean(axis=1, keepdims=True) + middle[1]


def _ink(x, y, stroke):
    """Ink (n, N_BLOTS) of each blot: the length of the line it stands for, in pixels; none where the pen is lifted."""
    step = np.sqrt(np.diff(x, axis=1) ** 2 + np.diff(y, axis=1) ** 2) * (np.diff(stroke, axis=1) == 0)
    return (np.pad(step, ((0, 0), (1, 0))) + np.pad(step, ((0, 0), (0, 1)))) / 2


def _add_dash(x, y, ink, rng):
    """The same blots and those of a short dash anywhere, which has ink on a few pictures only."""
    n = len(x)
    along = np.linspace(0, 1, N_STRAY, dtype=np.float32)
    start = rng.uniform(2, SIZE - 2, (2, n, 1)).astype(np.float32)
    dash_x, dash_y = start + 1.5 * _normal(rng, 2, n, 1) * along
    dash_ink = np.repeat(0.8 * (rng.random((n, 1), np.float32) < STRAY), N_STRAY, axis=1).astype(np.float32)
    return np.hstack([x, dash_x]), np.hstack([y, dash_y]), np.hstack([ink, dash_ink])


def _soak(x, y, ink, rng):
    """Pictures (n, 28, 28) uint8 of the blots, whose ink adds up until the paper is full."""
    n = len(x)
    radius = PEN * _same_everywhere(np.exp, PEN_SPREAD * _normal(rng, n, 1, 1))
    columns = _on_grid(_profile(x, radius), ACROSS)
    rows = _on_grid(_profile(y, radius) * (ink[..., None] / (math.sqrt(2 * math.pi) * radius)), DOWN)
    soaked = SOAK * (rows.transpose(0, 2, 1) @ columns)
    soaked *= 1 + GRAIN * _normal(rng, n, SIZE, SIZE)
    blackest = 255 * np.clip(1 - PALE * np.abs(_normal(rng, n, 1, 1)), 0, 1)
    return np.round(np.clip(soaked - FAINTEST, 0, 1) * blackest).astype(np.uint8)


def _profile(middle, radius):
    """How dark a blot at `middle` (n, B) is along an axis: (n, B, 28), 1 in the middle; radii (n, 1, 1)."""
    away = np.arange(SIZE, dtype=np.float32) - middle[..., None]
    away *= PROFILE_STEPS / radius
    return _bell().take(np.abs(away, out=away).astype(np.intp), mode="clip")


@cache
def _bell():
    """exp(-z^2 / 2) at z = (k + 1/2) / PROFILE_STEPS for k = 0, 1, ..., until nothing is left of it."""
    z = (np.arange(5 * PROFILE_STEPS) + 0.5) / PROFILE_STEPS
    return _same_everywhere(np.exp, -(z**2) / 2)


def _normal(rng, *shape):
    """Normal numbers, float32: one of 65,536 quantiles, none of which is further out than 4.2."""
    return _quantiles()[rng.integers(0, 1 << 16, shape, np.uint16)]


@cache
def _quantiles():
    half = np.array([NormalDist().inv_cdf((k + 0.5) / (1 << 16)) for k in range(1 << 15)])
    return _on_grid(np.concatenate([half, -half[::-1]]), FINE).astype(np.float32)


def _same_everywhere(function, a):
    """exp, cos or sin, float32: computed in double precision, without the digits in which libraries differ."""
    return _on_grid(function(a.astype(np.float64)), FINE).astype(np.float32)


def _on_grid(a, bits):
    """Numbers rounded to multiples of 2^-bits."""
    return np.rint(a * 2.0**bits) / 2.0**bits
