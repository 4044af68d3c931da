"""Machine code kept between runs: a convenience. Whatever state its files are in, the worst is to compile once more."""

import functools
import hashlib
import os
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba.core import compiler, serialize
from numba.core.caching import NullCache
from numba.core.runtime import rtsys

DIGEST_BYTES = 32


def kept(function: Callable) -> Callable:
    """A compiled function whose machine code is kept, in $NUMBA_CACHE_DIR, __pycache__, or the user's cache.

    A warning says once that none of them can be written to, or that nothing is compiled at all (NUMBA_DISABLE_JIT).
    """
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        warn_once("NUMBA_DISABLE_JIT is set: nothing is compiled, and training is a thousand times slower; unset it.")
    else:
        function._cache = MachineCode(function.py_func)  # type: ignore[attr-defined]
    return function


class MachineCode(NullCache):
    """The cache of one function, with a file for each signature; none of its failures reaches the caller."""

    def __init__(self, function: Callable) -> None:
        self.function, self.source = function, Path(function.__code__.co_filename)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function for a signature, or None, after which it is compiled."""
        for folder in folders(self.source):
            try:
                rtsys.initialize(target_context)  # all that it needs to run; Numba loads the rest when it compiles
                digest, path = self.address(folder, sig, target_context.codegen())
                content = path.read_bytes()
                if sealed(digest, content[DIGEST_BYTES:]) == content:
                    return compiler.CompileResult._rebuild(target_context, *pickle.loads(content[DIGEST_BYTES:]))
            except Exception:  # files by anyone, in any state
                continue
        return None

    def save_overload(self, sig: Any, compiled: Any) -> None:
        """Keeps a compiled function in the first folder that takes it."""
        if compiled.library.has_dynamic_globals:  # addresses of this process
            return
        problems = []
        for folder in folders(self.source):
            try:
                digest, path = self.address(folder, sig, compiled.codegen)
                folder.mkdir(parents=True, exist_ok=True)
                path.write_bytes(sealed(digest, serialize.dumps(compiled._reduce())))
                return
            except Exception as problem:
                problems.append(f"{folder} ({getattr(problem, 'strerror', None) or problem})")
        what_helps = "it is compiled each time; set NUMBA_CACHE_DIR to a folder"
        warn_once(f"compiled code cannot be kept in {problems[0]}: {what_helps}.")

    def address(self, folder: Path, sig: Any, codegen: Any) -> tuple[bytes, Path]:
        """(digest of all that the machine code depends on, its file): source, constants, types, processor, version."""
        constants = [cell.cell_contents for cell in self.function.__closure__ or ()]
        about = (self.function.__qualname__, repr(sig), codegen.magic_tuple(), sys.implementation.cache_tag)
        place = serialize.dumps((about, constants))
        digest = hashlib.sha256(place + numba.__version__.encode() + self.source.read_bytes()).digest()
        stem = f"{self.source.stem}.{self.function.__name__}-{hashlib.sha256(place).hexdigest()[:16]}"
        return digest, folder / f"{stem}.nbc"


def sealed(digest: bytes, code: bytes) -> bytes:
    """Machine code behind a seal: damaged, half-written or meant for something else, it no longer fits."""
    return hashlib.sha256(digest + code).digest() + code


def folders(source: Path) -> list[Path]:
    """Where machine code of a source file may lie, best first."""
    own, home = numba.config.CACHE_DIR, os.path.expanduser("~")  # type: ignore[attr-defined]
    cache = os.environ.get("XDG_CACHE_HOME") or (home != "~" and f"{home}/.cache")  # or a folder called ~ would be made
    return [Path(folder) for folder in (own, source.parent / "__pycache__", cache and f"{cache}/mix2fld_np") if folder]


@functools.cache
def warn_once(sentence: str) -> None:
    """A warning, the first time in this process."""
    warnings.warn(sentence, RuntimeWarning, stacklevel=2)
