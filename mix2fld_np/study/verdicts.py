"""What becomes of a sentence of the letter: one rule for all sentences, written down before any result was seen."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean

from mix2fld_np.study.averages import average

REPRODUCED, SAME_DIRECTION, NOT_REPRODUCED = "reproduced", "in the same direction", "not reproduced"
IMPOSSIBLE = "impossible as printed"

CLOSE = 0.2  # of the printed effect: as near as this counts as the same size
SPREADS = 2.0  # standard deviations over the seeds: as near as this does as well; and standard errors, for a sure sign
EQUAL = 0.01  # of accuracy: one point, within which two accuracies are "as high"
MOST = 0.5  # of the comparisons that a sentence makes have to hold, for its direction


def verdict(printed: float | None, measured: Sequence[float]) -> str:
    """By the rule for what a sentence prints: an order (None), "as high as" (zero), or an effect."""
    if printed is None:
        return verdict_of_order(measured)
    return verdict_of_effect(printed, measured) if printed else verdict_of_equality(measured)


def verdict_of_effect(printed: float, measured: Sequence[float]) -> str:
    """The verdict on a printed effect, given what was measured under each seed; zero means no difference, in both.

    Reproduced: the mean has the printed sign and lies within 2 standard deviations over the seeds, or 20 %, of the
    printed effect. In the same direction: it has the printed sign. A sign counts where the mean is more than 2 standard
    errors from zero; with one seed, always.
    """
    if not measured:
        return NOT_REPRODUCED
    mean, spread = fmean(measured), spread_over(measured)
    if mean * printed <= 0 or abs(mean) <= SPREADS * spread / sqrt(len(measured)):
        return NOT_REPRODUCED
    return REPRODUCED if abs(mean - printed) <= max(SPREADS * spread, CLOSE * abs(printed)) else SAME_DIRECTION


def near_by_spread_alone(printed: float | None, measured: Sequence[float]) -> bool:
    """Whether a measured effect is near the printed one only because seeds differ; no order or "as high as" is."""
    if not printed or not measured:
        return False
    return abs(fmean(measured) - printed) > CLOSE * abs(printed)


def verdict_of_order(differences: Sequence[float]) -> str:
    """The verdict on "A is above B", given A - B for each comparison, a mean over the seeds each.

    Reproduced: all are positive. In the same direction: more than half are.
    """
    holding = sum(difference > 0 for difference in differences)
    if differences and holding == len(differences):
        return REPRODUCED
    return SAME_DIRECTION if holding > MOST * len(differences) else NOT_REPRODUCED


def verdict_of_equality(gaps: Sequence[float]) -> str:
    """The verdict on "as high as", given the gap in accuracy under each seed, positive where it is even higher.

    Reproduced: the mean is one point below at most, or not further below than two standard deviations over the seeds.
    """
    return REPRODUCED if gaps and fmean(gaps) >= -max(EQUAL, SPREADS * spread_over(gaps)) else NOT_REPRODUCED


def spread_over(measured: Sequence[float]) -> float:
    """Standard deviation over the seeds; zero for one seed, which tells of no spread."""
    return average(measured).spread or 0.0
