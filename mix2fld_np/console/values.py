"""How a number, a text or a path is read, wherever it is typed: one rule for all options and for --set."""

import math
import os
import re
from argparse import ArgumentTypeError

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
