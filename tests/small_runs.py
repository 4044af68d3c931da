"""Runs that take a second: a few digits in the files of MNIST, and the options of a small comparison."""

import struct
from pathlib import Path

import numpy as np

from mix2fld_np.datasets.digits import digits
from mix2fld_np.federation.settings import COMPARISON, Settings
from mix2fld_np.runs.jobs import Job, Source

SIZES = {"n_devices": 3, "n_samples": 30, "n_local_iterations": 30, "n_distill_iterations": 30, "n_rounds": 2}
SEEDS = {"n_seed_samples": 3, "n_inverse_samples": 6}
SAME = (
    "--set=n_samples=30 --devices=3 --iterations=30 --distill-iterations=30 --rounds=2 "
    "--seed-samples=3 --inverse-samples=6"
).split()

SHORT = "--quiet --data=mnist --iterations=20 --distill-iterations=20 --workers=1".split()
SHORT += ["--set=n_samples=60", "--set=n_evaluations=1"]
STUDY = "--devices=4 --rounds=1 --seeds=2".split()


def write_digits(folder: Path, n_train: int = 400, n_test: int = 60) -> Path:
    """Puts a data set called mnist into a folder; reading it takes no time, as drawing 70,000 digits would."""
    rng = np.random.default_rng(2020)
    (folder / "mnist").mkdir(parents=True)
    for stem, n in (("train", n_train), ("t10k", n_test)):
        images, labels = digits(n, rng)
        (folder / "mnist" / f"{stem}-images-idx3-ubyte").write_bytes(
            struct.pack(">BBBBIII", 0, 0, 8, 3, n, 28, 28) + images.tobytes()
        )
        (folder / "mnist" / f"{stem}-labels-idx1-ubyte").write_bytes(
            struct.pack(">BBBBI", 0, 0, 8, 1, n) + labels.tobytes()
        )
    return folder


def small(**changes) -> Settings:
    """Small settings with some of them changed."""
    return Settings(**{"max_slots": COMPARISON.max_slots, **SIZES, **SEEDS, **changes})


def job(data: Path, protocol: str = "FL", seed: int = 0, **changes) -> Job:
    """A small run."""
    return Job(f"{protocol}-seed{seed}", protocol, small(**changes), Source("mnist", str(data)), seed)


def compare(data: Path, out: Path, *more: str) -> list[str]:
    """The arguments of a small `mix2fld compare`; what comes last counts."""
    return ["compare", "--quiet", "--data=mnist", f"--data-dir={data}", f"--out={out}", *SAME, *more]


def ended(processes) -> None:
    """Ends processes that nobody waited for."""
    for process in processes:
        process.kill()
        process.wait()


def files_of(directory: Path) -> dict[str, bytes]:
    """All files below a directory and their bytes, but for the lock."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}
