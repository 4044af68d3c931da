"""Independent runs, played here with checkpoints, side by side, or on any `concurrent.futures.Executor`."""

import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue

from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import protocol_named
from mix2fld_np.federation.simulation import Progress, beginning, simulate
from mix2fld_np.federation.task import Task
from mix2fld_np.runs.files import AGAIN, plain
from mix2fld_np.runs.jobs import Job, dataset, identity_of, task_of
from mix2fld_np.runs.results import RunResult, result_of
from mix2fld_np.runs.store import StoredRun
from mix2fld_np.runs.workers import MEMORY_BYTES, Workers, started

OnRound = Callable[[StoredRun, int], object]  # is told how many rounds of a run are there; first, before any is played
OnProgress = Callable[[int, int], object]  # is told how many rounds of all runs are there, and how many were before
TRIES = 3  # how often a round is sent out again when its worker is lost
OVER = object()  # what a run gives after its last round
POLL_S = 5.0  # how often to ask how many runs fit on an executor now


def ignore(*rounds: object) -> None:
    """Nobody wants to know."""


def play_all(
    jobs: list[Job],
    directory: Path,
    n_workers: int = 1,
    executor: Executor | None = None,
    on_progress: OnProgress = ignore,
    reuse: bool = True,
) -> list[RunResult]:
    """Results of all jobs, in their order; those already in `directory` are taken from there.

    Finished runs are stored as runs/NAME.json, the state of the others after every round as unfinished/NAME. All runs
    share the workers, and what one has computed is not computed again for another where `reuse` allows. An `executor`
    plays as many runs at once as its method `capacity` says, or as there are workers; once it is broken, the rest is
    played here. The results depend on neither workers nor reuse nor interruptions.
    """
    runs, on_round = [StoredRun(job, directory) for job in jobs], sum_of_rounds(on_progress)
    missing = [run for run in runs if not run.is_finished()]
    for run in runs:
        if run not in missing:
            on_round(run, len(run.result().rounds))
    if executor:
        play_on(executor, missing, getattr(executor, "capacity", lambda: n_workers), on_round)
        missing = [run for run in missing if not run.is_finished()]
    play_here(missing, n_workers, reuse, on_round)
    return [run.result() for run in runs]


def sum_of_rounds(on_progress: OnProgress) -> OnRound:
    """An `on_round` that reports the sums over all runs, whichever thread calls it."""
    before: dict[str, int] = {}
    done: dict[str, int] = {}
    lock = threading.Lock()

    def on_round(run: StoredRun, rounds: int) -> None:
        with lock:
            before.setdefault(run.job.name, rounds)
            done[run.job.name] = rounds
            on_progress(sum(done.values()), sum(before.values()))

    return on_round


def play_here(runs: list[StoredRun], n_workers: int, reuse: bool, on_round: OnRound) -> None:
    """Plays runs with workers of this process, as many side by side as MEMORY_BYTES allow, and at least one."""
    if not runs:
        return
    tasks = [Task(run.job.settings, dataset(run.job.source)) for run in runs]
    run_bytes = max(task.state_bytes + task.work_bytes for task in tasks)
    n_open = max(1, min(len(runs), int(MEMORY_BYTES / 2 / run_bytes)))
    waiting = deque(runs)
    with Workers(n_workers, max(0, MEMORY_BYTES - n_open * run_bytes), reuse) as workers:
        if workers.threads:
            play_side_by_side(waiting, n_open, workers, on_round)
        play_in_turn(waiting, n_open, workers, on_round)


def play_in_turn(waiting: deque[StoredRun], n_open: int, workers: Workers, on_round: OnRound) -> None:
    """Plays runs in this thread, a round of each in turn: what they have in common is at hand then."""
    under_way: deque[Iterator[None]] = deque()
    while waiting or under_way:
        if waiting and len(under_way) < n_open:
            under_way.append(rounds_of(waiting.popleft(), workers, on_round))
        elif next(under_way[0], OVER) is OVER:
            under_way.popleft()
        else:
            under_way.rotate(-1)


def play_side_by_side(waiting: deque[StoredRun], n_open: int, workers: Workers, on_round: OnRound) -> None:
    """Plays runs, each in a thread that starts its work and waits for it; raises what the first of them raises."""
    ended: SimpleQueue[BaseException | None] = SimpleQueue()

    def play_some() -> None:
        try:
            while run := next_of(waiting):
                deque(rounds_of(run, workers, on_round), maxlen=0)
        except BaseException as problem:
            ended.put(problem)
        else:
            ended.put(None)

    threads = started(n_open, play_some)
    try:
        for _ in threads:
            if problem := ended.get():
                raise problem
    except BaseException:
        workers.close()
        for thread in threads:  # where a run stands is stored whole, or not at all
            thread.join(POLL_S)
        raise


def next_of(waiting: deque[StoredRun]) -> StoredRun | None:
    """The next run that waits, for one thread alone, or None."""
    with suppress(IndexError):
        return waiting.popleft()
    return None


def rounds_of(run: StoredRun, workers: Workers, on_round: OnRound) -> Iterator[None]:
    """Plays a run, a round each time it is asked, and stores where it stands, and at the end its result."""
    task, protocol = task_of(run.job, workers.starter(run.job.settings)), protocol_named(run.job.protocol)
    past = end = stand(run, task, on_round)
    for end in simulate(protocol, task, past):
        keep(run, end, on_round)
        yield
    run.finish(result_of(protocol, end, task, run.job.models))


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
                    run.finish(result_of(protocol_named(run.job.protocol), now, task_of(run.job), run.job.models))
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
