"""However many workers there are, wherever they are, and whatever becomes of them: the same bytes."""

import csv
import io
import os
import threading
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import pytest
from small_runs import compare, files_of, job, write_digits

from mix2fld_np.cli import main
from mix2fld_np.errors import InputError
from mix2fld_np.federation import devices
from mix2fld_np.federation.simulation import beginning
from mix2fld_np.runs import jobs, play as players
from mix2fld_np.runs.play import play_all
from mix2fld_np.runs.store import StoredRun


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def runs(data):
    """Runs of every protocol, and one that stops early."""
    several = [job(data, protocol, seed) for seed in range(2) for protocol in ("FL", "FD", "Mix2FLD")]
    return [*several, job(data, "FL", 5, stop_when_converged=True, epsilon=100.0, n_rounds=4)]


@pytest.fixture(scope="module")
def alone(runs, tmp_path_factory):
    """The files of the same runs, played here one after another."""
    out = tmp_path_factory.mktemp("alone")
    results = play_all(runs, out)
    assert [len(result.rounds) for result in results] == [2] * 6 + [2], (
        "the last met its criterion in the second of four rounds"
    )
    return files_of(out)


# ---------------------------------------------------------------------------------------------- threads of this machine
@pytest.mark.parametrize("seeds", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_any_number_of_workers_writes_the_same_files_and_so_does_doing_everything_anew(data, tmp_path, seeds):
    found = []
    for n, reuse in ((1, "yes"), (1, "no"), (2, "yes"), (3, "no"), (8, "yes"), (8, "no")):
        more = (f"--workers={n}", f"--reuse={reuse}", f"--seeds={seeds}", "--devices=4")
        assert main(compare(data, tmp_path / f"{n}{reuse}", *more)) == 0
        found.append(files_of(tmp_path / f"{n}{reuse}"))
    assert len(found[0]) == 10 + 5 * seeds
    assert found[1:] == [found[0]] * 5


def test_workers_share_the_devices_of_one_run(data, tmp_path, monkeypatch):
    seen, train = [], devices.train
    monkeypatch.setattr(
        devices, "train", lambda *about: seen.append(threading.current_thread().name) or train(*about)
    )
    play_all([job(data, n_devices=12, n_rounds=1)], tmp_path, 3)
    assert len(seen) == 12 and threading.current_thread().name not in seen


def test_all_runs_are_under_way_together(data, tmp_path):
    runs = [job(data, "FL", seed, n_rounds=4) for seed in range(5)]
    assert orders(runs, tmp_path / "1", 1) == [p for p in range(1, 5) for _ in runs], "a round of each in turn"
    two = orders(runs, tmp_path / "2", 2)
    assert max(p - min(two[n:]) for n, p in enumerate(two)) <= 2, "near each other"


@pytest.mark.parametrize("problem", [IndexError, KeyError, StopIteration, RuntimeError, OSError])
@pytest.mark.parametrize("n_workers", [1, 2, 8])
def test_whatever_goes_wrong_within_a_run_is_raised(data, tmp_path, monkeypatch, n_workers, problem):
    def fail(*about):
        raise problem("of a run")

    monkeypatch.setattr(devices, "train", fail)
    with pytest.raises((problem, RuntimeError), match="of a run|StopIteration"):
        play_all([job(data, "FL", seed) for seed in range(3)], tmp_path, n_workers)
    assert not [name for name in files_of(tmp_path) if name.startswith("runs/")]


def orders(runs, out, n_workers):
    """Which rounds ended, in their order."""
    order, keep = [], players.keep
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(players, "keep", lambda run, now, on_round: order.append(now.p) or keep(run, now, on_round))
        play_all(runs, out, n_workers)
    return order


def test_progress_counts_every_round_once_and_says_which_were_there_before(runs, tmp_path):
    for workers in (1, 2):
        heard = []
        play_all(runs, tmp_path / str(workers), workers, on_progress=lambda *rounds, heard=heard: heard.append(rounds))
        assert heard == sorted(heard) and heard[-1] == (14, 0)
    StoredRun(runs[0], tmp_path / "1").path.unlink()
    heard = []
    play_all(runs, tmp_path / "1", on_progress=lambda *rounds: heard.append(rounds))
    assert heard[:6] == [(n, n) for n in (2, 4, 6, 8, 10, 12)], "finished runs are not played again"
    assert heard[6:] == [(12, 12), (13, 12), (14, 12)]


def test_rounds_of_a_checkpoint_were_there_before(runs, tmp_path, monkeypatch):
    with pytest.raises(InputError):
        play_all(runs[:1], tmp_path, 1, Unreliable(range(2, 100)))
    heard = []
    play_all(runs[:1], tmp_path, on_progress=lambda *rounds: heard.append(rounds))
    assert heard == [(1, 1), (2, 1)]


# ------------------------------------------------------------------------------------------------------ no more threads
def ration_threads(monkeypatch, n_allowed):
    """So many threads can be started, and from then on none."""
    n_left, start = n_allowed, threading.Thread.start

    def start_or_refuse(thread):
        nonlocal n_left
        if n_left == 0:
            raise RuntimeError("can't start new thread")
        n_left -= 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_refuse)


@pytest.mark.slow
@pytest.mark.parametrize("n_allowed", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("workers", [2, 4])
def test_where_no_more_threads_can_be_started_fewer_play_the_same_bytes(
    runs, alone, tmp_path, monkeypatch, n_allowed, workers
):
    others = [replace(run, name=f"{run.name}-{n}") for run in runs for n in range(2)]
    ration_threads(monkeypatch, n_allowed)
    play_all([*runs, *others][: 4 * workers], tmp_path, workers)  # enough for runs to go side by side
    assert {name: content for name, content in files_of(tmp_path).items() if name in alone} == alone


@pytest.mark.parametrize("n_allowed", [0, 1, 2, 5, 20])
def test_where_no_more_threads_can_be_started_devices_share_fewer(runs, alone, tmp_path, monkeypatch, n_allowed):
    ration_threads(monkeypatch, n_allowed)
    play_all(runs, tmp_path, 3)  # too few runs to go side by side
    assert files_of(tmp_path) == alone


@pytest.mark.parametrize("n_allowed", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 3))])
def test_a_command_that_gets_no_more_threads_writes_the_same_files(data, tmp_path, monkeypatch, n_allowed):
    few = ("--protocols=FL,FD", "--workers=2", "--rounds=1")
    assert main(compare(data, tmp_path / "many", *few)) == 0
    ration_threads(monkeypatch, n_allowed)
    assert main(compare(data, tmp_path / "few", *few)) == 0
    assert files_of(tmp_path / "few") == files_of(tmp_path / "many")


# --------------------------------------------------------------------------------------------------------- any executor
class Unreliable(Executor):
    """Plays in the calling thread, and loses the calls whose numbers are given."""

    def __init__(self, lost=(), how=CancelledError):
        self.n_calls, self.is_lost, self.how = 0, lost, how

    def submit(self, function, /, *args, **kwargs):
        self.n_calls += 1
        future = Future()
        try:
            if self.n_calls in self.is_lost:
                raise self.how("the worker is gone")
            future.set_result(function(*args, **kwargs))
        except Exception as problem:
            future.set_exception(problem)
        return future


def pool(workers=2):
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def test_processes_play_the_same_bytes(runs, alone, tmp_path):
    with pool() as executor:
        play_all(runs, tmp_path, 2, executor)
    assert files_of(tmp_path) == alone


def test_rounds_that_come_back_are_kept_and_counted(runs, alone, tmp_path):
    heard = []
    play_all(runs[:2], tmp_path, 2, Unreliable(), lambda *rounds: heard.append(rounds))
    assert heard == [(0, 0), (0, 0), (1, 0), (2, 0), (3, 0), (4, 0)]
    assert files_of(tmp_path) == {
        name: content for name, content in alone.items() if "seed0" in name and "Mix" not in name
    }


@pytest.mark.parametrize("how", [CancelledError, ConnectionResetError, TimeoutError, OSError])
def test_a_round_whose_worker_is_lost_is_played_again(runs, alone, tmp_path, how):
    executor = Unreliable({1, 2, 3, 6, 9, 10}, how)
    play_all(runs, tmp_path, 1, executor)
    assert files_of(tmp_path) == alone
    assert executor.n_calls == 6 + 7 * 2 + 7, (
        "what was lost, two rounds a run, and the question whether there is another"
    )


def test_an_executor_may_name_errors_that_mean_a_lost_worker(runs, alone, tmp_path):
    executor = Unreliable({1, 4}, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        play_all(runs, tmp_path, 1, executor)
    executor.lost = (ZeroDivisionError,)
    play_all(runs, tmp_path, 1, executor)
    assert files_of(tmp_path) == alone


def test_a_run_that_loses_its_worker_again_and_again_is_given_up_and_goes_on_later(runs, alone, tmp_path):
    with pytest.raises(InputError, match="run FL-seed0 lost its worker 4 times .the worker is gone."):
        play_all(runs, tmp_path, 1, Unreliable(range(2, 100)))
    assert StoredRun(runs[0], tmp_path).checkpoint.exists()
    executor = Unreliable()
    play_all(runs, tmp_path, 1, executor)
    assert files_of(tmp_path) == alone
    assert executor.n_calls == 7 * 2 + 7 - 1


def test_what_goes_wrong_within_a_run_is_not_tried_again(data, tmp_path):
    executor = Unreliable()
    with pytest.raises(InputError, match="diverged"):
        play_all([job(data, "FD", beta=1000.0, printed_sign=True)], tmp_path, 1, executor)
    assert executor.n_calls == 2


def test_a_pool_whose_process_is_killed_is_left_and_the_rest_played_here(runs, alone, tmp_path):
    with pool() as executor:
        executor.submit(os.getpid).result()

        processes = list(executor._processes.values())

        def kill_one(rounds, before):
            if rounds >= 3 and processes:
                processes.pop().kill()

        with pytest.warns(UserWarning, match="the executor is broken .* played here"):
            play_all(runs, tmp_path, 2, executor, kill_one)
    assert files_of(tmp_path) == alone


def test_an_executor_gets_no_more_runs_at_once_than_it_says(runs, tmp_path):
    under_way, most = set(), []

    class Narrow(Unreliable):
        def submit(self, function, /, *args, **kwargs):
            under_way.add(args[0].name)
            most.append(len(under_way))
            after = function(*args, **kwargs)
            if after is None:
                under_way.discard(args[0].name)
            future = Future()
            future.set_result(after)
            return future

        def capacity(self):
            return 2

    play_all(runs, tmp_path, 100, Narrow())
    assert max(most) == 2


@pytest.mark.parametrize("part", ["numbers", "numpy", "numba", "vector_bits", "data"])
def test_a_worker_that_would_compute_other_numbers_is_refused(data, part):
    run = job(data)
    now = beginning(jobs.task_of(run))
    with pytest.raises(
        InputError, match=f"a worker has {part} .* where this machine has another, and would compute other numbers"
    ):
        players.next_round(run, jobs.identity_of(run) | {part: "another"}, now)
    with pytest.raises(InputError, match="a worker has processor None where this machine has 3"):
        players.next_round(run, jobs.identity_of(run) | {"processor": 3}, now)


def test_a_worker_with_another_path_or_other_versions_of_what_computes_nothing_is_taken(data, tmp_path, monkeypatch):
    there = replace(job(data), source=jobs.Source("mnist", str(write_digits(tmp_path / "copy"))))
    here = jobs.identity_of(job(data))
    monkeypatch.setattr("mix2fld_np.__version__", "9.9")
    monkeypatch.setattr("platform.python_version", lambda: "3.99.1")
    assert players.next_round(there, here, beginning(jobs.task_of(there))).p == 1


def test_arrays_that_travelled_may_be_read_only(data):
    run = job(data)
    task = jobs.task_of(run)
    frozen = beginning(task)
    for array in (frozen.fed.weights, frozen.fed.outputs, frozen.fed.server):
        array.setflags(write=False)
    after = players.next_round(run, jobs.identity_of(run), frozen)
    assert after.p == 1 and frozen.p == 0
    assert after.rounds == players.next_round(run, jobs.identity_of(run), beginning(task)).rounds


def test_a_resumed_experiment_may_change_hands(runs, alone, tmp_path):
    with pytest.raises(InputError):
        play_all(runs, tmp_path, 2, Unreliable(range(9, 100)))
    assert any(path.name != "settings.json" for path in (tmp_path / "unfinished").iterdir())
    play_all(runs, tmp_path, 3)
    assert files_of(tmp_path) == alone


def test_rows_count_rounds_in_order(data, tmp_path):
    assert main(compare(data, tmp_path, "--workers=3", "--protocols=FL,FD")) == 0
    rows = csv.DictReader(io.StringIO((tmp_path / "rounds.csv").read_text()))
    assert [(row["protocol"], row["round"]) for row in rows] == [("FL", "1"), ("FL", "2"), ("FD", "1"), ("FD", "2")]
