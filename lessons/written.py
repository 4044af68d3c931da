"""How a function that a reader wrote is judged: it is called, and what it raised, printed or gave back is said."""

import contextlib
import copy
import io
import linecache
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from marking import Verdict, as_numbers, kind

NOT_WRITTEN = "{} is not written yet: write its lines in place of `raise NotImplementedError`."


class Outcome(NamedTuple):
    """What came of a call: a value or an exception, and what was printed meanwhile."""

    value: Any
    printed: str
    error: Exception | None


@dataclass(frozen=True)
class Written:
    """The exercise wants a function that does on all `inputs` (tuples of arguments) what the `library` does."""

    library: Callable
    inputs: Sequence[tuple]
    hints: tuple[str, str]
    tolerance: float = 1e-6

    def judge(self, function: Any) -> Verdict:
        """Right, or what the first call that went wrong came to."""
        if not callable(function):
            return Verdict(False, f"that is {kind(function)}; a function is wanted.", hint=False)
        largest = 0.0
        for arguments in self.inputs:
            outcome = call(function, arguments)
            if isinstance(outcome.error, NotImplementedError):
                return Verdict(False, NOT_WRITTEN.format(name_of(function)), hint=False)
            wanted = np.asarray(self.library(*arguments), float)
            bug = what_went_wrong(function, outcome, wanted)
            if bug:
                return Verdict(False, f"{shown(function, arguments)} {bug}", hint=False)
            got, size = np.asarray(outcome.value, float), max(1.0, float(np.nanmax(np.abs(wanted), initial=0.0)))
            if not np.allclose(got, wanted, rtol=0, atol=self.tolerance * size, equal_nan=True):
                return Verdict(False, f"{shown(function, arguments)} {factor_or_sign(got, wanted)}")
            largest = max(largest, float(np.nanmax(np.abs(got - wanted), initial=0.0)))
        return Verdict(True, f"right: {len(self.inputs)} calls agree with the library (largest difference "
                             f"{largest:.0e}).")


def call(function: Callable, arguments: tuple) -> Outcome:
    """Calls a reader's function on copies of the arguments, whatever it does."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings(action="ignore"):
            return Outcome(function(*copy.deepcopy(arguments)), printed.getvalue(), None)
    except Exception as error:
        return Outcome(None, printed.getvalue(), error)


def what_went_wrong(function: Callable, outcome: Outcome, wanted: np.ndarray) -> str | None:
    """What is wrong with a call that gave no numbers of the right shape, in words that follow the call; or None."""
    if outcome.error is not None:
        return f"stops with {type(outcome.error).__name__}: {outcome.error}{line_of(function, outcome.error)}"
    if outcome.value is None:
        return nothing(outcome.printed)
    got = None if isinstance(outcome.value, str) else as_numbers(outcome.value)
    if got is None:
        return f"gives back {kind(outcome.value)}, not numbers."
    if got.shape != wanted.shape:
        return f"gives back {form(got)}; {form(wanted)} is wanted."
    odd = got[~np.isfinite(got) & np.isfinite(wanted)]
    return f"gives back {odd[0]}, which is no finite number." if odd.size else None


def nothing(printed: str) -> str:
    """What to say where a function gave nothing back, and printed this."""
    said = f" It printed {printed.strip()[:60]!r}; return it instead." if printed.strip() else ""
    return f"gives back nothing (None): is there a `return`?{said}"


def factor_or_sign(got: np.ndarray, wanted: np.ndarray) -> str:
    """By what numbers differ: one factor for all, a constant, or how many of them."""
    if np.allclose(got, -wanted):
        return "gives back the right size with the wrong sign."
    if np.all(wanted != 0):
        ratio = got / wanted
        if np.allclose(ratio, ratio.flat[0], rtol=1e-4):
            return f"gives back {ratio.flat[0]:.4g} times what it should."
    off = got - wanted
    if got.size > 1 and np.allclose(off, off.flat[0]):
        return f"gives back numbers that are all {abs(off.flat[0]):.4g} too {'large' if off.flat[0] > 0 else 'small'}."
    if got.size > 1 and np.allclose(np.sort(got, axis=None), np.sort(wanted, axis=None)):
        return "gives back the right numbers in the wrong places."
    if got.size > 1:
        right = int(np.sum(np.isclose(got, wanted, rtol=1e-5, atol=1e-8, equal_nan=True)))
        return f"gives back an array in which {right} of {got.size} numbers are right."
    return "gives back a number that is too " + ("large." if got.item() > wanted.item() else "small.")


def line_of(function: Callable, error: Exception) -> str:
    """The reader's own line where it happened, as text to add; empty where there is none."""
    code = getattr(function, "__code__", None)
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if code and frame.filename == code.co_filename]
    if not own:
        return ""
    number = own[-1].lineno or 0
    text = linecache.getline(own[-1].filename, number).strip()
    return f"\n      in your line {number}" + (f": {text}" if text else "")


def shown(function: Callable, arguments: tuple) -> str:
    """The call as a reader would type it, arrays by their shapes."""
    words = [f"<array {np.shape(a)}>" if np.ndim(a) and np.size(a) > 6 else short(a) for a in arguments]
    return f"{name_of(function)}({', '.join(words)})"


def short(value: Any) -> str:
    """Numbers with four digits, anything else as Python writes it."""
    values = np.asarray(value)
    if values.dtype.kind != "f":
        return repr(values.tolist())
    return f"{value:.4g}" if values.ndim == 0 else f"[{', '.join(map(short, value))}]"


def form(values: np.ndarray) -> str:
    """The shape of an array in words."""
    return "one number" if values.ndim == 0 else f"shape {values.shape}"


def name_of(function: Callable) -> str:
    """What a function is called."""
    return getattr(function, "__name__", "your function")
