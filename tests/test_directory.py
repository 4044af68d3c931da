"""One experiment in its directory: begun, gone on with, or refused; what is ours there, and what is not."""

import errno
import os
import pathlib
import shutil

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from small_runs import files_of, job, small, write_digits

from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.runs.checkpoint import MAGIC
from mix2fld_np.runs.directory import description, experiment
from mix2fld_np.runs.files import checksum, json_bytes, read_json, write_whole
from mix2fld_np.runs.store import StoredRun

RESULT = json_bytes({"identity": {"protocol": "FL"}})


def described(command="compare", **changes):
    return description(
        command, {"seeds": 2}, small(**changes), {"numpy": "2"}, {"mnist": "MNIST"}, ("rounds.csv", "curve.csv")
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"))


def test_settings_come_last_so_that_results_beside_them_are_complete(tmp_path):
    with experiment(tmp_path, described(), [], resume=False) as write:
        write("rounds.csv", [{"a": 1}])
        assert not (tmp_path / "settings.json").exists()
    assert read_json(tmp_path / "settings.json") == described()
    assert sorted(files_of(tmp_path)) == ["rounds.csv", "settings.json"]


def test_an_experiment_that_fails_keeps_its_progress_and_has_no_settings_beside_it(tmp_path):
    with pytest.raises(ZeroDivisionError), experiment(tmp_path, described(), [], resume=False):
        write_whole(tmp_path / "unfinished" / "FL-seed0", MAGIC)
        raise ZeroDivisionError
    assert sorted(files_of(tmp_path)) == ["unfinished/FL-seed0", "unfinished/settings.json"]


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("finished", [True, False])
def test_the_same_experiment_goes_on_with_what_is_there_only_where_asked(tmp_path, resume, finished):
    try:
        with experiment(tmp_path, described(), [], resume=False):
            write_whole(tmp_path / "runs" / "FL-seed0.json", RESULT)
            if not finished:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    with experiment(tmp_path, described(), [], resume):
        assert (tmp_path / "runs" / "FL-seed0.json").exists() == resume


@pytest.mark.parametrize("finished", [True, False])
def test_another_experiment_is_refused_and_the_difference_named(tmp_path, finished):
    try:
        with experiment(tmp_path, described(), [], resume=False):
            if not finished:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    before = files_of(tmp_path)
    with (
        pytest.raises(InputError, match="n_rounds = 2 instead of 5"),
        experiment(tmp_path, described(n_rounds=5), [], resume=True),
    ):
        pass
    assert files_of(tmp_path) == before


def test_a_new_experiment_makes_the_old_one_an_unfinished_one_before_anything_else(tmp_path, monkeypatch):
    with experiment(tmp_path, described(), [], resume=False) as write:
        write("rounds.csv", [{"a": 1}])
        write_whole(tmp_path / "runs" / "FL-seed0.json", RESULT)

    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("mix2fld_np.runs.directory.is_result", interrupt)
    with pytest.raises(KeyboardInterrupt), experiment(tmp_path, described(n_rounds=9), [], resume=False):
        pass
    monkeypatch.undo()
    assert set(files_of(tmp_path)) == {"rounds.csv", "runs/FL-seed0.json", "unfinished/settings.json"}
    with (
        pytest.raises(InputError, match="n_rounds = 2 instead of 9"),
        experiment(tmp_path, described(n_rounds=9), [], resume=True),
    ):
        pass
    with experiment(tmp_path, described(), [], resume=True):
        assert (tmp_path / "runs" / "FL-seed0.json").exists()


def test_a_new_experiment_takes_away_runs_and_checkpoints_of_the_old_one_and_nothing_else(tmp_path):
    with pytest.raises(KeyboardInterrupt), experiment(tmp_path, described(), [], resume=False):
        write_whole(tmp_path / "runs" / "FL-seed0.json", RESULT)
        write_whole(tmp_path / "unfinished" / "FD-seed0", MAGIC + b"damaged")
        write_whole(
            tmp_path / "unfinished" / "FD-seed1", MAGIC.replace(b"point 2", b"point 1") + b"of an older version"
        )
        write_whole(tmp_path / "runs" / "notes.json", b"{}")
        write_whole(tmp_path / "runs" / "FL-seed0.txt", RESULT)
        write_whole(tmp_path / "unfinished" / "symphony.txt", b"in b minor")
        raise KeyboardInterrupt
    with experiment(tmp_path, described(n_rounds=9), [], resume=False):
        assert set(files_of(tmp_path)) == {
            "runs/notes.json", "runs/FL-seed0.txt", "unfinished/symphony.txt", "unfinished/settings.json"
        }
    assert set(files_of(tmp_path)) == {
        "runs/notes.json", "runs/FL-seed0.txt", "unfinished/symphony.txt", "settings.json"
    }


@pytest.mark.parametrize("name", ["settings.json", "unfinished/settings.json"])
@pytest.mark.parametrize("resume", [True, False])
def test_settings_of_other_programs_or_that_were_changed_are_in_the_way(tmp_path, name, resume):
    changed = json_bytes(described() | {"seeds": 3})
    others = [b'{"editor": "dark"}', b'{"about": {"checksum": "0"}, "command": "compare"}', b"no JSON"]
    for content in (*others, changed, json_bytes(described("verify"))):
        write_whole(tmp_path / name, content)
        refused = pytest.raises(InputError, match="which mix2fld compare did not write and would replace|damaged")
        with refused, experiment(tmp_path, described(), [], resume):
            pass
        assert files_of(tmp_path) == {name: content}
        assert not (tmp_path / ".lock").exists()


@pytest.mark.parametrize("name", ["runs", "unfinished", "rounds.csv", ".lock"])
@pytest.mark.parametrize("resume", [True, False])
def test_what_is_no_file_or_no_folder_is_in_the_way_where_there_is_to_be_one(tmp_path, data, name, resume):
    in_the_way = [lambda path: path.symlink_to("that is not there")]
    in_the_way += [pathlib.Path.touch] if name in ("runs", "unfinished") else [pathlib.Path.mkdir]
    for make in in_the_way:
        make(tmp_path / name)
        refused = pytest.raises(InputError, match=f"holds {name}, which mix2fld compare did not write")
        with refused, experiment(tmp_path, described(), [StoredRun(job(data), tmp_path)], resume):
            pass
        assert [path.name for path in tmp_path.iterdir()] == [name]
        (tmp_path / name).rmdir() if (tmp_path / name).is_dir() else (tmp_path / name).unlink()


@pytest.mark.parametrize("name", ["rounds.csv", "runs/FL-seed0.json", "unfinished/settings.json", ""])
@pytest.mark.parametrize("late", [True, False])
def test_what_is_taken_away_during_a_run_is_named(tmp_path, data, name, late):
    run, gone = StoredRun(job(data), tmp_path / "out"), tmp_path / "out" / name
    told = pytest.raises(InputError, match=f"{gone}.* was removed while this command was running")
    with told, experiment(tmp_path / "out", described(), [run], resume=False) as write:
        write_whole(run.path, RESULT)
        write("rounds.csv", [{"a": 1}])
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
        if not late:
            write("curve.csv", [{"a": 1}])
    assert not (tmp_path / "out" / "settings.json").exists()


@pytest.mark.parametrize("linked", ["runs", "unfinished"])
def test_a_folder_may_be_a_link_to_another_disk(tmp_path, linked, monkeypatch):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / linked).symlink_to(tmp_path / "scratch")
    monkeypatch.setattr(os, "replace", within_a_disk(os.replace))
    monkeypatch.setattr(os, "rename", within_a_disk(os.rename))
    for n_rounds, resume in ((2, False), (2, True), (3, False)):
        with pytest.raises(KeyboardInterrupt), experiment(tmp_path / "out", described(n_rounds=n_rounds), [], resume):
            write_whole(tmp_path / "out" / "runs" / "FL-seed0.json", RESULT)
            write_whole(tmp_path / "out" / "unfinished" / "FD-seed0", MAGIC)
            raise KeyboardInterrupt
        with experiment(tmp_path / "out", described(n_rounds=n_rounds), [], resume=True) as write:
            assert (
                (tmp_path / "out" / "runs" / "FL-seed0.json").exists()
                and (tmp_path / "out" / "unfinished" / "FD-seed0").exists()
            )
            (tmp_path / "out" / "unfinished" / "FD-seed0").unlink()
            write("rounds.csv", [{"a": 1}])
    assert (tmp_path / "out" / linked).is_symlink()
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == (["FL-seed0.json"] if linked == "runs" else [])


def within_a_disk(rename):
    """As it does between two disks, it fails between two folders of which one is called scratch."""

    def renamed(old, new):
        if ("scratch" in str(pathlib.Path(old).resolve().parent)) != (
            "scratch" in str(pathlib.Path(new).parent.resolve())
        ):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(old, new)

    return renamed


def test_results_that_were_copied_without_their_lock_are_still_ours(tmp_path):
    with experiment(tmp_path, described(), [], resume=False):
        pass
    (tmp_path / ".lock").unlink()
    with experiment(tmp_path, described(n_rounds=5), [], resume=False):
        pass


def test_a_checkpoint_that_a_kill_left_beside_its_result_does_not_outlive_the_experiment(tmp_path, data):
    run = StoredRun(job(data), tmp_path)
    with experiment(tmp_path, described(), [run], resume=False):
        write_whole(run.path, RESULT)
        write_whole(run.checkpoint, MAGIC)
    assert set(files_of(tmp_path)) == {"runs/FL-seed0.json", "settings.json"}


def test_what_killed_processes_left_half_written_is_cleared_away_where_results_are_written(tmp_path):
    others = [".film.part", "more/.mix2fld-film.1.part", "runs/deep/.mix2fld-film.1.part"]
    ours = [
        ".mix2fld-rounds.csv.123.part",
        "runs/.mix2fld-FL-seed0.json.77.part",
        "unfinished/.mix2fld-FL-seed0.1.part",
    ]
    for name in (*ours, *others):
        write_whole(tmp_path / name, b"half")
    with experiment(tmp_path, described(), [], resume=True):
        assert set(files_of(tmp_path)) == {*others, "unfinished/settings.json"}


def test_where_another_process_may_still_write_nothing_half_written_is_cleared_away(tmp_path, monkeypatch):
    write_whole(tmp_path / ".mix2fld-rounds.csv.123.part", b"half")
    monkeypatch.setattr("mix2fld_np.runs.files.fcntl", None)
    with pytest.warns(UserWarning, match="cannot be locked"), experiment(tmp_path, described(), [], resume=True):
        assert ".mix2fld-rounds.csv.123.part" in files_of(tmp_path)


values = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2) | st.just({})
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(changes=st.dictionaries(st.sampled_from(["seeds", "command", "settings", "about", "more"]), values, max_size=2),
       about=st.dictionaries(st.sampled_from(["data", "numbers", "versions", "files", "more"]), values, max_size=2),
       resume=st.booleans())  # fmt: skip
def test_whatever_sealed_settings_hold_they_are_refused_or_taken_whole(tmp_path, changes, about, resume):
    content = described() | changes
    content["about"] = {**content["about"], **about} if isinstance(content["about"], dict) else content["about"]
    if isinstance(content["about"], dict):
        content["about"].pop("checksum", None)
        content["about"]["checksum"] = checksum(content)
    out = tmp_path / "out"
    write_whole(out / "settings.json", json_bytes(content))
    before = files_of(out)
    try:
        with experiment(out, described(), [], resume) as write:
            write("rounds.csv", [{"a": 1}])
        assert read_json(out / "settings.json") == described()
    except InputError as problem:
        assert "\n" not in str(problem) and files_of(out) == before
    shutil.rmtree(out)


def test_a_description_survives_its_file_and_gives_back_the_settings(tmp_path):
    write_whole(tmp_path / "settings.json", json_bytes(described(beta=0.25)))
    found = read_json(tmp_path / "settings.json")
    assert found == described(beta=0.25)
    assert Settings(**found["settings"] | {"filters": tuple(found["settings"]["filters"])}) == small(beta=0.25)
