"""Independent runs, played here with checkpoints, side by side, or on any `concurrent.futures.Executor`."""

import threading
import warnings
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, as_completed
from pathlib import Path

from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import protocol_named
from mix2fld_np.federation.simulation import beginning, simulate
from mix2fld_np.runs.jobs import Job, task_of, thread_pool, threads
from mix2fld_np.runs.remote import play_remotely
from mix2fld_np.runs.results import RunResult, result_of
from mix2fld_np.runs.store import StoredRun

OnRound = Callable[[int], object]  # is told how many rounds of one run are there; first, before any is played
OnProgress = Callable[[int, int], object]  # is told how many rounds of all runs are there, and how many of them were before


def ignore(*rounds: int) -> None:
    """Nobody wants to know."""


def play(run: StoredRun, workers: int = 1, on_round: OnRound = ignore) -> None:
    """Plays a run to its end, from its checkpoint where there is one, and stores its result; a checkpoint is written after every round.

    The result depends on neither workers nor interruptions.
    """
    with threads(workers) as parallel_map:
        task, protocol = task_of(run.job, parallel_map), protocol_named(run.job.protocol)
        past = run.progress(task)
        end = past or beginning(task)
        on_round(end.p)
        for end in simulate(protocol, task, past):
            run.save(end)
            on_round(end.p)
    run.finish(result_of(protocol, end, task))


def play_all(
    jobs: list[Job], directory: Path, workers: int = 1, executor: Executor | None = None, on_progress: OnProgress = ignore
) -> list[RunResult]:
    """Results of all jobs, in their order; those already in `directory` are taken from there.

    Finished runs are stored as runs/NAME.json, the state of the others after every round as unfinished/NAME. With few jobs the workers
    share the devices of one run, with many jobs each plays a run of its own. An `executor` plays as many runs at once as there are
    workers, or as its method `capacity` says; once it is broken, the rest is played here. `on_progress` is told the rounds of all runs.
    """
    runs = [StoredRun(job, directory) for job in jobs]
    report_for = counter(on_progress)
    missing = []
    for run in runs:
        if (result := run.result()) is None:
            missing.append(run)
        else:
            report_for(run)(len(result.rounds))
    if executor:
        try:
            play_remotely(missing, executor, getattr(executor, "capacity", lambda: workers), report_for)
        except BrokenExecutor as problem:
            warnings.warn(f"the executor is broken ({problem}); what is left of the runs is played here", stacklevel=2)
        missing = [run for run in missing if run.result() is None]
    if len(missing) >= 4 * workers > 4:
        play_side_by_side(missing, workers, report_for)
    else:
        for run in missing:
            play(run, workers, report_for(run))
    return [result_now(run) for run in runs]


def counter(on_progress: OnProgress) -> Callable[[StoredRun], OnRound]:
    """For each run an `on_round` of its own; together they report the sums over all runs."""
    before: dict[str, int] = {}
    done: dict[str, int] = {}

    def report_for(run: StoredRun) -> OnRound:
        def report(rounds: int) -> None:
            before.setdefault(run.job.name, rounds)
            done[run.job.name] = rounds
            on_progress(sum(done.values()), sum(before.values()))

        return report

    return report_for


def result_now(run: StoredRun) -> RunResult:
    """The result of a run that has been played; InputError where it was taken away meanwhile."""
    result = run.result()
    if result is None:
        raise InputError(f"{run.path} was removed while this command was running; run it again (compare: with --resume).")
    return result


def play_side_by_side(runs: list[StoredRun], workers: int, report_for: Callable[[StoredRun], OnRound]) -> None:
    """Plays each run in a thread of its own; the first error, or an interruption, ends the others with their round."""
    over = threading.Event()

    def unless_over(on_round: OnRound) -> OnRound:
        def report(rounds: int) -> None:
            on_round(rounds)
            if over.is_set():
                raise CancelledError

        return report

    with thread_pool(workers) as pool:
        if pool is None:
            for run in runs:
                play(run, 1, report_for(run))
            return
        futures = [pool.submit(play, run, 1, unless_over(report_for(run))) for run in runs]
        try:
            for future in as_completed(futures):
                future.result()
        finally:
            over.set()
            pool.shutdown(wait=False, cancel_futures=True)
