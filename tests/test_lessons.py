"""Every lesson is complete and begins as committed; form, answers and whole runs have files of their own."""

import ast
import contextlib
import copy
import io
import itertools
import re
import sys
from types import ModuleType

import matplotlib.pyplot as plt
import nbformat
import pytest
from lesson_books import LESSONS, NOTEBOOKS, ROOT, each, outputs, read, text_of, words
from nbclient import NotebookClient

MACHINE_DEPENDENT = (
    r"(?<![\w.:/])/(?:home|root|tmp|usr|opt|var|work|Users)/|[A-Z]:\\|\b0x[0-9a-f]{6,}|\bit/s\b|\bs/it\b|[Ww]all time"
)
TIMEOUT_S = 120
LONG = {"03", "09", "10", "11"}  # train for seconds before the first exercise: with -m slow they run in full

lesson = each(NOTEBOOKS)


def cells(book, role):
    return [cell for cell in book.cells if cell.metadata.get("mix2fld", {}).get("role") == role]


def code_of(solution):
    """The Python block of a solution cell."""
    return re.search(r"```python\n(.*?)```", solution.source, re.S).group(1)


# ------------------------------------------------------------------------------------------------------------ structure
@lesson
def test_a_lesson_is_committed_with_the_outputs_of_one_run_and_no_trace_of_the_machine(path):
    book = read(path)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any("image/png" in output.get("data", {}) for output in outputs(book))
    assert not [output for output in outputs(book) if output.output_type == "error" or output.get("name") == "stderr"]
    assert not [text_of(output) for output in outputs(book) if re.search(MACHINE_DEPENDENT, text_of(output))]
    assert not [
        cell.id
        for cell in book.cells
        if not cell.id.startswith(f"lesson{path.name[:2]}-") or "execution" in cell.metadata
    ]
    assert (book.metadata.kernelspec.name, book.metadata.kernelspec.display_name) == ("python3", "Python 3")


@lesson
def test_every_check_of_a_lesson_has_its_sabotage(path):
    book = read(path)
    unmarked = [
        c.id for c in book.cells if c.cell_type == "code" and "agree(" in c.source and c not in cells(book, "check")
    ]
    assert unmarked == []
    assert cells(book, "check")
    assert all(cell.metadata.mix2fld.get("break", "").strip() for cell in cells(book, "check"))


# ------------------------------------------------------------------------------------------------------------ beginning
@pytest.fixture
def scope(monkeypatch):
    """Names for cells that run in this process, from the repository's root."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", sys.path[:])
    plt.switch_backend("agg")
    yield {"__name__": "__main__"}
    plt.close("all")


def run_here(cell, scope):
    """Runs a cell in this process; what it printed."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(cell.source, scope)
    return said.getvalue()


def before_the_exercises(book):
    """The code cells up to the first exercise, and it itself."""
    exercise = cells(book, "exercise")[0]
    before = itertools.takewhile(lambda cell: cell is not exercise, book.cells)
    return [cell for cell in [*before, exercise] if cell.cell_type == "code"]


@lesson
def test_a_lesson_begins_as_committed_and_modules_hold_what_it_asks_of_them(path, scope):
    book = read(path)
    beginning = before_the_exercises(book)
    for cell in beginning[:1] if path.name[:2] in LONG else beginning:
        committed = "".join(text_of(output) for output in cell.outputs)
        assert words(run_here(cell, scope)) == words(committed)
    asked = [(scope[module], name) for module, name in dotted(book) if isinstance(scope.get(module), ModuleType)]
    assert [(module.__name__, name) for module, name in asked if not hasattr(module, name)] == []


def dotted(book):
    """All (name, attribute) that stand as name.attribute in the code, exercises and solutions included."""
    code = [cell.source for cell in book.cells if cell.cell_type == "code"]
    solutions = [code_of(cell) for cell in cells(book, "solution")]
    nodes = [node for part in [*code, *solutions] for node in ast.walk(ast.parse(part))]
    found = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)]
    return [(node.value.id, node.attr) for node in found]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["01", "05", "06", "08"])  # those that train, draw and mix within seconds
def test_a_cell_that_is_run_a_second_time_shows_the_same(name):
    (path,) = LESSONS.glob(f"{name}_*.ipynb")
    book = read(path)
    once = [cell for cell in book.cells if cell.cell_type == "code"]
    book.cells = [cell for one in once for cell in (one, type(one)(copy.deepcopy(dict(one)) | {"id": f"{one.id}-2"}))]
    NotebookClient(book, timeout=TIMEOUT_S, resources={"metadata": {"path": str(LESSONS)}}, allow_errors=True).execute()
    shown = ["".join(text_of(output) for output in cell.outputs) for cell in book.cells]
    different = [first for first, second in zip(shown[::2], shown[1::2], strict=True) if first != second]
    assert different == []
