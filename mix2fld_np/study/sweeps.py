"""Questions that the letter leaves to future work: one setting goes through many values, a row each."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.protocols import protocol_named
from mix2fld_np.federation.settings import CHANNELS, Settings
from mix2fld_np.federation.task import Task
from mix2fld_np.mixing import pairing, privacy
from mix2fld_np.nn.network import Network
from mix2fld_np.runs.jobs import Job, Source, dataset
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.averages import average, grouped
from mix2fld_np.study.figures import FIGURES, check_free
from mix2fld_np.wireless import channel

ACCURACIES = ("downloaded", "trained", "accuracy", "server_accuracy")


@dataclass(frozen=True)
class Series:
    """One line of the picture: a protocol, and what else distinguishes it."""

    name: str
    protocol: str
    changes: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Sweep:
    """One study: which setting goes through which values, on which lines, and what is recorded besides accuracy."""

    question: str
    field: str  # of Settings
    symbol: str
    values: Callable[[Settings, Network], tuple]
    series: tuple[Series, ...]
    besides: Callable[[str, Task], dict] = lambda protocol, task: {}  # to further columns, known before any run
    base: Settings = FIGURES

    @property
    def own_settings(self) -> set[str]:
        """The settings that the study goes through by itself."""
        return {self.field, *(name for line in self.series for name, _ in line.changes)}


@dataclass(frozen=True)
class Point:
    """A job and its place in a study."""

    series: Series
    value: float
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
    return [
        Point(line, value, job_at(sweep, settings, line, value, source, seed))
        for seed in seeds
        for line in sweep.series
        for value in values
    ]


def job_at(sweep: Sweep, settings: Settings, line: Series, value: float, source: Source, seed: int) -> Job:
    """The run of one line at one value."""
    changes: dict[str, Any] = {**dict(line.changes), sweep.field: value}
    name = f"{line.name.replace(' ', '-')}-{value:g}-seed{seed}"
    return Job(name, line.protocol, replace(settings, **changes), source, seed)


def rows_of(sweep: Sweep, points: list[Point], tasks: list[Task], results: list[RunResult]) -> list[dict]:
    """One row for each run: final accuracy, accuracy of the server's model, and what else the study records."""
    return [
        {
            "series": point.series.name,
            "protocol": point.job.protocol,
            sweep.field: point.value,
            "seed": point.job.seed,
            "downloaded": result.downloaded,
            "trained": result.trained,
            "accuracy": result.accuracy,
            "server_accuracy": result.server_accuracy,
            "delivered": result.uplink_delivered / (len(result.rounds) * task.settings.n_taking_part),
            "elapsed_s": result.elapsed_s,
            "server_samples": result.server_samples,
            "server_samples_wanted": result.server_samples_wanted,
            **sweep.besides(point.job.protocol, task),
        }
        for point, task, result in zip(points, tasks, results, strict=True)
    ]


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


def stops_paying(sweep: Sweep, points: list[dict]) -> float:
    """The smallest value on one line whose accuracy is within a standard error of the best mean over the seeds."""
    best = max(points, key=lambda point: point["accuracy"])
    error = (best["accuracy_spread"] or 0.0) / math.sqrt(best["n_seeds"])
    return min(point[sweep.field] for point in points if point["accuracy"] >= best["accuracy"] - error)


# --- what is recorded besides accuracy --------------------------------------------------------------------------------


def privacies(protocol: str, task: Task) -> dict:
    """Sample privacy of what leaves a device (Table II), and of what the server makes (Table III; None for nothing)."""
    drawn, labels, images = seed_samples.mixed(task), task.data.train_labels, task.data.train_images
    up = privacy.mixup_privacy(images, drawn.first, drawn.second, drawn.ratio)
    if protocol != "Mix2FLD":
        return {"privacy_of_uploads": up, "privacy_of_inverse": None}
    pairs = pairing.symmetric_pairs(labels[drawn.first], labels[drawn.second], drawn.device)
    inverse = privacy.mix2up_privacy(images, drawn.first, drawn.second, pairs, drawn.ratio) if len(pairs) else None
    return {"privacy_of_uploads": up, "privacy_of_inverse": inverse}


def memory(protocol: str, task: Task) -> dict:
    """How many inverse samples the server makes, of how many labels, and their memory in single precision."""
    material = seed_samples.inversely_mixed(seed_samples.mixed(task), task)
    n_made = material.n_samples
    n_labels = int(material.render(np.arange(n_made))[1].any(axis=0).sum()) if n_made else 0
    return {"n_made": n_made, "n_labels": n_labels, "memory_mb": n_made * 4 * math.prod(task.network.image_shape) / 1e6}


def chance_of_upload(protocol: str, task: Task) -> dict:
    """Closed form: the chance that an upload without seed samples arrives."""
    bits = protocol_named(protocol).uplink.bits(task.settings, task.network)
    return {"chance_of_upload": 1 - channel.outage_probability(task.uplink, bits)}


# --- the studies ------------------------------------------------------------------------------------------------------


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
        (Series("IID", "Mix2FLD", (("split", "iid"),)), Series("non-IID", "Mix2FLD", (("split", "non-iid"),))),
        memory,
        replace(FIGURES, n_seed_samples=10, n_inverse_samples=10),
    ),
    "beta": Sweep(
        "How much should a student listen to its teacher? Accuracy over the weight of the distillation regulariser.",
        "beta", "beta",
        lambda settings, network: (0.0, 0.01, 0.1, 0.3, 1.0, 3.0),
        (Series("FD", "FD"), Series("MixFLD", "MixFLD"), Series("Mix2FLD", "Mix2FLD")),
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
}  # fmt: skip
