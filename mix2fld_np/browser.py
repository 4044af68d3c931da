"""Python in a browser (Pyodide), which has no Numba: what takes its place there, and that of `compilation`.

The kernels come from a file beside this one: compiled to WebAssembly from the same source (web/side_module.py). Where
it is missing, or has no code for images of some size, they run as the plain Python that they are, slowly.
"""

import ctypes
import hashlib
import sys
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

SIDE_MODULE = Path(__file__).with_name("kernels.wasm")


def prepare() -> None:
    """Puts this module in the place of `compilation`, and one that compiles nothing in Numba's, where that is not."""
    if not find_spec("numba"):
        numba = ModuleType("numba", "Compiles nothing: there is no Numba in this browser.")
        numba.__dict__["njit"] = uncompiled
        sys.modules |= {"numba": numba, "mix2fld_np.compilation": sys.modules[__name__]}


def uncompiled(*function: Callable, **options: Any) -> Callable:
    """The function as it is, which is its own `py_func`; as a decorator with or without options."""

    def same(function: Callable) -> Callable:
        function.py_func = function  # type: ignore[attr-defined]
        return function

    return same(*function) if function else same


def kernel_options() -> dict[str, Any]:
    """None that plain Python knows."""
    return {}


def vector_bits() -> int:
    """Of WebAssembly."""
    return 128


def numba_version() -> str:
    """What computes in Numba's place."""
    code = SIDE_MODULE.read_bytes() if SIDE_MODULE.is_file() else b""
    return f"WebAssembly {hashlib.sha256(code).hexdigest()[:12]}" if code else "none"


def kept(function: Callable) -> Callable:
    """The compiled function, for any network on images of its size; without one, the function itself."""
    height, width = (cell.cell_contents for cell in function.__closure__ or ())

    def call(layers: tuple, images: np.ndarray, *others: Any) -> None:
        name = f"{function.__name__}_{height}x{width}_{images.dtype}"  # type: ignore[attr-defined]
        if not (compiled := compiled_function(name)):
            function(layers, images, *others)
            return
        arrays = [array for one in (layers, images, *others) for array in (one if isinstance(one, tuple) else [one])]
        words = [word for array in arrays if array.ndim for word in (array.ctypes.data, *array.shape)]
        table, rate = np.array([0] * 4 + words, np.uint32), next((one for one in arrays if not one.ndim), 0)
        at = table.ctypes.data
        compiled(at, at + 8, at + 16, rate)  # Numba's functions begin with room for what they return

    return call


@cache
def compiled_function(name: str) -> Callable | None:
    """A function of the side module, which takes a table of words and a rate; None, after a warning, without one."""
    function = getattr(ctypes.CDLL(str(SIDE_MODULE)), name, None) if SIDE_MODULE.is_file() else None
    if function:
        function.argtypes = *[ctypes.c_void_p] * 3, ctypes.c_float if name.endswith("32") else ctypes.c_double
    else:
        warnings.warn(f"{name} is not compiled: plain Python takes a thousand times as long", stacklevel=3)
    return function
