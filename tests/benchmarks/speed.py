"""How fast is a step of SGD, and an inferred image, on one core?

    python tests/benchmarks/speed.py [--json FILE] [--quick]

Everybody who is installed starts from the same weights and must agree on the result before anybody is timed. Then they
take turns, repetition after repetition in one process bound to one core, so that a slow minute of the machine hits all
of them. Time is processor time, which equals wall-clock time on an idle machine and leaves out what other programs take
on a busy one. Printed are medians, and medians of the ratio to this package within a repetition.

Arithmetic of the network with 12,544 weights, in multiply-adds for one image:

    forward   84,672 first convolution (12 x 9 x 784), 127,008 second (6 x 108 x 196), 11,760 connected layer  223,440
    back      84,672 filters of the first, 127,008 filters and 127,008 input of the second, 2 x 11,760         362,208
    a step                                                                                                     585,648

A multiply-add counts as two operations. Three of four products in the first filters' gradient meet a pixel that lost
its pooling cell; they are computed, and counted. Bias, ReLU, pool, softmax and moving data are work that the count
leaves out. The yardstick is the single-precision product of two 2,048 x 2,048 matrices in NumPy's BLAS on the same
core.
"""

import argparse
import json
import os
import platform
import time
from importlib import metadata, util
from pathlib import Path
from statistics import median

from startup import THREADS, XLA, startup

os.environ.update(THREADS | XLA)  # before anybody imports numpy

import numpy as np  # noqa: E402
from contenders import Contender, Material, contenders, material  # noqa: E402

from mix2fld_np.compilation import vector_bits  # noqa: E402

FORWARD, STEP = 223_440, 585_648  # multiply-adds
MATRIX = 2_048
BARS = {
    "a step is at least 20 times faster than PyTorch eager's": lambda r: r["steps"]["PyTorch eager"]["ratio"] >= 20,
    "an inferred image is at least 6 times faster than in PyTorch's fastest layout": lambda r: (
        min(row["ratio"] for name, row in r["images"].items() if "PyTorch" in name) >= 6
    ),
    "import takes less than 0.6 s": lambda r: r["startup"]["mix2fld_np, second start"]["import_s"] < 0.6,
    "first-ever step and inference are compiled in less than 15 s": lambda r: compile_seconds(r) < 15,
}


def agree(everybody: list[Contender], m: Material, n_steps: int = 20) -> None:
    """AssertionError unless everybody makes the same steps and the same outputs as this package, to a thousandth."""
    orders = np.random.default_rng(1).integers(len(m.images), size=(10, n_steps))
    first = everybody[0]
    moved, outputs = first.descend(m.start, orders) - m.start, first.infer(m.start)
    for other in everybody[1:]:
        if other.descend:
            gap = abs(other.descend(m.start, orders) - m.start - moved).max() / abs(moved).max()
            assert gap < 1e-3, f"{other.name} disagrees on {n_steps} steps by {gap:.1e}"
        if other.infer:
            gap = abs(other.infer(m.start) - outputs).max() / outputs.max()
            assert gap < 1e-3, f"{other.name} disagrees on outputs by {gap:.1e}"


def step_seconds(contender: Contender, m: Material, n_steps: int) -> float:
    """Seconds of one step of one model."""
    orders = np.random.default_rng(2).integers(len(m.images), size=(10, n_steps))
    return timed(lambda: contender.descend(m.start, orders)) / (n_steps * contender.n_models)


def image_seconds(contender: Contender, m: Material) -> float:
    """Seconds of one inferred image."""
    return timed(lambda: contender.infer(m.start)) / len(m.unseen)


def matrix_product_rate(a: np.ndarray) -> float:
    """Operations per second of a large matrix product."""
    return 2 * MATRIX**3 / timed(lambda: a @ a)


def timed(work) -> float:
    """Seconds of processor time that work takes."""
    started = time.process_time()
    work()
    return time.process_time() - started


def take_turns(everybody: list[Contender], m: Material, n_repetitions: int) -> tuple[dict, dict, list[float]]:
    """Seconds a step and an image of everybody, and operations per second of the matrix product, in each repetition."""
    matrix = np.random.default_rng(3).random((MATRIX, MATRIX), np.float32)
    trainers, inferrers = [c for c in everybody if c.descend], [c for c in everybody if c.infer]
    n_steps = {c.name: int(np.clip(0.15 / step_seconds(c, m, 100) / c.n_models, 50, 10_000)) for c in trainers}
    for c in trainers:
        step_seconds(c, m, n_steps[c.name])  # some compile anew for another number of steps
    steps, images, rates = {c.name: [] for c in trainers}, {c.name: [] for c in inferrers}, []
    for _ in range(n_repetitions):
        rates.append(matrix_product_rate(matrix))
        for c in trainers:
            steps[c.name].append(step_seconds(c, m, n_steps[c.name]))
        for c in inferrers:
            images[c.name].append(image_seconds(c, m))
    return steps, images, rates


def summary(seconds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Median, least and most microseconds of everybody, and the median ratio to the first of them."""
    first = next(iter(seconds.values()))
    return {
        name: {
            "us": 1e6 * median(taken),
            "least_us": 1e6 * min(taken),
            "most_us": 1e6 * max(taken),
            "ratio": median(t / f for t, f in zip(taken, first, strict=True)),
        }
        for name, taken in seconds.items()
    }


def run(n_repetitions: int, n_images: int) -> dict:
    """All measurements."""
    begin_on_one_core()
    m = material(n_images)
    everybody = contenders(m)
    agree(everybody, m)
    steps, images, rates = take_turns(everybody, m, n_repetitions)
    mine = everybody[0].name
    return {
        "machine": machine(),
        "repetitions": n_repetitions,
        "steps": summary(steps),
        "images": summary(images),
        "matrix_product_gflops": median(rates) / 1e9,
        "step_share": median(2 * STEP / t / rate for t, rate in zip(steps[mine], rates, strict=True)),
        "image_share": median(2 * FORWARD / t / rate for t, rate in zip(images[mine], rates, strict=True)),
        "startup": startup(),
    }


def begin_on_one_core() -> None:
    """Binds this process to the last core it may use, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def machine() -> dict[str, str]:
    """Processor, the width of its vectors, and versions."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    name = next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
    packages = [p for p in ("numpy", "numba", "torch", "jax") if util.find_spec(p)]
    versions = {"python": platform.python_version(), **{p: metadata.version(p) for p in packages}}
    return {"processor": name, "vectors": f"of {vector_bits()} bits", **versions}


def compile_seconds(result: dict) -> float:
    """What a first step and a first inference take longer in a first start than in a second one."""
    first, second = (result["startup"][f"mix2fld_np, {which} start"] for which in ("first", "second"))
    return first["step_s"] + first["infer_s"] - second["step_s"] - second["infer_s"]


def show(result: dict) -> None:
    """Prints the measurements as tables."""
    print(", ".join(f"{key} {value}" for key, value in result["machine"].items()))
    for title, rows in [("a step of SGD, batch 1", result["steps"]), ("an inferred image", result["images"])]:
        print(f"\n{title:28}{'median us':>12}{'least':>9}{'most':>9}{'ratio':>8}")
        for name, row in rows.items():
            print(f"  {name:26}{row['us']:12.1f}{row['least_us']:9.1f}{row['most_us']:9.1f}{row['ratio']:8.1f}")
    step_share, image_share = result["step_share"], result["image_share"]
    print(
        f"\nmatrix product {result['matrix_product_gflops']:.0f} GFLOP/s; "
        f"a step reaches {step_share:.0%}, inference {image_share:.0%}"
    )
    print(f"\n{'start':28}{'import s':>12}{'step s':>9}{'infer s':>9}{'peak MB':>9}")
    for name, row in result["startup"].items():
        print(f"  {name:26}{row['import_s']:12.2f}{row['step_s']:9.2f}{row['infer_s']:9.2f}{row['peak_mb']:9.0f}")
    print()
    for bar, met in result["bars"].items():
        print(f"{'met     ' if met else 'MISSED  '}{bar}")


def judged(result: dict) -> dict[str, bool]:
    """Which bars are met; those that need a framework that is not installed are left out."""
    return {
        text: bool(met(result))
        for text, met in BARS.items()
        if "PyTorch" not in text or "PyTorch eager" in result["steps"]
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument(
        "--quick", action="store_true", help="three repetitions and 1,000 images instead of 15 and 10,000"
    )
    arguments = parser.parse_args()
    result = run(*(3, 1_000) if arguments.quick else (15, 10_000))
    result["bars"] = judged(result)
    show(result)
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
