"""The house as it was drawn: arrows between rooms point down, and what is dangerous or slow has one place, or none."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mix2fld_np

PACKAGE = Path(mix2fld_np.__file__).parent
FLOORS = {  # the higher may import the lower; rooms on one floor do not know each other
    "": 10,  # cli.py, __main__.py and completion.py
    "console": 9,
    "experiments": 9,  # the front door for Python
    "web": 8,
    "pictures": 7,
    "claims": 6,
    "study": 5,
    "verify": 4,
    "runs": 3,
    "federation": 2,
    "nn": 1,
    "wireless": 1,
    "mixing": 1,
    "datasets": 1,
    "process": 0,
    "compilation": 0,
    "errors": 0,
    "randomness": 0,
}
SITE = {"mistune", "latex2mathml", "pygments"}  # the extra [site]
OUTSIDE = {"numpy", "numba", "llvmlite", "matplotlib", "tqdm", "distributed", "dask", "shtab", *SITE}
ONLY_IN = {  # what may be imported in some places only
    "numba": {"nn/kernels.py", "compilation.py", "web/wasm.py"},
    "pickle": {"compilation.py"},  # the form in which Numba keeps machine code
    "llvmlite": {"compilation.py", "web/wasm.py"},  # comes with numba
    "matplotlib": {f"pictures/{name}.py" for name in ("canvas", "curves", "labels", "letter", "step_times", "studies")},
    **{name: {"web/lessons.py"} for name in SITE},
    "distributed": {"runs/dask_cluster.py"},
    "dask": {"runs/dask_cluster.py"},
    "shtab": {"completion.py"},  # the extra [completion]
}
APART = {("verify", "runs")}  # what a second route must not know although it stands higher
FORBIDDEN = {"cPickle", "dill", "cloudpickle", "shelve", "marshal", "random", "unittest", "pytest"}


def imports(tree):
    """(node, dotted name) for everything that a module imports, at its top or anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node, name.name
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                yield node, f"{'.' * node.level}{node.module or ''}.{name.name}"


def at_import(tree):
    """The imports that run when the module is imported: not those in functions, nor those for type checkers."""
    waiting, found = [tree], []
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        found += list(imports(ast.Module([node], []))) if isinstance(node, (ast.Import, ast.ImportFrom)) else []
        waiting += ast.iter_child_nodes(node)
    return found


def room_of(path):
    """The room of a file, by its path within the package."""
    return path.parts[0].removesuffix(".py") if len(path.parts) > 1 or path.stem in FLOORS else ""


def broken_rules(package):
    """What is wrong with the imports and calls of a package, a sentence each."""
    for file in sorted(package.rglob("*.py")):
        path, tree = file.relative_to(package), ast.parse(file.read_text(encoding="utf-8"))
        for node, name in imports(tree):
            where = f"{path}:{node.lineno}"
            yield from (f"{where} {problem}" for problem in wrong_with(path, name))
        early = [node.lineno for node, name in at_import(tree) if name.startswith("matplotlib")]
        yield from (f"{path}:{line} imports matplotlib before anything is drawn" for line in early)
        yield from (f"{path}:{line} {problem}" for line, problem in wrong_words(path, tree))


def wrong_with(path, name):
    """What is wrong with importing `name` in the file at `path`."""
    top, *below = name.split(".")
    if not top:
        yield f"imports {name} relatively"
    elif top == "mix2fld_np":
        own, other = room_of(path), below[0] if below and below[0] in FLOORS else ""
        if below[:1] == ["cli"] and path.as_posix() not in ("__main__.py", "completion.py"):
            yield "imports the command line"
        elif other and own != other and (FLOORS[own] <= FLOORS[other] or (own, other) in APART):
            yield f"lets an arrow point from {own} to {other}"
    elif top in FORBIDDEN:
        yield f"imports {top}"
    elif top not in OUTSIDE | sys.stdlib_module_names:
        yield f"imports {top}, which is not among what the package needs"
    elif path.as_posix() not in ONLY_IN.get(top, {path.as_posix()}):
        yield f"imports {top}, which has its own place"


def wrong_words(path, tree):
    """What is wrong with the words of a file: compiled functions outside the kernels, pickles let in,
    chance without an address."""
    for node in ast.walk(tree):
        words = ast.unparse(node) if isinstance(node, (ast.Attribute, ast.Name)) else ""
        if words.split(".")[-1] in ("njit", "jit", "guvectorize") and path.as_posix() != "nn/kernels.py":
            yield node.lineno, f"says {words}"
        if words in (
            "np.random.seed", "np.random.rand", "np.random.randn", "np.random.randint", "np.random.choice", "eval",
            "exec",
        ):
            yield node.lineno, f"says {words}"
        if words == "np.random.default_rng" and path.as_posix() != "randomness.py":
            yield node.lineno, "draws without an address"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield node.value.lineno, "lets pickles in"


# ---------------------------------------------------------------------------------------------------------- the house
def test_the_package_keeps_every_rule():
    assert list(broken_rules(PACKAGE)) == []


def test_every_room_has_its_floor():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    files = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__", "cli", "completion"}
    assert rooms | files == set(FLOORS) - {""}


def test_no_room_is_larger_than_a_sixth_of_the_house_and_no_file_than_300_lines_but_the_kernels():
    n_lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    for room in FLOORS:
        own = sum(n for path, n in n_lines.items() if path.relative_to(PACKAGE).parts[0] == room)
        assert own <= sum(n_lines.values()) / 6, room
    assert {path.name for path, n in n_lines.items() if n > 300} <= {"kernels.py"}


def loaded_by(statement):
    """The modules that a fresh Python has loaded after a statement."""
    command = f"import sys; {statement}; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout.split()
    )


@pytest.mark.parametrize(
    "statement", ["import mix2fld_np", "import mix2fld_np.cli", "from mix2fld_np import cli; cli.parser()"]
)
def test_what_is_slow_to_load_waits_until_it_is_needed(statement):
    assert not loaded_by(statement) & {"matplotlib", "distributed", "dask", "scipy", "torch"}


def test_importing_the_package_alone_loads_next_to_nothing():
    assert not loaded_by("import mix2fld_np") & {"numpy", "numba", "argparse"}


# ---------------------------------------------------------------------------------------------------- a made-up house
@pytest.mark.parametrize(
    ("path", "content", "problem"),
    [
        ("nn/a.py", "from mix2fld_np.federation import task", "arrow point from nn to federation"),
        ("nn/a.py", "import mix2fld_np.mixing.mixup", "arrow point from nn to mixing"),
        ("wireless/a.py", "from mix2fld_np import datasets", "arrow point from wireless to datasets"),
        ("datasets/a.py", "def f():\n    from mix2fld_np.runs.jobs import Job", "arrow point from datasets to runs"),
        ("runs/a.py", "from mix2fld_np.study import figures", "arrow point from runs to study"),
        ("study/a.py", "from mix2fld_np.pictures import letter", "arrow point from study to pictures"),
        ("verify/a.py", "from mix2fld_np.runs import jobs", "arrow point from verify to runs"),
        ("federation/a.py", "from mix2fld_np.console import options", "arrow point from federation to console"),
        ("study/a.py", "from mix2fld_np.cli import main", "imports the command line"),
        ("errors.py", "from mix2fld_np.randomness import stream", "arrow point from errors to randomness"),
        ("randomness.py", "from mix2fld_np.nn import kernels", "arrow point from randomness to nn"),
        ("nn/a.py", "from . import kernels", "relatively"),
        ("nn/a.py", "from ..federation import task", "relatively"),
        ("study/a.py", "import pickle", "imports pickle, which has its own place"),
        ("study/a.py", "from random import choice", "imports random"),
        ("study/a.py", "import scipy.stats", "not among what the package needs"),
        ("study/a.py", "from torch import nn", "not among what the package needs"),
        ("study/a.py", "def f():\n    import matplotlib.pyplot", "imports matplotlib, which has its own place"),
        ("console/a.py", "if True:\n    from matplotlib import pyplot", "imports matplotlib, which has its own place"),
        ("pictures/canvas.py", "import matplotlib", "before anything is drawn"),
        (
            "pictures/canvas.py",
            "class A:\n    try:\n        import matplotlib.axes\n    finally: pass",
            "before anything is drawn",
        ),
        ("nn/a.py", "import numba", "imports numba, which has its own place"),
        ("study/a.py", "import numba\n@numba.njit\ndef f(): pass", "says numba.njit"),
        ("nn/a.py", "from x import y\n@njit(cache=True)\ndef f(): pass", "says njit"),
        ("study/a.py", "import distributed", "imports distributed, which has its own place"),
        ("study/a.py", "np.load(path, allow_pickle=True)", "lets pickles in"),
        ("nn/a.py", "np.random.default_rng(3)", "draws without an address"),
        ("nn/a.py", "np.random.rand(3)", "says np.random.rand"),
        ("nn/a.py", "eval('1')", "says eval"),
    ],
)
def test_each_rule_finds_who_breaks_it(tmp_path, path, content, problem):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(content)
    found = list(broken_rules(tmp_path))
    assert any(problem in sentence for sentence in found), found


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (
            "cli.py",
            "from mix2fld_np.console import compare\nfrom mix2fld_np.errors import InputError\nimport mix2fld_np",
        ),
        ("__main__.py", "from mix2fld_np.cli import main"),
        (
            "study/a.py",
            "from mix2fld_np.wireless import channel\nfrom mix2fld_np.runs.jobs import Job\nimport mix2fld_np",
        ),
        ("nn/kernels.py", "import numba\n@numba.njit\ndef f(): pass"),
        ("nn/a.py", "import numpy as np\nfrom mix2fld_np.randomness import stream"),
        (
            "pictures/canvas.py",
            "if TYPE_CHECKING:\n    from matplotlib.axes import Axes\ndef f():\n    import matplotlib",
        ),
        ("randomness.py", "np.random.default_rng(3)"),
        ("study/a.py", "np.load(path, allow_pickle=False)"),
    ],
)
def test_what_is_allowed_is_not_complained_about(tmp_path, path, content):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(content)
    assert list(broken_rules(tmp_path)) == []
