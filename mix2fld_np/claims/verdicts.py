"""What becomes of a sentence of the letter: two questions and one rule, written down before any result was seen.

Could that run have been ours? A printed number is one run, read on one device. It could where it lies, rounded as it
is, within the middle 95 % of the same statistic over all of our seeds and devices; an order could where it holds for at
least 2.5 % of them, "as high as" where that range comes within a point of equal.
Is the effect there? The interval of the paired difference of the means over devices says so: 95 %, Student's t over
seeds, widened for the largest of several. For "as high as" two one-sided tests, 5 % each, with a margin of one point.

Reproduced: the interval lies on the printed side of zero, and that run could have been ours. In the same direction:
only the former. Contradicted: it lies on the other side, or reaches zero and excludes half of the printed effect. Else
undecided, as always with one seed. An order needs the interval of every comparison; where one fails, that of their mean
decides. "As high as" is in the same direction where it is certainly not more than a point below.
"""

import math

import numpy as np

from mix2fld_np.claims.measures import Evidence
from mix2fld_np.study.intervals import LEVEL, middle_range, seeds_needed, t_interval

REPRODUCED, SAME_DIRECTION = "reproduced", "in the same direction"
CONTRADICTED, UNDECIDED = "contradicted", "undecided"
IMPOSSIBLE = "impossible as printed"

EQUAL = 0.01  # of accuracy: one point, within which two accuracies are "as high"
TWO_TESTS = 0.90  # level of the interval that lies within a margin where two one-sided tests of 5 % say so
HALF = 0.5  # of the printed effect: an interval around zero that excludes so much of it contradicts it


def verdict(printed: float | None, evidence: Evidence, rounding: float = 0.0) -> str:
    """By the rule for what a sentence prints: an order (None), "as high as" (zero), or an effect."""
    low = evidence.interval(LEVEL).low
    if low is None or not defined(evidence.single).size:
        return UNDECIDED
    if printed is None:
        return verdict_of_order(evidence)
    return verdict_of_effect(printed, evidence, rounding) if printed else verdict_of_equality(evidence)


def verdict_of_effect(printed: float, evidence: Evidence, rounding: float = 0.0) -> str:
    """The verdict on a printed effect; zero means no difference."""
    sign, effect = math.copysign(1, printed), evidence.interval(LEVEL)
    low, high = sorted((sign * effect.low, sign * effect.high))  # type: ignore[operator]
    if low > 0:
        return REPRODUCED if lies_within(printed, evidence.single, rounding) else SAME_DIRECTION
    return CONTRADICTED if high < HALF * abs(printed) else UNDECIDED


def verdict_of_order(evidence: Evidence) -> str:
    """The verdict on "A is above B" in all comparisons."""
    assert evidence.every is not None
    average, lows = evidence.interval(LEVEL), [t_interval(one).low for one in evidence.every]
    if all(low is not None and low > 0 for low in lows) and holds(evidence.single) >= (1 - LEVEL) / 2:
        return REPRODUCED
    if average.low > 0:  # type: ignore[operator]
        return SAME_DIRECTION
    return CONTRADICTED if average.high <= 0 else UNDECIDED  # type: ignore[operator]


def verdict_of_equality(evidence: Evidence) -> str:
    """The verdict on "as high as"."""
    effect = evidence.interval(TWO_TESTS)
    if effect.low >= -EQUAL:  # type: ignore[operator]
        equal = effect.high <= EQUAL and lies_within(0.0, evidence.single, EQUAL)  # type: ignore[operator]
        return REPRODUCED if equal else SAME_DIRECTION
    return CONTRADICTED if effect.high < -EQUAL else UNDECIDED  # type: ignore[operator]


def lies_within(printed: float, single: np.ndarray, margin: float) -> bool:
    """Whether a number lies within the middle 95 % of what single runs say, or so little outside."""
    _, low, high = middle_range(defined(single))
    return low - margin <= printed <= high + margin


def holds(single: np.ndarray) -> float:
    """For which share of single runs and devices a whole order holds, given the smallest of its differences."""
    return float(np.mean(defined(single) > 0))


def defined(values: np.ndarray) -> np.ndarray:
    """All numbers but NaN."""
    return values[~np.isnan(values)]


def seeds_to_decide(printed: float | None, evidence: Evidence) -> int | None:
    """How many seeds would decide what is undecided, if means and spread stay as they are; None where unknown."""
    found = t_interval(evidence.paired).mean or 0.0
    distance = EQUAL - abs(found) if printed == 0 else found
    return seeds_needed(distance, evidence.paired, evidence.n_compared)
