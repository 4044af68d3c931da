"""One row of the numerical check: a quantity of the library beside a second route to it, and the verdict on the two."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Tolerance(NamedTuple):
    """The largest error that still counts as agreement."""

    size: float
    unit: str  # "relative" to the largest number of a pair; a plain difference in every other unit


DIFFERENCE = "central difference, float64"
EXACT = Tolerance(0, "exact")
ROUNDING = Tolerance(1e-13, "relative")  # of a few operations in float64
SUMS = Tolerance(1e-11, "relative")  # of long sums and of inverse matrices in float64
ZERO = Tolerance(1e-11, "absolute")
SLOPES = Tolerance(1e-7, "relative")  # of central differences
SINGLE = Tolerance(1e-5, "relative")  # of float32
ROUNDS = Tolerance(1e-5, "absolute")  # of three rounds in float32, numbers of about one
FIVE_ERRORS = Tolerance(5, "standard errors")
HALF_DIGIT = Tolerance(0.5, "last digit")


@dataclass(frozen=True)
class Check:
    """One row: a quantity of the library, and a second route to the same numbers.

    `cases` takes the quantity, calls it, and yields pairs (its value, the other route's value). To see that a row can
    fail, hand in a wrong quantity: `replace(check, quantity=...)`.
    """

    equation: str
    routes: str
    quantity: Callable
    cases: Callable[[Callable], Iterable[tuple]]
    tolerance: Tolerance


@dataclass(frozen=True)
class Verdict:
    """What became of a row."""

    equation: str
    routes: str
    n_cases: int  # numbers compared
    largest_error: float  # NaN where there is a NaN, or nothing to compare
    tolerance: float
    unit: str
    passed: bool
    problem: str = ""  # the error that ended the row, where one did


def judge(check: Check) -> Verdict:
    """The verdict on a row: it passes only if it has cases, all shapes agree, and no error is NaN or too large."""
    errors, n_cases, problem, (tolerance, unit) = [], 0, "", check.tolerance
    try:
        for got, expected in check.cases(check.quantity):
            errors.append(error(np.asarray(got, np.float64), np.asarray(expected, np.float64), unit))
            n_cases += np.size(expected)
    except Exception as broken:  # a row that cannot be computed has failed, and must not hide the rows below it
        errors, problem = [math.nan], f"{type(broken).__name__}: {broken}"
    largest = float(np.max(errors)) if n_cases or problem else math.nan
    passed = not problem and largest <= tolerance
    return Verdict(check.equation, check.routes, n_cases, largest, tolerance, unit, passed, problem)


def error(got: np.ndarray, expected: np.ndarray, unit: str) -> float:
    """Largest difference, NaN if any is; infinite where shapes differ."""
    if got.shape != expected.shape:
        return math.inf
    scale = np.max(np.abs(expected), initial=np.finfo(float).tiny) if unit == "relative" else 1.0
    return float(np.max(np.abs(got - expected), initial=0.0) / scale)


def with_gaps(got: ArrayLike | None, expected: ArrayLike | None) -> Iterator[tuple]:
    """Pairs for values with gaps, NaN or None: where the gaps are, if anywhere, and what lies between them."""
    values, wanted = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    gaps = np.isnan(wanted)
    if gaps.any():
        yield np.isnan(values), gaps
    yield values[~gaps], wanted[~gaps]
