"""Statistics of a few numbers: Student's t, intervals over seeds, percentiles, and how many seeds would decide."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

LEVEL = 0.95  # of intervals and ranges
POWER = 0.8  # how often an effect is to be found that is there
MOST_SEEDS = 1_000  # nobody plays more


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and the Student t interval around it; no ends (None) with fewer than two values."""

    mean: float | None
    low: float | None
    high: float | None


def t_inside(t: float, n: int) -> float:
    """Pr[|T| <= t] of Student's T with n = 1, 2, ... degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4).

    >>> round(t_inside(1.0, 1), 12)
    0.5
    """
    angle, odd = math.atan(t / math.sqrt(n)), n % 2
    term, total = (math.cos(angle) if odd else 1.0), 0.0
    for k in range(odd, n - 1, 2):
        total += term
        term *= (k + 1) / (k + 2) * math.cos(angle) ** 2
    return (angle + math.sin(angle) * total) * 2 / math.pi if odd else math.sin(angle) * total


@lru_cache(maxsize=4096)
def t_quantile(level: float, n: int) -> float:
    """The t with Pr[|T| <= t] = level, n degrees of freedom; by bisection."""
    low, high = 0.0, 1.0
    while t_inside(high, n) < level:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_inside(middle, n) < level else (low, middle)
    return high


def t_interval(values: Sequence[float] | np.ndarray, level: float = LEVEL, n_compared: int = 1) -> Interval:
    """Mean of one value for each seed and its Student t interval; NaN is left out.

    With `n_compared` comparisons, of which the largest was chosen, it is Bonferroni's: all of them hold at once.
    """
    known = defined(values)
    if len(known) < 2:
        return Interval(float(known[0]) if len(known) else None, None, None)
    mean, error = float(known.mean()), float(known.std(ddof=1)) / math.sqrt(len(known))
    half = t_quantile(1 - (1 - level) / n_compared, len(known) - 1) * error
    return Interval(mean, mean - half, mean + half)


def defined(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """All numbers but NaN."""
    numbers = np.asarray(values, float)
    return numbers[~np.isnan(numbers)]


def middle_range(values: np.ndarray) -> np.ndarray:
    """Median and ends (3, ...) of the range that holds the middle 95 % of values (N, ...)."""
    return np.quantile(values, [0.5, (1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)


def percentile_of(value: float, among: np.ndarray) -> float:
    """Which per cent of the numbers are below a value; equal ones count half."""
    return 100 * float(np.mean(among < value) + np.mean(among == value) / 2)


def seeds_needed(distance: float, values: Sequence[float] | np.ndarray, n_compared: int = 1) -> int | None:
    """How many seeds show, with power 80 %, that a mean so far away from a limit is on its side of it.

    From the spread of one value for each seed; None where a thousand are too few or the spread is unknown.
    """
    known = defined(values)
    if len(known) < 2 or not distance:
        return None
    spread, level = float(known.std(ddof=1)), 1 - (1 - LEVEL) / n_compared

    def enough(n: int) -> bool:
        needed = t_quantile(level, n - 1) + t_quantile(2 * POWER - 1, n - 1)
        return abs(distance) * math.sqrt(n) >= needed * spread

    n = 2 + bisect_left(range(2, MOST_SEEDS + 1), True, key=enough)
    return n if n <= MOST_SEEDS else None


def log_variance_ratio(last: np.ndarray, first: np.ndarray) -> float:
    """Logarithm of the ratio of two sample variances, NaN where one is zero; of equal normal spread zero on average.

    For that, the logarithm of a variance with n degrees of freedom, which is too low on average, is raised.
    """
    (n_last, last_variance), (n_first, first_variance) = ((len(v) - 1, float(np.var(v, ddof=1))) for v in (last, first))
    if not last_variance or not first_variance:
        return math.nan
    raised = [1 / n + 1 / (3 * n**2) for n in (n_last, n_first)]
    return math.log(last_variance / first_variance) + raised[0] - raised[1]
