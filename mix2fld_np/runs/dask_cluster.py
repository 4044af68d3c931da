"""An existing Dask cluster as an executor. The only place that knows `distributed`, imported when it is needed."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from functools import partial
from importlib import metadata
from typing import Any

import mix2fld_np
from mix2fld_np.errors import InputError
from mix2fld_np.runs.files import AGAIN

CONNECT_S = 10.0  # until the scheduler has answered
PATIENCE_S = 60.0  # without any worker
ADDRESS = re.compile(r"(tcp|tls)://([\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}")


@contextmanager
def connected(address: str) -> Iterator["Cluster"]:
    """The cluster whose scheduler listens at `address`, "tcp://HOST:PORT"; InputError where none can be used."""
    check_address(address)
    try:
        import dask
        import distributed
    except ImportError:
        raise InputError("a Dask cluster needs distributed (pip install distributed), here and there.") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong is said once, by us
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"})  # a state may be some megabytes
    try:
        ask = partial(distributed.Client, address, timeout=CONNECT_S, set_as_default=False)
        client = answer_within(CONNECT_S + 2, ask)
    except Exception as problem:  # whatever answers there, it may be no scheduler at all
        why = "no answer" if isinstance(problem, TimeoutError) else problem
        said = f"there is no Dask scheduler at {address} ({why}); start one with `dask scheduler`."
        raise InputError(said) from problem
    with client:
        yield Cluster(client, address, distributed.KilledWorker)


def answer_within(seconds: float, ask: Callable[[], Any]) -> Any:
    """What `ask` returns or raises, or a TimeoutError."""
    answer: Future = Future()

    def wait_for_it() -> None:
        try:
            answer.set_result(ask())
        except BaseException as problem:
            answer.set_exception(problem)

    threading.Thread(target=wait_for_it, daemon=True).start()
    return answer.result(seconds)


def check_address(address: str) -> None:
    """InputError unless it looks like one."""
    if not ADDRESS.fullmatch(address):
        raise InputError(f"{address!r} is no address of a Dask scheduler; give one such as tcp://127.0.0.1:8786.")


class Cluster(Executor):
    """Sends calls to a Dask cluster's workers, wherever they are."""

    def __init__(self, client: Any, address: str, *lost: type[Exception]):
        self.client, self.address, self.lost = client, address, lost
        self.executor = client.get_executor(pure=False)
        self.seen_s = time.monotonic()  # when there was a worker last
        self.check_versions()

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """As every executor's; InputError once the scheduler is gone for good."""
        if self.client.status not in ("running", "connecting"):
            raise InputError(f"the Dask scheduler at {self.address} is gone; start it and this command {AGAIN}.")
        return self.executor.submit(function, *args, **kwargs)

    def capacity(self) -> int:
        """How many calls the workers can take at once, at least 1; InputError once there was no worker for long."""
        n_threads = 0
        with suppress(Exception):  # the scheduler does not answer: perhaps it will next time
            n_threads = sum(answer_within(CONNECT_S, self.client.nthreads).values())
        if n_threads:
            self.seen_s = time.monotonic()
        if time.monotonic() - self.seen_s > PATIENCE_S:
            raise InputError(
                f"the Dask cluster has had no worker for {PATIENCE_S:.0f} seconds; start some with "
                f"`dask worker {self.address}`, then this command {AGAIN}."
            )
        return max(1, n_threads)

    def check_versions(self) -> None:
        """InputError where a worker has another version of mix2fld_np or none; later ones are asked in each round."""
        found = answer_within(CONNECT_S, lambda: self.client.run(metadata.version, "mix2fld_np", on_error="return"))
        for worker, version in found.items():
            if version != mix2fld_np.__version__:
                has = "no mix2fld_np" if isinstance(version, Exception) else f"mix2fld_np {version}"
                need = f"mix2fld_np {mix2fld_np.__version__}"
                raise InputError(f"the Dask worker {worker} has {has}; install {need} there, as here.")
