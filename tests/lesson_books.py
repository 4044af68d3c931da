"""What the tests of the lessons share: where they are, their modules, and what is in a notebook."""

import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
LESSONS = ROOT / "lessons"
sys.path.append(str(LESSONS))  # checks, figures, answers and the like are no part of the package

NOTEBOOKS = sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))


def each(paths):
    """Runs a test for each of these lessons."""
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def outputs(book):
    return [output for cell in code_cells(book) for output in cell.outputs]


def text_of(output):
    return (
        output.get("text", "") or output.get("data", {}).get("text/plain", "") or "\n".join(output.get("traceback", []))
    )


def words(text):
    """What is printed, except for numbers and white space, which may differ between machines."""
    return re.sub(r"[\d.,e+\-\s]", "", text)


def wording(book):
    """The words that each cell prints."""
    return [words("".join(text_of(o) for o in cell.outputs)) for cell in code_cells(book)]
