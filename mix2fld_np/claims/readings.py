"""Which reading of the letter gives its numbers? Choices where it is silent, crossed, against what it states.

A reading is what differs from the printed one, {setting: value}; together with a moment it is a candidate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from mix2fld_np.claims.measures import Effect, in_points, relative
from mix2fld_np.claims.verdicts import EQUAL
from mix2fld_np.federation.settings import CHANNELS, COMPARISON, INITIALISATIONS, PAIRINGS, Settings
from mix2fld_np.federation.simulation import MOMENTS
from mix2fld_np.runs.jobs import Job, Source
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.averages import grouped
from mix2fld_np.study.figures import check_free, file_name
from mix2fld_np.study.intervals import t_interval

# Label pairs are random, as printed: with N_S = 50 they make enough inverse samples, for which N_S = 10 needs a
# schedule. Symmetric channels deliver everything; FL without any upload is Local.
BASE = replace(COMPARISON, uplink_power_dbm=CHANNELS["symmetric"], n_evaluations=1)
CROSSED = ("n_local_iterations", "pairing", "n_distill_iterations", "beta")  # in full; the other factors one at a time
CALLED = {  # a reading that differs in a factor
    "n_local_iterations": "K = {:,}", "pairing": "{}", "n_distill_iterations": "K_S = {:,}", "beta": "beta = {:g}",
    "fresh_student": "fresh student", "average_logits": "logits averaged", "own_start": "own starts",
    "standardised": "standardised", "initialisation": "{}",
}  # fmt: skip
OWN = {*CALLED, "n_inverse_samples", "uplink_power_dbm"} - {"n_local_iterations", "n_distill_iterations"}

Reading = dict[str, Any]


class ReadingRun(NamedTuple):
    """What is played of each reading; factors on which it does not depend are left as printed."""

    name: str
    protocol: str
    ignores: tuple[str, ...] = ()
    n_inverse: int = 1  # N_I / N_S


class Statement(NamedTuple):
    """What the letter says of two runs: a number from `least` to `most`, a printed one within a point."""

    name: str
    least: float
    most: float
    effect: Effect
    ours: str  # a run, perhaps with a moment of its own: "MixFLD downloaded"
    theirs: str


SERVER, TEACHER = ("pairing", "n_distill_iterations", "fresh_student"), ("beta", "average_logits")
ONCE, TWICE = "Mix2FLD N_S", "Mix2FLD 2 N_S"
RUNS = (
    ReadingRun("Local", "Local", SERVER + TEACHER),
    ReadingRun("FL", "FL", SERVER + TEACHER),
    ReadingRun("FD", "FD", SERVER),
    ReadingRun("MixFLD", "MixFLD"),
    ReadingRun(ONCE, "Mix2FLD"),
    ReadingRun(TWICE, "Mix2FLD", n_inverse=2),
)
STATEMENTS = (  # those with "up to" of the setting in which it is most
    Statement("16.7 % over FL alone", 0.167 - EQUAL, 0.167 + EQUAL, relative, TWICE, "Local"),
    Statement("17.3 % over FD", 0.173 - EQUAL, 0.173 + EQUAL, relative, TWICE, "FD"),
    Statement("MixFLD below FD", -math.inf, 0.0, in_points, "MixFLD", "FD"),
    Statement("Mix2FLD above MixFLD", 0.0, math.inf, in_points, TWICE, "MixFLD"),
    Statement("as high as FL", -EQUAL, EQUAL, in_points, TWICE, "FL"),
    Statement("1.7 % by twice N_I", 0.017 - EQUAL, 0.017 + EQUAL, relative, TWICE, ONCE),
    Statement("MixFLD falls at download", -math.inf, 0.0, in_points, "MixFLD downloaded", "MixFLD trained"),
    Statement("Mix2FLD falls at download", -math.inf, 0.0, in_points, f"{TWICE} downloaded", f"{TWICE} trained"),
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


@dataclass(frozen=True)
class Search:
    """Which readings are played, under which seeds."""

    readings: list[Reading]
    settings: Settings
    source: Source
    seeds: range


def name_of(run: ReadingRun, reading: Reading, seed: int) -> str:
    """The name of a run; of readings that differ in what it ignores, the same."""
    return file_name(f"{run.name} {label(noticed(run, reading))} seed{seed}")


def noticed(run: ReadingRun, reading: Reading) -> Reading:
    """What a reading changes for a run."""
    return {name: value for name, value in reading.items() if name not in run.ignores}


def jobs_of(search: Search) -> list[Job]:
    """All runs that differ."""
    N_S, jobs = search.settings.n_seed_samples, dict[str, Job]()
    for seed, reading, run in product(search.seeds, search.readings, RUNS):
        chosen = replace(search.settings, **noticed(run, reading), n_inverse_samples=run.n_inverse * N_S)
        name = name_of(run, reading, seed)
        jobs[name] = Job(name, run.protocol, chosen, search.source, seed)
    return list(jobs.values())


def measured(search: Search, results: Sequence[RunResult]) -> np.ndarray:
    """Each statement's number (reading, moment, statement, 2, seed): of the mean of all devices, of the reference."""
    numbers = {
        job.name: {when: np.array([run.mean_accuracy(when), run.accuracies(when)[run.reference]]) for when in MOMENTS}
        for job, run in zip(jobs_of(search), results, strict=True)
    }
    found = np.empty((len(search.readings), len(MOMENTS), len(STATEMENTS), 2, len(search.seeds)))
    for (r, reading), (k, seed) in product(enumerate(search.readings), enumerate(search.seeds)):
        own = {run.name: numbers[name_of(run, reading, seed)] for run in RUNS}
        of = {f"{name} {when}": both[when] for name, both in own.items() for when in MOMENTS}
        for m, moment in enumerate(MOMENTS):
            at = of | {name: both[moment] for name, both in own.items()}
            found[r, m, :, :, k] = [one.effect(at[one.ours], at[one.theirs]) for one in STATEMENTS]
    return found


def rows_of(search: Search, found: np.ndarray, held_out: bool = False) -> list[dict]:
    """A row for each reading, moment and statement: its number, how far above (+) or below what is stated."""
    rows = []
    for r, m, s in np.ndindex(found.shape[:3]):
        (values, reference), statement = found[r, m, s], STATEMENTS[s]
        mean, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
        off = math.inf if math.isnan(mean) else max(mean - statement.most, 0.0) + min(mean - statement.least, 0.0)
        row = {"reading": label(search.readings[r]), "moment": MOMENTS[m], "held_out": held_out}
        row |= {"statement": statement.name, "least": statement.least, "most": statement.most}
        row |= {**vars(t_interval(values)), "off": off, "distance": off / error if error else off and off * math.inf}
        rows.append(row | {"reference": float(reference.mean())})
    return rows


def candidates(rows: list[dict]) -> list[dict]:
    """Readings at a moment, the best first: most met, then fewest points off. Unbeaten: none is as near and nearer."""
    groups = grouped(rows, "reading", "moment")
    far, found = np.array([[abs(row["off"]) for row in own] for own in groups.values()]), []
    for (reading, moment), own in zip(groups, far, strict=True):
        beaten = ((far <= own).all(axis=1) & (far < own).any(axis=1)).any()
        numbers = {"n_met": int((own == 0).sum()), "off": float(own.sum()), "unbeaten": not beaten}
        found.append({"reading": reading, "moment": moment, **numbers})
    return sorted(found, key=lambda row: (-row["n_met"], row["off"]))


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
