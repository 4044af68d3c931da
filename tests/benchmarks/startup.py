"""What a first, a second and a rival's start cost: import, first step, first inference and peak memory, each in its own
process; and what there is to do in a comparison that trains next to nothing, one after the other, and the whole."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from statistics import median

THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
XLA = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", "JAX_PLATFORMS": "cpu"}

LAP = """
import json, sys, time
started = time.perf_counter()
def lap():
    global started
    before, started = started, time.perf_counter()
    return started - before
"""
TIMED = """
sys.path.insert(0, {folder!r})
{load}
import_s = lap()
{step}
step_s = lap()
{infer}
infer_s = lap()
from memory import peak_mb
print(json.dumps(dict(import_s=import_s, step_s=step_s, infer_s=infer_s, peak_mb=peak_mb())))
"""
PACKAGE = {
    "load": """
import mix2fld_np
from mix2fld_np.federation.simulation import simulate""",
    "step": """
import numpy as np
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update
network = Network()
w, x, t = network.initial_weights(np.random.default_rng(0)), np.zeros((500, 1, 28, 28), np.float32), \
np.eye(10)[np.arange(500) % 10]
local_update(network, w, x, t, [0], 0.01)""",
    "infer": "network.outputs(w, x)",
}
TORCH = {
    "load": """
import torch
from torch import nn""",
    "step": """
torch.set_num_threads(1)
convolutions = nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 6, 3, padding=1), nn.ReLU()
model = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(1176, 10))
x, t, optimizer = torch.zeros(500, 1, 28, 28), torch.arange(500) % 10, torch.optim.SGD(model.parameters(), 0.01)
nn.functional.cross_entropy(model(x[:1]), t[:1]).backward()
optimizer.step()""",
    "infer": "with torch.inference_mode(): model(x)",
}
PARTS = {
    "NumPy": "import numpy",
    "commands": "from mix2fld_np import cli; cli.parser('compare')",
    "data": """
from mix2fld_np.datasets import find, registry
registry.load("mnist" if find.find("mnist") else "digits").digest""",
    "Numba": "from mix2fld_np.nn import kernels, network",
    "compiled code": "network.Network().compile()",
    "matplotlib": "from mix2fld_np.pictures import canvas, curves; canvas.load_all()",
    "a picture, two files": """
rows = [dict(protocol="FL", seed=0, elapsed_s=float(t), accuracy=t / 9) for t in range(9)]
canvas.render(curves.learning_curves(rows, "$N_S$ = 50, $T_{max}$ = 105"), "picture")""",
}
COMPARE = "compare --quiet --rounds 1 --iterations 1 --distill-iterations 1 --out"


def parts() -> dict[str, float]:
    """Seconds of each part of a start with a warm cache, one after the other in one process: the medians of five."""
    laps = "\n".join(f"{code}\nfound[{name!r}] = lap()" for name, code in PARTS.items())
    code = f"{LAP}\nfound = {{}}\n{laps}\nprint(json.dumps(found))"
    runs = [json.loads(output_of(["-c", code])) for _ in range(6)][1:]
    return {name: median(run[name] for run in runs) for name in PARTS}


def whole() -> float:
    """Seconds of a whole comparison that trains next to nothing: the median of five."""
    seconds = []
    with tempfile.TemporaryDirectory() as out:
        for _ in range(6):
            started = time.perf_counter()
            output_of(["-m", "mix2fld_np", *COMPARE.split(), out])
            seconds.append(time.perf_counter() - started)
    return median(seconds[1:])


def startup() -> dict[str, dict[str, float]]:
    """Seconds and megabytes of a first start (nothing compiled yet), a second one (compiled code is read from a cache),
    and PyTorch's."""
    with tempfile.TemporaryDirectory() as fresh:
        package = os.path.dirname(importlib.util.find_spec("mix2fld_np").origin)
        # a copy, as compiled code may also lie beside the source
        shutil.copytree(package, f"{fresh}/mix2fld_np", ignore=shutil.ignore_patterns("__pycache__"))
        rows = {
            name: measured(PACKAGE, fresh, PYTHONPATH=fresh, NUMBA_CACHE_DIR=fresh, XDG_CACHE_HOME=fresh)
            for name in ("mix2fld_np, first start", "mix2fld_np, second start")
        }
    if importlib.util.find_spec("torch"):
        # reads the files of a library of some hundred megabytes once, so that the disk is not what is timed
        measured(TORCH)
        rows["PyTorch eager"] = measured(TORCH)
    return rows


def measured(parts: dict[str, str], folder: str | None = None, **environment: str) -> dict[str, float]:
    """Runs timed code in a fresh interpreter, in a folder."""
    code = LAP + TIMED.format(folder=os.path.dirname(os.path.abspath(__file__)), **parts)
    return json.loads(output_of(["-c", code], folder, **THREADS, **XLA, **environment))


def output_of(arguments: list[str], folder: str | None = None, **environment: str) -> str:
    """What a fresh interpreter prints."""
    command, there = [sys.executable, *arguments], {**os.environ, **environment}
    return subprocess.run(command, cwd=folder, env=there, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    for name, row in startup().items():
        print(name, row)
    for name, seconds in (found := parts()).items():
        print(f"{name:22}{seconds:6.2f} s")
    print(f"{'sum':22}{sum(found.values()):6.2f} s\nmix2fld {COMPARE.removesuffix(' --out')}: {whole():.2f} s")
