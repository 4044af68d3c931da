"""The letter's sentences that make a claim, each with its readings."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from mix2fld_np.study import reasons
from mix2fld_np.study.figures import CURVES
from mix2fld_np.study.measures import (
    Couples,
    Effect,
    Measure,
    Times,
    best_against_best,
    each,
    faster,
    fewer_bits,
    from_10_to_50,
    in_points,
    less_time,
    more_time,
    of_all_rounds,
    of_models,
    over,
    relative,
    same_tendency,
    to_common_accuracy,
    to_criterion,
    where_most_accurate,
)
from mix2fld_np.study.reasons import Reason

MIX2FLD = tuple(curve.label for curve in CURVES if curve.protocol == "Mix2FLD")
MIXFLD = tuple(curve.label for curve in CURVES if curve.protocol == "MixFLD")
AGAINST_FL, AGAINST_FD = (tuple((label, other) for label in MIX2FLD) for other in ("FL", "FD"))
FD_AGAINST_MIXFLD = tuple(("FD", label) for label in MIXFLD)
INVERSE_AGAINST_MIXED = (("Mix2FLD (10, 20)", "MixFLD (10)"), ("Mix2FLD (50, 100)", "MixFLD (50)"))
SAME_N_S = ("MixFLD (10)", "Mix2FLD (10, 20)", "MixFLD (50)", "Mix2FLD (50, 100)")
TWICE_AGAINST_ONCE = (("Mix2FLD (10, 20)", "Mix2FLD (10, 10)"), ("Mix2FLD (50, 100)", "Mix2FLD (50, 50)"))
FEW_AGAINST_MANY = (
    ("MixFLD (10)", "MixFLD (50)"),
    ("Mix2FLD (10, 10)", "Mix2FLD (50, 50)"),
    ("Mix2FLD (10, 20)", "Mix2FLD (50, 100)"),
)
MANY_AGAINST_FEW = tuple((many, few) for few, many in FEW_AGAINST_MANY)


@dataclass(frozen=True)
class Reading:
    """One way to understand a sentence.

    `unit` says how its numbers are shown: "%", "points", "x" (times: one more than the effect that the measure gives)
    or "holds" (comparisons).
    """

    name: str
    measure: Measure
    unit: str
    reasons: tuple[str | Reason, ...]  # what the number depends on


@dataclass(frozen=True)
class Claim:
    """A sentence of the letter. `printed` is its number; None for an order, 0 where it prints "as high as"."""

    where: str
    sentence: str
    printed: float | None
    readings: tuple[Reading, ...]
    fl_learns: bool = False  # whether it needs an FL that gets uploads through, which the printed T_max rules out


def accuracy_readings(panels: str, couples: Couples, *why: str | Reason) -> tuple[Reading, ...]:
    """Up to how many per cent of what? Of the other's accuracy, or points of accuracy."""
    return (
        Reading("share of the other's accuracy", over(max, relative, panels, couples), "%", why),
        Reading("points of accuracy", over(max, in_points, panels, couples), "points", why),
    )


def moment_readings(panels: str, couples: Couples, labels: tuple[str, ...]) -> tuple[Reading, ...]:
    """Accuracy when? After the last local update, or of the model as downloaded."""
    moments: tuple[tuple[str, Effect, bool], ...] = (
        ("after local update", in_points, False),
        ("as downloaded", of_models, True),
    )
    return tuple(
        Reading(name, each(effect, panels, couples), "holds", (reasons.mean_accuracies(panels, labels, downloaded),))
        for name, effect, downloaded in moments
    )


def time_readings(
    gather: Callable[..., Measure],  # from effects, panels and couples
    effect: Callable[[Times], Effect],
    unit: str,
    panels: str,
    couples: Couples,
    against: str,
    *why: str | Reason,
) -> tuple[Reading, ...]:
    """Convergence time until what?"""
    meanings: tuple[tuple[str, Times, str | Reason], ...] = (
        ("time to the stop criterion", to_criterion, reasons.criterion_met(panels, "Mix2FLD", against)),
        ("time to a common accuracy", to_common_accuracy, "The common accuracy is the lower of the two final ones."),
        ("time of all rounds", of_all_rounds, reasons.time_of_a_round(panels, "Mix2FLD", against)),
    )
    return tuple(
        Reading(name, gather(effect(times), panels, couples), unit, (first, *why, reasons.assumed_compute))
        for name, times, first in meanings
    )


ASYMMETRIC, SYMMETRIC, ALL = "ac", "bd", "abcd"
LARGEST, MEAN = partial(over, max), partial(over, fmean)
BEST = "The largest of two splits and four (N_S, N_I)."
BEST_OF_FOUR = "The largest of four (N_S, N_I)."
BY_CHANCE = "The largest of eight: above zero by chance alone."
AVERAGE = "The mean of two splits and four (N_S, N_I)."
FURTHEST = "Where Mix2FLD's accuracy is furthest above FD's. The introduction has it converge faster than FD."
SLOWER_FL, SLOWER_FD = (partial(reasons.needed_compute, theirs=other, panels=ASYMMETRIC) for other in ("FL", "FD"))

CLAIMS = (
    Claim("Abstract, Section IV", "up to 16.7% higher accuracy than FL under asymmetric channels", 0.167,
          accuracy_readings(ASYMMETRIC, AGAINST_FL, reasons.lost_uploads(ASYMMETRIC), BEST)),
    Claim("Abstract", "reducing convergence time by up to 18.8% under asymmetric channels, compared to FL", 0.188,
          time_readings(LARGEST, less_time, "%", ASYMMETRIC, AGAINST_FL, "FL", BEST, SLOWER_FL(1 / (1 - 0.188)))),
    Claim("Section IV", "1.2x faster convergence than FL under asymmetric channels", 1.2,
          time_readings(LARGEST, faster, "x", ASYMMETRIC, AGAINST_FL, "FL", BEST, SLOWER_FL(1.2))),
    Claim("Section IV", "Mix2FLD achieves the highest accuracy under asymmetric channels", None,
          (Reading("panels a, c", best_against_best(ASYMMETRIC, MIX2FLD, ("FL", "FD", *MIXFLD)), "holds",
                   ("The best of each against the best.",)),)),
    Claim("Section IV", "up to 17.3% higher accuracy than FD", 0.173,
          accuracy_readings(ASYMMETRIC, AGAINST_FD, BEST)),
    Claim("Section IV", "only 2.5% more convergence time than FD", 0.025,
          time_readings(where_most_accurate, more_time, "%", ASYMMETRIC, AGAINST_FD, "FD", FURTHEST,
                        SLOWER_FD(1 / 1.025))),
    Claim("Section IV", "reduces the uplink payload size by up to 42.4x, compared to FL", 42.4,
          (Reading("bits of all rounds", LARGEST(fewer_bits, ALL, AGAINST_FL), "x", (reasons.rounds_played,)),)),
    Claim("Section IV", "under symmetric channels, FL achieves the highest accuracy", None,
          (Reading("panels b, d", best_against_best(SYMMETRIC, ("FL",), ("FD", *MIXFLD, *MIX2FLD)), "holds",
                   ("FL against the best.", reasons.upload_slots)),),
          fl_learns=True),
    Claim("Section IV", "Mix2FLD still converges 1.9x faster than FL (symmetric channels)", 1.9,
          time_readings(MEAN, faster, "x", SYMMETRIC, AGAINST_FL, "FL", AVERAGE,
                        reasons.needed_compute(1.9, "FL", SYMMETRIC)),
          fl_learns=True),
    Claim("Section IV", "even under symmetric channels (Fig. 2d), Mix2FLD achieves the accuracy as high as FL", 0.0,
          (Reading("points, panel d", LARGEST(in_points, "d", AGAINST_FL), "points",
                   (BEST_OF_FOUR, reasons.upload_slots)),),
          fl_learns=True),
    Claim("Section III-C", "MixFLD achieves lower accuracy than FD", None,
          moment_readings(ALL, FD_AGAINST_MIXFLD, ("FD", *MIXFLD))),
    Claim("Section IV", "MixFLD fails to achieve high accuracy (Fig. 2d), Mix2FLD resolves this problem", None,
          moment_readings("d", INVERSE_AGAINST_MIXED, SAME_N_S)),
    Claim("Section IV", "for all cases in Fig. 2, N_S = 10 provides faster convergence time than N_S = 50", None,
          time_readings(each, faster, "holds", ALL, FEW_AGAINST_MANY, "MixFLD")),
    Claim("Section IV", "in return for compromising accuracy", None,
          (Reading("panels a-d", each(in_points, ALL, MANY_AGAINST_FEW), "holds",
                   (reasons.mean_accuracies(ALL, (*MIXFLD, *MIX2FLD)),)),)),
    Claim("Section IV", "even if N_S is the same, when N_I is large, the accuracy increases up to 1.7%", 0.017,
          (Reading("largest of panels a-d", LARGEST(relative, ALL, TWICE_AGAINST_ONCE), "%", (BY_CHANCE,)),
           Reading("mean of panels a-d", MEAN(relative, ALL, TWICE_AGAINST_ONCE), "%",
                   ("N_I = 2 N_S against N_I = N_S.",)))),
    Claim("Section IV", "from 10 to 50 devices the average of test accuracy increases by 5.7% (IID)", 0.057,
          (Reading("share of accuracy", from_10_to_50("iid", 0, True), "%", (reasons.distributions("iid"),)),
           Reading("points of accuracy", from_10_to_50("iid", 0, False), "points", (reasons.distributions("iid"),)))),
    Claim("Section IV", "and the variance decreases by 50% (IID)", -0.5,
          (Reading("share of variance", from_10_to_50("iid", 1, True), "%", (reasons.distributions("iid"),)),)),
    Claim("Section IV", "in the non-IID dataset the gain is smaller than in the IID dataset, with the same tendency",
          None, (Reading("smaller gain, gain, variance falls", same_tendency, "holds",
                         (reasons.distributions("non-iid"),)),)),
)  # fmt: skip
