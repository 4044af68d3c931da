"""Which reading of the letter gives its numbers? Choices where it is silent, crossed, against what it states.

A reading is what differs from the printed one, {setting: value}; together with a moment it is a candidate.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from mix2fld_np.federation.settings import CHANNELS, COMPARISON, INITIALISATIONS, PAIRINGS, Settings
from mix2fld_np.federation.simulation import MOMENTS
from mix2fld_np.runs.jobs import Job, Source
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.averages import grouped
from mix2fld_np.study.figures import check_free
from mix2fld_np.study.intervals import LEVEL, t_interval, t_quantile
from mix2fld_np.study.measures import Effect, in_points, relative
from mix2fld_np.study.sweeps import file_name
from mix2fld_np.study.verdicts import EQUAL

# Label pairs are random, as printed: with N_S = 50 they make enough inverse samples, for which N_S = 10 needs a
# schedule. Symmetric channels deliver everything; FL without any upload is Local.
BASE = replace(COMPARISON, uplink_power_dbm=CHANNELS["symmetric"], n_evaluations=1)
CROSSED = ("n_local_iterations", "pairing", "n_distill_iterations", "beta")  # in full; the other factors one at a time
CALLED = {  # a reading that differs in a factor
    "n_local_iterations": "K = {:,}",
    "pairing": "{}",
    "n_distill_iterations": "K_S = {:,}",
    "beta": "beta = {:g}",
    "fresh_student": "fresh student",
    "average_logits": "logits averaged",
    "own_start": "own starts",
    "standardised": "standardised",
    "initialisation": "{}",
}
OWN = {*CALLED, "n_inverse_samples", "uplink_power_dbm"} - {"n_local_iterations", "n_distill_iterations"}
N_BEST = 3  # readings that are confirmed under seeds that were not used

Reading = dict[str, Any]
Accuracies = dict[str, dict[str, np.ndarray]]  # by run and moment: mean of all devices, and of the reference device


@dataclass(frozen=True)
class Run:
    """What is played of each reading; factors on which it does not depend are left as printed."""

    name: str
    protocol: str
    ignores: tuple[str, ...] = ()
    n_inverse: int = 1  # N_I / N_S


@dataclass(frozen=True)
class Statement:
    """A number of the letter, in a reading at a moment, and between which two it is to lie."""

    name: str
    least: float
    most: float
    value: Callable[[Accuracies, str], np.ndarray]


def more(effect: Effect, ours: str, theirs: str) -> Callable[[Accuracies, str], np.ndarray]:
    """How much more accurate a run is than another, as a share or in points."""
    return lambda of, moment: effect(of[ours][moment], of[theirs][moment])


def rise(name: str) -> Callable[[Accuracies, str], np.ndarray]:
    """What the last download adds to a run."""
    return lambda of, moment: of[name]["downloaded"] - of[name]["trained"]


SERVER, TEACHER = ("pairing", "n_distill_iterations", "fresh_student"), ("beta", "average_logits")
ONCE, TWICE = "Mix2FLD N_S", "Mix2FLD 2 N_S"
RUNS = (
    Run("Local", "Local", SERVER + TEACHER),
    Run("FL", "FL", SERVER + TEACHER),
    Run("FD", "FD", SERVER),
    Run("MixFLD", "MixFLD"),
    Run(ONCE, "Mix2FLD"),
    Run(TWICE, "Mix2FLD", n_inverse=2),
)
STATEMENTS = (  # "up to" is largest for the most seed samples; a printed number is met where it would be printed so
    Statement("16.7 % over FL alone", 0.1665, 0.1675, more(relative, TWICE, "Local")),
    Statement("17.3 % over FD", 0.1725, 0.1735, more(relative, TWICE, "FD")),
    Statement("MixFLD below FD", -math.inf, 0.0, more(in_points, "MixFLD", "FD")),
    Statement("Mix2FLD above MixFLD", 0.0, math.inf, more(in_points, TWICE, "MixFLD")),
    Statement("as high as FL", -EQUAL, EQUAL, more(in_points, TWICE, "FL")),
    Statement("1.7 % by twice N_I", 0.0165, 0.0175, more(relative, TWICE, ONCE)),
    Statement("MixFLD falls at download", -math.inf, 0.0, rise("MixFLD")),
    Statement("Mix2FLD falls at download", -math.inf, 0.0, rise(TWICE)),
)


def levels(settings: Settings) -> dict[str, tuple]:
    """The values of each factor, that of the printed reading first; K and K_S in proportion to the settings."""
    K, K_S = settings.n_local_iterations, settings.n_distill_iterations
    return {
        **dict.fromkeys(CALLED, (False, True)),
        "n_local_iterations": tuple(sorted({K, max(1, K // 10), max(1, K // 32)}, reverse=True)),
        "pairing": PAIRINGS,
        "n_distill_iterations": (K_S, 4 * K_S),
        "beta": (BASE.beta, 1.0),
        "initialisation": INITIALISATIONS,
    }


def readings_of(settings: Settings, full: bool = False) -> list[Reading]:
    """The printed reading, then the others: some factors crossed, the rest one at a time, or all at two values each."""
    check_free(settings, BASE, "this study", sorted(OWN))
    values = levels(settings)
    if full:
        return crossed({name: own[:2] for name, own in values.items()})
    one_at_a_time = [{name: own[1]} for name, own in values.items() if name not in CROSSED]
    return crossed({name: values[name] for name in CROSSED}) + one_at_a_time


def crossed(values: dict[str, tuple]) -> list[Reading]:
    """Every combination; what is not the first value is a difference."""
    every = (zip(values, chosen, strict=True) for chosen in product(*values.values()))
    return [{name: value for name, value in pairs if value != values[name][0]} for pairs in every]


def label(reading: Reading) -> str:
    """What people call it."""
    return ", ".join(CALLED[name].format(value) for name, value in reading.items()) or "as printed"


def job_of(run: Run, reading: Reading, settings: Settings, source: Source, seed: int) -> Job:
    """One run; of readings that differ in what it ignores, the same."""
    own = {name: value for name, value in reading.items() if name not in run.ignores}
    chosen = replace(settings, **own, n_inverse_samples=run.n_inverse * settings.n_seed_samples)
    return Job(file_name(f"{run.name} {label(own)} seed{seed}"), run.protocol, chosen, source, seed)


@dataclass(frozen=True)
class Search:
    """Which readings are played, under which seeds."""

    readings: list[Reading]
    settings: Settings
    source: Source
    seeds: range


def jobs_of(search: Search) -> list[Job]:
    """All runs that differ."""
    every = product(search.seeds, search.readings, RUNS)
    wanted = (job_of(run, reading, search.settings, search.source, seed) for seed, reading, run in every)
    return list({job.name: job for job in wanted}.values())


def measured(search: Search, results: Sequence[RunResult]) -> np.ndarray:
    """Each statement's number (reading, moment, statement, 2, seed): of the mean of all devices, of the reference."""
    by_name = {job.name: result for job, result in zip(jobs_of(search), results, strict=True)}
    found = np.empty((len(search.readings), len(MOMENTS), len(STATEMENTS), 2, len(search.seeds)))
    for (r, reading), (k, seed) in product(enumerate(search.readings), enumerate(search.seeds)):
        names = {run.name: job_of(run, reading, search.settings, search.source, seed).name for run in RUNS}
        of = {name: accuracies(by_name[job]) for name, job in names.items()}
        found[r, ..., k] = [[statement.value(of, moment) for statement in STATEMENTS] for moment in MOMENTS]
    return found


def accuracies(run: RunResult) -> dict[str, np.ndarray]:
    """By moment, the mean of all devices and the reference device."""
    return {moment: np.array([run.mean_accuracy(moment), run.accuracies(moment)[run.reference]]) for moment in MOMENTS}


def distance(values: np.ndarray, statement: Statement) -> float:
    """How many standard errors a mean over seeds is above (negative: below) what is stated; infinite where unknown."""
    mean, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    off = max(mean - statement.most, 0.0) + min(mean - statement.least, 0.0)
    return math.inf if math.isnan(mean) else 0.0 if off == 0 else off / error if error else math.copysign(math.inf, off)


def rows_of(search: Search, found: np.ndarray, held_out: bool = False) -> list[dict]:
    """A row for each reading, moment and statement; satisfied where the interval reaches what is stated."""
    rows, enough = [], t_quantile(LEVEL, found.shape[-1] - 1)
    for r, m, s in np.ndindex(found.shape[:3]):
        values, reference = found[r, m, s]
        statement, far = STATEMENTS[s], distance(values, STATEMENTS[s])
        row = {"reading": label(search.readings[r]), "moment": MOMENTS[m], "held_out": held_out, "statement": statement.name}
        row |= {"least": statement.least, "most": statement.most, **vars(t_interval(values)), "distance": far}
        rows.append(row | {"satisfied": abs(far) <= enough, "reference": float(reference.mean())})
    return rows


def candidates(rows: list[dict]) -> list[dict]:
    """Readings at a moment, the best first: most statements satisfied, then the least sum of the other distances.

    Unbeaten where no other is as near on all statements and nearer on one, satisfied ones counting as met.
    """
    groups = grouped(rows, "reading", "moment")
    far = np.array([[0.0 if row["satisfied"] else abs(row["distance"]) for row in own] for own in groups.values()])
    found = []
    for (reading, moment), own in zip(groups, far, strict=True):
        beaten = ((far <= own).all(axis=1) & (far < own).any(axis=1)).any()
        numbers = {"n_satisfied": int((own == 0).sum()), "distance": float(own.sum()), "unbeaten": not beaten}
        found.append({"reading": reading, "moment": moment, **numbers})
    return sorted(found, key=lambda row: (-row["n_satisfied"], row["distance"]))


def best(search: Search, ranked: list[dict]) -> list[Reading]:
    """The best readings, each at its better moment."""
    found = {label(reading): reading for reading in search.readings}
    return [found[name] for name in dict.fromkeys(row["reading"] for row in ranked)][:N_BEST]


def effects(search: Search, found: np.ndarray) -> list[dict]:
    """What a value of a factor changes on each statement: the mean over all readings that differ in nothing else."""
    place, rows = {label(reading): r for r, reading in enumerate(search.readings)}, []
    for name, value in ((name, value) for name, own in levels(search.settings).items() for value in own[1:]):
        after = [reading for reading in search.readings if reading.get(name) == value]
        before = [{other: reading[other] for other in reading if other != name} for reading in after]
        a, b = ([place[label(reading)] for reading in side] for side in (before, after))
        change = (found[b] - found[a])[:, :, :, 0].mean(axis=0) if after else np.empty((0, 0))
        for s, m in np.ndindex(change.shape[1::-1]):
            row = {"factor": CALLED[name].format(value), "statement": STATEMENTS[s].name, "moment": MOMENTS[m]}
            rows.append(row | vars(t_interval(change[m, s])))
    return rows
