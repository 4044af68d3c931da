"""One run (protocol x settings x seed): what it is, and its identity, which decides whether its result is reused."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata

from mix2fld_np.compilation import vector_bits
from mix2fld_np.datasets.registry import Dataset, load
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.task import Task

NUMBERS = 2  # raised whenever the same settings, data and seed give other numbers than before


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
    test_every_device: bool = False


def task_of(job: Job, parallel_map: Callable = map) -> Task:
    """The checked task of a job."""
    task = Task(job.settings, dataset(job.source), job.seed, parallel_map, job.test_every_device)
    task.check()
    return task


@contextmanager
def threads(workers: int) -> Iterator[Callable]:
    """A `parallel_map`: that of a pool of threads, or the plain map for one."""
    with thread_pool(workers) as pool:
        yield pool.map if pool else map


@contextmanager
def thread_pool(workers: int) -> Iterator[ThreadPoolExecutor | None]:
    """A pool whose threads have all started, so many or as many as the system allows; None where that is one."""
    while workers > 1:
        with ThreadPoolExecutor(workers) as pool:
            asked, workers = workers, n_started(pool, workers)
            if workers == asked:
                yield pool
                return
    yield None


def n_started(pool: ThreadPoolExecutor, workers: int) -> int:
    """How many threads of a new pool can be started, at most `workers`."""
    n, go = 0, threading.Event()
    with suppress(RuntimeError):  # can't start new thread
        while n < workers:
            pool.submit(go.wait)  # keeps its thread, so that the next call needs another
            n += 1
    go.set()
    return n


def identity_of(job: Job) -> dict:
    """All that the numbers of a run depend on, and nothing else: neither paths nor versions that compute nothing."""
    return {
        **numerics(),
        "data": dataset(job.source).digest,
        "protocol": job.protocol,
        "seed": job.seed,
        "settings": dataclasses.asdict(job.settings),
        "test_every_device": job.test_every_device,
    }


@lru_cache(maxsize=1)
def numerics() -> dict[str, object]:
    """What computes: another version, or another width of the processor's vectors, may round differently."""
    versions = {name: metadata.version(name) for name in ("numpy", "numba")}
    return {"numbers": NUMBERS, **versions, "vector_bits": vector_bits()}


@lru_cache(maxsize=4)
def dataset(source: Source) -> Dataset:
    """The data of a source, read once in a process."""
    return load(source.name, source.data_dir)
