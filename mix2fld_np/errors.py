"""The one exception that means "the input cannot work", not "the program is wrong"; and a check of numbers."""

import math
from contextlib import suppress
from numbers import Integral, Real
from typing import Any


class InputError(ValueError):
    """Something handed in cannot work: the message says what, which value, why, and what to try."""


def number(name: str, kind: type, value: Any) -> Any:
    """The value, Python's or NumPy's, as a Python int or float; InputError unless it is a finite number of that kind.

    One of single precision becomes the shortest decimal that it stands for, np.float32(0.1) 0.1. A bool is no number.
    """
    plain: Any = value
    if hasattr(value, "dtype"):
        digits = str(value) if value.dtype.kind == "f" and value.ndim == 0 else "nan"
        plain = value.tolist() if value.dtype.kind in "iu" else float(digits)
    right = isinstance(plain, Integral if kind is int else Real) and not isinstance(plain, bool)
    if right and abs(plain) < math.inf:
        with suppress(OverflowError):  # a whole number beyond the largest float
            return kind(plain)
    raise InputError(f"{name} = {value!r} cannot be used: it must be a {'whole' if kind is int else 'finite'} number.")


def numbers(name: str, value: Any) -> float | tuple[float, ...]:
    """A number, or as many as a list, tuple or array (N,) holds, one at least; InputError as `number` has it."""
    several = (isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) == 1) and len(value)
    return tuple(number(name, float, part) for part in value) if several else number(name, float, value)
