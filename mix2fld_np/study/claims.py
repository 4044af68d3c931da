"""The letter's sentences that make a claim, each with its readings."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

from mix2fld_np.study import reasons
from mix2fld_np.study.figures import CURVES
from mix2fld_np.study.measures import (
    Couples,
    Measure,
    Times,
    best_against_best,
    difference,
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
    share,
    to_common_accuracy,
    to_criterion,
    where_most_accurate,
)
from mix2fld_np.study.reasons import Reason

MIX2FLD = tuple(curve.label for curve in CURVES if curve.protocol == "Mix2FLD")
MIXFLD = tuple(curve.label for curve in CURVES if curve.protocol == "MixFLD")
NOT_FL, NOT_MIX2FLD = ("FD", *MIXFLD, *MIX2FLD), ("FL", "FD", *MIXFLD)
AGAINST_FL, AGAINST_FD = (tuple((label, other) for label in MIX2FLD) for other in ("FL", "FD"))
FD_AGAINST_MIXFLD = tuple(("FD", label) for label in MIXFLD)
INVERSE_AGAINST_MIXED = (("Mix2FLD (10, 20)", "MixFLD (10)"), ("Mix2FLD (50, 100)", "MixFLD (50)"))
SAME_N_S = ("MixFLD (10)", "Mix2FLD (10, 20)", "MixFLD (50)", "Mix2FLD (50, 100)")
TWICE_AGAINST_ONCE = (("Mix2FLD (10, 20)", "Mix2FLD (10, 10)"), ("Mix2FLD (50, 100)", "Mix2FLD (50, 50)"))  # N_I = 2 N_S, N_S
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


def accuracy_readings(pick: Callable, panels: str, couples: Couples, *why: str | Reason) -> tuple[Reading, ...]:
    """Per cent of what? Of the other's accuracy, or points of accuracy."""
    return (
        Reading("share of the other's accuracy", over(pick, relative, panels, couples), "%", why),
        Reading("points of accuracy", over(pick, in_points, panels, couples), "points", why),
    )


def time_readings(measure: Callable[[Times], Measure], unit: str, panels: str, against: str, *why: str | Reason) -> tuple[Reading, ...]:
    """Convergence time until what? `measure(times)` is what is measured, given a meaning of convergence time."""
    who = ("Mix2FLD", against)
    met, parts = reasons.criterion_met(panels, *who), reasons.time_of_a_round(panels, *who)
    return (
        Reading("time to the stop criterion", measure(to_criterion), unit, (met, *why, reasons.assumed_compute)),
        Reading("time to a common accuracy", measure(to_common_accuracy), unit, (LEVEL, *why, reasons.assumed_compute)),
        Reading("time of all rounds", measure(of_all_rounds), unit, (parts, *why, reasons.assumed_compute)),
    )


ASYMMETRIC, SYMMETRIC, ALL = "ac", "bd", "abcd"
LEVEL = "The common accuracy is the lower of the two final ones."
BEST = "The largest of two splits and four (N_S, N_I)."
BEST_OF_FOUR = "The largest of four (N_S, N_I)."
BY_CHANCE = "The largest of eight: above zero by chance alone."
AVERAGE = "The mean of two splits and four (N_S, N_I)."
FURTHEST = "Where Mix2FLD's accuracy is furthest above FD's. The introduction has it converge faster than FD."

CLAIMS = (
    Claim(
        "Abstract, Section IV",
        "up to 16.7% higher accuracy than FL under asymmetric channels",
        0.167,
        accuracy_readings(max, ASYMMETRIC, AGAINST_FL, reasons.lost_uploads(ASYMMETRIC), BEST),
    ),
    Claim(
        "Abstract",
        "reducing convergence time by up to 18.8% under asymmetric channels, compared to FL",
        0.188,
        time_readings(
            lambda times: over(max, less_time(times), ASYMMETRIC, AGAINST_FL),
            "%",
            ASYMMETRIC,
            "FL",
            BEST,
            reasons.needed_compute(1 / (1 - 0.188), "FL", ASYMMETRIC),
        ),
    ),
    Claim(
        "Section IV",
        "1.2x faster convergence than FL under asymmetric channels",
        1.2,
        time_readings(
            lambda times: over(max, faster(times), ASYMMETRIC, AGAINST_FL),
            "x",
            ASYMMETRIC,
            "FL",
            BEST,
            reasons.needed_compute(1.2, "FL", ASYMMETRIC),
        ),
    ),
    Claim(
        "Section IV",
        "Mix2FLD achieves the highest accuracy under asymmetric channels",
        None,
        (Reading("panels a, c", best_against_best(ASYMMETRIC, MIX2FLD, NOT_MIX2FLD), "holds", ("The best of each against the best.",)),),
    ),
    Claim("Section IV", "up to 17.3% higher accuracy than FD", 0.173, accuracy_readings(max, ASYMMETRIC, AGAINST_FD, BEST)),
    Claim(
        "Section IV",
        "only 2.5% more convergence time than FD",
        0.025,
        time_readings(
            lambda times: where_most_accurate(more_time(times), ASYMMETRIC, AGAINST_FD),
            "%",
            ASYMMETRIC,
            "FD",
            FURTHEST,
            reasons.needed_compute(1 / 1.025, "FD", ASYMMETRIC),
        ),
    ),
    Claim(
        "Section IV",
        "reduces the uplink payload size by up to 42.4x, compared to FL",
        42.4,
        (Reading("bits of all rounds", over(max, fewer_bits, ALL, AGAINST_FL), "x", (reasons.rounds_played,)),),
    ),
    Claim(
        "Section IV",
        "under symmetric channels, FL achieves the highest accuracy",
        None,
        (Reading("panels b, d", best_against_best(SYMMETRIC, ("FL",), NOT_FL), "holds", ("FL against the best.", reasons.upload_slots)),),
        fl_learns=True,
    ),
    Claim(
        "Section IV",
        "Mix2FLD still converges 1.9x faster than FL (symmetric channels)",
        1.9,
        time_readings(
            lambda times: over(fmean, faster(times), SYMMETRIC, AGAINST_FL),
            "x",
            SYMMETRIC,
            "FL",
            AVERAGE,
            reasons.needed_compute(1.9, "FL", SYMMETRIC),
        ),
        fl_learns=True,
    ),
    Claim(
        "Section IV",
        "even under symmetric channels (Fig. 2d), Mix2FLD achieves the accuracy as high as FL",
        0.0,
        (Reading("points, panel d", over(max, in_points, "d", AGAINST_FL), "points", (BEST_OF_FOUR, reasons.upload_slots)),),
        fl_learns=True,
    ),
    Claim(
        "Section III-C",
        "MixFLD achieves lower accuracy than FD",
        None,
        (
            Reading("after local update", each(in_points, ALL, FD_AGAINST_MIXFLD), "holds", (reasons.mean_accuracies(ALL, "FD", *MIXFLD),)),
            Reading("as downloaded", each(of_models, ALL, FD_AGAINST_MIXFLD), "holds", (reasons.mean_models(ALL, "FD", *MIXFLD),)),
        ),
    ),
    Claim(
        "Section IV",
        "MixFLD fails to achieve high accuracy (Fig. 2d), Mix2FLD resolves this problem",
        None,
        (
            Reading("after local update", each(in_points, "d", INVERSE_AGAINST_MIXED), "holds", (reasons.mean_accuracies("d", *SAME_N_S),)),
            Reading("as downloaded", each(of_models, "d", INVERSE_AGAINST_MIXED), "holds", (reasons.mean_models("d", *SAME_N_S),)),
        ),
    ),
    Claim(
        "Section IV",
        "for all cases in Fig. 2, N_S = 10 provides faster convergence time than N_S = 50",
        None,
        time_readings(lambda times: each(faster(times), ALL, FEW_AGAINST_MANY), "holds", ALL, "MixFLD"),
    ),
    Claim(
        "Section IV",
        "in return for compromising accuracy",
        None,
        (Reading("panels a-d", each(in_points, ALL, MANY_AGAINST_FEW), "holds", (reasons.mean_accuracies(ALL, *MIXFLD, *MIX2FLD),)),),
    ),
    Claim(
        "Section IV",
        "even if N_S is the same, when N_I is large, the accuracy increases up to 1.7%",
        0.017,
        (
            Reading("largest of panels a-d", over(max, relative, ALL, TWICE_AGAINST_ONCE), "%", (BY_CHANCE,)),
            Reading("mean of panels a-d", over(fmean, relative, ALL, TWICE_AGAINST_ONCE), "%", ("N_I = 2 N_S against N_I = N_S.",)),
        ),
    ),
    Claim(
        "Section IV",
        "from 10 to 50 devices the average of test accuracy increases by 5.7% (IID)",
        0.057,
        (
            Reading("share of accuracy", from_10_to_50("iid", 0, share), "%", (reasons.distributions("iid"),)),
            Reading("points of accuracy", from_10_to_50("iid", 0, difference), "points", (reasons.distributions("iid"),)),
        ),
    ),
    Claim(
        "Section IV",
        "and the variance decreases by 50% (IID)",
        -0.5,
        (Reading("share of variance", from_10_to_50("iid", 1, share), "%", (reasons.distributions("iid"),)),),
    ),
    Claim(
        "Section IV",
        "in the non-IID dataset the gain is smaller than in the IID dataset, with the same tendency",
        None,
        (Reading("smaller gain, gain, variance falls", same_tendency, "holds", (reasons.distributions("non-iid"),)),),
    ),
)
