"""Nothing is lost: runs are killed, interrupted and starved of disk space, and go on to the same bytes."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from quick_pictures import pictures_by
from small_runs import compare, files_of, job, write_digits

from mix2fld_np.cli import main
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import LIMITS
from mix2fld_np.pictures.canvas import render
from mix2fld_np.runs import play as players
from mix2fld_np.runs.files import locked
from mix2fld_np.runs.jobs import task_of
from mix2fld_np.runs.store import StoredRun

pytestmark = pytest.mark.slow  # many whole commands

HERE = Path(__file__).parent
FEW = ("--protocols=FL,Mix2FLD", "--rounds=3")
N_KILLS = 6


@pytest.fixture(scope="module", autouse=True)
def pictures_as_other_processes_draw_them():
    with pictures_by(render):
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """The files of a run that nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "out"
    assert main(compare(data, out, *FEW)) == 0
    return files_of(out)


def started(arguments, **more):
    """The command as a process of its own, as a user starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "mix2fld_np", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def one_line(text):
    """The message of a refusal, which is one line and no traceback."""
    assert text.startswith("mix2fld: ") and text.count("\n") == 1 and "Traceback" not in text
    return text


# -------------------------------------------------------------------------------------------------------- disasters
@pytest.mark.slow
def test_real_runs_killed_at_random_moments_go_on_to_the_same_bytes(data, whole, tmp_path):
    chance, begun = random.Random(20), time.monotonic()
    assert started(compare(data, tmp_path / "undisturbed", *FEW)).wait() == 0
    duration, n_kills, n_ends, ended = time.monotonic() - begun, 0, 0, False
    assert files_of(tmp_path / "undisturbed") == whole
    while n_kills < N_KILLS or not ended:
        out = tmp_path / f"out-{n_ends}"
        process = started(compare(data, out, *FEW, "--workers=8", "--resume"))
        try:
            process.communicate(timeout=chance.uniform(0.3, 1.0) * duration if n_kills < N_KILLS else None)
            assert process.returncode == 0
            assert files_of(out) == whole
            n_ends, ended, duration = n_ends + 1, True, 0.8 * duration  # the machine may have been slow at first
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            n_kills, ended, duration = n_kills + 1, False, 1.1 * duration


@pytest.mark.parametrize("words", [pytest.param("figure 3", marks=pytest.mark.slow), "study beta"])
def test_figures_and_studies_go_on_when_they_are_simply_run_again(data, tmp_path, words):
    small = (
        f"--quiet --data=mnist --data-dir={data} --rounds=1 --iterations=50 --distill-iterations=9 "
        "--seeds=1 --set=n_samples=60"
    ).split()
    assert main([*words.split(), *small, f"--out={tmp_path}/whole"]) == 0
    killed = [*words.split(), *small, f"--out={tmp_path}/killed"]
    process = started(killed)
    while not list((tmp_path / "killed").glob("runs/*.json")) and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    n_finished = len(list((tmp_path / "killed").glob("runs/*.json")))
    assert 1 <= n_finished < len(list((tmp_path / "whole").glob("runs/*.json")))
    assert main(killed) == 0
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "whole")


@pytest.fixture(scope="module")
def crashing(data, tmp_path_factory):
    """One process for each kind of disaster (see crashing.py); all begin at once."""
    processes = {}
    for kind in ("kill", "full", "over", "random"):
        command = [sys.executable, HERE / "crashing.py", kind, data, tmp_path_factory.mktemp(kind)]
        processes[kind] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield processes
    for process in processes.values():
        process.kill()
        process.wait()


def outcomes_of(process):
    """What came of one disaster after another: of the run without any, and of each in turn."""
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    first, *others = map(json.loads, said.splitlines())
    assert first["code"] == 0
    return first, others


@pytest.mark.slow
def test_thirty_kills_at_random_moments_lose_nothing(crashing):
    undisturbed, outcomes = outcomes_of(crashing["random"])
    assert {code for outcome in outcomes for code in outcome["codes"]} <= {-signal.SIGKILL, 0}
    assert {outcome["second"] for outcome in outcomes} == {0}
    assert {outcome["digest"] for outcome in outcomes} == {undisturbed["digest"]}


@pytest.mark.slow
def test_a_kill_before_any_change_of_any_file_loses_nothing(crashing):
    undisturbed, outcomes = outcomes_of(crashing["kill"])
    *killed, survivor = outcomes
    assert survivor["first"] == 0 and len(killed) > 40
    assert {outcome["first"] for outcome in killed} == {-signal.SIGKILL}
    assert {outcome["second"] for outcome in killed} == {0}
    assert {outcome["digest"] for outcome in outcomes} == {undisturbed["digest"]}
    left = [set(outcome["left"]) for outcome in killed]
    assert any("unfinished/FL-seed0" in names for names in left), "no kill met a run with a checkpoint"
    results = {"curve.csv", "rounds.csv", "summary.json", "learning_curves.png", "learning_curves.svg"}
    assert all(names >= results for names in left if "settings.json" in names)


@pytest.mark.slow
def test_a_disk_that_is_full_from_any_change_of_any_file_on_is_told_and_loses_nothing(crashing):
    undisturbed, outcomes = outcomes_of(crashing["full"])
    *full, survivor = outcomes
    assert survivor["first"] == 0 and len(full) > 40
    for outcome in full:
        assert outcome["first"] == 2
        assert "No space left on device" in one_line(outcome["said"])
        assert not any(name.endswith(".part") for name in outcome["left"])
        assert outcome["second"] == 0
    assert {outcome["digest"] for outcome in outcomes} == {undisturbed["digest"]}


@pytest.mark.slow
def test_a_kill_while_beginning_anew_leaves_the_old_experiment_perhaps_unfinished_or_the_new_one(crashing):
    undisturbed, outcomes = outcomes_of(crashing["over"])
    *old, new = outcomes
    assert {outcome["first"] for outcome in outcomes} == {-signal.SIGKILL}
    untouched = [outcome for outcome in old if outcome["between"] == undisturbed["other"]]
    unfinished = [outcome for outcome in old if "settings.json" not in outcome["left"]]
    assert untouched and len(unfinished) > 4
    assert all({"settings.json", "unfinished/settings.json"} & set(outcome["left"]) for outcome in old)
    assert {(outcome["second"], outcome["third"], outcome["digest"]) for outcome in old} == {
        (2, 0, undisturbed["other"])
    }
    assert (new["second"], new["digest"]) == (0, undisturbed["digest"])
    assert not any(name.startswith(("runs/", "settings")) for name in new["left"]), (
        "nothing of the old one is taken for the new one"
    )


def test_a_file_that_outgrows_the_limit_of_the_system_is_told_and_loses_nothing(data, whole, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # a checkpoint takes more

    process = started(compare(data, tmp_path / "out", *FEW), preexec_fn=limit)
    _, said = process.communicate()
    assert process.returncode == 2
    assert "-seed0 cannot be written (File too large)" in one_line(said)
    assert list(files_of(tmp_path / "out")) == ["unfinished/settings.json"]
    assert main(compare(data, tmp_path / "out", *FEW, "--resume")) == 0
    assert files_of(tmp_path / "out") == whole


@pytest.mark.parametrize("workers", ["--workers=1", "--workers=2"])  # within a run, and with whole runs side by side
def test_an_interruption_says_how_to_go_on(data, tmp_path, workers):
    def hear():  # a process that a shell put into the background ignores the interruption, and so would its children
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = started(compare(data, tmp_path, *FEW, "--iterations=3000", "--seeds=8", workers), preexec_fn=hear)
    while not list((tmp_path / "unfinished").glob("*-seed*")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "--resume" in one_line(said)
    assert all("/" in name and not name.endswith(".part") for name in files_of(tmp_path))


# -------------------------------------------------------------------------------------------------- what is refused
@pytest.fixture
def stopped(data, tmp_path, monkeypatch):
    """A directory in which a comparison was stopped in the second round of FL."""
    out = tmp_path / "stopped"
    save = StoredRun.save

    def save_and_stop(*arguments):
        save(*arguments)
        raise InputError("stopped")

    monkeypatch.setattr(StoredRun, "save", save_and_stop)
    assert main(compare(data, out, *FEW, "--workers=1")) == 2
    monkeypatch.undo()
    return out


def refused(arguments, out, capsys):
    """The one line with which a command is refused that then has changed nothing."""
    before = files_of(out)
    capsys.readouterr()
    assert main(arguments) == 2
    assert files_of(out) == before
    return one_line(capsys.readouterr().err)


def test_a_stopped_run_goes_on_from_its_checkpoint_and_not_from_the_start(data, whole, stopped, monkeypatch):
    begun = []
    monkeypatch.setattr(players, "beginning", counting(players.beginning, begun))
    assert main(compare(data, stopped, *FEW, "--resume")) == 0
    assert len(begun) == 1, "only Mix2FLD had not begun"
    assert files_of(stopped) == whole


def counting(function, calls):
    def counted(*arguments):
        calls.append(arguments)
        return function(*arguments)

    return counted


def test_a_second_process_stops_and_says_why(data, stopped, capsys):
    with locked(stopped):
        assert "another process is working in" in refused(compare(data, stopped, *FEW, "--resume"), stopped, capsys)


@pytest.mark.parametrize(
    "change", ["--rounds=4", "--seed=1", "--set=beta=0.5", "--protocols=FL,FD", "--channel=symmetric"]
)
def test_other_settings_are_not_mixed_in(data, stopped, capsys, change):
    assert "holds another experiment, with" in refused(
        compare(data, stopped, *FEW, change, "--resume"), stopped, capsys
    )


@pytest.mark.parametrize("name", ["unfinished/FL-seed0", "unfinished/settings.json"])
def test_a_damaged_file_is_refused_and_deleting_it_helps(data, whole, stopped, capsys, name):
    path = stopped / name
    path.write_bytes(path.read_bytes()[:-7] + b"?" + path.read_bytes()[-6:-1])
    said = refused(compare(data, stopped, *FEW, "--resume"), stopped, capsys)
    assert name in said and "damaged" in said and "delete it" in said
    path.unlink()
    assert main(compare(data, stopped, *FEW, "--resume")) == 0
    assert files_of(stopped) == whole


def test_a_damaged_result_is_refused_and_deleting_it_helps(data, whole, tmp_path, capsys):
    assert main(compare(data, tmp_path, *FEW)) == 0
    path = tmp_path / "runs" / "FL-seed0.json"
    path.write_bytes(path.read_bytes().replace(b'"reference_accuracy": 0.', b'"reference_accuracy": 0.9', 1))
    assert "its checksum does not fit" in refused(compare(data, tmp_path, *FEW, "--resume"), tmp_path, capsys)
    path.unlink()
    assert main(compare(data, tmp_path, *FEW, "--resume")) == 0
    assert files_of(tmp_path) == whole


# --------------------------------------------------------------------------------------------------- other file systems
@pytest.mark.parametrize("linked", ["runs", "unfinished"])
def test_a_folder_that_is_a_link_to_a_scratch_disk_holds_all_that_it_would(data, whole, tmp_path, monkeypatch, linked):
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    scratch.mkdir()
    out.mkdir()
    (out / linked).symlink_to(scratch)
    assert main(compare(data, out, *FEW, "--seed=3")) == 0  # written
    monkeypatch.setattr(StoredRun, "finish", stop)
    assert main(compare(data, out, *FEW)) == 2  # begun anew
    monkeypatch.undo()
    assert list(scratch.iterdir()) if linked == "unfinished" else not list(scratch.iterdir())
    assert main(compare(data, out, *FEW, "--resume")) == 0  # gone on with
    assert (out / linked).is_symlink()
    own = {f"runs/{path.name}": path.read_bytes() for path in scratch.iterdir()}
    assert files_of(out) | own == whole


def stop(*arguments):
    raise InputError("stopped")


def test_where_there_are_no_locks_a_command_warns_and_writes_the_same_files(data, whole, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mix2fld_np.runs.files.fcntl", None)
    assert main(compare(data, tmp_path, *FEW)) == 0
    assert "cannot be locked" in one_line(capsys.readouterr().err)
    assert files_of(tmp_path) == whole


# ------------------------------------------------------------------------------------------------------ divergence
@pytest.mark.parametrize("workers", [1, 2])
def test_a_large_learning_rate_is_named_with_its_device_and_round(data, tmp_path, capsys, monkeypatch, workers):
    monkeypatch.setitem(LIMITS, "learning_rate", (0, 1e38, "of no concern here"))
    assert main(compare(data, tmp_path, "--protocols=FL", "--set=learning_rate=1e20", f"--workers={workers}")) == 2
    said = one_line(capsys.readouterr().err)
    assert "device" in said and "at the end of round 1" in said and "learning rate of 1e+20" in said
    assert list(files_of(tmp_path)) == ["unfinished/settings.json"]


def test_weights_that_are_large_but_finite_are_no_reason_to_stop(data, tmp_path, monkeypatch):
    monkeypatch.setitem(LIMITS, "learning_rate", (0, 1e38, "of no concern here"))
    huge = ("--protocols=FL", "--set=learning_rate=1e4", "--set=n_evaluations=1", "--iterations=1", "--rounds=3")
    assert main(compare(data, tmp_path, *huge)) == 0


def test_what_diverges_later_keeps_the_finite_rounds_before_it(data, tmp_path, capsys):
    wild = ("--protocols=FD", "--beta=1000", "--set=printed_sign=true", "--rounds=4")
    assert main(compare(data, tmp_path, *wild)) == 2
    assert "device" in (said := one_line(capsys.readouterr().err)) and "round 2" in said
    assert sorted(files_of(tmp_path)) == ["unfinished/FD-seed0", "unfinished/settings.json"]
    kept = job(data, "FD", beta=1000.0, printed_sign=True, n_rounds=4, max_slots=105)
    progress = StoredRun(kept, tmp_path).progress(task_of(kept))
    assert progress.p == 1
    assert np.isfinite(progress.fed.weights).all() and np.isfinite(progress.fed.server).all()
    assert refused(compare(data, tmp_path, *wild, "--resume"), tmp_path, capsys) == said


def test_one_run_that_diverges_side_by_side_ends_the_others_with_their_round(data, tmp_path):
    jobs = [job(data, "FL", seed, n_rounds=500) for seed in range(7)]
    jobs.insert(1, job(data, "FD", 9, beta=1000.0, printed_sign=True))
    with pytest.raises(InputError, match="diverged"):
        players.play_all(jobs, tmp_path, 2)
    assert not StoredRun(jobs[0], tmp_path).path.exists()
    assert StoredRun(jobs[0], tmp_path).checkpoint.exists()


def test_nothing_else_in_the_process_is_left_behind(data, tmp_path):
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    for _ in range(3):
        assert main(compare(data, tmp_path, "--protocols=FD", "--rounds=1")) == 0
    assert (len(os.listdir("/proc/self/fd")) if before else 0) <= before + 1
