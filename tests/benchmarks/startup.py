"""What a first, a second and a rival's start cost: import, first step, first inference and peak memory,
each in its own process."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile

THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
XLA = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", "JAX_PLATFORMS": "cpu"}

TIMED = """
import json, sys, time
sys.path.insert(0, {folder!r})
started = time.perf_counter()
def lap():
    global started
    before, started = started, time.perf_counter()
    return started - before
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
    code = TIMED.format(folder=os.path.dirname(os.path.abspath(__file__)), **parts)
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **THREADS, **XLA, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout)


if __name__ == "__main__":
    for name, row in startup().items():
        print(name, row)
