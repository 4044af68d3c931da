"""What was computed before is found again, by a digest of all that it depends on, within a bounded memory."""

import pickle
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from federations import digits
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as arrays
from small_runs import files_of, job, write_digits

from mix2fld_np.federation import devices, protocols
from mix2fld_np.nn.network import Network
from mix2fld_np.runs.memory import Memory, digest
from mix2fld_np.runs.play import play_all
from mix2fld_np.runs.workers import Workers, started

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=2),
    lambda inner: st.tuples(inner) | st.tuples(inner, inner),
    max_leaves=4,
)


@given(plain_values, plain_values)
def test_different_values_have_different_digests_and_equal_ones_the_same(one, other):
    assert digest(one) == digest(pickle.loads(pickle.dumps(one)))
    assert (digest(one) == digest(other)) == (repr(one) == repr(other))


dtypes = st.sampled_from([np.float32, np.float64, np.int64, np.uint8])
shapes = arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)


@given(arrays.arrays(dtypes, shapes), st.data())
def test_the_digest_of_an_array_depends_on_its_type_shape_and_content_but_not_on_its_layout(array, data):
    assert digest(array) == digest(np.asfortranarray(array)) == digest(array.copy())
    assert digest(array) != digest(array[None]) and digest(array) != digest((array,))
    assert digest(array) != digest(array.astype(np.complex128))
    if array.size:
        other, at = array.copy(), data.draw(st.integers(0, array.size - 1))
        other.flat[at] = 0 if other.flat[at] else 1
        assert digest(array) != digest(other)


def test_the_digest_knows_functions_networks_and_data_sets():
    data = digits()
    other = replace(data, train_labels=data.train_labels[::-1].copy())
    found = [digest(x) for x in (np.sum, np.mean, Network(), Network(filters=(12, 7)), data, other)]
    assert len(set(found)) == 6
    assert digest(replace(data, origin="elsewhere")) == digest(data)


# ---------------------------------------------------------------------------------------------------------- the memory
@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 6))
def test_the_memory_keeps_what_was_used_last_within_its_bound(asked, n_fit):
    memory, kept = Memory(n_fit * (500 + 800)), []
    for key in asked:
        future, is_new = memory.future(bytes([key]))
        assert is_new == (key not in kept)
        if is_new:
            future.set_result((np.full(50, key), [np.full(50, key)]))
        assert future.result()[0][0] == key
        kept = [*(other for other in kept if other != key), key][-n_fit:]
        assert memory.n_bytes == len(kept) * (500 + 800)


def test_what_failed_or_was_cancelled_is_tried_again():
    memory = Memory(1e6)
    for fail in (lambda future: future.set_exception(ValueError()), lambda future: future.cancel()):
        future, is_new = memory.future(b"key")
        assert is_new
        fail(future)
    assert memory.future(b"key")[1]


def test_nobody_can_write_into_a_result_that_others_hold():
    with Workers(1) as workers:
        result = workers.start((1, False), np.ones, 3)()
        assert workers.start((1, False), np.ones, 3)() is result
        with pytest.raises(ValueError, match="read-only"):
            result[0] = 2


# --------------------------------------------------------------------------------------------------------- the workers
def test_two_who_want_the_same_at_once_wait_for_one_computation():
    calls = []

    def slowly(n):
        calls.append(n)
        time.sleep(0.05)
        return n

    with Workers(4) as workers, ThreadPoolExecutor(8) as several:
        found = several.map(lambda n: workers.start((1, False), slowly, n % 2)(), range(40))
        assert list(found) == [0, 1] * 20 and sorted(calls) == [0, 1]


def test_an_earlier_round_goes_first_and_tests_go_last(monkeypatch):
    order, go, begun = [], threading.Event(), threading.Event()
    ranks = [(2, True), (3, False), (2, False), (1, True), (1, False)]
    monkeypatch.setattr("mix2fld_np.runs.workers.started", lambda n, work: started(1, work))  # no more were to be had
    with Workers(2) as workers:
        workers.start_anew((0, False), lambda: begun.set() or go.wait())
        begun.wait()
        waiting = [workers.start_anew(rank, order.append, rank) for rank in ranks]
        go.set()
        for wait in waiting:
            wait()
    assert order == sorted(ranks)


def test_whoever_waits_is_told_when_all_ends():
    go, begun = threading.Event(), threading.Event()
    with Workers(2) as workers:
        running = [workers.start_anew((1, False), lambda: begun.set() or go.wait()) for _ in range(2)]
        waiting = workers.start_anew((2, False), len, ())
        begun.wait()
    late = workers.start_anew((1, False), len, ())
    for wait in (*running, waiting, late):
        with pytest.raises(CancelledError):
            wait()
    go.set()
    for thread in workers.threads:
        thread.join(10)
        assert not thread.is_alive()


def test_an_error_reaches_everybody_who_waits():
    with Workers(3) as workers:
        for wait in [workers.start((1, False), int, "x") for _ in range(5)]:
            with pytest.raises(ValueError, match="invalid literal"):
                wait()


# ---------------------------------------------------------------------------------------------------------------- runs
@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"))


def counted(monkeypatch, home, name):
    """The list that grows with each call of a function from now on."""
    calls, function = [], getattr(home, name)

    def counting(*arguments):
        calls.append(name)
        return function(*arguments)

    monkeypatch.setattr(home, name, counting)
    return calls


@pytest.mark.parametrize("n_workers", [1, 3])
def test_runs_that_share_their_learning_train_once(data, tmp_path, monkeypatch, n_workers):
    trained, learned = counted(monkeypatch, devices, "train"), counted(monkeypatch, protocols, "learn")
    runs = [replace(job(data, "Mix2FLD", max_slots=slots), name=f"slots{slots}") for slots in (105, 106, 200)]
    play_all(runs, tmp_path, n_workers)
    assert len(trained) == 2 * 3 and len(learned) == 2, "two rounds, three devices, one server"
    trained.clear()
    play_all([replace(run, name=f"{run.name}-anew") for run in runs], tmp_path, n_workers, reuse=False)
    assert len(trained) == 3 * 2 * 3


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory):
    """Runs, and the files that they leave."""
    runs, out = [job(data, protocol) for protocol in ("FL", "FD", "MixFLD", "Mix2FLD")], tmp_path_factory.mktemp("out")
    play_all(runs, out)
    return runs, files_of(out)


@pytest.mark.parametrize("n_bytes", [0, 1_000, 1e5, 1e12])
@pytest.mark.parametrize("n_workers", [1, 3])
def test_however_little_memory_there_is_the_bytes_are_the_same(undisturbed, tmp_path, monkeypatch, n_workers, n_bytes):
    runs, files = undisturbed
    monkeypatch.setattr("mix2fld_np.runs.play.MEMORY_BYTES", n_bytes)
    play_all(runs, tmp_path, n_workers)
    assert files_of(tmp_path) == files


def test_by_the_stop_watch_nothing_is_used_again(data, tmp_path, monkeypatch):
    trained = counted(monkeypatch, devices, "train")
    runs = [replace(job(data, "FL", stopwatch=True, max_slots=slots), name=f"{slots}") for slots in (105, 106)]
    play_all(runs, tmp_path)
    assert len(trained) == 2 * 2 * 3


def interrupted_after(n_rounds):
    """An `on_progress` that fails once so many rounds are there."""

    def on_progress(rounds, before):
        if rounds >= n_rounds:
            raise ZeroDivisionError

    return on_progress


@pytest.mark.parametrize("n_workers", [1, 2, 8])
def test_a_run_that_is_interrupted_goes_on_to_the_same_bytes_with_and_without_reuse(undisturbed, tmp_path, n_workers):
    runs, files = undisturbed
    for reuse in (True, False):
        out = tmp_path / f"{reuse}"
        with pytest.raises(ZeroDivisionError):
            play_all(runs, out, n_workers, on_progress=interrupted_after(5), reuse=reuse)
        play_all(runs, out, n_workers, reuse=not reuse)
        assert files_of(out) == files
