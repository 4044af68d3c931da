"""What becomes of a sentence of the letter: two questions and one rule, written down before any result was seen."""

import math

import numpy as np

from mix2fld_np.claims.measures import Evidence
from mix2fld_np.study.intervals import LEVEL, defined, middle_range, seeds_needed, t_interval

RULE = (
    "Could that run have been ours? A printed number is one run, read on one device: it could where it lies within the "
    "middle 95 % of the same statistic over all of our seeds and devices, an order where it holds for 2.5 % of them. "
    "Is the effect there? The paired difference of the means over devices says so, by its 95 % interval (Student's t "
    "over seeds, wider for the largest of several). Reproduced: both. In the same direction: the interval lies on the "
    "printed side of zero. Contradicted: it lies on the other side, or reaches zero and excludes half of the printed "
    "effect. Else undecided. 'As high as' takes two one-sided tests with a margin of one point."
)
REPRODUCED, SAME_DIRECTION = "reproduced", "in the same direction"
CONTRADICTED, UNDECIDED = "contradicted", "undecided"
IMPOSSIBLE = "impossible as printed"

EQUAL = 0.01  # of accuracy: one point, within which two accuracies are "as high"
TWO_TESTS = 0.90  # level of the interval that lies within a margin where two one-sided tests of 5 % say so
HALF = 0.5  # of the printed effect: an interval around zero that excludes so much of it contradicts it


def verdict(printed: float | None, evidence: Evidence, rounding: float = 0.0) -> str:
    """By what a sentence prints: an order (None), "as high as" (zero), or an effect; undecided with one seed."""
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
    """The verdict on "A is above B": by the interval of each comparison; if one fails, that of their mean decides."""
    assert evidence.every is not None
    average, lows = evidence.interval(LEVEL), [t_interval(one).low for one in evidence.every]
    if all(low is not None and low > 0 for low in lows) and np.mean(defined(evidence.single) > 0) >= (1 - LEVEL) / 2:
        return REPRODUCED
    if average.low > 0:  # type: ignore[operator]
        return SAME_DIRECTION
    return CONTRADICTED if average.high <= 0 else UNDECIDED  # type: ignore[operator]


def verdict_of_equality(evidence: Evidence) -> str:
    """The verdict on "as high as"; in the same direction where ours is certainly not more than a point below."""
    effect = evidence.interval(TWO_TESTS)
    if effect.low >= -EQUAL:  # type: ignore[operator]
        equal = effect.high <= EQUAL and lies_within(0.0, evidence.single, EQUAL)  # type: ignore[operator]
        return REPRODUCED if equal else SAME_DIRECTION
    return CONTRADICTED if effect.high < -EQUAL else UNDECIDED  # type: ignore[operator]


def lies_within(printed: float, single: np.ndarray, margin: float) -> bool:
    """Whether a number lies within the middle 95 % of what single runs say, or so little outside."""
    _, low, high = middle_range(defined(single))
    return low - margin <= printed <= high + margin


def seeds_to_decide(printed: float | None, evidence: Evidence) -> int | None:
    """How many seeds would decide what is undecided, if means and spread stay as they are; None where unknown."""
    found = t_interval(evidence.paired).mean or 0.0
    distance = EQUAL - abs(found) if printed == 0 else found
    return seeds_needed(distance, evidence.paired, evidence.n_compared)
