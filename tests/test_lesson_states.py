"""Lessons run whole, as committed with nothing answered and with every solution in place; their checks can fail."""

import importlib
import re

import nbformat
import pytest
from lesson_books import LESSONS, NOTEBOOKS, code_cells, each, outputs, read, text_of, wording
from nbclient import NotebookClient

edit = importlib.import_module("edit")
pytestmark = pytest.mark.slow
TIMEOUT_S = 120

# Runs a check in a copy of the notebook's names after a line that spoils one side; what came of it.
SABOTAGE = """
scope = dict(globals())
try:
    exec({spoil!r}, scope)
    exec({source!r}, scope)
    ended = "passed"
except BaseException as error:
    ended = type(error).__name__
print(">>>" + ended)
"""


def played(book, spoil=False):
    """The notebook with the outputs of a run from inside lessons/, and how each sabotaged check of it ended."""
    endings, scratch = {}, nbformat.v4.new_code_cell()
    client = NotebookClient(
        nbformat.v4.new_notebook(cells=[*book.cells, scratch]), timeout=TIMEOUT_S, kernel_name="python3",
        resources={"metadata": {"path": str(LESSONS)}},
    )  # fmt: skip
    with client.setup_kernel():
        for index, cell in enumerate(book.cells):
            if cell.cell_type != "code":
                continue
            client.execute_cell(cell, index)
            if spoil and cell.metadata.get("mix2fld", {}).get("role") == "check":
                code = SABOTAGE.format(spoil=cell.metadata.mix2fld["break"], source=cell.source)
                aside = client.execute_cell(nbformat.v4.new_code_cell(code), -1, store_history=False)
                endings[cell.id] = re.search(r">>>(\w+)", "".join(map(text_of, aside.outputs))).group(1)
    return book, endings


def complaints(book):
    """What a run printed as an error or a warning."""
    return [text_of(o) for o in outputs(book) if o.output_type == "error" or o.get("name") == "stderr"]


def said_by_checks(book):
    """What the checks of exercises printed."""
    return ["".join(map(text_of, cell.outputs)) for cell in code_cells(book) if re.search(r"\bcheck\(\"", cell.source)]


@each(NOTEBOOKS)
def test_a_lesson_with_nothing_answered_says_what_is_missing_and_goes_on(path):
    committed = wording(read(path))
    book, endings = played(read(path), spoil=True)
    assert set(endings.values()) == {"AssertionError"}, endings
    assert wording(book) == committed, "the committed outputs are not those of this code: run the notebook again"
    assert complaints(book) == []
    said = said_by_checks(book)
    assert said and all("not written yet" in text or "open" in text for text in said)


@each(NOTEBOOKS)
def test_a_lesson_with_every_solution_in_place_is_right_throughout(path):
    book, _ = played(edit.solved(read(path)))
    assert complaints(book) == []
    said = said_by_checks(book)
    assert said and not [text for text in said if not re.search(r"right|as good as the best known", text)]


@each(NOTEBOOKS)
def test_a_guess_does_not_change_what_follows(path):
    book = read(path)
    for cell in code_cells(book):
        cell.source = re.sub(r"^(\w+ = predict\(.*), None\)$", r"\1, 3)", cell.source, flags=re.M)
    played(book)
    assert complaints(book) == []
