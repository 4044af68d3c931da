"""What a stored run's numbers depend on, and nothing else, decides whether it is gone on with;
and they do not depend on the machine."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from small_runs import compare, ended, files_of, job, write_digits

from mix2fld_np.cli import main
from mix2fld_np.errors import InputError
from mix2fld_np.runs import jobs, play as players
from mix2fld_np.runs.files import checksum, json_bytes
from mix2fld_np.runs.store import StoredRun

FEW = ("--protocols=FL,FD", "--rounds=1")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def elsewhere(data, tmp_path_factory):
    """Directories where a comparison is written by one thread, two, and two on one core."""
    if not hasattr(os, "sched_setaffinity"):
        yield [], []
        return
    core, out = min(os.sched_getaffinity(0)), tmp_path_factory.mktemp("elsewhere")
    machines = {"one": (1, None), "two": (2, None), "bound": (2, lambda: os.sched_setaffinity(0, {core}))}
    processes = []
    for name, (n_threads, bind) in machines.items():
        command = [sys.executable, "-m", "mix2fld_np", *compare(data, out / name, "--rounds=2")]
        environment = os.environ | {"OPENBLAS_NUM_THREADS": str(n_threads)}
        processes.append(subprocess.Popen(command, env=environment, preexec_fn=bind, stdout=subprocess.DEVNULL))
    yield [out / name for name in machines], processes
    ended(processes)


@pytest.fixture(scope="module")
def played(data, tmp_path_factory):
    """A directory with a whole comparison; nobody writes there."""
    out = tmp_path_factory.mktemp("played") / "out"
    assert main(compare(data, out, *FEW)) == 0
    return out


@pytest.fixture
def begun(played, tmp_path):
    """A directory of which the run of FD is missing, and all its files when it was whole."""
    out = Path(shutil.copytree(played, tmp_path / "out"))
    whole = files_of(out)
    (out / "runs" / "FD-seed0.json").unlink()
    return out, whole


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    """What a process finds out once is found out anew for each test."""
    yield
    monkeypatch.undo()
    jobs.numerics.cache_clear()
    jobs.dataset.cache_clear()


def other_version(monkeypatch, where, package):
    """From now on, another version of a package seems to be installed."""
    monkeypatch.setattr(where, lambda name: "99.1" if name == package else metadata.distribution(name).version)


# ----------------------------------------------------------------------------------------------- what changes no number
def another_path(monkeypatch, data, tmp_path):
    return [f"--data-dir={write_digits(tmp_path / 'copy')}"]


def another_order(monkeypatch, data, tmp_path):
    copy = write_digits(tmp_path / "copy") / "mnist"
    for name, head, size in (("train-images-idx3-ubyte", 16, 784), ("train-labels-idx1-ubyte", 8, 1)):
        content = (copy / name).read_bytes()
        samples = [content[head + size * n : head + size * (n + 1)] for n in range((len(content) - head) // size)]
        (copy / name).write_bytes(content[:head] + b"".join(reversed(samples)))
    return [f"--data-dir={tmp_path / 'copy'}"]


def another_python(monkeypatch, data, tmp_path):
    monkeypatch.setattr("platform.python_version", lambda: "3.11.99")
    return []


def another_matplotlib(monkeypatch, data, tmp_path):
    other_version(monkeypatch, "mix2fld_np.runs.directory.version", "matplotlib")
    return []


def another_release(monkeypatch, data, tmp_path):
    monkeypatch.setattr("mix2fld_np.__version__", "9.9")
    return []


def another_number_of_workers(monkeypatch, data, tmp_path):
    return ["--workers=3"]


@pytest.mark.parametrize(
    "change",
    [another_path, another_order, another_python, another_matplotlib, another_release, another_number_of_workers],
)
def test_what_changes_no_number_is_gone_on_with(data, begun, tmp_path, monkeypatch, change):
    out, whole = begun
    more, played, play = change(monkeypatch, data, tmp_path), [], players.rounds_of
    monkeypatch.setattr(players, "rounds_of", lambda run, *how: played.append(run.job.name) or play(run, *how))
    assert main([*compare(data, out, *FEW, "--resume"), *more]) == 0
    assert played == ["FD-seed0"]
    assert {**files_of(out), "settings.json": b""} == {**whole, "settings.json": b""}


def test_a_setting_that_came_later_has_its_default_in_what_was_stored_before(data, begun):
    out, whole = begun
    for path in (out / "settings.json", out / "runs" / "FL-seed0.json"):
        stored = json.loads(path.read_bytes())
        del stored.get("identity", stored)["settings"]["fresh_student"]
        if "about" in stored:
            del stored["about"]["checksum"]
            stored["about"]["checksum"] = checksum(stored)
        path.write_bytes(json_bytes(stored))
    assert main([*compare(data, out, *FEW, "--resume"), "--set=fresh_student=true"]) == 2
    assert main(compare(data, out, *FEW, "--resume")) == 0
    assert files_of(out)["rounds.csv"] == whole["rounds.csv"]


# ------------------------------------------------------------------------------------------------- what changes numbers
def other_numbers(monkeypatch, data, tmp_path):
    monkeypatch.setattr(jobs, "NUMBERS", jobs.NUMBERS + 1)
    return [], "numbers"


def other_numpy(monkeypatch, data, tmp_path):
    other_version(monkeypatch, "mix2fld_np.runs.jobs.metadata.version", "numpy")
    return [], "numpy"


def other_numba(monkeypatch, data, tmp_path):
    other_version(monkeypatch, "mix2fld_np.runs.jobs.metadata.version", "numba")
    return [], "numba"


def other_vectors(monkeypatch, data, tmp_path):
    monkeypatch.setattr("mix2fld_np.compilation.vector_bits", lambda: 64)
    return [], "vector_bits"


def other_bytes(monkeypatch, data, tmp_path):
    copy = write_digits(tmp_path / "copy")
    file = copy / "mnist" / "t10k-images-idx3-ubyte"
    content = bytearray(file.read_bytes())
    content[20] ^= 1
    file.write_bytes(content)
    return [f"--data-dir={copy}"], "data"


def other_options(option, name):
    def change(monkeypatch, data, tmp_path):
        return [option], name

    change.__name__ = option
    return change


OPTIONS = {
    "--rounds=2": "n_rounds", "--protocols=FL": "protocols", "--seeds=2": "seeds", "--seed=1": "seed",
    "--set=beta=0.5": "beta",
}
OTHERS = [
    other_numbers, other_numpy, other_numba, other_vectors, other_bytes,
    *(other_options(*pair) for pair in OPTIONS.items()),
]


@pytest.mark.parametrize("change", OTHERS, ids=lambda change: change.__name__)
def test_what_changes_numbers_is_refused_and_changes_nothing(data, begun, tmp_path, monkeypatch, capsys, change):
    out, _ = begun
    more, name = change(monkeypatch, data, tmp_path)
    jobs.numerics.cache_clear()
    before = files_of(out)
    capsys.readouterr()
    assert main([*compare(data, out, *FEW, "--resume"), *more]) == 2
    assert f"holds another experiment, with {name} = " in (said := capsys.readouterr().err) and said.count("\n") == 1
    assert files_of(out) == before


@pytest.mark.parametrize("change", [other_numbers, other_numpy, other_numba, other_vectors])
def test_a_stored_run_itself_says_when_it_is_of_other_numbers(data, begun, tmp_path, monkeypatch, change):
    run = StoredRun(job(data, n_rounds=1, max_slots=105), begun[0])
    assert len(run.result().rounds) == 1
    change(monkeypatch, data, tmp_path)
    jobs.numerics.cache_clear()
    with pytest.raises(InputError, match="belongs to a run with other settings"):
        StoredRun(run.job, run.directory).result()


def test_a_data_set_that_was_replaced_in_its_place_is_another(data, tmp_path, capsys):
    copy = write_digits(tmp_path / "copy")
    assert main(compare(copy, tmp_path / "out", *FEW)) == 0
    jobs.dataset.cache_clear()
    for file in write_digits(tmp_path / "more", n_train=500).glob("mnist/*"):
        (copy / "mnist" / file.name).write_bytes(file.read_bytes())
    assert main(compare(copy, tmp_path / "out", *FEW, "--resume")) == 2
    assert "holds another experiment, with data = " in capsys.readouterr().err


def test_an_identity_names_no_place(data, tmp_path):
    here, copy = job(data), write_digits(tmp_path / "copy")
    assert jobs.identity_of(here) == jobs.identity_of(
        replace(here, source=jobs.Source("mnist", str(copy)), name="another")
    )
    assert str(data) not in repr(jobs.identity_of(here))


# ---------------------------------------------------------------------------------------------------- one core, or many
@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs a system that binds a process to a core")
def test_bytes_depend_neither_on_cores_nor_on_the_threads_of_a_matrix_product(elsewhere):
    directories, processes = elsewhere
    assert [process.wait(timeout=300) for process in processes] == [0, 0, 0]
    one, two, bound = map(files_of, directories)
    assert len(one) == 15
    assert two == one
    assert bound == one
