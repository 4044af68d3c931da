"""Files that are there whole or not at all, and directories in which one process works."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from small_runs import files_of

from mix2fld_np.errors import InputError
from mix2fld_np.runs import files as storage
from mix2fld_np.runs.files import content_bytes, csv_bytes, json_bytes, locked, read_json, remove_leftovers, write_whole

in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
TABLES = [b"[]", b"3", b"{", b'{"a": 1}', b"\xef\xbb\xbf{}", b'{"a": NaN}', b'{"a": 1e999}', b'"\\ud800"']
LOCK = "import sys, time; from pathlib import Path; from mix2fld_np.runs.files import locked\n"


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
def test_a_disk_that_fills_up_while_writing_leaves_what_stood_there(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_whole(path, b"what stood there")
    monkeypatch.setattr(storage, "open", lambda path, mode: open("/dev/full", "wb"), raising=False)  # noqa: SIM115
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
    with pytest.raises(InputError, match="cannot be written"), locked(storage.Path(path)):
        pass
    assert files_of(tmp_path) == {}


def test_links_that_are_planted_in_the_way_are_replaced_and_never_written_through(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"of somebody else")
    for name in ("file", f".mix2fld-file.{os.getpid()}.part"):
        (tmp_path / name).symlink_to(elsewhere)
    write_whole(tmp_path / "file", b"new")
    assert files_of(tmp_path) == {"elsewhere": b"of somebody else", "file": b"new"}
    assert not (tmp_path / "file").is_symlink()


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


def test_infinity_is_a_word_in_a_result_and_comes_back():
    stored = json.loads(content_bytes({"rows": [{"log": float("-inf")}], "most": float("inf"), "name": "digits"}))
    assert (float(stored["rows"][0]["log"]), float(stored["most"]), stored["name"]) == (
        float("-inf"),
        float("inf"),
        "digits",
    )


@in_a_folder
@given(content=st.binary(max_size=60) | st.sampled_from(TABLES))
def test_any_bytes_are_a_table_or_refused(tmp_path, content):
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    try:
        assert read_json(path) == json.loads(content)
        json_bytes(read_json(path))
    except InputError as problem:
        assert str(path) in str(problem) and "damaged" in str(problem)


def test_a_table_nested_without_end_is_refused(tmp_path):
    (tmp_path / "settings.json").write_bytes(b'{"a": ' * 50_000)
    with pytest.raises(InputError, match="damaged"):
        read_json(tmp_path / "settings.json")


# ---------------------------------------------------------------------------------------------- one process at a time
def test_the_second_process_on_a_directory_says_so_and_a_killed_one_leaves_it_free(tmp_path):
    hold = LOCK + "with locked(Path(sys.argv[1])): print('mine', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(InputError, match="another process is working in"), locked(tmp_path):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
    with locked(tmp_path) as alone:
        assert alone


def test_a_directory_is_free_again_after_its_experiment(tmp_path):
    for _ in range(2):
        with locked(tmp_path) as alone:
            assert alone


def test_what_a_killed_process_left_half_written_is_cleared_away_and_nothing_else(tmp_path):
    ours = [tmp_path / ".mix2fld-rounds.csv.123.part", tmp_path / ".mix2fld-FL-seed0.json.77.part"]
    others = [
        ".film.part", "video.123.part", ".mix2fld-film.part", ".mix2fld-.1.part", ".mix2fld-a.1.part2",
        "below/.mix2fld-deep.1.part",
    ]
    for path in (*ours, *(tmp_path / name for name in others)):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / ".mix2fld-folder.1.part").mkdir()
    (tmp_path / ".mix2fld-link.1.part").symlink_to(tmp_path / ".film.part")
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "that is not there")
    assert not any(path.exists() for path in ours)
    assert all((tmp_path / name).exists() for name in (*others, ".mix2fld-folder.1.part", ".mix2fld-link.1.part"))


@pytest.mark.parametrize("absent", [True, False])
def test_where_there_are_no_locks_a_warning_says_so_and_the_work_goes_on(tmp_path, monkeypatch, absent):
    def fail(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    if absent:
        monkeypatch.setattr(storage, "fcntl", None)
    else:
        monkeypatch.setattr(storage.fcntl, "flock", fail)
    with (
        pytest.warns(UserWarning, match="cannot be locked .*flock|cannot be locked .*No locks available"),
        locked(tmp_path) as alone,
    ):
        assert not alone
