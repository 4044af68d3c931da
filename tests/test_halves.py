"""Plain `pytest` in two processes: every test runs once, and either half can fail the whole."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from halves import FIGURES, NETWORKS, SECOND, second_half

from mix2fld_np.process import n_cores

HOOKS = "from halves import pytest_collection_modifyitems, pytest_sessionfinish, pytest_terminal_summary\n"
FILES = sorted(Path(__file__).parent.glob("test_*.py"))


def ended(folder, bodies, *asked):
    """What pytest does with files of one test each: its exit code, and all that it says."""
    (folder / "conftest.py").write_text(HOOKS)
    for name, body in bodies.items():
        (folder / f"test_{name}.py").write_text(f"def test_{name}():\n    {body}\n")
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    environment = {name: value for name, value in os.environ.items() if name not in (SECOND, "PYTEST_ADDOPTS")}
    command = [sys.executable, "-m", "pytest", *asked]
    run = subprocess.run(command, cwd=folder, env=environment | {"PYTHONPATH": path}, capture_output=True, text=True)
    return run.returncode, run.stdout


@pytest.mark.skipif(n_cores() < 2, reason="needs two cores")
@pytest.mark.parametrize(("one", "two"), [("pass", "pass"), ("assert 0", "pass"), ("pass", "assert 0")])
def test_either_half_fails_the_whole_and_both_are_told(one, two, tmp_path):
    code, said = ended(tmp_path, {"one": one, "two": two})
    assert code == (one, two).count("assert 0")
    assert said.count("in a second process") == 1
    assert re.findall(r"\d (?:passed|failed)", said).count("1 passed") == (one, two).count("pass")


def test_who_asks_for_some_tests_gets_them_in_one_process(tmp_path):
    code, said = ended(tmp_path, {"one": "pass", "two": "pass"}, "test_one.py", "test_two.py")
    assert code == 0 and "2 passed" in said and "second process" not in said


def test_files_that_share_something_expensive_stand_in_one_half():
    names = {path.stem.removeprefix("test_") for path in FILES}
    second = {path.stem.removeprefix("test_") for path in second_half(FILES)}
    assert names.issuperset(FIGURES + NETWORKS)
    assert second.issuperset(NETWORKS) and not second & set(FIGURES) and 0.4 < len(second) / len(names) < 0.6
