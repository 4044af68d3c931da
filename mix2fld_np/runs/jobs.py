"""One run (protocol x settings x seed): what it is, and its identity, which decides whether its result is reused."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata

from mix2fld_np.datasets.registry import Dataset, load
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.task import Task, at_once
from mix2fld_np.runs.files import plain
from mix2fld_np.wireless.payload import SINGLE_BITS

NUMBERS = 3  # raised whenever the same settings, data and seed give other numbers than before


@dataclass(frozen=True)
class Source:
    """Where a job finds its data, wherever it runs."""

    name: str
    data_dir: str | None = None


@dataclass(frozen=True)
class Job:
    """One run: plain values only, so that it can travel to another process or machine."""

    name: str  # of its file, unique within an experiment
    protocol: str
    settings: Settings
    source: Source
    seed: int
    models: str = "none"  # which weights are kept at the end: of the "server", of "all", that is the devices too


def task_of(job: Job, start: Callable = at_once) -> Task:
    """The checked task of a job."""
    task = Task(job.settings, dataset(job.source), job.seed, start)
    task.check()
    return task


def identity_of(job: Job) -> dict:
    """All that the numbers of a run depend on, and nothing else: neither paths nor versions that compute nothing."""
    rounded = min(job.settings.bits_per_weight, job.settings.bits_per_output) < SINGLE_BITS
    return {
        **numerics(),
        "data": dataset(job.source).digest,
        "protocol": job.protocol,
        "seed": job.seed,
        "settings": dataclasses.asdict(job.settings),
        **({"rounded": True} if rounded else {}),  # such numbers were once charged for fewer bits and sent in 32
    }


def completed(about: dict) -> dict:
    """What is stored about runs, with the defaults of settings that came later: these mean what was done before."""
    return about | {"settings": plain(dataclasses.asdict(Settings())) | about["settings"]}


@lru_cache(maxsize=1)
def numerics() -> dict[str, object]:
    """What computes: another version, or another width of the processor's vectors, may round differently."""
    from mix2fld_np.compilation import numba_version, vector_bits  # and with it Numba, which no command line needs

    versions = {"numpy": metadata.version("numpy"), "numba": numba_version()}
    return {"numbers": NUMBERS, **versions, "vector_bits": vector_bits()}


@lru_cache(maxsize=4)
def dataset(source: Source) -> Dataset:
    """The data of a source, read once in a process."""
    return load(source.name, source.data_dir)
