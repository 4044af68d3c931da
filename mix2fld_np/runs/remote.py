"""Runs that other processes or machines play, one round at a time: after each, the state comes back and is kept here."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from pathlib import Path

from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import protocol_named
from mix2fld_np.federation.simulation import Progress, beginning, simulate
from mix2fld_np.runs.files import load_checkpoint, save_checkpoint
from mix2fld_np.runs.jobs import Job, checkpoint_path, job_identity, plain, result_of, store, task_of

TRIES = 3  # how often a round is sent out again when its worker is lost
LOOK_S = 5.0  # how often to ask how many runs fit on the executor now


def play_elsewhere(
    jobs: list[Job], directory: Path, executor: Executor, capacity: Callable[[], int], told: Callable[[Job], Callable[[int], object]]
) -> None:
    """Plays jobs on an executor, as many at once as `capacity` says, and stores each result.

    A round whose worker is lost is sent out again. Raises BrokenExecutor once nothing can be sent out any more, and InputError where a
    run cannot go on; what has come back until then is kept.
    """
    waiting, under_way = list(reversed(jobs)), dict[Future, Run]()
    try:
        while waiting or under_way:
            for _ in range(min(len(waiting), capacity() - len(under_way))):
                run = Run(waiting.pop(), directory, told)
                under_way[run.send(executor)] = run
            for future in wait(under_way, LOOK_S, FIRST_COMPLETED).done:
                run = under_way.pop(future)
                if run.receive(future, (CancelledError, OSError, *getattr(executor, "lost", ()))):
                    under_way[run.send(executor)] = run
                else:
                    store(run.job, directory, result_of(run.now, run.task))
    finally:
        for future in under_way:
            future.cancel()


class Run:
    """A job on its way: where it stands, and how often a worker was lost over its next round."""

    def __init__(self, job: Job, directory: Path, told: Callable[[Job], Callable[[int], object]]):
        self.job, self.task, self.identity = job, task_of(job), job_identity(job)
        self.checkpoint, self.tell, self.n_lost = checkpoint_path(job, directory), told(job), 0
        self.now = load_checkpoint(self.checkpoint, self.identity) if self.checkpoint.exists() else beginning(self.task)
        self.tell(self.now.p)

    def send(self, executor: Executor) -> Future:
        """Asks for the next round."""
        return executor.submit(next_round, self.job, self.identity, self.now)

    def receive(self, future: Future, lost: tuple[type[BaseException], ...]) -> bool:
        """Takes in what came back, or that a worker was lost; False at the end of the run. What went wrong within the run is raised."""
        try:
            after = future.result()
        except lost as problem:
            self.n_lost += 1
            if self.n_lost > TRIES:
                raise InputError(
                    f"run {self.job.name} lost its worker {self.n_lost} times ({problem}); look at the workers' logs, then run the same "
                    "command again (compare: with --resume)."
                ) from problem
            return True
        if after is None:
            return False
        self.n_lost, self.now = 0, after
        save_checkpoint(self.checkpoint, self.identity, after)
        self.tell(after.p)
        return True


def next_round(job: Job, identity: dict, now: Progress) -> Progress | None:
    """Where a run stands after its next round; None where there is none. This is all that a worker does, wherever it is."""
    found = plain(job_identity(job))
    for name in found:
        if found[name] != plain(identity)[name]:
            raise InputError(
                f"a worker has {name} {found[name]} where this machine has {plain(identity)[name]}; install the same versions of "
                "mix2fld_np, numpy and numba on both, and the same data."
            )
    return next(simulate(protocol_named(job.protocol), task_of(job), now), None)
