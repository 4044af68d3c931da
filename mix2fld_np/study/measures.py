"""What sentences compare: two runs against each other, and that over the panels, curves and seeds of Figures 2 and 3."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.stored_figures import StoredFigure2, StoredFigure3

Effect = Callable[[RunResult, RunResult], float | None]  # of ours against theirs; zero means no difference
Times = Callable[[RunResult, RunResult], tuple[float, float] | None]  # convergence time of both, or None where it is not defined
Couples = Sequence[tuple[str, str]]  # labels of curves, ours and theirs
Measure = Callable[["Results"], list[float]]  # an effect under each seed, or a difference for each comparison


@dataclass(frozen=True)
class Results:
    """What the sentences are checked on."""

    two: StoredFigure2
    three: StoredFigure3


# --- two runs against each other -------------------------------------------------------------------------------------------------------


def relative(ours: RunResult, theirs: RunResult) -> float:
    """How much higher our final accuracy is, as a share of theirs."""
    return ours.accuracy / theirs.accuracy - 1


def in_points(ours: RunResult, theirs: RunResult) -> float:
    """How much higher our final accuracy is; 0.01 is one point."""
    return ours.accuracy - theirs.accuracy


def of_models(ours: RunResult, theirs: RunResult) -> float:
    """How much more accurate our global model is before local updates; where there is none, as in FD, the device's own counts."""
    return ours.model_accuracy - theirs.model_accuracy


def fewer_bits(ours: RunResult, theirs: RunResult) -> float:
    """How many times more bits they asked the uplink for, less one, over the rounds that both played."""
    n_rounds = min(len(ours.rounds), len(theirs.rounds))
    return theirs.total("uplink_bits", n_rounds) / ours.total("uplink_bits", n_rounds) - 1


def less_time(times: Times) -> Effect:
    """By which share of their convergence time ours is shorter."""
    return lambda ours, theirs: None if (both := times(ours, theirs)) is None else 1 - both[0] / both[1]


def faster(times: Times) -> Effect:
    """How many times faster we converge, less one."""
    return lambda ours, theirs: None if (both := times(ours, theirs)) is None else both[1] / both[0] - 1


def more_time(times: Times) -> Effect:
    """By which share of their convergence time ours is longer."""
    return lambda ours, theirs: None if (both := times(ours, theirs)) is None else both[0] / both[1] - 1


# The letter is silent: what "convergence time" compares. By its text a run has converged once it meets the stop criterion epsilon; its
# figure shows curves over time, which suggests the time to a common accuracy; and 42.4x holds for ten rounds, whose time can be compared.


def to_criterion(ours: RunResult, theirs: RunResult) -> tuple[float, float] | None:
    """Seconds until each met the stop criterion. A run that never did counts with its full time; None where neither did."""
    if ours.criterion_s is None and theirs.criterion_s is None:
        return None
    return ours.criterion_s or ours.elapsed_s, theirs.criterion_s or theirs.elapsed_s


def to_common_accuracy(ours: RunResult, theirs: RunResult) -> tuple[float, float] | None:
    """Seconds until each first reached the lower of their two final accuracies; None where one began with it."""
    level = min(ours.accuracy, theirs.accuracy)
    a, b = (next((seconds for seconds, accuracy in run.curve if accuracy >= level), run.elapsed_s) for run in (ours, theirs))
    return (a, b) if min(a, b) > 0 else None


def of_all_rounds(ours: RunResult, theirs: RunResult) -> tuple[float, float]:
    """Seconds of all rounds played."""
    return ours.elapsed_s, theirs.elapsed_s


# --- many runs -------------------------------------------------------------------------------------------------------------------------


def effects(results: Results, seed: int, effect: Effect, panels: Sequence[str], couples: Couples) -> Iterator[float]:
    """The effect in each panel and for each couple, where it is defined."""
    runs = results.two.runs
    for panel in panels:
        for ours, theirs in couples:
            value = effect(runs[panel, ours, seed], runs[panel, theirs, seed])
            if value is not None:
                yield value


def over(pick: Callable, effect: Effect, panels: Sequence[str], couples: Couples) -> Measure:
    """Under each seed, the largest effect of all panels and couples, which "up to" says, or their mean: `pick` is max or fmean."""

    def measure(results: Results) -> list[float]:
        found = [list(effects(results, seed, effect, panels, couples)) for seed in results.two.seeds]
        return [pick(values) for values in found if values]

    return measure


def where_most_accurate(effect: Effect, panels: Sequence[str], couples: Couples) -> Measure:
    """Under each seed, the effect where our accuracy is furthest above theirs: what "while" says."""

    def measure(results: Results) -> list[float]:
        runs, found = results.two.runs, []
        for seed in results.two.seeds:
            met = [(runs[panel, ours, seed], runs[panel, theirs, seed]) for panel in panels for ours, theirs in couples]
            found.append(effect(*max(met, key=lambda both: relative(*both))))
        return [value for value in found if value is not None]

    return measure


def each(effect: Effect, panels: Sequence[str], couples: Couples) -> Measure:
    """For each panel and each couple, the effect, a mean over the seeds; zero where it is defined for none."""

    def measure(results: Results) -> list[float]:
        found = [
            [value for seed in results.two.seeds for value in effects(results, seed, effect, [panel], [couple])]
            for panel in panels
            for couple in couples
        ]
        return [fmean(values) if values else 0.0 for values in found]

    return measure


def best_against_best(panels: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Measure:
    """For each panel, our best final accuracy less their best, a mean over the seeds."""

    def measure(results: Results) -> list[float]:
        top = {
            (panel, seed): [max(results.two.runs[panel, label, seed].accuracy for label in labels) for labels in (ours, theirs)]
            for panel in panels
            for seed in results.two.seeds
        }
        return [fmean(top[panel, seed][0] - top[panel, seed][1] for seed in results.two.seeds) for panel in panels]

    return measure


def share(end: float, start: float) -> float:
    """By which share of the start the end is higher."""
    return end / start - 1


def difference(end: float, start: float) -> float:
    """How much higher the end is."""
    return end - start


def from_10_to_50(split: str, of: int, effect: Callable[[float, float], float]) -> Measure:
    """Under each seed, the effect of going from 10 devices to 50 in Figure 3, on the mean (of = 0) or on the variance (of = 1)."""

    def measure(results: Results) -> list[float]:
        points = results.three.points
        return [effect(points[split, 50, seed][of], points[split, 10, seed][of]) for seed in results.three.seeds]

    return measure


def same_tendency(results: Results) -> list[float]:
    """Figure 3: how much smaller the non-IID gain in mean accuracy is, how far above zero it is, and how far the variance decreases."""
    gain, gain_non_iid = (fmean(from_10_to_50(split, 0, difference)(results)) for split in ("iid", "non-iid"))
    rise = fmean(from_10_to_50("non-iid", 1, difference)(results))
    return [gain - gain_non_iid, gain_non_iid, -rise]
