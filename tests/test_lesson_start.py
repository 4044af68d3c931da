"""Lessons start from where people start them, say what is missing,
and show the same when a cell is run a second time."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "lessons").glob("[0-9][0-9]_*.ipynb"))
lesson = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
ADDRESS = "https://github.com/ada/mix2fld_np"
CHANGING = {"append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "add", "discard"}


def book(path):
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(path):
    return ["".join(cell["source"]) for cell in book(path)["cells"] if cell["cell_type"] == "code"]


def guard(address=""):
    """The first cell of all lessons, in a repository with this address."""
    return code_cells(NOTEBOOKS[0])[0].replace('ADDRESS = ""', f'ADDRESS = "{address}"')


def run(code, where, **environment):
    """What becomes of a program in a directory."""
    there = (
        {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        | {"MPLBACKEND": "agg"}
        | environment
    )
    return subprocess.run(
        [sys.executable, "-c", code], cwd=where, env=there, capture_output=True, text=True, timeout=120, check=False
    )


# ------------------------------------------------------------------------------------------------------------- starting
def test_all_lessons_begin_with_the_same_guard():
    guards = {code_cells(path)[0] for path in NOTEBOOKS}
    assert len(guards) == 1 and "find_spec" in guards.pop()
    assert all(read["cells"][2]["metadata"] == {"mix2fld": {"role": "guard"}} for read in map(book, NOTEBOOKS))


@pytest.mark.parametrize("where", ["", "lessons"])
def test_the_guard_finds_what_all_lessons_share_and_does_nothing(where):
    in_colab = f"import sys; sys.modules['google.colab'] = sys\n{guard('https://localhost/nobody/fetches/this')}\n"
    ended = run(in_colab + "import checks; print(checks.__file__)", ROOT / where, PYTHONPATH=str(ROOT), PATH="")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert Path(ROOT / where, ended.stdout.strip()).resolve() == ROOT / "lessons" / "checks.py"


ALONE = """import sys
sys.path = [path for path in sys.path if "mix2fld" not in path]
sys.meta_path = [finder for finder in sys.meta_path if "mix2fld" not in getattr(finder, "__module__", "")]
"""  # without the clone and its editable installation


@pytest.mark.parametrize("path", [ROOT, ROOT / "lessons"], ids=["without checks", "without the package"])
@pytest.mark.parametrize("address", ["", ADDRESS])
def test_a_lesson_on_its_own_says_in_a_sentence_what_it_needs(tmp_path, path, address):
    ended = run(ALONE + guard(address), tmp_path, PYTHONPATH=str(path))
    said = f"The package mix2fld_np is missing, or the files beside this lesson: clone {address or 'the repository'}, "
    assert ended.returncode == 1
    assert ended.stderr.startswith(said) and ended.stderr.count("\n") == 1


def program(path, *lines):
    """Writes a shell script that can be run."""
    path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    path.chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="stands in for git and pip with shell scripts")
def test_in_colab_a_lesson_on_its_own_fetches_what_it_needs_once(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "site").mkdir()
    copied = "cp -r \"$OLDPWD/lessons\" \"$OLDPWD/mix2fld_np\" mix2fld/"
    program(tmp_path / "bin" / "git", f"[ \"$*\" = 'clone -q --depth 1 {ADDRESS} mix2fld' ] && mkdir mix2fld", copied)
    program(tmp_path / "bin" / "pip", "[ \"$*\" = 'install -q ./mix2fld' ] && cp -r mix2fld/mix2fld_np site/")
    code = f"{ALONE}sys.modules['google.colab'] = sys; sys.path.append('site')\n{guard(ADDRESS)}\n"
    where = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "OLDPWD": str(ROOT)}
    for _ in range(2):  # as after a restart of the kernel, for which everything is there
        ended = run(code + "import checks, mix2fld_np; print(checks.agree, mix2fld_np.__file__)", tmp_path, **where)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.endswith(f"{Path('site', 'mix2fld_np', '__init__.py')}\n")
        (tmp_path / "bin" / "git").unlink(missing_ok=True)


@pytest.mark.slow
def test_a_lesson_runs_from_the_root_of_the_repository():
    (path,) = (path for path in NOTEBOOKS if path.stem.startswith("05_"))
    ended = run("\n".join(code_cells(path)), ROOT, PYTHONPATH=str(ROOT))
    assert ended.returncode == 0, ended.stderr[-500:]
    assert "ok" in ended.stdout


@lesson
def test_no_check_of_a_lesson_vanishes_under_PYTHONOPTIMIZE(path):
    assert not [
        node.lineno for cell in code_cells(path) for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Assert)
    ]


FAILING = """
import checks
for two in ((1.0, 1.1), (1.0, [1.0, 1.0]), ([], []), ([1.0], [float("nan")])):
    try:
        checks.agree("a sum", *two)
    except AssertionError as failure:
        print("fails:", failure)
"""


def test_a_check_fails_under_PYTHONOPTIMIZE_as_well():
    ended = run(FAILING, ROOT / "lessons", PYTHONPATH=str(ROOT), PYTHONOPTIMIZE="1")
    assert ended.stdout.count("fails: a sum") == 4, ended.stderr


# ------------------------------------------------------------------------------------------------------- a second time
def changed_by_itself(cell):
    """Names of other cells that a cell reads and then binds anew, or changes in place: run again,
    it would begin with its own result."""
    own, read, found = set(), set(), []

    def visit(node):
        if isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):  # runs later, with names of its own
            own.update([node.name] if hasattr(node, "name") else [])
            return
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            bound = {n.id for part in node.generators for n in ast.walk(part.target) if isinstance(n, ast.Name)}
            read.update({n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - bound - own)
            return
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            own.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        for part in in_order(node):
            visit(part)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            read.update({node.id} - own)
        elif isinstance(node, ast.Name):
            found.extend({node.id} & read)
            own.add(node.id)
        target = node.target if isinstance(node, ast.AugAssign) else node.func if isinstance(node, ast.Call) else None
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.attr in CHANGING:
            found.extend({target.value.id} - own)
        if isinstance(node, ast.AugAssign):
            first = next(n for n in ast.walk(target) if isinstance(n, ast.Name))
            found.extend({first.id} & read - own)

    visit(ast.parse(cell))
    return found


def in_order(node):
    """What is in a node, in the order in which it runs: values before the names that they are bound to."""
    if isinstance(node, ast.Assign):
        return [node.value, *node.targets]
    if isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
        return [node.value, node.target]
    if isinstance(node, ast.AugAssign):
        return [node.value, *(ast.Name(n.id, ast.Load()) for n in ast.walk(node.target) if isinstance(n, ast.Name))]
    if isinstance(node, ast.For):
        return [node.iter, node.target, *node.body, *node.orelse]
    return list(ast.iter_child_nodes(node))


@lesson
def test_no_cell_begins_with_its_own_result(path):
    assert [(number, found) for number, cell in enumerate(code_cells(path)) if (found := changed_by_itself(cell))] == []


@pytest.mark.parametrize(
    "cell",
    [
        "fed, _ = train(fed, 1)", "w = w + 1", "n += 1", "rows.append(3)", "x = f(y)\ny = x",
        "for i in k:\n    z = z * i", "a[0] += 1",
    ],
)
def test_a_cell_that_begins_with_its_own_result_is_found(cell):
    assert changed_by_itself(cell)


@pytest.mark.parametrize(
    "cell",
    ["end, _ = train(fed, 1)", "w = 0\nw = w + 1", "n = 0\nn += 1", "rows = []\nrows.append(3)",
     "x = [y for y in z]\ny = 3", "def f(x):\n    x = x + 1\n    return x",
     "table['a'] = f(table)", "for x in y:\n    t = x\n    t += 1"],
)  # fmt: skip
def test_a_cell_that_can_be_run_again_is_left_in_peace(cell):
    assert not changed_by_itself(cell)
