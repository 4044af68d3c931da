"""The answers and hints of all lessons, one file a lesson: do not look here before you have tried."""

import importlib
from typing import Any


def find(name: str) -> Any:
    """What the exercise "05.2" wants; KeyError where no lesson has it."""
    try:
        return importlib.import_module(f"answers.lesson_{name[:2]}").EXERCISES[name]
    except ModuleNotFoundError:
        raise KeyError(name) from None
