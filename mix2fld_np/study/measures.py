"""What sentences compare: two runs against each other, and that over panels, curves and seeds of Figures 2 and 3."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from statistics import fmean
from typing import Concatenate, ParamSpec, TypeVar

from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.stored_figures import StoredFigure2, StoredFigure3

P = ParamSpec("P")
T = TypeVar("T")
Effect = Callable[[RunResult, RunResult], float | None]  # of ours against theirs; zero means no difference
Times = Callable[[RunResult, RunResult], tuple[float, float] | None]  # convergence time of both; None: undefined
Couples = Sequence[tuple[str, str]]  # labels of curves, ours and theirs


@dataclass(frozen=True)
class Results:
    """What the sentences are checked on."""

    two: StoredFigure2
    three: StoredFigure3


Measure = Callable[[Results], list[float]]  # an effect under each seed, or a difference for each comparison


def of_results(function: Callable[Concatenate[Results, P], T]) -> Callable[P, Callable[[Results], T]]:
    """Turns f(results, ...) into f(...)(results): a table of claims says the rest before there are any results."""

    @wraps(function)
    def with_choices(*choices: P.args, **named: P.kwargs) -> Callable[[Results], T]:
        return lambda results: function(results, *choices, **named)

    return with_choices


# --- two runs against each other --------------------------------------------------------------------------------------


def relative(ours: RunResult, theirs: RunResult) -> float:
    """How much higher our final accuracy is, as a share of theirs."""
    return ours.accuracy / theirs.accuracy - 1


def in_points(ours: RunResult, theirs: RunResult) -> float:
    """How much higher our final accuracy is; 0.01 is one point."""
    return ours.accuracy - theirs.accuracy


def of_models(ours: RunResult, theirs: RunResult) -> float:
    """How much more accurate our model is as downloaded; where none is, as in FD, the device's own counts."""
    return ours.model_accuracy - theirs.model_accuracy


def fewer_bits(ours: RunResult, theirs: RunResult) -> float:
    """How many times more bits they asked the uplink for, less one, over the rounds that both played."""
    n_rounds = min(len(ours.rounds), len(theirs.rounds))
    return theirs.total("uplink_bits", n_rounds) / ours.total("uplink_bits", n_rounds) - 1


def in_time(effect: Callable[[float, float], float]) -> Callable[[Times], Effect]:
    """An effect on convergence times, whatever these are; None where they are not defined."""
    return lambda times: lambda ours, theirs: effect(*both) if (both := times(ours, theirs)) else None


less_time = in_time(lambda ours, theirs: 1 - ours / theirs)  # by which share of theirs ours is shorter
more_time = in_time(lambda ours, theirs: ours / theirs - 1)  # by which share of theirs ours is longer
faster = in_time(lambda ours, theirs: theirs / ours - 1)  # how many times faster we are, less one


# The letter is silent: what "convergence time" compares. By its text a run has converged once it meets the stop
# criterion epsilon; its figure shows curves over time, which suggests the time to a common accuracy; and 42.4x holds
# for ten rounds, whose time can be compared.


def to_criterion(ours: RunResult, theirs: RunResult) -> tuple[float, float] | None:
    """Seconds until each met the stop criterion, or of all its rounds if it never did; None where neither did."""
    if ours.criterion_s is None and theirs.criterion_s is None:
        return None
    return ours.criterion_s or ours.elapsed_s, theirs.criterion_s or theirs.elapsed_s


def to_common_accuracy(ours: RunResult, theirs: RunResult) -> tuple[float, float] | None:
    """Seconds until each first reached the lower of their two final accuracies; None where one began with it."""
    level = min(ours.accuracy, theirs.accuracy)
    reached = [[seconds for seconds, accuracy in run.curve if accuracy >= level] for run in (ours, theirs)]
    a, b = (times[0] if times else run.elapsed_s for times, run in zip(reached, (ours, theirs), strict=True))
    return (a, b) if min(a, b) > 0 else None


def of_all_rounds(ours: RunResult, theirs: RunResult) -> tuple[float, float]:
    """Seconds of all rounds played."""
    return ours.elapsed_s, theirs.elapsed_s


# --- many runs --------------------------------------------------------------------------------------------------------


def pairs(results: Results, seed: int, panels: Sequence[str], couples: Couples) -> list[tuple[RunResult, RunResult]]:
    """Our run and theirs in each panel and for each couple."""
    runs = results.two.runs
    return [(runs[panel, ours, seed], runs[panel, theirs, seed]) for panel in panels for ours, theirs in couples]


def known(values: Sequence[float | None]) -> list[float]:
    """The values where an effect is defined."""
    return [value for value in values if value is not None]


@of_results
def over(results: Results, pick: Callable, effect: Effect, panels: Sequence[str], couples: Couples) -> list[float]:
    """Under each seed, the largest effect of all panels and couples ("up to") or their mean: `pick` is max or fmean."""
    found = [known([effect(*two) for two in pairs(results, seed, panels, couples)]) for seed in results.two.seeds]
    return [pick(values) for values in found if values]


@of_results
def where_most_accurate(results: Results, effect: Effect, panels: Sequence[str], couples: Couples) -> list[float]:
    """Under each seed, the effect where our accuracy is furthest above theirs: what "while" says."""
    furthest = [
        max(pairs(results, seed, panels, couples), key=lambda both: relative(*both)) for seed in results.two.seeds
    ]
    return known([effect(*both) for both in furthest])


@of_results
def each(results: Results, effect: Effect, panels: Sequence[str], couples: Couples) -> list[float]:
    """For each panel and each couple, the effect, a mean over the seeds; zero where it is defined for none."""
    found = [
        known([effect(*two) for seed in results.two.seeds for two in pairs(results, seed, [panel], [couple])])
        for panel in panels
        for couple in couples
    ]
    return [fmean(values) if values else 0.0 for values in found]


@of_results
def best_against_best(
    results: Results, panels: Sequence[str], ours: Sequence[str], theirs: Sequence[str]
) -> list[float]:
    """For each panel, the best final accuracy of our labels less that of theirs, a mean over the seeds."""

    def best(panel: str, seed: int, labels: Sequence[str]) -> float:
        return max(results.two.runs[panel, label, seed].accuracy for label in labels)

    seeds = results.two.seeds
    return [fmean(best(panel, seed, ours) - best(panel, seed, theirs) for seed in seeds) for panel in panels]


@of_results
def from_10_to_50(results: Results, split: str, of: int, as_share: bool) -> list[float]:
    """Under each seed of Figure 3, how much higher mean (of = 0) or variance (of = 1) are with 50 devices than 10."""
    points = results.three.points
    ends = [(points[split, 10, seed][of], points[split, 50, seed][of]) for seed in results.three.seeds]
    return [end / start - 1 if as_share else end - start for start, end in ends]


def same_tendency(results: Results) -> list[float]:
    """Figure 3: how much smaller the non-IID gain in accuracy is, how far above zero, how far the variance falls."""
    gain, gain_non_iid = (fmean(from_10_to_50(split, 0, False)(results)) for split in ("iid", "non-iid"))
    rise = fmean(from_10_to_50("non-iid", 1, False)(results))
    return [gain - gain_non_iid, gain_non_iid, -rise]
