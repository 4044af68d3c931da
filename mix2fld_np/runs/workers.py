"""The workers that all runs of a command share: threads of this process, and a memory of what they have computed."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from itertools import count
from queue import Empty, PriorityQueue
from typing import Any

from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.task import Rank
from mix2fld_np.runs.memory import Memory, digest

LAST = (float("inf"),)  # the rank of the word that there is nothing more to do
MEMORY_BYTES = 200e6  # for the state of all runs that are under way, and for results that may be needed again


class Workers:
    """Does what `start` is called with: the earliest round first, tests of models after all else of their round.

    With one worker, or where the system allows no thread, the caller computes. Otherwise the calls wait for a thread;
    none of them may wait for another, so that no thread is ever idle while there is work. What was computed from equal
    arguments before is not computed again. Leaving the context closes.
    """

    def __init__(self, n_workers: int, memory_bytes: float = MEMORY_BYTES, reuse: bool = True) -> None:
        self.memory, self.reuse, self.closed = Memory(memory_bytes), reuse, False
        self.waiting: PriorityQueue = PriorityQueue()
        self.numbers = count()  # among equals, first come, first served
        self.running: set[Future] = set()
        self.threads = started(n_workers, self.work) if n_workers > 1 else []

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all at once: whoever waits gets a CancelledError."""
        self.closed = True
        with suppress(Empty):
            while True:
                self.waiting.get_nowait()[2].cancel()
        for _ in self.threads:
            self.waiting.put((LAST, next(self.numbers), Future(), None, ()))
        for future in list(self.running):
            with suppress(InvalidStateError):
                future.set_exception(CancelledError())

    def starter(self, settings: Settings) -> Callable[..., Callable[[], Any]]:
        """The `start` of a task: by the stop watch, everything is computed anew."""
        return self.start if self.reuse and not settings.stopwatch else self.start_anew

    def start(self, rank: Rank, function: Callable, *arguments: Any) -> Callable[[], Any]:
        """Has function(*arguments) computed, unless it is known or under way; call the result to wait for it."""
        future, is_new = self.memory.future(digest(function, *arguments))
        if is_new:
            self.put(rank, future, function, arguments)
        return future.result

    def start_anew(self, rank: Rank, function: Callable, *arguments: Any) -> Callable[[], Any]:
        """The same without a look into the memory."""
        future: Future = Future()
        self.put(rank, future, function, arguments)
        return future.result

    def put(self, rank: Rank, future: Future, function: Callable, arguments: tuple) -> None:
        """Where there are threads, the call waits for one of them."""
        if self.threads:
            self.waiting.put((rank, next(self.numbers), future, function, arguments))
        else:
            compute(future, function, arguments)
        if self.closed:
            future.cancel()

    def work(self) -> None:
        """What a thread does until there is nothing more to do."""
        while True:
            _, _, future, function, arguments = self.waiting.get()
            if function is None:
                return
            self.running.add(future)
            compute(future, function, arguments)
            self.running.discard(future)
            del future, function, arguments  # or they would be kept until there is more to do


def compute(future: Future, function: Callable, arguments: tuple) -> None:
    """Computes a result, unless nobody waits for it any more."""
    with suppress(InvalidStateError):
        if future.cancelled():
            return
        try:
            result = function(*arguments)
        except BaseException as problem:
            future.set_exception(problem)
        else:
            future.set_result(result)


def started(n_threads: int, work: Callable[[], None]) -> list[threading.Thread]:
    """So many threads at work, or as many as the system allows."""
    threads: list[threading.Thread] = []
    with suppress(RuntimeError):  # can't start new thread
        while len(threads) < n_threads:
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            threads.append(thread)
    return threads
