"""Results that were computed before, found again by a digest of all that they depend on."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any

import numpy as np

from mix2fld_np.datasets.registry import Dataset

ENTRY_BYTES = 500  # what a result takes besides its arrays


class Memory:
    """Futures of results, shared by all runs; within `most_bytes`, the longest unused result goes first."""

    def __init__(self, most_bytes: float) -> None:
        self.most_bytes, self.n_bytes = most_bytes, 0
        self.under_way: dict[bytes, Future] = {}
        self.there: OrderedDict[bytes, tuple[Future, int]] = OrderedDict()
        self.lock = threading.Lock()

    def future(self, key: bytes) -> tuple[Future, bool]:
        """The future of a result, and whether it is new, so that whoever asks first computes it."""
        with self.lock:
            if key in self.there:
                self.there.move_to_end(key)
                return self.there[key][0], False
            if key in self.under_way:
                return self.under_way[key], False
            future = self.under_way[key] = Future()
        future.add_done_callback(partial(self.keep, key))
        return future, True

    def keep(self, key: bytes, future: Future) -> None:
        """A result is there, or is not to be had; then the next one who asks tries again."""
        with self.lock:
            del self.under_way[key]
            if future.cancelled() or future.exception():
                return
            n_bytes = ENTRY_BYTES
            for array in arrays_in(future.result()):
                array.flags.writeable = False  # several runs hold it
                n_bytes += array.nbytes
            self.there[key], self.n_bytes = (future, n_bytes), self.n_bytes + n_bytes
            while self.n_bytes > self.most_bytes:
                _, (_, n_bytes) = self.there.popitem(last=False)
                self.n_bytes -= n_bytes


def arrays_in(result: Any) -> Iterator[np.ndarray]:
    """The arrays in a result, however deep in tuples and lists."""
    if isinstance(result, np.ndarray):
        yield result
    elif isinstance(result, tuple | list):
        for part in result:
            yield from arrays_in(part)


def digest(*values: Any) -> bytes:
    """A digest of arrays, data sets, functions, values whose `repr` says all, and tuples and lists of these."""
    found = hashlib.blake2b(digest_size=20)
    for value in flat(values):
        if isinstance(value, np.ndarray):
            found.update(f"{value.dtype.str} {value.shape}:".encode())
            found.update(np.ascontiguousarray(value).data if value.size else b"")
        elif isinstance(value, Dataset):
            found.update(value.digest.encode())
        elif callable(value):
            found.update(f"{value.__module__}.{value.__qualname__}:".encode())
        else:
            found.update(f"{value!r}:".encode())
    return found.digest()


def flat(values: Any) -> Iterator[Any]:
    """What stands in tuples and lists, which begin with their length."""
    for value in values:
        if isinstance(value, tuple | list):
            yield len(value)
            yield from flat(value)
        else:
            yield value
