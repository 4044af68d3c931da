"""Python in a browser (Pyodide), which has no Numba: what takes its place there, and that of `compilation`.

The kernels come from a file beside this one: compiled to WebAssembly from the same source (web/side_module.py). Where
it is missing, or has no code for images of some size, they run as the plain Python that they are, slowly.
"""

import ctypes
import functools
import hashlib
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

SIDE_MODULE = Path(__file__).with_name("kernels.wasm")


def prepare() -> None:
    """Puts this module in the place of `compilation`, and one that compiles nothing in Numba's, where that is not."""
    if not find_spec("numba"):
        stand_in = ModuleType("numba", "Compiles nothing: there is no Numba in this browser.")
        stand_in.__dict__.update(njit=uncompiled, __version__="none")
        sys.modules |= {"numba": stand_in, "mix2fld_np.compilation": sys.modules[__name__]}


def uncompiled(*signature: Any, **options: Any) -> Callable:
    """The function as it is; as a decorator with or without options."""
    return signature[0] if signature and callable(signature[0]) else lambda function: function


def kernel_options() -> dict[str, Any]:
    """None that plain Python knows."""
    return {}


def vector_bits() -> int:
    """Bits of a vector in WebAssembly."""
    return 128


def numba_version() -> str:
    """What computes in Numba's place."""
    digest = hashlib.sha256(SIDE_MODULE.read_bytes()).hexdigest()[:12] if SIDE_MODULE.is_file() else "none"
    return f"WebAssembly {digest}"


def kept(function: Callable) -> Callable:
    """The compiled function for arrays of any shapes and either precision; without one, the function itself."""
    height, width = (cell.cell_contents for cell in function.__closure__)  # type: ignore[attr-defined]
    name = f"{function.__name__}_{height}x{width}"  # type: ignore[union-attr]

    @functools.wraps(function)
    def call(layers: tuple, images: np.ndarray, *others: Any) -> None:
        compiled = compiled_function(f"{name}_{images.dtype}")
        if compiled:
            table = np.array([0] * 4 + [word for one in (layers, images, *others) for word in words(one)], np.uint32)
            at, rate = table.ctypes.data, next((one for one in others if isinstance(one, np.floating)), 0)
            compiled(at, at + 8, at + 16, rate)  # Numba's functions begin with room for what they return
        else:
            function(layers, images, *others)

    return call


def words(argument: Any) -> list[int]:
    """Address and shape of an array, or of each in a named tuple, for compiled code; of a rate nothing."""
    if isinstance(argument, tuple):
        return [word for array in argument for word in words(array)]
    return [argument.ctypes.data, *argument.shape] if argument.ndim else []


@functools.cache
def compiled_function(name: str) -> Callable | None:
    """A function of the side module, which takes a table of words and a rate; None, after a warning, without one."""
    function = getattr(ctypes.CDLL(str(SIDE_MODULE)), name, None) if SIDE_MODULE.is_file() else None
    if function is None:
        warnings.warn(f"{name} was not compiled for browsers: plain Python takes a thousand times as long.",
                      RuntimeWarning, stacklevel=3)  # fmt: skip
        return None
    function.argtypes = *[ctypes.c_void_p] * 3, ctypes.c_float if name.endswith("32") else ctypes.c_double
    return function
