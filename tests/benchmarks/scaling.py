"""How does a federated round grow?   python tests/benchmarks/scaling.py [--json FILE] [--quick]

One round of Mix2FLD on the embedded digits against the number of devices, of iterations, and of workers, each in a process of its own,
so that its peak memory is its own. The band grows with the devices, so that every upload gets through and the server has its say.
Training dominates where D K is large: a round then takes D K steps. What does not grow is testing a model six times on 10,000 images, and
the server's 3,200 steps. Processor time leaves out what other programs take; time on the clock shows what a second worker is good for.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

from startup import THREADS

os.environ.update(THREADS)  # before anybody imports numpy

from memory import peak_mb  # noqa: E402

from mix2fld_np.datasets.registry import load  # noqa: E402
from mix2fld_np.federation.protocols import play_round, protocol_named  # noqa: E402
from mix2fld_np.federation.settings import COMPARISON  # noqa: E402
from mix2fld_np.federation.task import Task, first_state  # noqa: E402
from mix2fld_np.study.jobs import threads  # noqa: E402

SERIES = {  # (D, K, workers)
    "devices": [(10, 640, 1), (100, 640, 1), (1_000, 640, 1)],
    "iterations": [(10, 640, 1), (10, 6_400, 1), (10, 64_000, 1)],
    "workers": [(10, 6_400, 1), (10, 6_400, 2), (100, 6_400, 1), (100, 6_400, 2)],
}


def one(D: int, K: int, workers: int) -> dict[str, float]:
    """Seconds of a round in this process (the median of three after a warm-up), its peak memory, and the memory before it."""
    settings = replace(COMPARISON, n_devices=D, n_local_iterations=K, bandwidth_hz=COMPARISON.bandwidth_hz * D / 10)
    protocol = protocol_named("Mix2FLD")
    with threads(workers) as spread:
        task = Task(settings, load("digits"), seed=0, spread=spread)
        warm_up(task, protocol)
        fed, before, clock, processor = first_state(task), peak_mb(), [], []
        for p in (1, 2, 3):
            started = time.perf_counter(), time.process_time()
            fed, record = play_round(p, protocol, fed, task)
            clock.append(time.perf_counter() - started[0])
            processor.append(time.process_time() - started[1])
            assert record.up.delivered.all(), "an upload failed, so this is not the round that was meant"
    times = {"clock_s": median(clock), "processor_s": median(processor)}
    return {"D": D, "K": K, "workers": workers, **times, "before_mb": before, "peak_mb": peak_mb()}


def warm_up(task: Task, protocol) -> None:
    """Compiles what is not compiled yet and draws the split, with a round of few iterations."""
    brief = Task(replace(task.settings, n_devices=2, n_local_iterations=10, n_distill_iterations=10), task.data)
    play_round(1, protocol, first_state(brief), brief)
    _ = task.split, task.test_images


def elsewhere(D: int, K: int, workers: int) -> dict[str, float]:
    """The same in a fresh process."""
    run = subprocess.run([sys.executable, __file__, "--one", str(D), str(K), str(workers)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def show(rows: list[dict[str, float]]) -> None:
    """Prints one series."""
    print(f"{'D':>6}{'K':>8}{'workers':>9}{'clock s':>10}{'processor s':>13}{'us a step':>11}{'before MB':>11}{'peak MB':>9}")
    for row in rows:
        D, K, workers, clock, processor, before, peak = row.values()
        print(f"{D:6,}{K:8,}{workers:9}{clock:10.2f}{processor:13.2f}{1e6 * processor / (D * K):11.1f}{before:11.0f}{peak:9.0f}")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--quick", action="store_true", help="leave out all rounds of more than 100,000 steps")
    parser.add_argument("--one", type=int, nargs=3, metavar=("D", "K", "WORKERS"), help="measure one case in this process")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(*arguments.one)))
        return
    result = {}
    for name, cases in SERIES.items():
        print(f"against {name}")
        result[name] = [elsewhere(*case) for case in cases if not arguments.quick or case[0] * case[1] <= 100_000]
        show(result[name])
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
