"""The one exception that means "the input cannot work", not "the program is wrong"; and a check of numbers."""

import math
from numbers import Integral, Real


class InputError(ValueError):
    """Something handed in cannot work: the message says what, which value, why, and what to try.

    The command line prints the message alone and leaves with exit code 2; any other exception is a defect and keeps its
    traceback.
    """


def number(name: str, kind: type, value):
    """The value, Python's or NumPy's, as a Python int or float; InputError unless it is a finite number of that kind.

    A number of single precision becomes the shortest decimal that it stands for: np.float32(0.1) is 0.1, not
    0.10000000149. A bool is no number.
    """
    scalar = value[()] if getattr(value, "ndim", None) == 0 else value
    try:
        if isinstance(scalar, Integral) and not isinstance(scalar, bool):
            return kind(int(scalar))
        if kind is float and isinstance(scalar, Real) and not isinstance(scalar, bool) and math.isfinite(scalar):
            return float(str(scalar)) if hasattr(scalar, "dtype") else float(scalar)
    except OverflowError:
        pass  # a whole number beyond the largest float
    raise InputError(f"{name} = {value!r} cannot be used: it must be a {'whole' if kind is int else 'finite'} number.")
