"""How long does a whole job take?   python tests/benchmarks/whole_job.py [--json FILE] [--quick]

Federated averaging as a user would run it: ten devices with 500 samples of MNIST each (IID, so that the order of the
samples matters little), three rounds of K steps of SGD with batches of one on every device, every upload arrives, and
after each round the global model is tested on 10,000 images. This package does it with `mix2fld compare`; those of
plain PyTorch, plain JAX and Flower that are installed do it with the programs in whole_job/, from the same samples and
the same weights. Each is a process of its own, from its start to its end, and all take turns, so that a slow minute of
the machine hits all of them. Before that, each has run once, so that what can be kept has been compiled.

The package does a little more: it reads, sorts and deals the whole data set, tests a device as well, and writes a
table, curves, two pictures and a checkpoint after each round. Accuracies have to be within two points of each other.
"""

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib import metadata, util
from pathlib import Path
from statistics import median

import numpy as np
from speed import machine

from mix2fld_np.datasets.find import find
from mix2fld_np.datasets.registry import load
from mix2fld_np.federation.settings import COMPARISON
from mix2fld_np.federation.task import Task, first_state

HERE = Path(__file__).resolve().parent
N_ROUNDS = 3
PACKAGE = "mix2fld_np"
OTHERS = {  # what has to be installed, and the program
    "PyTorch": (("torch",), "with_torch.py"),
    "JAX": (("jax",), "with_jax.py"),
    "Flower": (("flwr", "ray", "torch"), "with_flower.py"),
}
BARS = {640: 4, 6_400: 9}  # how many times faster than the fastest of the others, by K


def experiment(folder: Path, n_iterations: int) -> Path:
    """The samples of all devices, the test images and the first weights, for the others."""
    task = Task(replace(COMPARISON, split="iid"), load(dataset()))
    held = task.split.indices
    path = folder / f"experiment-{n_iterations}.npz"
    np.savez(
        path,
        images=task.data.train_images[held],
        labels=task.data.train_labels[held].astype(np.int64),
        test_images=task.data.test_images,
        test_labels=task.data.test_labels.astype(np.int64),
        start=first_state(task).server,
        n_iterations=n_iterations,
        n_rounds=N_ROUNDS,
    )
    return path


def dataset() -> str:
    """MNIST where it is found."""
    return "mnist" if find("mnist") else "digits"


def commands(folder: Path, n_iterations: int) -> dict[str, list[str]]:
    """The command of everybody who is installed, this package first."""
    path = experiment(folder, n_iterations)
    ours = f"compare --protocols FL --channel symmetric --split iid --rounds {N_ROUNDS} --iterations {n_iterations}"
    ours += f" --set n_evaluations=1 --data {dataset()} --quiet --out"
    found = {PACKAGE: ["-m", "mix2fld_np", *ours.split(), str(folder / "out")]}
    for name, (needed, program) in OTHERS.items():
        if all(map(util.find_spec, needed)):
            found[name] = [str(HERE / "whole_job" / program), str(path)]
    return {name: [sys.executable, *command] for name, command in found.items()}


def whole_process(name: str, command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds from the start of a process to its end, and the accuracy of its last global model."""
    caches = {"JAX_COMPILATION_CACHE_DIR": str(folder / "jax"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    started = time.perf_counter()
    run = subprocess.run(command, env={**os.environ, **caches}, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if run.returncode:
        sys.exit(f"{name} failed:\n{run.stderr[-3000:]}")
    return seconds, our_accuracy(folder / "out") if name == PACKAGE else json.loads(run.stdout.splitlines()[-1])[-1]


def our_accuracy(out: Path) -> float:
    """Accuracy of the last global model of a comparison in which every upload arrived."""
    with open(out / "rounds.csv", encoding="utf-8") as file:
        rounds = list(csv.DictReader(file))
    assert {row["uplink_delivered"] for row in rounds} == {str(COMPARISON.n_devices)}, "an upload was lost"
    return float(rounds[-1]["server_accuracy"])


def take_turns(n_iterations: int, n_repetitions: int) -> dict[str, dict[str, float]]:
    """Median, least and most seconds of everybody, the median ratio to this package, and the accuracy."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        everybody = commands(folder, n_iterations)
        accuracies = {name: whole_process(name, command, folder)[1] for name, command in everybody.items()}
        assert max(accuracies.values()) - min(accuracies.values()) < 0.02, f"not the same learning: {accuracies}"
        seconds = {name: [] for name in everybody}
        for _ in range(n_repetitions):
            for name, command in everybody.items():
                seconds[name].append(whole_process(name, command, folder)[0])
    return {
        name: {
            "seconds": median(taken),
            "least": min(taken),
            "most": max(taken),
            "ratio": median(t / own for t, own in zip(taken, seconds[PACKAGE], strict=True)),
            "accuracy": accuracies[name],
        }
        for name, taken in seconds.items()
    }


def about() -> dict[str, str]:
    """Processor, cores and versions."""
    packages = [package for package in ("flwr", "ray") if util.find_spec(package)]
    versions = {package: metadata.version(package) for package in packages}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {**machine(), **versions, "cores": str(cores), "system": platform.system(), "data": dataset()}


def show(result: dict) -> None:
    """Prints the measurements as tables."""
    print(", ".join(f"{key} {value}" for key, value in result["machine"].items()))
    for n_iterations, rows in result["K"].items():
        print(f"\n{f'K = {n_iterations:,}':14}{'median s':>10}{'least':>8}{'most':>8}{'ratio':>8}{'accuracy':>10}")
        for name, row in rows.items():
            print(
                f"  {name:12}{row['seconds']:10.2f}{row['least']:8.2f}{row['most']:8.2f}{row['ratio']:8.1f}"
                f"{row['accuracy']:10.1%}"
            )
    print()
    for bar, met in result["bars"].items():
        print(f"{'met     ' if met else 'MISSED  '}{bar}")


def judged(found: dict[int, dict]) -> dict[str, bool]:
    """Which bars are met; none where nobody else is installed."""
    return {
        f"K = {K:,}: at least {times} times faster than the fastest of the others": min(others) >= times
        for K, times in BARS.items()
        if K in found and (others := [row["ratio"] for name, row in found[K].items() if name != PACKAGE])
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--quick", action="store_true", help="K = 640 alone, each once")
    arguments = parser.parse_args()
    found = {640: take_turns(640, 1)} if arguments.quick else {K: take_turns(K, 5) for K in BARS}
    result = {"machine": about(), "K": found, "bars": judged(found)}
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
