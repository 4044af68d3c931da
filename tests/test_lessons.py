"""Every lesson is complete and begins as committed; with -m slow, all run whole, and checks and exercises can fail.

What a cell is for stands in its metadata under "mix2fld" (of lessons with an answers file, `test_lesson_form.py`):

    {"role": "check", "break": CODE}    after CODE, which spoils one of the two sides, the cell has to fail
    {"role": "exercise", "name": "1"}   where a learner writes; holds `answer_1 = None  # your answer`
    {"role": "exercise-check", "name": "1", "wrong": [CODE, ...]}
                                        each CODE, run in place of the exercise, makes this cell fail
    {"role": "solution", "name": "1"}   Markdown in <details>; its ```python block passes the exercise-check
"""

import ast
import contextlib
import copy
import io
import itertools
import json
import re
import sys
from types import ModuleType

import matplotlib.pyplot as plt
import nbformat
import pytest
from lesson_books import AS_BEFORE, LESSONS, NOTEBOOKS, ROOT, WRITTEN_ANEW, each, outputs, read, text_of, wording, words
from nbclient import NotebookClient

SECTIONS = (
    "## What you will do", "## What you will learn", "## What you will need", "## In practice", "## Further reading"
)
MACHINE_DEPENDENT = (
    r"(?<![\w.:/])/(?:home|root|tmp|usr|opt|var|work|Users)/|[A-Z]:\\|\b0x[0-9a-f]{6,}|\bit/s\b|\bs/it\b|[Ww]all time"
)
TIMEOUT_S = 120
LONG = {"03", "09", "11"}  # train for seconds before the first exercise: with -m slow they run in full

# Runs code in a copy of the notebook's namespace, so that nothing of it is left behind.
ATTEMPT = """
def attempt_in_a_copy(before, source):
    import contextlib, copy, io
    scope = {name: copy.copy(value) if type(value).__name__ in ("ndarray", "list", "dict") else value \
for name, value in globals().items()}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(before, scope)
        except BaseException as error:
            return "before", type(error).__name__, str(error)
        try:
            exec(source, scope)
        except BaseException as error:
            return "source", type(error).__name__, str(error)
    return "passed", "", printed.getvalue()
"""

# What somebody types who reads a solution off the screen.
ROUNDED = """
if "f" == np.asarray(answer_{name}).dtype.kind:
    answer_{name} = np.vectorize(lambda number: float(f"{{number:.3g}}"))(answer_{name})
"""


lesson, lesson_as_before = each(NOTEBOOKS), each(AS_BEFORE)


def cells(book, role):
    return [cell for cell in book.cells if cell.metadata.get("mix2fld", {}).get("role") == role]


def code_of(solution):
    """The Python block of a solution cell."""
    return re.search(r"```python\n(.*?)```", solution.source, re.S).group(1)


def prose(book):
    """What is left to read of the Markdown cells, solutions apart, without code, formulas and link targets."""
    text = "\n".join(
        cell.source for cell in book.cells if cell.cell_type == "markdown" and cell not in cells(book, "solution")
    )
    for pattern in (
        r"```.*?```", r"\$\$.*?\$\$", r"\$[^$]*\$", r"`[^`]*`", r"\]\([^)]*\)", r"https?://\S+", r"<[^>]*>"
    ):
        text = re.sub(pattern, " ", text, flags=re.S)
    return re.findall(r"[^\W\d_][\w'-]*", text)


# ------------------------------------------------------------------------------------------------------------ structure
@lesson_as_before
def test_a_lesson_says_what_it_asks_of_the_reader_and_where_to_go_on(path):
    book, number = read(path), path.name[:2]
    markdown = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    assert book.cells[0].source.startswith(f"# {number}")
    assert [section for section in SECTIONS if section not in markdown] == []
    assert re.search(r"\d+ minutes", markdown)
    assert "$" in markdown
    assert markdown.count("$$") % 2 == 0
    assert 800 <= len(prose(book)) <= 1_500


@lesson_as_before
def test_a_lesson_is_of_a_size_that_can_be_worked_through(path):
    book = read(path)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert 10 <= len(code) <= 20
    assert path.stat().st_size < 600_000
    assert not [line for cell in code for line in cell.source.splitlines() if line.startswith(("%", "!"))]


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


@lesson_as_before
def test_every_exercise_has_its_wrong_answers(path):
    book = read(path)
    names = [
        [cell.metadata.mix2fld.name for cell in cells(book, role)]
        for role in ("exercise", "exercise-check", "solution")
    ]
    assert 2 <= len(names[0]) <= 3
    assert names[0] == names[1] == names[2]
    assert all(len(cell.metadata.mix2fld.wrong) >= 2 for cell in cells(book, "exercise-check"))
    assert all(cell.metadata.get("jupyter", {}).get("source_hidden") for cell in cells(book, "exercise-check")), (
        "it gives the answer away"
    )
    assert all("<details>" in cell.source and "<summary>" in cell.source for cell in cells(book, "solution"))


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
    book, anew = read(path), path in WRITTEN_ANEW
    beginning = before_the_exercises(book)
    for cell in beginning[:1] if path.name[:2] in LONG else beginning:
        committed = "".join(text_of(output) for output in cell.outputs if anew or output.output_type == "stream")
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


# ------------------------------------------------------------------------------------------------------------ execution
class Run:
    """A notebook in a kernel of its own, from inside lessons/."""

    def __init__(self, book):
        self.book = book
        with_scratch = nbformat.v4.new_notebook(cells=[*book.cells, nbformat.v4.new_code_cell()])
        self.client = NotebookClient(
            with_scratch, timeout=TIMEOUT_S, kernel_name="python3", resources={"metadata": {"path": str(LESSONS)}}
        )

    def aside(self, code):
        """Runs code that is no part of the notebook, in the scratch cell at its end; what it printed."""
        cell = self.client.execute_cell(nbformat.v4.new_code_cell(code), -1, store_history=False)
        return "".join(text_of(output) for output in cell.outputs)

    def attempt(self, before, source):
        """("passed", "", what it printed), or where ("before" or "source")
        and with which exception and message it ended."""
        printed = self.aside(
            f"import json; print('>>>' + json.dumps(attempt_in_a_copy({before!r}, {source!r})) + '<<<')"
        )
        return tuple(json.loads(re.search(r">>>(.*)<<<", printed, re.S).group(1)))

    def play(self):
        """Runs all cells in order, trying to make checks and exercises fail on the way; yields (what was tried,
        what came of it)."""
        with self.client.setup_kernel():
            self.aside(ATTEMPT)
            for index, cell in enumerate(self.book.cells):
                if cell.cell_type == "code":
                    self.client.execute_cell(cell, index)
                yield from self.attempts_at(cell)

    def attempts_at(self, cell):
        about = cell.metadata.get("mix2fld", {})
        if about.get("role") == "check":
            yield ("sabotage", cell.id), self.attempt(about["break"], cell.source)
        if about.get("role") == "exercise-check":
            solution = next(s for s in cells(self.book, "solution") if s.metadata.mix2fld.name == about.name)
            for written in (code_of(solution), code_of(solution) + ROUNDED.format(name=about.name)):
                yield ("solution", about.name), self.attempt(written, cell.source)
            for wrong in about.wrong:
                yield ("wrong answer", about.name), self.attempt(wrong, cell.source)


@pytest.mark.slow
@lesson_as_before
def test_a_lesson_runs_its_checks_can_fail_and_its_exercises_tell_right_from_wrong(path):
    book, committed = read(path), wording(read(path))
    hints = {}
    for (kind, name), (ending, error, said) in Run(book).play():
        if kind == "solution":
            assert (ending, error) == ("passed", ""), f"the solution of exercise {name} does not pass: {error} {said}"
            assert "right" in said, f"exercise {name} takes its solution for no answer: {said}"
        else:
            assert (ending, error) == ("source", "AssertionError"), (
                f"{kind} at {name} ends with {ending} {error}: {said}"
            )
        if kind == "wrong answer":
            hints.setdefault(name, set()).add(said)
    assert [name for name, different in hints.items() if len(different) < 2] == [], (
        "each likely mistake deserves a hint of its own"
    )
    assert wording(book) == committed, "the committed outputs are not those of this code: run the notebook again"


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
