"""Mixup and inverse-Mixup, eqs. (6) to (10) and Proposition 1: the library against exact fractions.

Each function takes the quantity of the library that it checks and yields pairs (the library's value, the value of the other route).
"""

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

from mix2fld_np.mixing import inverse, mixup
from mix2fld_np.mixing.mixup import MixedSamples
from mix2fld_np.randomness import stream
from mix2fld_np.verify.check import EXACT, ROUNDING, SUMS, ZERO, Check

LAMBDAS = [Fraction(1, 1000), Fraction(1, 10), Fraction(1, 5), Fraction(3, 10), Fraction(2, 5), Fraction(499, 1000), Fraction(7, 10)]
SIZES = range(2, 9)  # N


def eq_6_samples(mixup: Callable) -> Iterator[tuple]:
    """Pixels and labels of a blend, number by number in fractions."""
    rng = stream(0, "verify eq. (6)")
    for lam in LAMBDAS:
        first, second, hard = rng.random(50), rng.random(50), np.eye(3)
        by_hand = [lam * Fraction(a) + (1 - lam) * Fraction(b) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
        yield mixup(first, second, float(lam)), floats(by_hand)
        yield mixup(hard[2], hard[0], float(lam)), floats([1 - lam, Fraction(0), lam])


def eq_6_partners(draw_pairs: Callable) -> Iterator[tuple]:
    """How many of a device's blends take two samples of one label: none may. And how many labels are taken first: all."""
    labels = np.repeat(np.arange(5), [1, 2, 9, 30, 58])
    first, second = draw_pairs(labels, 2_000, stream(0, "verify partners"))
    yield sum(labels[i] == labels[j] for i, j in zip(first, second, strict=True)), 0
    yield len({int(labels[i]) for i in first}), 5


def eq_7(inversely_mix: Callable) -> Iterator[tuple]:
    """Inverse samples of two devices with symmetric labels, written out in the raw samples that went into them."""
    rng = stream(0, "verify eq. (7)")
    for lam in LAMBDAS[1:5]:
        s_i, s_j, s_i2, s_j2 = raw = rng.random((4, 1, 5, 5))  # labels (a, b) = (2, 0) on device 7, (b, a) on device 3
        share, (a, b) = float(lam), (2, 0)
        mixed = MixedSamples(
            np.stack([share * s_i + (1 - share) * s_j, share * s_i2 + (1 - share) * s_j2]),
            np.array([[1 - share, 0, share], [share, 0, 1 - share]]),
            np.array([a, b]),
            np.array([b, a]),
            np.array([7, 3]),
        )
        near, far = float(lam**2 / (1 - 2 * lam)), float(lam * (1 - lam) / (1 - 2 * lam))
        inverse = inversely_mix(mixed, np.array([[0, 1]]), share)
        yield inverse.images[0], s_j2 + near * (s_j2 - s_i) + far * (s_i2 - s_j)
        yield inverse.images[1], s_j + near * (s_j - s_i2) + far * (s_i - s_j2)
        yield inverse.labels, [[0, 0, 1], [1, 0, 0]]
        yield np.array([np.abs(inverse.images[0] - source).max() > 1e-3 for source in raw]), [True] * 4  # no raw sample comes back


def eq_8_matrix(mixing_matrix: Callable) -> Iterator[tuple]:
    """The matrix on the right as it is printed, entry by entry."""
    for ratios in all_ratios():
        yield mixing_matrix(floats(ratios)), floats(printed_matrix(ratios))


def eq_8_inverse(inverse_ratios: Callable) -> Iterator[tuple]:
    """Its inverse, by Gauss and Jordan in fractions."""
    for ratios in all_ratios():
        yield inverse_ratios(floats(ratios)), floats(inverse_by_hand(printed_matrix(ratios)))


def eq_9(inverse_ratio: Callable) -> Iterator[tuple]:
    """1 = lambda_hat lambda + (1 - lambda_hat)(1 - lambda), with the library's lambda_hat, for n = 1 and, mirrored, n = 2."""
    for lam in map(float, LAMBDAS):
        for n, own in ((1, lam), (2, 1 - lam)):
            lambda_hat = inverse_ratio(lam, n)
            yield lambda_hat * own + (1 - lambda_hat) * (1 - own), 1


def eq_10(inverse_ratio: Callable) -> Iterator[tuple]:
    """0 = lambda_hat (1 - lambda) + (1 - lambda_hat) lambda, for n = 1 and, mirrored, n = 2."""
    for lam in map(float, LAMBDAS):
        for n, own in ((1, lam), (2, 1 - lam)):
            lambda_hat = inverse_ratio(lam, n)
            yield lambda_hat * (1 - own) + (1 - lambda_hat) * own, 0


def proposition_1(inverse_mixup: Callable) -> Iterator[tuple]:
    """N devices each blend samples of N labels, in turn; the inverse blends have hard labels, and the samples that fractions say."""
    rng = stream(0, "verify Proposition 1")
    for ratios in all_ratios():
        N, matrix = len(ratios), printed_matrix(ratios)
        raw = [[Fraction(int(pixel), 255) for pixel in rng.integers(256, size=N)] for _ in range(N)]  # one pixel of each device's samples
        mixed = [sum(share * pixel for share, pixel in zip(matrix[r], raw[r], strict=True)) for r in range(N)]
        inverse = [sum(share * blend for share, blend in zip(row, mixed, strict=True)) for row in inverse_by_hand(matrix)]
        yield inverse_mixup(floats(matrix), floats(ratios)), np.eye(N)
        yield inverse_mixup(floats(mixed), floats(ratios)), floats(inverse)


# --- exact fractions -------------------------------------------------------------------------------------------------------------------


def all_ratios() -> Iterator[list[Fraction]]:
    """For each N: one large share, falling shares, and two sets of random shares; all have an inverse."""
    rng = stream(0, "verify mixing ratios")
    for N in SIZES:
        yield [Fraction(9, 10)] + [Fraction(1, 10 * (N - 1))] * (N - 1)
        for parts in (range(N, 0, -1), *rng.integers(1, 100, size=(2, N)).tolist()):
            yield [Fraction(part, sum(parts)) for part in parts]


def printed_matrix(ratios: list[Fraction]) -> list[list[Fraction]]:
    """(lambda_1 ... lambda_N), (lambda_2 ... lambda_N, lambda_1), ..., (lambda_N, lambda_1 ... lambda_(N-1))."""
    return [ratios[r:] + ratios[:r] for r in range(len(ratios))]


def inverse_by_hand(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """The exact inverse."""
    N = len(matrix)
    rows = [list(row) + [Fraction(int(r == k)) for k in range(N)] for r, row in enumerate(matrix)]
    for k in range(N):
        pivot = next(r for r in range(k, N) if rows[r][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [entry / rows[k][k] for entry in rows[k]]
        for r in range(N):
            if r != k:
                rows[r] = [entry - rows[r][k] * above for entry, above in zip(rows[r], rows[k], strict=True)]
    return [row[N:] for row in rows]


def floats(exact: list) -> np.ndarray:
    """Fractions, or rows of them, as float64."""
    return np.array(exact, dtype=float)


# --- the rows --------------------------------------------------------------------------------------------------------

ROWS = (
    Check("eq. (6): samples and labels", "NumPy | fractions", mixup.mixup, eq_6_samples, ROUNDING),
    Check("eq. (6): two different labels", "2,000 drawn pairs | counted", mixup.draw_pairs, eq_6_partners, EXACT),
    Check("eq. (7): inverse samples, N = 2", "inverse matrix | written out in raw samples", inverse.inversely_mix, eq_7, SUMS),
    Check("eq. (8): matrix", "NumPy | entry by entry", mixup.mixing_matrix, eq_8_matrix, ROUNDING),
    Check("eq. (8): inverse, N = 2 to 8", "LAPACK | Gauss-Jordan in fractions", inverse.inverse_ratios, eq_8_inverse, SUMS),
    Check("eq. (9)", "right side with lambda_hat | 1", inverse.inverse_ratio, eq_9, ZERO),
    Check("eq. (10)", "right side with lambda_hat | 0", inverse.inverse_ratio, eq_10, ZERO),
    Check("Proposition 1, N = 2 to 8", "LAPACK | hard labels, fractions", inverse.inverse_mixup, proposition_1, SUMS),
)
