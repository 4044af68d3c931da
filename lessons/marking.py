"""How an answer is judged: whether it is right and, if not, what came instead. The answers themselves are elsewhere."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

TELLING = {
    2: "twice", 8: "8 times (bits are not bytes)", 255: "255 times (pixels go to 255, or to 1)",
    60: "60 times (seconds, minutes or hours?)", 3_600: "3,600 times (seconds or hours?)",
    np.log(10): "2.303 times (natural logarithm, or to base 10)", 100: "100 times (look at the units; per cent?)",
} | {10.0**k: f"{10**k:,} times (look at the units)" for k in (1, *range(3, 10))}  # fmt: skip


class Verdict(NamedTuple):
    """What a check says of an answer, and whether a hint on the subject can help: to a bug it is no help."""

    right: bool
    says: str
    hint: bool = True


@dataclass(frozen=True)
class Number:
    """The exercise wants a number, or several in one list; three digits are enough, and a count has to be whole."""

    right: Any
    hints: tuple[str, str]
    mistakes: Sequence[tuple[float, str]] = ()  # numbers that tell what was done, and what to say to them

    def judge(self, answer: Any) -> Verdict:
        """Right, or what is wrong with the number: its kind, its shape, its sign, its size."""
        wanted = np.asarray(self.right)
        got = as_numbers(answer)
        if got is None:
            return Verdict(False, f"that is {kind(answer)}; {amount(wanted)} is wanted.", hint=False)
        if got.shape != wanted.shape:
            return Verdict(False, f"that is {amount(got)}; {amount(wanted)} is wanted.", hint=False)
        if not np.all(np.isfinite(got)):
            return Verdict(False, "not every value is a finite number.", hint=False)
        whole = wanted.dtype.kind not in "iu" or bool(np.all(got == np.rint(got)))
        if whole and np.all(three_digits(got, wanted)):
            return Verdict(True, "right.")
        if got.ndim == 0 and wanted.dtype.kind == "f" and got == float(f"{wanted:.2g}"):
            return Verdict(False, "its first two digits are right; give three.", hint=False)
        for mistake, says in self.mistakes:
            if got.ndim == 0 and three_digits(got, np.asarray(mistake)):
                return Verdict(False, says)
        return Verdict(False, size_or_sign(got, wanted) if whole else "it counts something, so it has to be whole.")


@dataclass(frozen=True)
class Letters:
    """The exercise wants some of the letters from A to `last`; "CBE", "B, C and E" and " b c e " are one answer."""

    right: str
    last: str
    hints: tuple[str, str]

    def judge(self, answer: Any) -> Verdict:
        """Right, or how many letters do not belong there and how many are missing."""
        text = answer if isinstance(answer, str) else " ".join(map(str, answer)) if np.iterable(answer) else None
        if text is None:
            return Verdict(False, f'that is {kind(answer)}; letters are wanted, such as "AD".', hint=False)
        words = [word for word in re.findall(r"\w+", text.upper()) if word != "AND"]
        got, wanted = set("".join(words)), set(self.right)
        if any(not "A" <= letter <= self.last for letter in got):
            return Verdict(False, f'only letters from A to {self.last} are wanted, such as "AD".', hint=False)
        if got == wanted:
            return Verdict(True, "right.")
        return Verdict(False, f"{len(got - wanted)} too many, {len(wanted - got)} missing.")


def as_numbers(answer: Any) -> np.ndarray | None:
    """The answer as floats, or None where it holds none."""
    try:
        return None if answer is None else np.asarray(answer, float)
    except (TypeError, ValueError):
        return None


def three_digits(got: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Whether each number is the wanted one to three digits: within half a unit of the third, a thousandth, or cut off.

    A count has to be hit, or rounded to three digits or more: a wrong one may be near.
    """
    if wanted.dtype.kind in "iu":
        return np.any([(np.abs(got - wanted) <= unit // 2) & (got % unit == 0) for unit in units(wanted)], axis=0)
    size = np.maximum(np.abs(wanted), 1e-9)
    digit = 10.0 ** (np.floor(np.log10(size)) - 2)
    cut_off = np.abs(got - np.trunc(wanted / digit) * digit) <= 1e-9 * size
    return cut_off | (np.abs(got - wanted) <= np.maximum(1e-3 * size, 0.5 * digit) * (1 + 1e-9))


def units(counts: np.ndarray) -> list[int]:
    """What counts may be rounded to: 1, 10, ... up to the third digit of the largest."""
    return [10**k for k in range(max(1, len(str(int(np.abs(counts).max()))) - 2))]


def size_or_sign(got: np.ndarray, wanted: np.ndarray) -> str:
    """What is wrong with numbers that differ, without the number itself."""
    a, b = float(got.flat[0]), float(wanted.flat[0])
    if got.size > 1 and not (a and b and np.all(three_digits(got * b / a, wanted))):  # no one factor for all of them
        return f"{int(np.sum(three_digits(got, wanted)))} of {got.size} numbers are right."
    if three_digits(np.asarray(-a), np.asarray(b)):
        return "the size is right, the sign is not."
    if a * b < 0:
        return "the sign is not right, and neither is the size."
    for factor, words in TELLING.items():
        if three_digits(np.asarray(a), np.asarray(b * factor)):
            return f"{words} too large."
        if three_digits(np.asarray(a), np.asarray(b / factor)):
            return f"{words} too small."
    return "too large." if abs(a) > abs(b) else "too small."


def kind(value: Any) -> str:
    """What sort of thing an answer is, in words."""
    if value is None:
        return "nothing (None)"
    if callable(value):
        return "a function"
    return f"text, {value!r}" if isinstance(value, str) else f"a value of type {type(value).__name__}"


def amount(values: np.ndarray) -> str:
    """How many numbers an array holds, in words."""
    return "one number" if values.ndim == 0 else f"an array of shape {values.shape}"
