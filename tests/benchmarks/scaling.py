"""How does a federated round grow?   python tests/benchmarks/scaling.py [--json FILE] [--quick]

One round of Mix2FLD on the embedded digits against the number of devices and of iterations, each in a process of its
own, so that its peak memory is its own; and against the number of workers, which take turns in one process, so that a
slow minute of the machine hits both. The band grows with the devices, so that every upload gets through and the server
has its say. Training dominates where D K is large: a round then takes D K steps. What does not grow is testing a model
six times on 10,000 images, and the server's 3,200 steps. Processor time leaves out what other programs take; time on
the clock, on a machine that does nothing else, shows what a second worker is good for.
"""

import argparse
import json
import os
import subprocess
import sys
import time
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
from mix2fld_np.federation.task import Task, first_state  # noqa: E402
from mix2fld_np.runs.jobs import threads  # noqa: E402

SERIES = {  # (D, K)
    "devices": [(10, 640), (100, 640), (1_000, 640)],
    "iterations": [(10, 640), (10, 6_400), (10, 64_000)],
}
IN_TURN = [(10, 6_400), (100, 6_400)]  # (D, K), with one worker and with two
BARS = {
    "two workers are at least 1.8 times as fast as one": lambda r: min(row["speedup"] for row in r["workers"]) >= 1.8,
    "1,000 devices take less than 450 MB": lambda r: r["devices"][-1]["peak_mb"] < 450,
    "1,000 devices take no longer, step for step, than 100": lambda r: (
        steps_us(r["devices"][-1]) <= 1.05 * steps_us(r["devices"][-2])
    ),
}


def task_of(D: int, K: int, parallel_map=map) -> Task:
    """A task with room in the band for every upload, its split and images at hand."""
    settings = replace(COMPARISON, n_devices=D, n_local_iterations=K, bandwidth_hz=COMPARISON.bandwidth_hz * D / 10)
    task = Task(settings, load("digits"), seed=0, parallel_map=parallel_map)
    _ = task.split, task.test_images
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
    task, fed, clock, processor = task_of(D, K), None, [], []
    before = peak_mb()
    for p in (1, 2, 3):
        on_clock, of_processor, fed = round_seconds(task, p, fed)
        clock.append(on_clock)
        processor.append(of_processor)
    return {
        "D": D, "K": K, "clock_s": median(clock), "processor_s": median(processor), "before_mb": before,
        "peak_mb": peak_mb(),
    }


def in_turn(D: int, K: int, n_repetitions: int) -> dict[str, float]:
    """Seconds on the clock of the first round with one worker and with two, in turn, and the median of their ratio."""
    warm_up()
    alone, together = [], []
    with threads(2) as parallel_map:
        for _ in range(n_repetitions):
            alone.append(round_seconds(task_of(D, K))[0])
            together.append(round_seconds(task_of(D, K, parallel_map))[0])
    speedup = median(a / t for a, t in zip(alone, together, strict=True))
    return {"D": D, "K": K, "one_s": median(alone), "two_s": median(together), "speedup": speedup}


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
    print(f"\nagainst workers\n{'D':>6}{'K':>8}{'one s':>10}{'two s':>13}{'speed-up':>11}")
    for row in result["workers"]:
        print("{:6,}{:8,}{:10.2f}{:13.2f}{:11.2f}".format(*row.values()))
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
    result["workers"] = [in_turn(*case, 3 if arguments.quick else 7) for case in IN_TURN if prod(case) <= most]
    result["bars"] = {text: bool(met(result)) for text, met in BARS.items() if not arguments.quick}
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
