"""From Python: play one protocol, or compare several and draw them; nothing is written to a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mix2fld_np.datasets.find import find
from mix2fld_np.datasets.registry import Dataset, load
from mix2fld_np.federation.protocols import Protocol, check_playable, protocol_named
from mix2fld_np.federation.settings import COMPARISON, Settings
from mix2fld_np.federation.simulation import simulate
from mix2fld_np.federation.task import Task
from mix2fld_np.pictures.curves import learning_curves
from mix2fld_np.runs.results import RunResult, result_of
from mix2fld_np.runs.workers import Workers
from mix2fld_np.study.compare import Summary, curve_rows
from mix2fld_np.wireless.channel import Transmission

if TYPE_CHECKING:
    from mix2fld_np.pictures.canvas import Figure


def play(
    protocol: str | Protocol, settings: Settings = COMPARISON, data: str | Dataset = "auto", seed: int = 0,
    channel: Callable[..., Transmission] | None = None, workers: int | None = None,
) -> RunResult:
    """Plays one protocol, a row of the table or one of your own; its rounds, its curve and what follows from them.

    `data` is the name of a data set, or arrays of your own; "auto" is MNIST where found, else the embedded digits.
    A `channel` of your own is called for every upload and download as channel(link, payload_bits, n_devices, rng) and
    says what arrived, and after how many slots. The result does not depend on `workers`. InputError for what cannot be
    played, before the first step.
    """
    row = protocol_named(protocol) if isinstance(protocol, str) else protocol
    with Workers(workers or os.cpu_count() or 1) as crew:
        task = Task(settings, dataset(data), seed, crew.starter(settings), channel)
        check_playable(row, task)
        *_, end = simulate(row, task)
    return result_of(row, end, task, "all")


@dataclass(frozen=True)
class Comparison:
    """Runs of several protocols on the same tasks."""

    settings: Settings
    runs: dict[str, tuple[RunResult, ...]]  # by protocol, one for each seed

    @property
    def summaries(self) -> dict[str, Summary]:
        """What a reader wants to know of each protocol, over its seeds."""
        return {name: Summary(name, self.settings, runs) for name, runs in self.runs.items()}

    def draw(self, title: str = "") -> Figure:
        """Learning curves; `figure.savefig("curves.png")` keeps them."""
        places = [{"protocol": name, "seed": seed} for name, runs in self.runs.items() for seed in range(len(runs))]
        return learning_curves(curve_rows(places, [run for runs in self.runs.values() for run in runs]), title)


def compare(
    protocols: Sequence[str | Protocol], settings: Settings = COMPARISON, data: str | Dataset = "auto",
    seeds: Sequence[int] = (0,), channel: Callable[..., Transmission] | None = None, workers: int | None = None,
) -> Comparison:
    """Plays several protocols, each under the same seeds; see `play`."""
    rows = [protocol_named(row) if isinstance(row, str) else row for row in protocols]
    found = dataset(data)
    runs = {row.name: tuple(play(row, settings, found, seed, channel, workers) for seed in seeds) for row in rows}
    return Comparison(settings, runs)


def dataset(data: str | Dataset) -> Dataset:
    """The data set of this name; "auto" is MNIST where it is found, else the embedded digits."""
    if isinstance(data, Dataset):
        return data
    return load("mnist" if data == "auto" and find("mnist") else "digits" if data == "auto" else data)
