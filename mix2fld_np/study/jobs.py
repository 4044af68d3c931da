"""One run (protocol x settings x seed): what it is, what makes it itself, and what is kept of it."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import mix2fld_np
from mix2fld_np.datasets.registry import Dataset, load
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.simulation import Progress
from mix2fld_np.federation.task import Task
from mix2fld_np.study.storage import can_be_written, json_bytes, read_json, write_whole

RUNS, UNFINISHED = "runs", "unfinished"  # folders: results of finished runs, checkpoints of the others


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


def task_of(job: Job, spread: Callable = map) -> Task:
    """The checked task of a job."""
    task = Task(job.settings, dataset(job.source), job.seed, spread, job.test_every_device)
    task.check()
    return task


def result_of(end: Progress, task: Task) -> dict:
    """What is kept of a finished run; plain values only."""
    return {
        "rounds": list(end.rounds),
        "curve": [list(point) for point in end.curve],
        "accuracies": None if end.accuracies is None else list(end.accuracies),
        "notice": task.split.notice,
    }


@contextmanager
def threads(workers: int) -> Iterator[Callable]:
    """A way to spread work over devices: the plain map for one worker, that of a thread pool for more."""
    if workers == 1:
        yield map
        return
    with ThreadPoolExecutor(workers) as pool:
        yield pool.map


# --- what is kept ----------------------------------------------------------------------------------------------------------------------


def stored(job: Job, directory: Path) -> dict | None:
    """The result of a job that was finished in this directory, or None; InputError where it belongs to another run or is damaged."""
    path = result_path(job, directory)
    if not path.exists():
        return None
    kept = read_json(path)
    if set(kept) != {"identity", "checksum", "result"} or kept["checksum"] != checksum(kept["result"]):
        raise InputError(f"{path} is damaged: its checksum does not fit; delete it to play this run again.")
    if kept["identity"] != plain(job_identity(job)):
        raise InputError(f"{path} belongs to a run with other settings; choose another --out or delete it to start again.")
    return kept["result"]


def store(job: Job, directory: Path, result: dict) -> None:
    """Keeps the result of a finished job, which needs its checkpoint no more."""
    kept = {"identity": job_identity(job), "checksum": checksum(result), "result": result}
    write_whole(result_path(job, directory), json_bytes(kept))
    with can_be_written(directory):
        checkpoint_path(job, directory).unlink(missing_ok=True)


def result_path(job: Job, directory: Path) -> Path:
    """Where the result of a job is kept."""
    return directory / RUNS / f"{job.name}.json"


def checkpoint_path(job: Job, directory: Path) -> Path:
    """Where the state of an unfinished job is kept."""
    return directory / UNFINISHED / job.name


def job_identity(job: Job) -> dict:
    """What makes a run this run: everything that its result depends on."""
    return {
        "versions": versions(),
        "protocol": job.protocol,
        "seed": job.seed,
        "settings": dataclasses.asdict(job.settings),
        "test_every_device": job.test_every_device,
        "data": {"name": dataset(job.source).name, "sha256": fingerprint(job.source)},
    }


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Of everything that computes; another one may round differently."""
    return {"mix2fld_np": mix2fld_np.__version__, **{name: metadata.version(name) for name in ("numpy", "numba")}}


def checksum(content: object) -> str:
    """SHA-256 of plain content."""
    return hashlib.sha256(json_bytes(content)).hexdigest()


def plain(content: dict) -> dict:
    """Content as it comes back from a JSON file."""
    return json.loads(json_bytes(content))


@lru_cache(maxsize=4)
def dataset(source: Source) -> Dataset:
    """The data of a source, read once in a process."""
    return load(source.name, source.data_dir)


def fingerprint(source: Source) -> str:
    """SHA-256 of all images and labels of a source."""
    return dataset(source).digest
