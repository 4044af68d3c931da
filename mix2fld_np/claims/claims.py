"""The letter's sentences that make a claim, each with its readings."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mix2fld_np.claims import reasons
from mix2fld_np.claims.measures import (
    Couples,
    Effect,
    Measure,
    Quantity,
    Until,
    accuracy,
    all_rounds,
    as_order,
    best_against_best,
    between_rounds,
    criterion_met,
    falls,
    from_10_to_50,
    in_points,
    largest,
    last_download,
    mean,
    order,
    relative,
    times,
    times_less,
    to_common_accuracy,
    uplink_bits,
    variance_from_10_to_50,
    where_most_accurate,
)
from mix2fld_np.claims.reasons import Reason
from mix2fld_np.study.figures import CURVES, FIGURE_3_SEEDS

MIX2FLD = tuple(curve.label for curve in CURVES if curve.protocol == "Mix2FLD")
MIXFLD = tuple(curve.label for curve in CURVES if curve.protocol == "MixFLD")
AGAINST_FL, AGAINST_FD = (tuple((label, other) for label in MIX2FLD) for other in ("FL", "FD"))
FD_AGAINST_MIXFLD = tuple(("FD", label) for label in MIXFLD)
INVERSE_AGAINST_MIXED = (("Mix2FLD (10, 20)", "MixFLD (10)"), ("Mix2FLD (50, 100)", "MixFLD (50)"))
SAME_N_S = ("MixFLD (10)", "Mix2FLD (10, 20)", "MixFLD (50)", "Mix2FLD (50, 100)")
TWICE_AGAINST_ONCE = (("Mix2FLD (10, 20)", "Mix2FLD (10, 10)"), ("Mix2FLD (50, 100)", "Mix2FLD (50, 50)"))
FEW, MANY = (tuple(curve.label for curve in CURVES if curve.n_seed == n_seed) for n_seed in (10, 50))
FEW_AGAINST_MANY, MANY_AGAINST_FEW = tuple(zip(FEW, MANY, strict=True)), tuple(zip(MANY, FEW, strict=True))
WITH_MODEL = ("FL", *MIXFLD, *MIX2FLD)  # whose devices download one
EACH = tuple((label, label) for label in WITH_MODEL)
AGAINST_FALLS_OF_FD = tuple((label, "FD") for label in WITH_MODEL)

ASYMMETRIC, SYMMETRIC, ALL = "ac", "bd", "abcd"
READ_AT = {"as downloaded": "downloaded", "as trained": "trained"}
BEST = "The largest of two splits and four (N_S, N_I)."
FURTHEST = "Where Mix2FLD's accuracy is furthest above FD's. The introduction has it converge faster than FD."
FIGURE_3 = f"With N_S = {FIGURE_3_SEEDS['n_seed_samples']}; 50 devices could not upload N_S = 50 in time."
ONE_MODEL = "As downloaded, all devices hold one model, whose accuracy has no variance."
REFERENCE = "Over all rounds: of the reference device only."


@dataclass(frozen=True)
class Reading:
    """One way to understand a sentence."""

    name: str
    unit: str  # of its numbers: "%", "points", "x" (times: one more than what is measured), "holds" (comparisons)
    measure: Measure
    reasons: tuple[str | Reason, ...] = ()  # what the number depends on
    of_time: Callable[..., Measure] | None = None  # of a time: the measure, given how the time of a run is told


@dataclass(frozen=True)
class Claim:
    """A sentence of the letter. `printed` is its number; None for an order, 0 where it prints "as high as"."""

    where: str
    sentence: str
    printed: float | None
    readings: tuple[Reading, ...]
    fl_learns: bool = False  # whether it needs an FL that gets uploads through, which the printed T_max rules out


def moments(unit: str, measure: Callable[[str], Measure], *why: str | Reason, name: str = "") -> tuple[Reading, ...]:
    """Accuracy when? Of the model as downloaded, or after the last local update."""
    return tuple(Reading(f"{name}{words}", unit, measure(moment), why) for words, moment in READ_AT.items())


def gains(measure: Callable[..., Measure], *why: str | Reason) -> tuple[Reading, ...]:
    """Up to how many per cent of what? Of the other's accuracy, or points of accuracy; at both moments."""
    points = moments("points", partial(measure, effect=in_points), *why, name="points, ")
    return moments("%", partial(measure, effect=relative), *why, name="%, ") + points


def orders(panels: str, couples: Couples, *labels: str) -> tuple[Reading, ...]:
    """Whether ours is more accurate, at both moments."""
    why = reasons.mean_accuracies(panels, labels)
    return moments("holds", lambda moment: order(accuracy(moment), in_points, panels, couples), why)


def up_to(panels: str, couples: Couples) -> Callable[..., Measure]:
    """The largest gain in accuracy."""
    return lambda moment, effect=in_points: largest(accuracy(moment), effect, panels, couples)


def time_readings(
    pick: Callable[..., Measure], effect: Effect, unit: str, panels: str, couples: Couples, other: str, *why: str
) -> tuple[Reading, ...]:
    """Convergence time until what? Until the stop criterion, the end of all rounds, or a common accuracy."""

    def reading(name: str, until: Until, reason: Reason) -> Reading:
        def of_time(*time_of) -> Measure:
            return pick(times(until, *time_of), effect, panels, couples)

        return Reading(name, unit, of_time(), (reason, *why), of_time)

    common = pick(to_common_accuracy, effect, panels, couples)
    return (
        reading("to the stop criterion", criterion_met, reasons.criterion(panels, "Mix2FLD", other)),
        reading("of all rounds", all_rounds, reasons.time_of_a_round(panels, "Mix2FLD", other)),
        Reading("to a common accuracy", unit, common, ("The common accuracy is the lower of the two final ones.",)),
    )


def by_split(name: str, quantity: Quantity, *why: str, couples: Couples = EACH) -> tuple[Reading, ...]:
    """Whether something of one run is above zero, with each split, where FL's uploads arrive."""
    return tuple(
        Reading(f"{name}, {split}", "holds", order(quantity, in_points, panel, couples), why)
        for split, panel in {"IID": "b", "non-IID": "d"}.items()
    )


CLAIMS = (
    Claim("Abstract, Section IV", "up to 16.7% higher accuracy than FL under asymmetric channels", 0.167,
          gains(up_to(ASYMMETRIC, AGAINST_FL), reasons.lost_uploads(ASYMMETRIC), BEST)),
    Claim("Abstract", "reducing convergence time by up to 18.8% under asymmetric channels, compared to FL", 0.188,
          time_readings(largest, lambda ours, theirs: -relative(ours, theirs), "%", ASYMMETRIC, AGAINST_FL, "FL",
                        BEST)),
    Claim("Section IV", "1.2x faster convergence than FL under asymmetric channels", 1.2,
          time_readings(largest, times_less, "x", ASYMMETRIC, AGAINST_FL, "FL", BEST)),
    Claim("Section IV", "Mix2FLD achieves the highest accuracy under asymmetric channels", None,
          moments("holds", lambda moment: best_against_best(moment, ASYMMETRIC, MIX2FLD, ("FL", "FD", *MIXFLD)),
                  "The best of each against the best.")),
    Claim("Section IV", "up to 17.3% higher accuracy than FD", 0.173, gains(up_to(ASYMMETRIC, AGAINST_FD), BEST)),
    Claim("Section IV", "only 2.5% more convergence time than FD", 0.025,
          time_readings(where_most_accurate, relative, "%", ASYMMETRIC, AGAINST_FD, "FD", FURTHEST)),
    Claim("Section IV", "reduces the uplink payload size by up to 42.4x, compared to FL", 42.4,
          (Reading("bits of all rounds", "x", largest(uplink_bits, times_less, ALL, AGAINST_FL),
                   (reasons.rounds_played,)),)),
    Claim("Section IV", "under symmetric channels, FL achieves the highest accuracy", None,
          moments("holds", lambda moment: best_against_best(moment, SYMMETRIC, ("FL",), ("FD", *MIXFLD, *MIX2FLD)),
                  "FL against the best.", reasons.upload_slots),
          fl_learns=True),
    Claim("Section IV", "Mix2FLD still converges 1.9x faster than FL (symmetric channels)", 1.9,
          time_readings(mean, times_less, "x", SYMMETRIC, AGAINST_FL, "FL",
                        "The mean of two splits and four (N_S, N_I)."),
          fl_learns=True),
    Claim("Section IV", "even under symmetric channels (Fig. 2d), Mix2FLD achieves the accuracy as high as FL", 0.0,
          moments("points", up_to("d", AGAINST_FL), "The largest of four (N_S, N_I).", reasons.upload_slots,
                  name="points, "),
          fl_learns=True),
    Claim("Section III-C", "MixFLD achieves lower accuracy than FD", None,
          orders(ALL, FD_AGAINST_MIXFLD, "FD", *MIXFLD)),
    Claim("Section IV", "MixFLD fails to achieve high accuracy (Fig. 2d), Mix2FLD resolves this problem", None,
          orders("d", INVERSE_AGAINST_MIXED, *SAME_N_S)),
    Claim("Section IV", "for all cases in Fig. 2, N_S = 10 provides faster convergence time than N_S = 50", None,
          time_readings(order, times_less, "holds", ALL, FEW_AGAINST_MANY, "MixFLD")),
    Claim("Section IV", "in return for compromising accuracy", None, orders(ALL, MANY_AGAINST_FEW, *MIXFLD, *MIX2FLD)),
    Claim("Section IV", "even if N_S is the same, when N_I is large, the accuracy increases up to 1.7%", 0.017,
          gains(up_to(ALL, TWICE_AGAINST_ONCE), "N_I = 2 N_S against N_I = N_S; the largest of two splits and two "
                "N_S, which is above zero by chance alone.", reasons.uploads_used)),
    Claim("Section IV", "FL, MixFLD, and Mix2FLD have an instantaneous accuracy drop in global update", None,
          (*by_split("last download", last_download, "At the last download: of all devices."),
           *by_split("every download", between_rounds("downloaded_accuracy", "reference_accuracy", 0), REFERENCE))),
    Claim("Section IV", "the drop is recovered during local updates, with finally higher accuracy than before", None,
          (*by_split("recovered", between_rounds("downloaded_accuracy", "reference_accuracy", 1), REFERENCE),
           *by_split("then higher", between_rounds("reference_accuracy", "reference_accuracy", 1), REFERENCE))),
    Claim("Section IV", "in FD, the accuracy drops are smaller", None,
          by_split("deepest fall", falls, "From the end of a local update to the lowest test until the next one ends.",
                   REFERENCE, couples=AGAINST_FALLS_OF_FD)),
    Claim("Section IV", "from 10 to 50 devices the average of test accuracy increases by 5.7% (IID)", 0.057,
          gains(partial(from_10_to_50, "iid"), FIGURE_3)),
    Claim("Section IV", "and the variance decreases by 50% (IID)", -0.5,
          (Reading("%, as trained", "%", variance_from_10_to_50("iid"), (FIGURE_3, ONE_MODEL)),)),
    Claim("Section IV", "in the non-IID dataset the gain is smaller than in the IID dataset, with the same tendency",
          None,
          (*moments("holds", lambda moment: as_order(from_10_to_50("iid", moment, in_points), 1,
                                                     than=from_10_to_50("non-iid", moment, in_points)),
                    FIGURE_3, name="smaller, "),
           *moments("holds", lambda moment: as_order(from_10_to_50("non-iid", moment, in_points), 1),
                    FIGURE_3, name="a gain, "),
           Reading("variance, as trained", "holds", as_order(variance_from_10_to_50("non-iid"), -1), (ONE_MODEL,)))),
)  # fmt: skip
