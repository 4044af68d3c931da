"""What the commands that play runs have in common: data, checks, compilation, progress."""

import argparse
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mix2fld_np.datasets.find import find, named_folder
from mix2fld_np.datasets.registry import load
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import CHANNELS, Settings
from mix2fld_np.federation.task import Task
from mix2fld_np.study.cluster import connected
from mix2fld_np.study.jobs import Job, Source, dataset
from mix2fld_np.study.players import play_all


def add_switches(parser: argparse.ArgumentParser) -> None:
    """What only a command line can say."""
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run in the same directory")
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no word about the data")


def chosen_data(asked: dict[str, Any], quiet: bool) -> Source:
    """The data set that --data and --data-dir mean; says in one line which it is, and how to get the other."""
    name, data_dir = asked["data"], asked["data_dir"]
    if name == "auto":
        name = "mnist" if find("mnist", data_dir) else "digits"
        if name == "digits" and named_folder(data_dir):
            load("mnist", data_dir)  # the user named a folder: say why it will not do
    folder = None if name == "digits" or not data_dir else os.path.abspath(os.path.expanduser(data_dir))  # workers may stand elsewhere
    source = Source(name, folder)
    if not quiet:
        other = "--data digits takes the embedded digits" if name != "digits" else "mix2fld data fetch mnist gets MNIST"
        print(f"Data: {dataset(source).origin} ({other}).")
    return source


def ready(jobs: list[Job]) -> Task:
    """Checks every job before anything is written and has the kernels compiled; returns the first job's task."""
    first, *others = {(job.settings, job.source): job for job in jobs}.values()  # protocols share a task, and seeds all but its draws
    task = checked(first)
    networks = {task.network, *(checked(job).network for job in others)}
    with announced(f"Compiling the network for {'x'.join(map(str, task.network.image_shape))} images, once on this machine ..."):
        for network in networks:
            network.compile()
    return task


def checked(job: Job) -> Task:
    """The task of a job, which can be played on this machine; InputError where it cannot."""
    task = Task(job.settings, dataset(job.source), job.seed)
    check_memory(task, memory_bytes())
    task.check()
    return task


def check_memory(task: Task, there_bytes: float) -> None:
    """InputError where the state of a run, its fading or its order of samples would not fit; better than being killed hours later."""
    s, D, N_L = task.settings, task.n_devices, task.data.n_labels
    state = D * (12 * task.network.n_weights + 32 * N_L**2 + 24 * s.n_samples + 24 * s.max_slots)
    steps = (16 + 8 * N_L) * max(s.n_local_iterations, s.n_distill_iterations)
    if state + steps > there_bytes:
        raise InputError(
            f"{D:,} devices with {s.n_samples:,} samples, {task.network.n_weights:,} weights and {s.max_slots:,} slots each, and "
            f"{s.n_local_iterations:,} iterations, need about {(state + steps) / 1e9:,.0f} GB of memory, and this machine has "
            f"{there_bytes / 1e9:,.0f}; take less of what is largest."
        )


def memory_bytes() -> float:
    """Memory of this machine, as far as the system tells."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else math.inf


@contextmanager
def announced(sentence: str) -> Iterator[None]:
    """Says what takes so long, if it takes longer than two seconds."""
    timer = threading.Timer(2.0, print, (sentence,), {"file": sys.stderr, "flush": True})
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def played(jobs: list[Job], out: Path, workers: int | None, quiet: bool, dask: str | None = None) -> list[dict]:
    """The results of all jobs, under a progress bar; what must be known about the split is printed once.

    They are played here by threads, or on the Dask cluster whose scheduler is at `dask`.
    """
    total = sum(job.settings.n_rounds for job in jobs)
    with connected(dask) if dask else nullcontext() as cluster, tqdm(
        total=total, unit="round", disable=quiet or None, leave=False, dynamic_ncols=True
    ) as bar:
        results = play_all(jobs, out, workers or n_cores(), cluster, shown_on(bar))
    for notice in dict.fromkeys(result["notice"] for result in results if result["notice"]):
        print("Note:", notice)
    return results


def shown_on(bar: tqdm) -> Callable[[int], None]:
    """A listener that moves a progress bar."""

    def hear(rounds: int) -> None:
        bar.n = rounds
        bar.refresh()

    return hear


def n_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def task_title(settings: Settings, task: Task) -> str:
    """One line above a picture."""
    names = {name: power for name, power in CHANNELS.items() if power == settings.uplink_power_dbm}
    channel = next(iter(names), f"{settings.uplink_power_dbm:g} dBm uplink")
    seeds = f"$N_S$ = {settings.n_seed_samples}, $N_I$ = {settings.n_inverse_samples}"
    kind = {"iid": "IID", "non-iid": "non-IID"}[settings.split]
    return f"{settings.n_devices} devices, {task.data.name}, {kind}, {channel} channel, {seeds}, $T_{{max}}$ = {settings.max_slots}"
