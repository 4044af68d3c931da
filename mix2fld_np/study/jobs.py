"""Independent runs (protocol x settings x seed): played here with checkpoints, or on any `concurrent.futures.Executor`."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

import mix2fld_np
from mix2fld_np.datasets.registry import Dataset, load
from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import protocol_named
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.simulation import Progress, beginning, simulate
from mix2fld_np.federation.task import Task
from mix2fld_np.study.storage import json_bytes, load_checkpoint, read_json, save_checkpoint, write_whole

TRIES = 3  # how often a run is sent out again when its worker is lost


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


def play(job: Job, workers: int = 1, checkpoint: Path | None = None, tell: Callable[[int], object] = lambda rounds: None) -> dict:
    """Plays a job to its end and returns its result: `rounds` (rows), `curve` (seconds, accuracy), `accuracies`, `notice`.

    With a checkpoint, goes on from there where it exists and writes one after every round. The result depends on neither workers nor
    interruptions. `tell` hears of the rounds played so far.
    """
    data = dataset(job.source)
    with threads(workers) as spread:
        task = Task(job.settings, data, job.seed, spread, job.test_every_device)
        task.check()
        identity = job_identity(job, data)
        past = load_checkpoint(checkpoint, identity) if checkpoint and checkpoint.exists() else None
        end = past or beginning(task)
        tell(end.p)
        for end in simulate(protocol_named(job.protocol), task, past):
            if checkpoint:
                save_checkpoint(checkpoint, identity, end)
            tell(end.p)
    return result_of(end, task)


def result_of(end: Progress, task: Task) -> dict:
    """What is kept of a finished run; plain values only."""
    return {
        "rounds": list(end.rounds),
        "curve": [list(point) for point in end.curve],
        "accuracies": None if end.accuracies is None else list(end.accuracies),
        "notice": task.split.notice,
    }


def play_all(
    jobs: list[Job],
    directory: Path,
    workers: int = 1,
    executor: Executor | None = None,
    tell: Callable[[int], object] = lambda rounds: None,
) -> list[dict]:
    """Results of all jobs, in their order; those already in `directory` are taken from there.

    Finished runs are kept as runs/NAME.json, the state of unfinished ones as unfinished/NAME. With few jobs the workers share the
    devices of one run, with many jobs each plays a run of its own. An `executor`, say of a cluster, plays whole runs elsewhere. `tell`
    hears of the rounds played so far in all.
    """
    done: dict[str, int] = {}

    def told(job: Job) -> Callable[[int], object]:
        def hear(rounds: int) -> None:
            done[job.name] = rounds
            tell(sum(done.values()))

        return hear

    missing = []
    for job in jobs:
        if stored(job, directory) is None:
            missing.append(job)
        else:
            told(job)(job.settings.n_rounds)
    if executor:
        play_elsewhere(missing, directory, executor, told)
    elif len(missing) >= 4 * workers > 4:
        with ThreadPoolExecutor(workers) as pool:
            finish(pool, [pool.submit(play_here, job, directory, 1, told(job)) for job in missing])
    else:
        for job in missing:
            play_here(job, directory, workers, told(job))
    results = [stored(job, directory) for job in jobs]
    return [result for result in results if result is not None]


def play_here(job: Job, directory: Path, workers: int, tell: Callable[[int], object]) -> None:
    """Plays a job with checkpoints and stores its result."""
    checkpoint = directory / "unfinished" / job.name
    store(job, directory, play(job, workers, checkpoint, tell))
    checkpoint.unlink(missing_ok=True)


def play_elsewhere(jobs: list[Job], directory: Path, executor: Executor, told: Callable[[Job], Callable[[int], object]]) -> None:
    """Plays jobs on an executor and stores each result as it comes; a run whose worker is lost is sent out again."""
    tries = 0
    while jobs:
        futures: dict[Future, Job] = {executor.submit(play, job): job for job in jobs}
        jobs = []
        for future in as_completed(futures):
            job = futures[future]
            try:
                store(job, directory, future.result())
                told(job)(job.settings.n_rounds)
            except (BrokenExecutor, OSError) as lost:
                jobs.append(job)
                tries += 1
                if tries > TRIES * len(futures):
                    raise InputError(f"run {job.name} lost its worker {TRIES} times ({lost}); look at the cluster's logs.") from lost


def finish(pool: Executor, futures: list[Future]) -> None:
    """Waits for all; the first error cancels what has not begun."""
    for future in as_completed(futures):
        if future.exception():
            pool.shutdown(wait=True, cancel_futures=True)
        future.result()


# --- what is kept ----------------------------------------------------------------------------------------------------------------------


def stored(job: Job, directory: Path) -> dict | None:
    """The result of a job that was finished in this directory, or None; InputError where it belongs to another run or is damaged."""
    path = result_path(job, directory)
    if not path.exists():
        return None
    kept = read_json(path)
    if set(kept) != {"identity", "checksum", "result"} or kept["checksum"] != checksum(kept["result"]):
        raise InputError(f"{path} is damaged: its checksum does not fit; delete it to play this run again.")
    if kept["identity"] != plain(job_identity(job, dataset(job.source))):
        raise InputError(f"{path} belongs to a run with other settings; choose another --out or delete it to start again.")
    return kept["result"]


def store(job: Job, directory: Path, result: dict) -> None:
    """Keeps the result of a finished job."""
    kept = {"identity": job_identity(job, dataset(job.source)), "checksum": checksum(result), "result": result}
    write_whole(result_path(job, directory), json_bytes(kept))


def result_path(job: Job, directory: Path) -> Path:
    """Where the result of a job is kept."""
    return directory / "runs" / f"{job.name}.json"


def job_identity(job: Job, data: Dataset) -> dict:
    """What makes a run this run: everything that its result depends on."""
    return {
        "version": mix2fld_np.__version__,
        "protocol": job.protocol,
        "seed": job.seed,
        "settings": dataclasses.asdict(job.settings),
        "test_every_device": job.test_every_device,
        "data": {"name": data.name, "sha256": fingerprint(job.source)},
    }


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


@lru_cache(maxsize=4)
def fingerprint(source: Source) -> str:
    """SHA-256 of all images and labels of a source."""
    data, digest = dataset(source), hashlib.sha256()
    for part in (data.train_images, data.train_labels, data.test_images, data.test_labels):
        digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


@contextmanager
def threads(workers: int) -> Iterator[Callable]:
    """A way to spread work over devices: the plain map for one worker, that of a thread pool for more."""
    if workers == 1:
        yield map
        return
    with ThreadPoolExecutor(workers) as pool:
        yield pool.map
