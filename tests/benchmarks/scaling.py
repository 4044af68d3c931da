"""How does a federated round grow?   python tests/benchmarks/scaling.py [--json FILE] [--quick]

One round of Mix2FLD on the embedded digits against the number of devices and of iterations, each in a process of its
own, so that its peak memory is its own; the band grows with the devices, so that every upload gets through and the
server has its say. Training dominates where D K is large: a round then takes D K steps. What does not grow is testing
models on 10,000 images, and the server's 3,200 steps. Processor time leaves out what other programs take.

And `compare` and `figure 2`, start and pictures included, against the number of workers: whole processes that take
turns, so that a slow minute of the machine hits all of them. Time on the clock counts, so the machine must be idle.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from math import prod
from pathlib import Path
from statistics import median

from startup import THREADS

os.environ.update(THREADS)  # before anybody imports numpy

from memory import peak_mb  # noqa: E402

from mix2fld_np.datasets.registry import load  # noqa: E402
from mix2fld_np.federation.protocols import play_round, protocol_named  # noqa: E402
from mix2fld_np.federation.settings import COMPARISON  # noqa: E402
from mix2fld_np.federation.task import Task, at_once, first_state  # noqa: E402
from mix2fld_np.runs.workers import MEMORY_BYTES, Workers  # noqa: E402

SERIES = {  # (D, K)
    "devices": [(10, 640), (100, 640), (1_000, 640)],
    "iterations": [(10, 640), (10, 6_400), (10, 64_000)],
}
COMMANDS = {
    "compare, K = 6,400, K_S = 3,200, 3 rounds": "compare --rounds 3",
    "figure 2, K = 800, K_S = 400, 2 rounds": "figure 2 --rounds 2 --iterations 800 --distill-iterations 400",
}
BARS = {
    "two workers are at least 1.9 times as fast as one": lambda r: speedups(r, 2) >= 1.9,
    "eight workers are at least 7 times as fast as one": lambda r: speedups(r, 8) >= 7,
    "sixteen workers are at least 12 times as fast as one": lambda r: speedups(r, 16) >= 12,
    "1,000 devices take less than 400 MB with two workers": lambda r: r["devices"][-1]["peak_mb"] < 400,
    "1,000 devices take no longer, step for step, than 100": lambda r: (
        steps_us(r["devices"][-1]) <= 1.05 * steps_us(r["devices"][-2])
    ),
}


def task_of(D: int, K: int, start: Callable = at_once) -> Task:
    """A task with room in the band for every upload, its split and images at hand."""
    settings = replace(COMPARISON, n_devices=D, n_local_iterations=K, bandwidth_hz=COMPARISON.bandwidth_hz * D / 10)
    task = Task(settings, load("digits"), seed=0, start=start)
    _ = task.split, task.data.test_pixels
    return task


def round_seconds(task: Task, p: int = 1, fed=None):
    """Plays round p: seconds on the clock, seconds of processor time, and the federation afterwards."""
    clock, processor = time.perf_counter(), time.process_time()
    fed, record = play_round(p, protocol_named("Mix2FLD"), fed or first_state(task), task)
    assert len(record.training.test_accuracies) > 1  # the last tests of the round have ended
    took = time.perf_counter() - clock, time.process_time() - processor
    assert record.up.delivered.all(), "an upload failed, so this is not the round that was meant"
    return *took, fed


def one(D: int, K: int) -> dict[str, float]:
    """Seconds of a round in this process (the median of three after a warm-up), its peak memory,
    and the memory before it."""
    warm_up()
    fed, clock, processor, before = None, [], [], peak_mb()
    task = task_of(D, K)
    with Workers(2, max(0, MEMORY_BYTES - task.state_bytes - task.work_bytes)) as workers:
        for p in (1, 2, 3):
            on_clock, of_processor, fed = round_seconds(task_of(D, K, workers.starter(task.settings)), p, fed)
            clock.append(on_clock)
            processor.append(of_processor)
    return {
        "D": D, "K": K, "clock_s": median(clock), "processor_s": median(processor), "before_mb": before,
        "peak_mb": peak_mb(),
    }


def in_turn(command: str, counts: list[int], n_repetitions: int) -> dict[int, float]:
    """Median seconds on the clock of a command with each of these numbers of workers; they take turns."""
    taken: dict[int, list[float]] = {n: [] for n in counts}
    for _ in range(n_repetitions):
        for n in counts:
            with tempfile.TemporaryDirectory() as out:
                started = time.perf_counter()
                words = [*command.split(), "--quiet", f"--workers={n}", f"--out={out}"]
                subprocess.run([sys.executable, "-m", "mix2fld_np", *words], stdout=subprocess.DEVNULL, check=True)
                taken[n].append(time.perf_counter() - started)
    return {n: median(seconds) for n, seconds in taken.items()}


def speedups(result: dict, n: int) -> float:
    """How many times as fast n workers are as one, the least of all commands; infinite where that was not measured."""
    return min((row[1] / row[n] for row in result["workers"].values() if n in row), default=float("inf"))


def numbers_of_workers() -> list[int]:
    """1, 2, 4, ... up to the cores of this machine."""
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return [1 << k for k in range(n_cores.bit_length())]


def warm_up() -> None:
    """Compiles what is not compiled yet, with a round of few iterations."""
    task = task_of(2, 10)
    play_round(
        1, protocol_named("Mix2FLD"), first_state(task),
        replace(task, settings=replace(task.settings, n_distill_iterations=10)),
    )


def elsewhere(D: int, K: int) -> dict[str, float]:
    """A round measured in a fresh process."""
    run = subprocess.run(
        [sys.executable, __file__, "--one", str(D), str(K)], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(run.stdout.splitlines()[-1])


def steps_us(row: dict[str, float]) -> float:
    """Microseconds of processor time for each of the devices' steps, all else included."""
    return 1e6 * row["processor_s"] / (row["D"] * row["K"])


def show(result: dict) -> None:
    """Prints the measurements as tables."""
    for name in SERIES:
        print(
            f"\nagainst {name}\n{'D':>6}{'K':>8}{'clock s':>10}{'processor s':>13}"
            f"{'us a step':>11}{'before MB':>11}{'peak MB':>9}"
        )
        for row in result[name]:
            D, K, clock, processor, before, peak = row.values()
            print(f"{D:6,}{K:8,}{clock:10.2f}{processor:13.2f}{steps_us(row):11.1f}{before:11.0f}{peak:9.0f}")
    print("\nagainst workers, seconds on the clock (and how many times as fast as one)")
    for name, row in result["workers"].items():
        print(f"{name:44}" + "".join(f"{n:4}: {s:6.1f} ({row[1] / s:.2f})" for n, s in row.items()))
    print()
    for bar, met in result["bars"].items():
        print(f"{'met     ' if met else 'MISSED  '}{bar}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument(
        "--quick", action="store_true", help="leave out all rounds of more than 100,000 steps, and repeat less"
    )
    parser.add_argument("--one", type=int, nargs=2, metavar=("D", "K"), help="measure one case in this process")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(*arguments.one)))
        return
    most = 100_000 if arguments.quick else float("inf")
    result = {name: [elsewhere(*case) for case in cases if prod(case) <= most] for name, cases in SERIES.items()}
    counts, n = numbers_of_workers(), 1 if arguments.quick else 5
    result["workers"] = {name: in_turn(command, counts, n) for name, command in COMMANDS.items()}
    result["bars"] = {text: bool(met(result)) for text, met in BARS.items() if not arguments.quick}
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
