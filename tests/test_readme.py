"""The README's Python, as it stands there: the front door, and a protocol that is one more row of the table."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_runs import compare, write_digits

import mix2fld_np

PACKAGE = Path(mix2fld_np.__file__).parent
README = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")


def code_below(heading):
    """The Python blocks of a section of the README."""
    section = README[README.index(f"### {heading}") :]
    end = re.search(r"\n##+ ", section[4:])
    return re.findall(r"```python\n(.*?)```", section[: end.start() + 4 if end else None], flags=re.DOTALL)


def python(code, folder, **environment):
    """What a program says that runs in a folder."""
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment}
    done = subprocess.run([sys.executable, *code], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow  # three protocols at the sizes of a first reading
def test_the_lines_for_python_run_as_they_stand_and_draw(tmp_path):
    (block,) = code_below("From Python")
    said = python(["-c", block], tmp_path)
    assert re.search(r"0\.\d{3} on the reference device, 0\.\d{3} on the server", said) and "'no teacher': '" in said
    assert (tmp_path / "teacher.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def house_with_six(tmp_path_factory):
    """A copy of the package in which the README's two blocks have been applied as it says."""
    folder = tmp_path_factory.mktemp("six")
    shutil.copytree(PACKAGE, folder / "mix2fld_np")
    function, row = code_below("Add a protocol")
    protocols = folder / "mix2fld_np" / "federation" / "protocols.py"
    code = protocols.read_text(encoding="utf-8")
    head, table, rest = code.partition("# Read downwards, each row changes one idea of the row above.")
    rest = rest.replace("\n)  # fmt: skip", f"\n    {row.strip()}\n)  # fmt: skip", 1)
    protocols.write_text(f"{head}{function}\n\n{table}{rest}", encoding="utf-8")
    return folder


@pytest.mark.slow
def test_a_sixth_protocol_is_one_row_for_compare_and_the_channel(house_with_six, tmp_path):
    env = {"PYTHONPATH": str(house_with_six)}
    said = python(["-m", "mix2fld_np", *compare(write_digits(tmp_path / "data"), tmp_path / "out")], tmp_path, **env)
    assert re.search(r"^HardFLD +\d+\.\d %", said, flags=re.MULTILINE)
    assert "HardFLD" in (tmp_path / "out" / "learning_curves.svg").read_text()
    assert re.search(
        r"^HardFLD +up, first round +10 +65,920 +17 ",
        python(["-m", "mix2fld_np", "channel"], tmp_path, **env),
        re.MULTILINE,
    )


@pytest.mark.slow
def test_a_sixth_protocol_leaves_every_check_of_the_letters_five_as_it_was(house_with_six, tmp_path):
    for rows in ("Algorithm 1", "B_up", "convergence time"):
        command = ["-m", "mix2fld_np", "verify", "--quiet", "--only", rows, f"--out={tmp_path / 'verify'}"]
        said = python(command, tmp_path, PYTHONPATH=str(house_with_six))
        assert "FAIL" not in said and re.search("rows agree|row agrees", said) and "HardFLD" not in said


def test_what_the_package_offers_is_there_under_its_name():
    for name in set(dir(mix2fld_np)) - {"__version__"}:
        assert getattr(mix2fld_np, name) is not None
    assert {"play", "compare", "Settings", "PROTOCOLS", "load"} <= set(dir(mix2fld_np))
    with pytest.raises(AttributeError, match="no attribute 'conquer'"):
        _ = mix2fld_np.conquer


@pytest.mark.slow
def test_a_script_of_three_lines_type_checks(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "script.py").write_text(
        "import mix2fld_np as m2\n"
        'run = m2.play("Mix2FLD", m2.Settings(n_rounds=2), seed=1)\n'
        "accuracy: float = run.accuracy\n"
    )
    python(["-m", "mypy", "--no-incremental", "script.py"], tmp_path)
    (tmp_path / "script.py").write_text('import mix2fld_np as m2\nm2.play(3, rounds="many")\n')
    env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    wrong = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", "script.py"], cwd=tmp_path, env=env, capture_output=True
    )
    assert wrong.returncode == 1
