"""What sentences compare: runs against each other, over panels, curves, seeds and devices of Figures 2 and 3."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from statistics import fmean
from typing import Any

import numpy as np

from mix2fld_np.claims.stored_figures import StoredFigure
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.intervals import Interval, log_variance_ratio, t_interval

Effect = Callable[[np.ndarray, np.ndarray], np.ndarray]  # of ours against theirs; zero means no difference
Both = tuple[np.ndarray, np.ndarray]  # a number of ours and of theirs, on every device (D,) or once (1,)
Quantity = Callable[[RunResult, RunResult], Both]
Labels = Sequence[str]  # of curves
Couples = Sequence[tuple[str, str]]  # labels of curves, ours and theirs


@dataclass(frozen=True)
class Results:
    """What the sentences are checked on."""

    two: StoredFigure  # runs[panel, label, seed]
    three: StoredFigure  # runs[split, |D|, seed]


@dataclass(frozen=True)
class Evidence:
    """What the runs say about a sentence; NaN where an effect is not defined."""

    single: np.ndarray  # (S, D) the letter's own statistic: of one run, read on one device, or (S, 1) of one run
    paired: np.ndarray  # (S,) under each seed, the effect on the means over the devices
    n_compared: int = 1  # among how many comparisons that effect is the largest
    every: np.ndarray | None = None  # (C, S) of an order: that effect in each of its comparisons
    as_log: bool = False  # whether `paired` are logarithms of ratios, of which people read the ratio less one

    def interval(self, level: float) -> Interval:
        """The effect and its Student t interval over the seeds, as people read it."""
        found = t_interval(self.paired, level, self.n_compared)
        ends = (None if end is None else math.expm1(end) for end in (found.mean, found.low, found.high))
        return Interval(*ends) if self.as_log else found


Measure = Callable[[Results], Evidence]


def of_results(function: Callable) -> Callable[..., Callable[[Results], Any]]:
    """Turns f(results, ...) into f(...)(results): a table of claims says the rest before there are any results."""

    @wraps(function)
    def with_choices(*choices, **named) -> Callable[[Results], Any]:
        return lambda results: function(results, *choices, **named)

    return with_choices


in_points: Effect = np.subtract  # how much more ours is; 0.01 of accuracy is one point


def relative(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """How much more ours is, as a share of theirs; NaN where that is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(theirs == 0, np.nan, np.divide(ours, theirs)) - 1


def times_less(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """How many times ours fits into theirs, less one."""
    return relative(theirs, ours)


def accuracy(moment: str) -> Quantity:
    """Final test accuracy of every device, "trained" or as "downloaded"; who downloads no model keeps its own."""
    return lambda ours, theirs: (np.array(ours.accuracies(moment)), np.array(theirs.accuracies(moment)))


def uplink_bits(ours: RunResult, theirs: RunResult) -> Both:
    """Bits asked of the uplink over the rounds that both played."""
    n_rounds = min(len(ours.rounds), len(theirs.rounds))
    return np.array([ours.total("uplink_bits", n_rounds)]), np.array([theirs.total("uplink_bits", n_rounds)])


# The letter is silent: what "convergence time" compares. By its text a run has converged once it meets the stop
# criterion epsilon; its figure shows curves over time, which suggests the time to a common accuracy; and 42.4x holds
# for ten rounds, whose time can be compared.
Until = Callable[[RunResult, RunResult], tuple[int, int] | None]  # after which round the time of both ends


def criterion_met(ours: RunResult, theirs: RunResult) -> tuple[int, int] | None:
    """The first round that met the stop criterion, or the last if none did; None where neither run met it."""
    met = [[row["round"] for row in run.rounds if row["converged"]] for run in (ours, theirs)]
    if not any(met):
        return None
    a, b = (rounds[0] if rounds else len(run.rounds) for rounds, run in zip(met, (ours, theirs), strict=True))
    return a, b


def all_rounds(ours: RunResult, theirs: RunResult) -> tuple[int, int]:
    """The last round of each."""
    return len(ours.rounds), len(theirs.rounds)


def stored_time(run: RunResult, end: int) -> np.ndarray:
    """Seconds of airtime and compute until the end of a round."""
    return np.array([run.rounds[end - 1]["elapsed_s"]])


def times(until: Until, time_of: Callable[[RunResult, int], np.ndarray] = stored_time) -> Quantity:
    """Convergence time of both, by default as it was stored; NaN where `until` does not say when it ends."""

    def of_both(ours: RunResult, theirs: RunResult) -> Both:
        ends = until(ours, theirs)
        a, b = (time_of(*one) for one in zip((ours, theirs), ends or all_rounds(ours, theirs), strict=True))
        return (a, b) if ends else (np.nan * a, np.nan * b)

    return of_both


def to_common_accuracy(ours: RunResult, theirs: RunResult) -> Both:
    """Seconds until each reference device first reached the lower of both final accuracies; NaN where one began so."""
    level = min(ours.accuracy, theirs.accuracy)
    reached = [[time for time, accuracy in run.curve if accuracy >= level] for run in (ours, theirs)]
    a, b = (times[0] if times else run.elapsed_s for times, run in zip(reached, (ours, theirs), strict=True))
    return (np.array([a]), np.array([b])) if min(a, b) > 0 else (np.full(1, np.nan),) * 2


def last_download(ours: RunResult, theirs: RunResult) -> Both:
    """Accuracy of our devices before and after the last download."""
    return np.array(ours.accuracies("trained")), np.array(ours.accuracies("downloaded"))


def between_rounds(before: str, after: str, later: int) -> Quantity:
    """Mean over our rounds of two columns of `rounds`, the second from so many rounds `later`."""

    def of_ours(ours: RunResult, theirs: RunResult) -> Both:
        first, second = ([row[column] for row in ours.rounds] for column in (before, after))
        return mean_of(second[later:]), mean_of(first[: len(first) - later])

    return of_ours


def mean_of(values: Sequence[float]) -> np.ndarray:
    """The mean (1,), NaN of nothing."""
    return np.array([fmean(values) if len(values) else np.nan])


def falls(ours: RunResult, theirs: RunResult) -> Both:
    """How far each reference device falls after a local update until the end of the next, a mean over the rounds."""

    def deepest(run: RunResult) -> np.ndarray:
        n_tests = len(run.curve) // len(run.rounds)  # of a round; the curve ends with the last download
        accuracies = [accuracy for _, accuracy in run.curve[: n_tests * len(run.rounds)]]
        by_round = np.reshape(accuracies, (len(run.rounds), n_tests))
        return mean_of(by_round[:-1, -1] - by_round[1:].min(axis=1))

    return deepest(ours), deepest(theirs)


def compared(
    results: Results, quantity: Quantity, effect: Effect, panels: str, couples: Couples, *, distinct: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """The effect for each couple in each panel (C) and seed: on every device (C, S, D), and on their means (C, S).

    Panels in which the runs of a couple differ in nothing count once: with no upload lost, only FL knows the channel.
    """
    runs, devices, means = results.two.runs, [], []
    for ours, theirs in couples:
        seen: list[np.ndarray] = []
        for panel in panels:
            both = [quantity(runs[panel, ours, seed], runs[panel, theirs, seed]) for seed in results.two.seeds]
            if distinct and any(np.array_equal(both, one, equal_nan=True) for one in seen):
                continue
            seen.append(np.array(both))
            devices.append([effect(*two) for two in both])
            means.append([effect(*(one.mean() for one in two)) for two in both])
    return np.array(devices), np.array(means)


def known(pick: Callable, values: np.ndarray) -> np.ndarray:
    """nanmax, nanmin or nanmean over the comparisons; NaN where none is defined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return pick(values, axis=0)


@of_results
def largest(results: Results, *choices) -> Evidence:
    """ "Up to": the largest effect of all panels and couples; on the means, of the one that leads over the seeds."""
    devices, means = compared(results, *choices)
    leads = np.argmax(np.nan_to_num(known(np.nanmean, means.T), nan=-np.inf))
    return Evidence(known(np.nanmax, devices), means[leads], len(means))


@of_results
def mean(results: Results, *choices) -> Evidence:
    """The mean effect over all panels and couples."""
    devices, means = compared(results, *choices)
    return Evidence(known(np.nanmean, devices), known(np.nanmean, means))


@of_results
def order(results: Results, *choices) -> Evidence:
    """Whether ours is above theirs in all panels and for all couples."""
    return evidence_of_order(*compared(results, *choices))


def evidence_of_order(devices: np.ndarray, means: np.ndarray) -> Evidence:
    """From differences (C, S, D) and (C, S): the smallest says whether the order holds, the mean by how much."""
    return Evidence(known(np.nanmin, devices), known(np.nanmean, means), every=means)


@of_results
def where_most_accurate(results: Results, quantity: Quantity, effect: Effect, *places) -> Evidence:
    """Under each seed, the effect where our devices are furthest above theirs as downloaded: what "while" says."""
    _, gains = compared(results, accuracy("downloaded"), relative, *places, distinct=False)
    devices, means = compared(results, quantity, effect, *places, distinct=False)
    at = np.argmax(gains, axis=0), np.arange(gains.shape[1])
    return Evidence(devices[at], means[at])


@of_results
def best_against_best(results: Results, moment: str, panels: str, ours: Labels, theirs: Labels) -> Evidence:
    """An order: in each panel, the best accuracy of our labels less that of theirs."""
    runs, seeds = results.two.runs, results.two.seeds

    def best(labels: Labels) -> tuple[np.ndarray, np.ndarray]:
        found = [[[runs[p, label, seed].accuracies(moment) for label in labels] for seed in seeds] for p in panels]
        return np.max(found, axis=2), np.mean(found, axis=3).max(axis=2)

    (devices, means), (their_devices, their_means) = best(ours), best(theirs)
    return evidence_of_order(devices - their_devices, means - their_means)


def ends_of(results: Results, split: str, moment: str) -> list[list[np.ndarray]]:
    """Accuracies of all devices under each seed, of 50 and of 10 devices."""
    three = results.three
    return [[np.array(three.runs[split, n, seed].accuracies(moment)) for n in (50, 10)] for seed in three.seeds]


@of_results
def from_10_to_50(results: Results, split: str, moment: str, effect: Effect) -> Evidence:
    """How much higher the mean over devices is with 50 devices than with 10."""
    gains = np.array([effect(many.mean(), few.mean()) for many, few in ends_of(results, split, moment)])
    return Evidence(gains[:, None], gains)


@of_results
def variance_from_10_to_50(results: Results, split: str) -> Evidence:
    """How much larger the sample variance over devices is, as trained, with 50 devices than with 10."""
    ends = ends_of(results, split, "trained")
    ratios = [relative(*(np.var(one, ddof=1, keepdims=True) for one in both)) for both in ends]
    return Evidence(np.array(ratios), np.array([log_variance_ratio(*both) for both in ends]), as_log=True)


@of_results
def as_order(results: Results, measure: Measure, sign: int, than: Measure | None = None) -> Evidence:
    """An order: an effect with this sign is above zero, or above another."""
    found = measure(results)
    single, paired = sign * found.single, sign * found.paired
    if than:
        single, paired = single - than(results).single, paired - than(results).paired
    return Evidence(single, paired, every=paired[None], as_log=found.as_log)
