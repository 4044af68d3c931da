"""Files that are there whole or not at all, directories for one experiment and one process, and checkpoints that cannot be mistaken."""

import errno
import hashlib
import io
import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from small_runs import files_of, small

from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.simulation import Progress
from mix2fld_np.federation.task import Federation
from mix2fld_np.runs import files as storage
from mix2fld_np.runs.directory import description, experiment
from mix2fld_np.runs.files import CHECKPOINT, claimed, csv_bytes, json_bytes, load_checkpoint, read_json, save_checkpoint, write_whole

in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
IDENTITY = {"protocol": "FL", "seed": 3, "settings": {"filters": (12, 6), "beta": 0.01}}
CLAIM = "import sys, time; from pathlib import Path; from mix2fld_np.runs.files import claimed\n"


# ---------------------------------------------------------------------------------------------------------- whole files
@in_a_folder
@given(before=st.none() | st.binary(), content=st.binary(max_size=5_000))
def test_a_file_holds_what_was_written_last_and_nothing_lies_beside_it(tmp_path, before, content):
    path = tmp_path / "new folder" / "file"
    if before is not None:
        write_whole(path, before)
    write_whole(path, content)
    assert files_of(path.parent) == {"file": content}


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("before", [None, b"what stood there"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_write_that_fails_leaves_what_stood_there(tmp_path, monkeypatch, step, before, code):
    path = tmp_path / "file"
    if before is not None:
        write_whole(path, before)

    def fail(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(InputError, match=rf"file cannot be written \({os.strerror(code)}\)"):
        write_whole(path, b"new")
    assert files_of(tmp_path) == ({} if before is None else {"file": before})


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_disk_that_fills_up_while_writing_leaves_what_stood_there(tmp_path):
    path = tmp_path / "file"
    write_whole(path, b"what stood there")
    (tmp_path / f".file.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match="No space left"):
        write_whole(path, b"new" * 10_000)
    assert files_of(tmp_path) == {"file": b"what stood there"}


def test_an_interruption_leaves_what_stood_there(tmp_path, monkeypatch):
    write_whole(tmp_path / "file", b"what stood there")

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "file", b"new")
    assert files_of(tmp_path) == {"file": b"what stood there"}


@pytest.mark.parametrize("path", ["/dev/null/below", "/proc/nobody/writes", "a\0b/c", "\ud800/c", "x" * 300 + "/c"])
def test_a_path_that_cannot_be_is_refused(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        write_whole(storage.Path(path), b"")
    with pytest.raises(InputError, match="cannot be written"), claimed(storage.Path(path)):
        pass
    assert files_of(tmp_path) == {}


def test_others_may_read_a_file_where_the_user_lets_them(tmp_path):
    before = os.umask(0o022)
    write_whole(tmp_path / "file", b"")
    os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


def test_rows_become_csv_with_empty_cells_for_none_and_numbers_for_truth():
    rows = [{"a": 0.1 + 0.2, "b": None, "c": True}, {"a": 1e-300, "b": "x,y", "c": False}]
    assert csv_bytes(rows) == b'a,b,c\n0.30000000000000004,,1\n1e-300,"x,y",0\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_never_holds_what_is_no_number(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes({"accuracy": value})


@in_a_folder
@given(content=st.binary(max_size=60) | st.sampled_from([b"[]", b"3", b"{", b'{"a": 1}', b"\xef\xbb\xbf{}", b'{"a": NaN}', b'"\\ud800"']))
def test_any_bytes_are_a_table_or_refused(tmp_path, content):
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    try:
        assert read_json(path) == json.loads(content)
    except InputError as problem:
        assert str(path) in str(problem) and "damaged" in str(problem)


def test_a_table_nested_without_end_is_refused(tmp_path):
    (tmp_path / "settings.json").write_bytes(b'{"a": ' * 50_000)
    with pytest.raises(InputError, match="damaged"):
        read_json(tmp_path / "settings.json")


# ---------------------------------------------------------------------------------------------- one process at a time
def test_the_second_process_on_a_directory_says_so_and_a_killed_one_leaves_it_free(tmp_path):
    hold = CLAIM + "with claimed(Path(sys.argv[1])): print('mine', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(InputError, match="another process is working in"), claimed(tmp_path):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
    with claimed(tmp_path) as mine:
        assert mine == tmp_path


def test_a_directory_is_free_again_after_its_experiment(tmp_path):
    for _ in range(2):
        with claimed(tmp_path):
            pass


def test_what_a_killed_process_left_half_written_is_cleared_away_and_nothing_else(tmp_path):
    ours = [tmp_path / ".rounds.csv.123.part", tmp_path / "runs" / ".FL-seed0.json.77.part"]
    others = [tmp_path / ".film.part", tmp_path / "video.123.part", tmp_path / "a" / "b" / ".deep.1.part"]
    for path in (*ours, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with claimed(tmp_path):
        assert not any(path.exists() for path in ours)
        assert all(path.exists() for path in others)


def test_a_file_system_without_locks_is_not_mistaken_for_a_second_process(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(storage.fcntl, "flock", fail)
    with pytest.raises(InputError, match="No locks available"), claimed(tmp_path):
        pass


# -------------------------------------------------------------------------------------------------------- checkpoints
float_arrays = st.tuples(st.integers(1, 3), st.integers(1, 4)).flatmap(
    lambda shape: st.lists(st.floats(width=32), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]).map(
        lambda values: np.array(values, np.float32).reshape(shape)
    )
)
finite = st.floats(allow_nan=False, allow_infinity=False)
rows = st.lists(st.dictionaries(st.sampled_from("abc"), st.none() | st.booleans() | st.integers() | finite))


@st.composite
def progresses(draw):
    """Progress with any numbers in it, NaN among the arrays."""
    weights = draw(float_arrays)
    outputs, mean = weights.astype(np.float64), draw(st.none() | float_arrays)
    fed = Federation(weights, outputs, -outputs, weights[0], draw(st.sampled_from([np.zeros(3, bool), np.ones(2, bool)])), mean)
    curve = draw(st.lists(st.tuples(finite, finite)))
    accuracies = draw(st.none() | st.lists(finite).map(tuple))
    return Progress(draw(st.integers(0, 99)), fed, draw(finite), draw(st.booleans()), tuple(draw(rows)), tuple(curve), accuracies)


def assert_same(a, b):
    for field in fields(Progress):
        if field.name != "fed":
            assert getattr(a, field.name) == getattr(b, field.name)
            assert type(getattr(a, field.name)) is type(getattr(b, field.name))
    for field in fields(Federation):
        left, right = getattr(a.fed, field.name), getattr(b.fed, field.name)
        assert_array_equal(left, right)
        assert left is right is None or left.dtype == right.dtype


@in_a_folder
@given(progress=progresses())
def test_a_checkpoint_gives_back_progress_to_the_bit(tmp_path, progress):
    save_checkpoint(tmp_path / "run", IDENTITY, progress)
    assert_same(load_checkpoint(tmp_path / "run", IDENTITY), progress)


@pytest.fixture
def checkpoint(tmp_path):
    fed = Federation(np.ones((2, 3), np.float32), np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), np.ones(3, np.float32), np.ones(2, bool))
    save_checkpoint(tmp_path / "run", IDENTITY, Progress(1, fed, 0.5, False, ({"round": 1},), ((0.0, 0.1),)))
    return tmp_path / "run"


def refusal(path, identity=IDENTITY):
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        load_checkpoint(path, identity)
    assert path.read_bytes() == before
    message = str(caught.value)
    assert str(path) in message and message.endswith(".") and "\n" not in message
    return message


@in_a_folder
@given(data=st.data())
def test_a_checkpoint_with_any_byte_changed_is_refused(checkpoint, data):
    content = bytearray(checkpoint.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    damaged = checkpoint.with_name("damaged")
    damaged.write_bytes(content)
    assert "damaged" in refusal(damaged) or "no checkpoint of this version" in refusal(damaged)


@in_a_folder
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_checkpoint_cut_anywhere_is_refused(checkpoint, share):
    cut = checkpoint.with_name("cut")
    content = checkpoint.read_bytes()
    cut.write_bytes(content[: int(share * len(content))])
    refusal(cut)


@pytest.mark.parametrize("change", [{"seed": 4}, {"protocol": "FD"}, {"settings": {"filters": (12, 6), "beta": 0.02}}, {"versions": "2"}])
def test_a_checkpoint_of_another_run_is_refused(checkpoint, change):
    assert "belongs to a run with other settings" in refusal(checkpoint, IDENTITY | change)


def test_a_checkpoint_of_another_format_is_refused(checkpoint):
    checkpoint.write_bytes(checkpoint.read_bytes().replace(CHECKPOINT, b"mix2fld checkpoint 2\n"))
    assert "no checkpoint of this version" in refusal(checkpoint)


def sealed(body):
    return CHECKPOINT + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def archive(**arrays):
    body = io.BytesIO()
    np.savez(body, **arrays)
    return body.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no archive",
        archive(other=np.zeros(2)),
        archive(head=np.frombuffer(b"{}", np.uint8)),
        archive(head=np.frombuffer(b"\xff", np.uint8)),
        archive(head=np.frombuffer(b'{"identity": {}, "story": {}}', np.uint8), unknown=np.zeros(1)),
        archive(head=np.frombuffer(b'{"identity": {}, "story": {}}', np.uint8)),
        archive(head=np.array([{"pickled": 1}], object)),
    ],
)
def test_a_sealed_file_that_holds_something_else_is_refused(checkpoint, body):
    checkpoint.write_bytes(sealed(body))
    assert "something else" in refusal(checkpoint)


def test_a_folder_in_place_of_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_checkpoint(tmp_path, IDENTITY)


# --------------------------------------------------------------------------------------------------------- experiments
def described(**changes):
    return description("compare", {"seeds": 2}, small(**changes), {"data": "digits"})


def test_settings_come_last_so_that_results_beside_them_are_complete(tmp_path):
    with experiment(tmp_path, described(), resume=False) as write:
        write("rounds.csv", [{"a": 1}])
        assert not (tmp_path / "settings.json").exists()
    assert json.loads((tmp_path / "settings.json").read_bytes()) == described()
    assert sorted(files_of(tmp_path)) == ["rounds.csv", "settings.json"]


def test_an_experiment_that_fails_keeps_its_progress_and_has_no_settings_beside_it(tmp_path):
    with pytest.raises(ZeroDivisionError), experiment(tmp_path, described(), resume=False):
        write_whole(tmp_path / "unfinished" / "FL-seed0", b"progress")
        raise ZeroDivisionError
    assert sorted(files_of(tmp_path)) == ["unfinished/FL-seed0", "unfinished/settings.json"]


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("finished", [True, False])
def test_the_same_experiment_goes_on_with_what_is_there_only_where_asked(tmp_path, resume, finished):
    try:
        with experiment(tmp_path, described(), resume=False):
            write_whole(tmp_path / "runs" / "FL-seed0.json", b"result")
            if not finished:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    with experiment(tmp_path, described(), resume):
        assert (tmp_path / "runs" / "FL-seed0.json").exists() == resume


@pytest.mark.parametrize("finished", [True, False])
def test_another_experiment_is_refused_and_the_difference_named(tmp_path, finished):
    try:
        with experiment(tmp_path, described(), resume=False):
            if not finished:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    before = files_of(tmp_path)
    with pytest.raises(InputError, match="n_rounds = 2 instead of 5"), experiment(tmp_path, described(n_rounds=5), resume=True):
        pass
    assert files_of(tmp_path) == before


def test_another_version_is_refused(tmp_path, monkeypatch):
    with experiment(tmp_path, described(), resume=False):
        pass
    monkeypatch.setattr("mix2fld_np.__version__", "9.9")
    with pytest.raises(InputError, match="mix2fld_np = 1.* instead of 9.9"), experiment(tmp_path, described(), resume=True):
        pass


def test_a_new_experiment_takes_away_the_seal_of_the_old_results_before_anything_else(tmp_path):
    with experiment(tmp_path, described(), resume=False) as write:
        write("rounds.csv", [{"a": 1}])
    with pytest.raises(KeyboardInterrupt), experiment(tmp_path, described(n_rounds=9), resume=False):
        raise KeyboardInterrupt
    assert "settings.json" not in files_of(tmp_path)


@pytest.mark.parametrize("name", ["settings.json", "runs/events.log", "unfinished/symphony.txt"])
@pytest.mark.parametrize("resume", [True, False])
def test_files_of_other_programs_under_our_names_are_never_taken_away(tmp_path, name, resume):
    write_whole(tmp_path / name, b'{"editor": "dark"}')
    with pytest.raises(InputError, match="which mix2fld did not write"), experiment(tmp_path, described(), resume):
        pass
    assert files_of(tmp_path) == {name: b'{"editor": "dark"}'}


def test_results_that_were_copied_without_their_lock_are_still_ours(tmp_path):
    with experiment(tmp_path, described(), resume=False):
        pass
    (tmp_path / ".lock").unlink()
    with experiment(tmp_path, described(n_rounds=5), resume=False):
        pass


def test_a_description_survives_its_file_and_gives_back_the_settings(tmp_path):
    write_whole(tmp_path / "settings.json", json_bytes(described(beta=0.25)))
    found = read_json(tmp_path / "settings.json")
    assert found == described(beta=0.25)
    assert Settings(**found["settings"] | {"filters": tuple(found["settings"]["filters"])}) == small(beta=0.25)
