"""What the commands that write results have in common: data, checks, compilation, play, files, and the last words."""

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mix2fld_np import process
from mix2fld_np.console import models
from mix2fld_np.console.progress import progress_bar
from mix2fld_np.console.text import bullets
from mix2fld_np.datasets.find import find, named_folder
from mix2fld_np.datasets.own import is_own, placed
from mix2fld_np.datasets.registry import load
from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import check_playable, protocol_named
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.task import Task
from mix2fld_np.nn.network import kernels
from mix2fld_np.pictures.canvas import load_in_background
from mix2fld_np.runs.dask_cluster import connected
from mix2fld_np.runs.directory import description, experiment
from mix2fld_np.runs.files import content_bytes
from mix2fld_np.runs.jobs import Job, Source, dataset, numerics
from mix2fld_np.runs.play import play_all
from mix2fld_np.runs.results import RunResult
from mix2fld_np.runs.store import StoredRun


@dataclass(frozen=True)
class Request:
    """What a command was asked for."""

    command: str
    options: dict[str, Any]  # as resolved
    settings: Settings
    sources: list[Source]
    jobs: list[Job]  # the runs that it needs; none for a command that plays nothing
    files: tuple[str, ...]  # the results that it writes
    switches: argparse.Namespace  # as `add_switches` has them
    further: Callable[[list[RunResult]], list[Job]] = lambda results: []  # runs that follow from what the jobs gave

    @property
    def directory(self) -> Path:
        """Where results go."""
        return Path(self.options["out"] or f"results/{self.command.replace(' ', '-')}")


@dataclass(frozen=True)
class Report:
    """What a command has to say: its files (rows, a dict, or bytes, by name), its table, and what to notice in it."""

    files: dict[str, Any]
    text: str
    notes: tuple[str | None, ...] = ()


NOT_KEPT = ("out", "models", "workers", "reuse", "dask")  # options on which no result depends


def carry_out(request: Request, report: Callable[[list[RunResult]], Report]) -> int:
    """Checks, plays, writes and prints; the exit code."""
    prepare(request.jobs)
    kept = {name: value for name, value in request.options.items() if name not in NOT_KEPT}
    about = {source.name: dataset(source) for source in request.sources}
    numbers = {**numerics(), "data": {name: data.digest for name, data in about.items()}}
    origins = {name: data.origin for name, data in about.items()}
    described = description(request.command, kept, request.settings, numbers, origins, request.files)
    runs = [StoredRun(job, request.directory) for job in request.jobs]
    resume = getattr(request.switches, "resume", True) and bool(runs)  # what plays nothing writes its results anew
    with experiment(request.directory, described, runs, resume) as write:
        results = play(request, request.jobs)
        results += play(request, request.further(results))
        made = report(results)
        for name in request.files:
            write(name, made.files[name] if name != models.FILE else models.packed(request.jobs, results))
    where = f"Written to {request.directory}: {', '.join(request.files)}, settings.json"
    if request.switches.prints:
        print(content_bytes(made.files[request.switches.prints]).decode(), end="")
        print(where, file=sys.stderr)
        return 0
    notices = dict.fromkeys(notice for result in results for notice in result.notices)
    print("\n".join((made.text, "", *bullets(*made.notes, *notices))).rstrip(), where, sep="\n\n")
    return 0


def play(request: Request, jobs: list[Job]) -> list[RunResult]:
    """The results of runs, under a progress bar: by threads of this machine, or on a Dask cluster."""
    if not jobs:
        return []
    load_in_background()  # what draws pictures, while runs are played
    workers, address = request.options.get("workers") or process.n_cores(), request.options.get("dask")
    total = sum(job.settings.n_rounds for job in jobs)
    bar = progress_bar(total, request.switches.quiet)
    with connected(address) if address else nullcontext() as cluster, bar as on_progress:
        reuse = request.options.get("reuse") != "no"
        return play_all(jobs, request.directory, workers, cluster, on_progress, reuse)


class PrintResult(argparse.Action):
    """--json: names the result to print, and is --quiet as well."""

    def __call__(self, parser: object, args: argparse.Namespace, *values: object) -> None:
        args.prints, args.quiet = self.const, True


def add_switches(parser: argparse.ArgumentParser, result: str = "summary.json", resume: bool = False) -> None:
    """What only a command line can say."""
    if resume:
        parser.add_argument("--resume", action="store_true", help="go on with an interrupted run in the same directory")
    words = f"print {result}, for a program, instead of the table; implies --quiet"
    parser.add_argument("--json", dest="prints", action=PrintResult, nargs=0, const=result, help=words)
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no word about the data")


def seeds_of(options: dict[str, Any]) -> range:
    """SEED, SEED + 1, ..."""
    return range(options["seed"], options["seed"] + options["seeds"])


def data_source(options: dict[str, Any], quiet: bool) -> Source:
    """The data set that --data and --data-dir mean; says in one line which it is, and how to get the other."""
    process.in_background(kernels)  # while data are read
    name, data_dir = options["data"], options["data_dir"]
    if is_own(name):
        name, data_dir = placed(name, data_dir)
    if name == "auto":
        name = "mnist" if find("mnist", data_dir) else "digits"
        if name == "digits" and named_folder(data_dir):
            load("mnist", data_dir)  # the user named a folder: say why it will not do
    data_dir = None if name == "digits" or not data_dir else os.path.abspath(os.path.expanduser(data_dir))
    source = Source(name, data_dir)  # an absolute path: workers may stand elsewhere
    options |= {"data": name, "data_dir": data_dir}
    if not quiet:
        other = "--data digits takes the embedded digits" if name != "digits" else "mix2fld data fetch mnist gets MNIST"
        print(f"Data: {dataset(source).origin} ({other}).")
    return source


def prepare(jobs: list[Job]) -> None:
    """Checks every job before anything is written, and has the kernels compiled."""
    if not jobs:
        return
    tasks = {(job.settings, job.source, job.seed): Task(job.settings, dataset(job.source), job.seed) for job in jobs}
    for task in {(task.settings, task.data.name): task for task in tasks.values()}.values():
        check_memory(task, process.memory_bytes())
    for job in jobs:
        check_playable(protocol_named(job.protocol), tasks[job.settings, job.source, job.seed])
    networks = {task.network for task in tasks.values()}
    shapes = ", ".join(sorted({"x".join(map(str, network.image_shape)) for network in networks}))
    with process.announced(f"Compiling the network for {shapes} images, once on this machine ..."):
        for network in networks:
            network.compile()


def check_memory(task: Task, there_bytes: float) -> None:
    """InputError where the state of a run, its fading or its order of samples would not fit into memory."""
    s, needed_bytes = task.settings, task.state_bytes + task.work_bytes
    if needed_bytes > there_bytes:
        raise InputError(
            f"{task.n_devices:,} devices with {s.n_samples:,} samples, {task.network.n_weights:,} weights and "
            f"{s.max_slots:,} slots each, and {s.n_local_iterations:,} iterations, need about "
            f"{needed_bytes / 1e9:,.0f} GB of memory, and this machine has {there_bytes / 1e9:,.0f}; take less of what "
            "is largest."
        )
