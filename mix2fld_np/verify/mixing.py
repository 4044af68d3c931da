"""Mixup and inverse-Mixup, eqs. (6) to (10) and Proposition 1, against fractions and the printed equations."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product

import numpy as np

from mix2fld_np.mixing import inverse, mixup
from mix2fld_np.mixing.mixup import MixedSamples
from mix2fld_np.randomness import stream
from mix2fld_np.verify.check import ROUNDING, SINGLE, SUMS, ZERO, Check

LAMBDAS = (0.001, 0.1, 0.2, 0.3, 0.4, 0.499, 0.7)


def eq_6_samples(mixup: Callable) -> Iterator[tuple]:
    """Pixels and label of a blend, number by number in fractions."""
    rng = stream(0, "verify eq. (6)")
    for lam in LAMBDAS:
        share, s_i, s_j = Fraction(lam), np.append(rng.random(50), [0, 0, 1]), np.append(rng.random(50), [1, 0, 0])
        exact = [share * Fraction(a) + (1 - share) * Fraction(b) for a, b in zip(s_i, s_j, strict=True)]
        yield mixup(s_i, s_j, lam), [float(number) for number in exact]


def eq_7(inversely_mix: Callable) -> Iterator[tuple]:
    """Inverse samples of two devices with symmetric labels, written out in the raw samples that went into them."""
    rng = stream(0, "verify eq. (7)")
    for lam in (0.1, 0.2, 0.3, 0.4):  # below, an inverse sample is nearly a raw one
        s_i, s_j, s_i2, s_j2 = raw = rng.random((4, 1, 5, 5))  # labels (2, 0) on device 7, (0, 2) on device 3
        images = np.stack([lam * s_i + (1 - lam) * s_j, lam * s_i2 + (1 - lam) * s_j2])
        labels = np.array([[1 - lam, 0, lam], [lam, 0, 1 - lam]])
        mixed = MixedSamples(images, labels, np.array([2, 0]), np.array([0, 2]), np.array([7, 3]))
        inverse = inversely_mix(mixed, np.array([[0, 1]]), lam)
        near, far = lam**2 / (1 - 2 * lam), lam * (1 - lam) / (1 - 2 * lam)
        yield inverse.images[0], s_j2 + near * (s_j2 - s_i) + far * (s_i2 - s_j)
        yield inverse.images[1], s_j + near * (s_j - s_i2) + far * (s_i - s_j2)
        yield inverse.labels, [[0, 0, 1], [1, 0, 0]]
        yield [np.abs(inverse.images[0] - source).max() > 1e-3 for source in raw], [True] * 4  # none is restored


def rounding(quantize: Callable) -> Iterator[tuple]:
    """The nearest of all 2^b numbers that lie evenly from low to high, in fractions."""
    rng = stream(0, "verify rounding")
    for bits, (low, high) in product((1, 2, 5), ((0.0, 1.0), (-0.375, 0.25), (2.0, 1_026.0))):
        step, numbers = Fraction(high - low) / (2**bits - 1), rng.uniform(low, high, 50).astype(np.float32).tolist()
        levels = [Fraction(low) + k * step for k in range(2**bits)]
        yield quantize(numbers, bits, low, high), [min(levels, key=lambda at: abs(at - Fraction(x))) for x in numbers]


def eq_8_matrix(mixing_matrix: Callable) -> Iterator[tuple]:
    """The matrix on the right as it is printed, entry by entry."""
    for ratios in all_ratios():
        yield mixing_matrix(ratios), printed_matrix(ratios)


def eq_8_inverse(inverse_ratios: Callable) -> Iterator[tuple]:
    """Its inverse: multiplied with it from either side, the unit matrix."""
    for ratios in all_ratios():
        got, matrix = inverse_ratios(ratios), printed_matrix(ratios)
        yield matrix @ got, np.eye(len(ratios))
        yield got @ matrix, np.eye(len(ratios))


def eq_9(inverse_ratio: Callable) -> Iterator[tuple]:
    """1 = lambda_hat lambda + (1 - lambda_hat)(1 - lambda)."""
    for lam, lambda_hat in either_label(inverse_ratio):
        yield lambda_hat * lam + (1 - lambda_hat) * (1 - lam), 1


def eq_10(inverse_ratio: Callable) -> Iterator[tuple]:
    """0 = lambda_hat (1 - lambda) + (1 - lambda_hat) lambda."""
    for lam, lambda_hat in either_label(inverse_ratio):
        yield lambda_hat * (1 - lam) + (1 - lambda_hat) * lam, 0


def proposition_1(inverse_mixup: Callable) -> Iterator[tuple]:
    """N uploads whose N labels go round: their inverse blends have hard labels, and mixed up again are the uploads."""
    rng = stream(0, "verify Proposition 1")
    for ratios in all_ratios():
        matrix, uploads = printed_matrix(ratios), rng.random((len(ratios), 5))
        yield inverse_mixup(matrix, ratios), np.eye(len(ratios))
        yield matrix @ inverse_mixup(uploads, ratios), uploads


def either_label(inverse_ratio: Callable) -> Iterator[tuple[float, float]]:
    """lambda with lambda_hat for n = 1; for n = 2, whose equations are mirrored, 1 - lambda with its own."""
    for lam in LAMBDAS:
        yield lam, inverse_ratio(lam, 1)
        yield 1 - lam, inverse_ratio(lam, 2)


def all_ratios() -> Iterator[list[float]]:
    """For N = 2 to 8: one large share, falling shares, and two sets of random shares; all have an inverse."""
    rng = stream(0, "verify mixing ratios")
    for N in range(2, 9):
        one_large = [9 * (N - 1)] + [1] * (N - 1)
        for parts in (one_large, range(N, 0, -1), *rng.integers(1, 100, size=(2, N)).tolist()):
            yield [part / sum(parts) for part in parts]


def printed_matrix(ratios: list[float]) -> np.ndarray:
    """(lambda_1 ... lambda_N), (lambda_2 ... lambda_N, lambda_1), ..., (lambda_N, lambda_1 ... lambda_(N-1))."""
    return np.array([ratios[r:] + ratios[:r] for r in range(len(ratios))])


ROWS = (
    Check("eq. (6): samples and labels", "NumPy | fractions", mixup.mixup, eq_6_samples, ROUNDING),
    Check("eq. (7): inverse samples, N = 2", "inverse matrix | in raw samples", inverse.inversely_mix, eq_7, SUMS),
    Check("b bits: pixels, weights, outputs", "NumPy | nearest, in fractions", mixup.quantize, rounding, SINGLE),
    Check("eq. (8): matrix", "NumPy | entry by entry", mixup.mixing_matrix, eq_8_matrix, ROUNDING),
    Check("eq. (8): inverse, N = 2 to 8", "LAPACK | times matrix is one", inverse.inverse_ratios, eq_8_inverse, SUMS),
    Check("eq. (9)", "right side with lambda_hat | 1", inverse.inverse_ratio, eq_9, ZERO),
    Check("eq. (10)", "right side with lambda_hat | 0", inverse.inverse_ratio, eq_10, ZERO),
    Check("Proposition 1, N = 2 to 8", "LAPACK | hard labels, mixed again", inverse.inverse_mixup, proposition_1, SUMS),
)
