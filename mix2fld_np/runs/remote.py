"""Runs that other processes or machines play, one round at a time: after each, the state comes back and is stored here."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait

from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import protocol_named
from mix2fld_np.federation.simulation import Progress, beginning, simulate
from mix2fld_np.runs.files import plain
from mix2fld_np.runs.jobs import Job, identity_of, task_of
from mix2fld_np.runs.results import result_of
from mix2fld_np.runs.store import StoredRun

TRIES = 3  # how often a round is sent out again when its worker is lost
POLL_S = 5.0  # how often to ask how many runs fit on the executor now


def play_remotely(
    runs: list[StoredRun], executor: Executor, capacity: Callable[[], int], report_for: Callable[[StoredRun], Callable[[int], object]]
) -> None:
    """Plays runs on an executor, as many at once as `capacity` says, and stores each result.

    A round whose worker is lost is sent out again. Raises BrokenExecutor once nothing can be sent out any more, and InputError where a
    run cannot go on; what has come back until then is stored.
    """
    waiting, under_way = list(reversed(runs)), dict[Future, RemoteRun]()
    try:
        while waiting or under_way:
            for _ in range(min(len(waiting), capacity() - len(under_way))):
                remote = RemoteRun(run := waiting.pop(), report_for(run))
                under_way[remote.send(executor)] = remote
            for future in wait(under_way, POLL_S, FIRST_COMPLETED).done:
                remote = under_way.pop(future)
                if remote.receive(future, (CancelledError, OSError, *getattr(executor, "lost", ()))):
                    under_way[remote.send(executor)] = remote
                else:
                    remote.run.finish(result_of(protocol_named(remote.run.job.protocol), remote.now, remote.task))
    finally:
        for future in under_way:
            future.cancel()


class RemoteRun:
    """A run on its way: where it stands, and how often a worker was lost over its next round."""

    def __init__(self, run: StoredRun, on_round: Callable[[int], object]):
        self.run, self.task, self.on_round, self.n_lost = run, task_of(run.job), on_round, 0
        self.now = run.progress(self.task) or beginning(self.task)
        self.on_round(self.now.p)

    def send(self, executor: Executor) -> Future:
        """Asks for the next round."""
        return executor.submit(next_round, self.run.job, self.run.identity, self.now)

    def receive(self, future: Future, lost: tuple[type[BaseException], ...]) -> bool:
        """Takes in what came back, or that a worker was lost; False at the end of the run. What went wrong within the run is raised."""
        try:
            after = future.result()
        except lost as problem:
            self.n_lost += 1
            if self.n_lost > TRIES:
                raise InputError(
                    f"run {self.run.job.name} lost its worker {self.n_lost} times ({problem}); look at the workers' logs, then run the "
                    "same command again (compare: with --resume)."
                ) from problem
            return True
        if after is None:
            return False
        self.n_lost, self.now = 0, after
        self.run.save(after)
        self.on_round(after.p)
        return True


def next_round(job: Job, identity: dict, now: Progress) -> Progress | None:
    """Where a run stands after its next round; None where there is none. This is all that a worker does, wherever it is."""
    here, there = plain(identity_of(job)), plain(identity)
    for name in here | there:
        if here.get(name) != there.get(name):
            raise InputError(
                f"a worker has {name} {here.get(name)} where this machine has {there.get(name)}, and would compute other numbers; give "
                "it the same data, the same versions of mix2fld_np, numpy and numba, and a processor with vectors of the same width."
            )
    return next(simulate(protocol_named(job.protocol), task_of(job), now), None)
