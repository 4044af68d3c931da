"""Independent runs, played here with checkpoints, side by side, or on any `concurrent.futures.Executor`."""

import threading
import warnings
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, ThreadPoolExecutor, as_completed
from pathlib import Path

from mix2fld_np.federation.protocols import protocol_named
from mix2fld_np.federation.simulation import beginning, simulate
from mix2fld_np.runs.files import load_checkpoint, save_checkpoint
from mix2fld_np.runs.jobs import Job, checkpoint_path, job_identity, result_of, store, stored, task_of, threads
from mix2fld_np.runs.remote import play_elsewhere

Tell = Callable[[int], object]  # hears of the rounds played so far


def play(job: Job, workers: int = 1, checkpoint: Path | None = None, tell: Tell = lambda rounds: None) -> dict:
    """Plays a job to its end and returns its result: `rounds` (rows), `curve` (seconds, accuracy), `accuracies`, `notice`.

    With a checkpoint, goes on from there where it exists and writes one after every round. The result depends on neither workers nor
    interruptions. `tell` hears of the rounds played so far.
    """
    identity = job_identity(job)
    with threads(workers) as spread:
        task = task_of(job, spread)
        past = load_checkpoint(checkpoint, identity) if checkpoint and checkpoint.exists() else None
        end = past or beginning(task)
        tell(end.p)
        for end in simulate(protocol_named(job.protocol), task, past):
            if checkpoint:
                save_checkpoint(checkpoint, identity, end)
            tell(end.p)
    return result_of(end, task)


def play_all(
    jobs: list[Job], directory: Path, workers: int = 1, executor: Executor | None = None, tell: Tell = lambda rounds: None
) -> list[dict]:
    """Results of all jobs, in their order; those already in `directory` are taken from there.

    Finished runs are kept as runs/NAME.json, the state of the others after every round as unfinished/NAME. With few jobs the workers share
    the devices of one run, with many jobs each plays a run of its own. An `executor` plays as many runs at once as there are workers, or
    as its method `capacity` says; once it is broken, the rest is played here. `tell` hears of the rounds played so far in all.
    """
    done = dict.fromkeys((job.name for job in jobs), 0)

    def told(job: Job) -> Tell:
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
        try:
            play_elsewhere(missing, directory, executor, getattr(executor, "capacity", lambda: workers), told)
        except BrokenExecutor as problem:
            warnings.warn(f"the executor is broken ({problem}); what is left of the runs is played here", stacklevel=2)
        missing = [job for job in missing if stored(job, directory) is None]
    if len(missing) >= 4 * workers > 4:
        play_side_by_side(missing, directory, workers, told)
    else:
        for job in missing:
            play_here(job, directory, workers, told(job))
    results = [stored(job, directory) for job in jobs]
    return [result for result in results if result is not None]


def play_here(job: Job, directory: Path, workers: int, tell: Tell) -> None:
    """Plays a job with checkpoints and stores its result."""
    store(job, directory, play(job, workers, checkpoint_path(job, directory), tell))


def play_side_by_side(jobs: list[Job], directory: Path, workers: int, told: Callable[[Job], Tell]) -> None:
    """Plays each job in a thread of its own; the first error, or an interruption, ends the others with their round."""
    over = threading.Event()

    def unless_over(tell: Tell) -> Tell:
        def hear(rounds: int) -> None:
            tell(rounds)
            if over.is_set():
                raise CancelledError

        return hear

    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(play_here, job, directory, 1, unless_over(told(job))) for job in jobs]
        try:
            for future in as_completed(futures):
                future.result()
        finally:
            over.set()
            pool.shutdown(wait=False, cancel_futures=True)
