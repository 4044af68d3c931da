"""Machine code kept between runs: a convenience. Whatever state its files are in, the worst is to compile once more."""

import functools
import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile

DIGEST_BYTES = 32
LOCATORS = {
    place.__name__.lstrip("_"): place for place in CompileResultCacheImpl._locator_classes
}  # private before 0.61
InTree: Any = LOCATORS.get("InTreeCacheLocator", object)


def kept(function: Callable) -> Callable:
    """A compiled function whose machine code is kept, in $NUMBA_CACHE_DIR, __pycache__, or the user's cache.

    A warning says once that none of them can be written to, or that nothing is compiled at all (NUMBA_DISABLE_JIT).
    """
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        warn_once(
            "NUMBA_DISABLE_JIT is set: nothing is compiled, and training takes a thousand times as long; unset it."
        )
        return function
    try:
        function._cache = MachineCode(function.py_func)  # type: ignore[attr-defined]
    except Exception as problem:  # such as NUMBA_CACHE_LOCATOR_CLASSES that are not there
        warn_not_kept("any place", problem)
    return function


class BesideTheSource(InTree):
    """__pycache__, even where it can only be read: what was compiled when the package was installed."""

    @classmethod
    def from_function(cls, py_func: Callable, py_file: str) -> Any:
        """Never looks for another place."""
        return cls(py_func, py_file)


class Places(CompileResultCacheImpl):
    """Where machine code may lie, best first."""

    def __init__(self, py_func: Callable) -> None:
        homeless = os.path.expanduser("~") == "~" and not os.environ.get(
            "XDG_CACHE_HOME"
        )  # a folder called ~ would be made
        usual = [
            place for place in self._locator_classes if not (homeless and place is LOCATORS.get("UserWideCacheLocator"))
        ]
        self._locator_classes = [*usual, BesideTheSource]
        super().__init__(py_func)


class MachineCode(FunctionCache):
    """Numba's cache of one function, none of whose failures reaches the caller."""

    _impl_class = Places

    def __init__(self, py_func: Callable) -> None:
        super().__init__(py_func)
        self._cache_file = SealedFiles(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function for a signature, or None, after which it is compiled."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # files by anyone, in any state
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keeps a compiled function, if that is possible."""
        try:
            super().save_overload(sig, data)
        except Exception as problem:
            warn_not_kept(self._cache_path, problem)


class SealedFiles(IndexDataCacheFile):
    """The files of one function: an index that cannot be read is empty, and code is used if it is whole and right."""

    def save(self, key: Any, data: Any) -> None:
        """Keeps data with what they are: a process that is killed may leave others under their name."""
        super().save(key, (self.label(key), data))

    def load(self, key: Any) -> Any:
        """The data of a key, or None."""
        label, data = super().load(key) or ("", None)
        return data if label == self.label(key) else None

    def label(self, key: Any) -> str:
        """Of which function, from which source, for which types and processor."""
        return repr((self._index_name, self._source_stamp, key))

    def _load_index(self) -> dict:
        try:
            return super()._load_index()
        except Exception:
            return {}

    def _save_data(self, name: str, data: Any) -> None:
        content = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(content + hashlib.sha256(content).digest())  # which a reader of the content does not see

    def _load_data(self, name: str) -> Any:
        path = Path(self._data_path(name))
        content = path.read_bytes()
        if hashlib.sha256(content[:-DIGEST_BYTES]).digest() != content[-DIGEST_BYTES:]:
            raise ValueError(f"{path} is damaged")
        return super()._load_data(name)


def warn_not_kept(place: str | Path, problem: Exception) -> None:
    """Says once that machine code is lost at the end of this process, and what helps."""
    why = getattr(problem, "strerror", None) or problem
    warn_once(
        f"compiled code cannot be kept in {place} ({why}): it is compiled each time; set NUMBA_CACHE_DIR to a folder."
    )


@functools.cache
def warn_once(sentence: str) -> None:
    """A warning, the first time in this process."""
    warnings.warn(sentence, RuntimeWarning, stacklevel=2)
