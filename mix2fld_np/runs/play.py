"""Independent runs, played here with checkpoints, side by side, or on any `concurrent.futures.Executor`."""

import warnings
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path

from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import protocol_named
from mix2fld_np.federation.simulation import Progress, beginning, simulate
from mix2fld_np.federation.task import Task
from mix2fld_np.runs.files import AGAIN, plain
from mix2fld_np.runs.jobs import Job, identity_of, task_of, thread_pool, threads
from mix2fld_np.runs.results import RunResult, result_of
from mix2fld_np.runs.store import StoredRun

OnRound = Callable[[StoredRun, int], object]  # is told how many rounds of a run are there; first, before any is played
OnProgress = Callable[[int, int], object]  # is told how many rounds of all runs are there, and how many were before
TRIES = 3  # how often a round is sent out again when its worker is lost
POLL_S = 5.0  # how often to ask how many runs fit on an executor now


def ignore(*rounds: object) -> None:
    """Nobody wants to know."""


def play_all(
    jobs: list[Job],
    directory: Path,
    workers: int = 1,
    executor: Executor | None = None,
    on_progress: OnProgress = ignore,
) -> list[RunResult]:
    """Results of all jobs, in their order; those already in `directory` are taken from there.

    Finished runs are stored as runs/NAME.json, the state of the others after every round as unfinished/NAME. With few
    jobs the workers share the devices of one run, with many jobs each plays a run of its own. An `executor` plays as
    many runs at once as there are workers, or as its method `capacity` says; once it is broken, the rest is played
    here. The results depend on neither workers nor interruptions.
    """
    runs, on_round = [StoredRun(job, directory) for job in jobs], sum_of_rounds(on_progress)
    missing = [run for run in runs if not run.path.exists()]
    for run in runs:
        if run.path.exists():
            on_round(run, len(run.result().rounds))
    side_by_side = workers if len(missing) >= 4 * workers else 1
    with nullcontext(executor) if executor else thread_pool(side_by_side) as pool:
        if pool:
            play_on(pool, missing, getattr(pool, "capacity", lambda: workers), on_round)
    for run in missing:
        if not run.path.exists():
            play(run, workers, on_round)
    return [run.result() for run in runs]


def sum_of_rounds(on_progress: OnProgress) -> OnRound:
    """An `on_round` that reports the sums over all runs."""
    before: dict[str, int] = {}
    done: dict[str, int] = {}

    def on_round(run: StoredRun, rounds: int) -> None:
        before.setdefault(run.job.name, rounds)
        done[run.job.name] = rounds
        on_progress(sum(done.values()), sum(before.values()))

    return on_round


def play(run: StoredRun, workers: int = 1, on_round: OnRound = ignore) -> None:
    """Plays a run to its end and stores its result, and where it stands after every round."""
    with threads(workers) as parallel_map:
        task, protocol = task_of(run.job, parallel_map), protocol_named(run.job.protocol)
        past = end = stand(run, task, on_round)
        for end in simulate(protocol, task, past):
            keep(run, end, on_round)
    run.finish(result_of(protocol, end, task))


def stand(run: StoredRun, task: Task, on_round: OnRound) -> Progress:
    """Where a run stands before it is played: at its checkpoint, or at its beginning."""
    now = run.progress(task) or beginning(task)
    on_round(run, now.p)
    return now


def keep(run: StoredRun, now: Progress, on_round: OnRound) -> None:
    """Stores where a run stands after a round."""
    run.save(now)
    on_round(run, now.p)


def play_on(executor: Executor, runs: list[StoredRun], capacity: Callable[[], int], on_round: OnRound) -> None:
    """Plays runs on an executor, as many at once as `capacity` says; after each round, the state is stored here.

    A round whose worker is lost is sent out again. InputError where a run cannot go on; what has come back until then
    is stored. A warning once nothing can be sent out any more.
    """
    waiting, under_way = list(reversed(runs)), dict[Future, tuple[StoredRun, Progress, int]]()
    lost = (CancelledError, OSError, *getattr(executor, "lost", ()))

    def send(run: StoredRun, now: Progress, n_lost: int = 0) -> None:
        under_way[executor.submit(next_round, run.job, run.identity, now)] = run, now, n_lost

    try:
        while waiting or under_way:
            for _ in range(min(len(waiting), capacity() - len(under_way))):
                run = waiting.pop()
                send(run, stand(run, task_of(run.job), on_round))
            for future in wait(under_way, POLL_S, FIRST_COMPLETED).done:
                run, now, n_lost = under_way.pop(future)
                try:
                    after = future.result()
                except lost as problem:
                    check_tries(run, n_lost + 1, problem)
                    send(run, now, n_lost + 1)
                    continue
                if after is None:
                    run.finish(result_of(protocol_named(run.job.protocol), now, task_of(run.job)))
                else:
                    keep(run, after, on_round)
                    send(run, after)
    except BrokenExecutor as problem:
        warnings.warn(f"the executor is broken ({problem}); what is left of the runs is played here", stacklevel=3)
    except Exception:  # the others end with their round
        for future in wait([future for future in under_way if not future.cancel()], POLL_S).done:
            run, now, _ = under_way[future]
            if not future.exception() and future.result():
                keep(run, future.result(), on_round)
        raise
    finally:
        for future in under_way:
            future.cancel()


def check_tries(run: StoredRun, n_lost: int, problem: BaseException) -> None:
    """InputError where a run has lost its worker too often."""
    if n_lost > TRIES:
        raise InputError(
            f"run {run.job.name} lost its worker {n_lost} times ({problem}); look at the workers' logs, then run the "
            f"same command {AGAIN}."
        ) from problem


task_at_hand = lru_cache(maxsize=64)(task_of)  # of a run that is played a round at a time


def next_round(job: Job, identity: dict, now: Progress) -> Progress | None:
    """Where a run stands after its next round; None where there is none. All that a worker does, wherever it is."""
    here, there = plain(identity_of(job)), plain(identity)
    for name in here | there:
        if here.get(name) != there.get(name):
            raise InputError(
                f"a worker has {name} {here.get(name)} where this machine has {there.get(name)}, and would compute "
                "other numbers; give it the same data, the same versions of mix2fld_np, numpy and numba, and a "
                "processor with vectors of the same width."
            )
    return next(simulate(protocol_named(job.protocol), task_at_hand(job), now), None)
