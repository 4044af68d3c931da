"""Questions that the letter leaves to future work: one setting goes through many values, a row each."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.protocols import protocol_named, seed_bits
from mix2fld_np.federation.settings import CHANNELS, PAIRINGS, SPLITS, Settings
from mix2fld_np.federation.task import Task
from mix2fld_np.nn.network import Network
from mix2fld_np.runs.jobs import Job, Source, dataset
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.averages import average, grouped
from mix2fld_np.study.figures import FIGURES, check_free, file_name
from mix2fld_np.study.intervals import Interval, t_interval
from mix2fld_np.study.tables import as_uploaded, to_raw, uploads_of
from mix2fld_np.wireless import channel

ACCURACIES = ("downloaded", "trained", "accuracy", "server_accuracy")
# The target of FD sums to 1 + beta, which lengthens its steps: lines that tell this from what the teacher says.
LONGER_STEP, SAME_STEP = "no teacher, step (1 + beta) eta", "FD, step eta / (1 + beta)"
SEEDS, FEW_SEEDS = ("n_seed_samples", "n_inverse_samples"), 10  # of FedDF, whose first upload brings weights as well
HALF = "non-IID, random, N_S / 2"  # fewer uploads for the same N_I


@dataclass(frozen=True)
class Series:
    """One line of the picture: a protocol, and what else distinguishes it."""

    name: str
    protocol: str
    changes: tuple[tuple[str, Any], ...] = ()
    follow: Callable[[Settings, float], dict] = lambda settings, value: {}  # what changes with the study's value


@dataclass(frozen=True)
class Sweep:
    """One study: which setting goes through which values, on which lines, and what is recorded besides accuracy."""

    question: str
    field: str  # of Settings; in any case the column of the values
    symbol: str
    values: Callable[[Settings, Network], tuple]
    series: tuple[Series, ...]
    besides: Callable[[str, Task], dict] = lambda protocol, task: {}  # to further columns, known before any run
    base: Settings = FIGURES
    couples: Callable[[list], list[tuple]] = lambda values: []  # ((line, value), (line, value)) that are compared
    changes: Callable[[Any], dict[str, Any]] | None = None  # the settings at a value, where it is not that of `field`

    def settings_at(self, value: Any) -> dict[str, Any]:
        """The settings that a value changes on every line."""
        return self.changes(value) if self.changes else {self.field: value}

    @property
    def own_settings(self) -> set[str]:
        """The settings that the study goes through by itself."""
        return {*self.settings_at(1), *(name for line in self.series for name, _ in line.changes)}


class Point(NamedTuple):
    """A job and its place in a study."""

    series: Series
    value: Any
    job: Job


def points_of(sweep: Sweep, settings: Settings, source: Source, seeds: Iterable[int]) -> list[Point]:
    """One run for each line, value and seed.

    InputError where the settings already choose what the study goes through, or leave it nothing.
    """
    check_free(settings, sweep.base, "this study", sweep.own_settings)
    values = sweep.values(settings, Task(settings, dataset(source)).network)
    if not values:
        raise InputError(
            f"n_devices = {settings.n_devices} leaves this study no {sweep.symbol} to go through: inverse-Mixup pairs "
            "samples of different devices; give 2 devices or more."
        )
    points = []
    for seed, line, value in product(seeds, sweep.series, values):
        changes: dict[str, Any] = {**dict(line.changes), **sweep.settings_at(value), **line.follow(settings, value)}
        name = file_name(f"{line.name} {as_typed(value)} seed{seed}")
        points.append(Point(line, value, Job(name, line.protocol, replace(settings, **changes), source, seed)))
    return points


def as_typed(value: Any) -> str:
    """The value of a setting as --set takes it, of six digits where these are exact, and of all digits elsewhere."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return f"[{','.join(map(str, value))}]"
    return short if isinstance(value, float) and float(short := f"{value:g}") == value else str(value)


def rows_of(sweep: Sweep, points: list[Point], tasks: list[Task], results: list[RunResult]) -> list[dict]:
    """One row for each run: final accuracy, accuracy of the server's model, and what else the study records."""
    rows = []
    for (line, value, job), task, result in zip(points, tasks, results, strict=True):
        row = {"series": line.name, "protocol": job.protocol, sweep.field: value, "seed": job.seed}
        row |= {name: getattr(result, name) for name in ACCURACIES}
        row["delivered"] = result.uplink_delivered / (len(result.rounds) * task.settings.n_taking_part)
        row |= {name: getattr(result, name) for name in ("elapsed_s", "server_samples", "server_samples_wanted")}
        rows.append(row | sweep.besides(job.protocol, task))
    return rows


def over_seeds(sweep: Sweep, rows: list[dict]) -> list[dict]:
    """One row for each line and value: means over the seeds that have one, and of accuracies spread and number."""
    found = []
    for (name, protocol, value), own in grouped(rows, "series", "protocol", sweep.field).items():
        point = {"series": name, "protocol": protocol, sweep.field: value, "n_seeds": len(own)}
        for column in [column for column in own[0] if column not in ("seed", *point)]:
            over = average(row[column] for row in own)
            point |= over.columns(column) if column in ACCURACIES else {column: over.mean}
        found.append(point)
    return found


def differences(sweep: Sweep, rows: list[dict]) -> Iterator[tuple[tuple, Interval]]:
    """The couples of a study, and how much higher the mean of all devices is with the first, in pairs of one seed."""
    runs = grouped(rows, "series", sweep.field)
    for couple in sweep.couples(list(dict.fromkeys(value for _, value in runs))):
        ours, theirs = ([row["trained"] for row in runs[place]] for place in couple)  # seed by seed
        yield couple, t_interval(np.subtract(ours, theirs))


def privacies(protocol: str, task: Task) -> dict:
    """Sample privacy of what leaves a device (Table II), and of what the server makes (Table III; None for nothing)."""
    up, ratio = uploads_of(task), task.settings.mixing_ratio
    inverse = to_raw(up, ratio) if protocol == "Mix2FLD" and len(up.pairs) else None
    return {"privacy_of_uploads": as_uploaded(up, ratio), "privacy_of_inverse": inverse}


def behind_inverse_samples(protocol: str, task: Task) -> dict:
    """How many inverse samples are made, of how many labels, uploads and raw samples; memory in single precision."""
    sent = seed_samples.mixed(task)
    pairs, n_made = seed_samples.chosen_pairs(sent, task), seed_samples.inversely_mixed(sent, task).n_samples
    used = np.unique(pairs)
    return {
        "n_made": n_made,
        "n_labels": len(np.unique(task.data.train_labels[sent.first[used]])),
        "n_uploads_used": len(used),
        "n_raw_used": len(np.unique([sent.first[used], sent.second[used]])),
        "memory_mb": n_made * 4 * math.prod(task.network.image_shape) / 1e6,
    }


def chance_of_upload(protocol: str, task: Task) -> dict:
    """Closed form: the chance that an upload without seed samples arrives, the mean over distances."""
    bits = protocol_named(protocol).uplink.bits(task.settings, task.network)
    return {"chance_of_upload": fmean(1 - channel.outage_probability(one, bits) for one in task.uplink.each)}


def first_upload(protocol: str, task: Task) -> dict:
    """Closed form: slots of an upload with all seed samples, and the chance that it arrives, a mean over distances."""
    row, s, network = protocol_named(protocol), task.settings, task.network
    bits = row.uplink.bits(s, network) + seed_bits(row, s, network)
    chance = fmean(1 - channel.outage_probability(one, bits) for one in task.uplink.each)
    return {"first_upload_slots": int(channel.slots_needed(task.uplink, bits)), "chance_of_first_upload": chance}


def labels_held(protocol: str, task: Task) -> dict:
    """How many labels a device holds, a mean over the devices."""
    return {"labels_held": float((task.split.counts > 0).sum(axis=1).mean())}


def teacher_and_step(betas: list) -> list[tuple]:
    """What a teacher adds to steps of (1 + beta) eta, and to steps of eta in all."""
    couples: list[tuple] = []
    for beta in betas[1:]:
        couples += [(("FD", beta), (LONGER_STEP, beta)), ((SAME_STEP, beta), (SAME_STEP, betas[0]))]
    return couples


def samples_and_uploads(values: list) -> list[tuple]:
    """More inverse samples of more uploads and of the same, which a schedule for many all uses; and fewer uploads."""
    few, twice, many, most = values[0], *(values[min(k, len(values) - 1)] for k in (1, 3, -1))
    lines = [f"{name}, {policy}" for name in SPLITS.values() for policy in PAIRINGS]
    more = [((line, twice), (line, few)) for line in lines] + [((line, most), (line, many)) for line in lines[1::2]]
    return [couple for couple in (*more, ((lines[2], few), (HALF, few))) if couple[0] != couple[1]]


def varied(field: str, values: tuple, protocols: list[str], settings: Settings) -> Sweep:
    """A study of one's own: a setting goes through values, the first of which is what the others are compared with.

    InputError unless there are two values or more, each once.
    """
    for k, value in enumerate(values):
        if value in values[:k]:
            raise InputError(f"{field} = {as_typed(value)} is given twice; give each value once.")
    if len(values) < 2:
        only = f"{field} = {as_typed(values[0])} is one value, and there is nothing to compare it with"
        raise InputError(f"{only}; give two or more, {field}=V1,V2.")

    def to_the_first(values: list) -> list[tuple]:
        return [((name, value), (name, values[0])) for name in protocols for value in values[1:]]

    lines = tuple(Series(name, name) for name in protocols)
    question = f"What does {field} change? Accuracy at {', '.join(map(as_typed, values))}."
    return Sweep(question, field, field, lambda *_: values, lines, base=settings, couples=to_the_first)


def inverse_samples(settings: Settings, network: Network) -> tuple[int, ...]:
    """N_I from N_S on, as far as the schedule can plan."""
    D, N_S = settings.n_devices, settings.n_seed_samples
    most = 2 * (D**2 // 4) * N_S**2 // D
    return tuple(factor * N_S for factor in (1, 2, 3, 5, 10, 20) if factor * N_S <= most)


def around_the_cliff(settings: Settings, network: Network) -> tuple[int, ...]:
    """T_max below and above the slots that an upload of FL needs at least, 101 with the letter's settings."""
    needed = int(channel.slots_needed(settings.uplink, protocol_named("FL").uplink.bits(settings, network)))
    return tuple(dict.fromkeys(max(1, needed + further) for further in (-3, -1, 0, 1, 4, 9, 14, 19)))


SWEEPS = {
    "ratio": Sweep(
        "What does privacy cost? Accuracy and sample privacy over the mixing ratio.", "mixing_ratio", "lambda",
        lambda settings, network: (0.001, 0.01, 0.1, 0.2, 0.3, 0.4, 0.45, 0.49),
        (Series("MixFLD", "MixFLD"), Series("Mix2FLD", "Mix2FLD")),
        privacies,
    ),
    "inverse-samples": Sweep(
        "How many inverse samples pay? Accuracy and memory over N_I at a fixed N_S.", "n_inverse_samples", "N_I",
        inverse_samples,
        (
            *(
                Series(f"{name}, {policy}", "Mix2FLD", (("split", split), ("pairing", policy)))
                for split, name in SPLITS.items()
                for policy in PAIRINGS
            ),
            Series(HALF, "Mix2FLD", (("split", "non-iid"), ("pairing", "random")),
                   lambda s, value: {"n_seed_samples": math.ceil(s.n_seed_samples / 2)}),
        ),
        behind_inverse_samples,
        replace(FIGURES, n_inverse_samples=FIGURES.n_seed_samples),
        samples_and_uploads,
    ),
    "beta": Sweep(
        "How much should a student listen to its teacher? Accuracy over the weight of the distillation regulariser.",
        "beta", "beta",
        lambda settings, network: (0.0, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0),
        (
            Series("FD", "FD"),
            Series(LONGER_STEP, "Local", (), lambda s, beta: {"learning_rate": s.learning_rate * (1 + beta)}),
            Series(SAME_STEP, "FD", (), lambda s, beta: {"learning_rate": s.learning_rate / (1 + beta)}),
            Series("MixFLD", "MixFLD"),
            Series("Mix2FLD", "Mix2FLD"),
        ),
        couples=teacher_and_step,
    ),
    "slots": Sweep(
        "Where does FL begin to work? Accuracy over T_max, on both sides of the cliff.", "max_slots", "T_max",
        around_the_cliff,
        tuple(
            Series(f"{protocol} {name}", protocol, (("uplink_power_dbm", power),))
            for protocol in ("FL", "Mix2FLD")
            for name, power in CHANNELS.items()
        ),
        chance_of_upload,
    ),
    "bits": Sweep(
        "How coarse may weights and outputs be? Accuracy over the bits that each is sent with, and rounded to.",
        "bits", "b",
        lambda settings, network: (2, 4, 6, 8, 16, 32),
        (
            *(Series(name, name) for name in ("FL", "FD", "Mix2FLD")),
            Series("FedDF", "FedDF", (), lambda s, bits: dict.fromkeys(SEEDS, min(FEW_SEEDS, s.n_seed_samples))),
        ),
        first_upload,
        changes=lambda bits: {"bits_per_weight": bits, "bits_per_output": bits},
    ),
    "alpha": Sweep(
        "How unlike may devices be? Accuracy over the alpha of a Dirichlet split.", "alpha", "alpha",
        lambda settings, network: (0.1, 0.3, 1.0, 3.0, 10.0, 100.0),
        tuple(Series(name, name) for name in ("FL", "FD", "MixFLD", "Mix2FLD")),
        labels_held,
        changes=lambda alpha: {"split": f"dirichlet:{alpha:g}"},
    ),
}  # fmt: skip
