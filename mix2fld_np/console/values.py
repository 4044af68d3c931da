"""How a number, a text or a path is read, wherever it is typed: one rule for all options and for --set."""

import math
import os
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from functools import partial

BLOCK = r"\d+(?:_\d+)*"
WHOLE = re.compile(rf"[+-]?{BLOCK}", re.ASCII)
NUMBER = re.compile(rf"[+-]?(?:{BLOCK}\.?(?:{BLOCK})?|\.{BLOCK})(?:[eE][+-]?{BLOCK})?", re.ASCII)


def whole(text: str) -> int:
    """A whole number, for argparse and for --set."""
    if not WHOLE.fullmatch(text.strip()):
        raise ArgumentTypeError(f"{text!r} is no whole number; give one in digits alone, such as 10 (1000, not 1e3)")
    try:
        return int(text)
    except ValueError:  # of more digits than Python reads
        raise ArgumentTypeError(f"a whole number of {len(text):,} characters is too large") from None


def number(text: str) -> float:
    """A finite number, for argparse and for --set."""
    if not NUMBER.fullmatch(text.strip()) or math.isinf(value := float(text)):
        raise ArgumentTypeError(f"{text!r} is no finite number; give one such as 0.1, .1 or 1e-1")
    return value


def path(text: str) -> str:
    """A path whose ~ is the user's home directory, for argparse."""
    expanded = os.path.expanduser(text)
    if expanded.startswith("~"):
        raise ArgumentTypeError(f"{text!r}: there is no such home directory; a folder of that name is ./{text}")
    return filled(expanded)


def filled(text: str) -> str:
    """A text that is not empty, for argparse."""
    if not text.strip():
        raise ArgumentTypeError("the value is empty (is a shell variable not set?); give one or leave the option out")
    return text


def one_of(*choices: str) -> Callable[[str], str]:
    """One of some words, for argparse."""
    return partial(chosen, choices)


def chosen(choices: tuple[str, ...], text: str) -> str:
    """The text, where it is one of the choices."""
    if text not in choices:
        raise ArgumentTypeError(f"{text!r} is not known; choose one of {', '.join(choices)}")
    return text


def between(least: int, most: int) -> Callable[[str], int]:
    """A whole number within limits, for argparse."""

    def choose(text: str) -> int:
        if not least <= (value := whole(text)) <= most:
            raise ArgumentTypeError(f"{value} is out of range; choose a value from {least} to {most}")
        return value

    return choose
