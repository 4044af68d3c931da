"""`study vary`: any setting goes through values of one's own."""

import csv
import itertools
import json
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from made_up import made_up_run
from small_runs import SHORT, files_of
from strategies import setting_values

from mix2fld_np.cli import main
from mix2fld_np.console import session, study
from mix2fld_np.console.options import parsed_set
from mix2fld_np.federation.settings import COMPARISON, Settings
from mix2fld_np.pictures import studies as pictures
from mix2fld_np.runs.store import StoredRun
from mix2fld_np.study import figures, sweeps

SMALL = [*SHORT, "--devices=3", "--rounds=2", "--seeds=2", "--seed-samples=10", "--inverse-samples=20"]
NAMES = [field.name for field in fields(Settings)]


def rows_of(out):
    with open(out / "rows.csv", newline="") as file:
        return list(csv.DictReader(file))


# ------------------------------------------------------------------------------------------------------------- as typed
@pytest.fixture(scope="module")
def paired(small_data, tmp_path_factory):
    """What `study vary pairing=scheduled,random` leaves; nobody writes there."""
    out = tmp_path_factory.mktemp("vary")
    asked = ["study", "vary", "pairing=scheduled,random", *SMALL, "--protocols=FD,Mix2FLD", f"--data-dir={small_data}"]
    assert main([*asked, f"--out={out}"]) == 0
    return out, asked


def test_there_is_a_row_for_each_protocol_value_and_seed_and_a_picture(paired):
    out, _ = paired
    runs = [(row["series"], row["pairing"], row["seed"]) for row in rows_of(out)]
    assert sorted(runs) == sorted(itertools.product(("FD", "Mix2FLD"), ("random", "scheduled"), "01"))
    assert {path.name for path in out.iterdir()} >= {"vary.png", "vary.svg", "summary.json", "settings.json"}


def test_a_value_is_compared_with_the_first_in_pairs_of_one_seed(paired, capsys):
    out, asked = paired
    assert main([*asked, f"--out={out}"]) == 0
    printed = capsys.readouterr().out
    at = {(row["series"], row["pairing"], row["seed"]): float(row["trained"]) for row in rows_of(out)}
    for name in ("FD", "Mix2FLD"):
        mean = np.mean([at[name, "random", seed] - at[name, "scheduled", seed] for seed in "01"])
        (line,) = (line for line in printed.splitlines() if line.startswith(f"{name} at pairing = random less"))
        assert f"{name} at pairing = scheduled " in line and f"{100 * mean:+.1f} (" in line


def test_what_does_not_depend_on_a_setting_is_said_to_be_the_same(paired, capsys):
    out, asked = paired
    assert main([*asked, f"--out={out}"]) == 0
    assert "% at every pairing." in next(line for line in capsys.readouterr().out.splitlines() if "* FD:" in line)


def test_run_again_it_plays_nothing_and_writes_the_same_bytes(paired):
    out, asked = paired
    before, played = files_of(out), {path: path.stat().st_mtime_ns for path in (out / "runs").iterdir()}
    assert main([*asked, f"--out={out}"]) == 0
    assert main(["study", "vary", "pairing=scheduled,random", f"--config={out}/settings.json", f"--out={out}"]) == 0
    assert files_of(out) == before
    assert {path: path.stat().st_mtime_ns for path in (out / "runs").iterdir()} == played


def test_a_protocol_ends_as_in_compare_under_the_same_settings(paired, small_data, tmp_path):
    out, _ = paired
    asked = ["compare", *SMALL, "--protocols=Mix2FLD", f"--data-dir={small_data}", f"--out={tmp_path}"]
    assert main(asked) == 0
    compared = json.loads((tmp_path / "summary.json").read_text())["Mix2FLD"]["final_accuracies"]
    own = [row for row in rows_of(out) if (row["series"], row["pairing"]) == ("Mix2FLD", COMPARISON.pairing)]
    assert [float(row["accuracy"]) for row in own] == compared


def test_protocols_without_a_global_model_have_no_empty_picture_of_it():
    picture = drawn("beta", [0.1, 0.0], ("FD", "A protocol of one's own"), None)
    assert len(picture.axes) == 1 and len(drawn("beta", [0.1, 0.0], ("FD",), 0.5).axes) == 2
    assert [text.get_text() for text in picture.legends[0].get_texts()] == ["FD", "A protocol of one's own"]


def drawn(field, values, names=("FD",), server=None):
    """The picture of a study with these values and lines."""
    points = [{"series": name, field: value, "trained": 0.5 + 0.1 * k + 0.01 * j, "server_accuracy": server}
              for j, name in enumerate(names) for k, value in enumerate(values)]  # fmt: skip
    return pictures.devices_and_server(points, "title", field, field)


@pytest.mark.parametrize(("field", "values", "shown"), [
    ("beta", [0.1, 0.0, 1e-7], ["0", "1e-07", "0.1"]), ("n_rounds", [1_000_000, 2], ["2", "1000000"]),
    ("pairing", ["scheduled", "random"], ["scheduled", "random"]), ("filters", [(9, 1), (4, 3)], ["[9,1]", "[4,3]"]),
])  # fmt: skip
def test_numbers_are_drawn_in_their_order_and_words_in_that_of_the_command(field, values, shown):
    axes = drawn(field, values).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == shown
    assert list(axes.containers[0].lines[0].get_xdata()) == list(range(len(values)))


# ----------------------------------------------------------------------------------------------------- values of a kind
@pytest.fixture
def played_by_nobody(monkeypatch):
    """Runs are stored with made-up results, and no picture is drawn."""

    def stored(jobs, directory, *how):
        for job in jobs:
            StoredRun(job, directory).finish(made_up_run())
        return [made_up_run() for _ in jobs]

    monkeypatch.setattr(session, "play_all", stored)
    monkeypatch.setattr(session, "prepare", lambda jobs: None)
    monkeypatch.setattr(study, "render", lambda figure, stem: {f"{stem}.png": b"", f"{stem}.svg": b""})
    monkeypatch.setattr(pictures, "devices_and_server", lambda *points, **how: None)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_value_of_any_setting_survives_the_way_from_the_command_line_to_what_is_stored(
    name, data, played_by_nobody, small_data, tmp_path_factory
):
    values = data.draw(st.lists(setting_values(name), min_size=2, max_size=3, unique=True))
    typed = [sweeps.as_typed(value) for value in values]
    assert [parsed_set([f"{name}={text}"])[name] for text in typed] == values
    out = tmp_path_factory.mktemp("vary")
    asked = ["--quiet", "--data=mnist", f"--data-dir={small_data}", "--protocols=FL", "--seeds=1", f"--out={out}"]
    assert main(["study", "vary", f"{name}={','.join(typed)}", *asked]) == 0
    stored = [json.loads(path.read_text())["identity"]["settings"] for path in (out / "runs").iterdir()]
    as_json = [list(value) if isinstance(value, tuple) else value for value in values]
    assert sorted(run[name] for run in stored) == sorted(as_json)
    assert all(len({json.dumps(run[other]) for run in stored}) == 1 for other in NAMES if other != name)
    assert [point[name] for point in json.loads((out / "summary.json").read_text())["points"]] == as_json
    assert [row[name] for row in rows_of(out)] == [str(int(v) if isinstance(v, bool) else v) for v in values]


@given(st.lists(st.sampled_from([-20.0, 20.0, 2.5, -2.5, 1e-20, -1e-20, 1e20, -1e20, 0.1 + 0.2, 0.3]), unique=True))
def test_numbers_that_differ_in_their_sign_or_last_digit_are_files_of_their_own(values):
    names = [figures.file_name(f"FL {sweeps.as_typed(value)} seed0") for value in values]
    assert len({name.lower() for name in names}) == len(values) and not any("/" in name for name in names)


# ------------------------------------------------------------------------------------------------------------ bad input
@pytest.mark.parametrize(("typed", "more", "says"), [
    ("", "", "NAME=V1,V2,...: the value is empty"),
    ("beta", "", "vary 'beta=' gives no value that can be used; write vary beta=VALUE."),
    ("beta=1,,2", "", "vary 'beta=' gives no value that can be used"),
    ("bata=1,2", "", "vary: 'bata' is no setting of this command; did you mean 'beta'?"),
    ("rounds=1,2", "", "did you mean 'n_rounds'?"),
    ("seeds=1,2", "", "vary: 'seeds' is no setting of this command"),
    ("beta=1", "", "beta = 1 is one value, and there is nothing to compare it with; give two or more, beta=V1,V2."),
    ("beta=0.1,1,.1", "", "beta = 0.1 is given twice; give each value once."),
    ("standardised=yes,no,true", "", "standardised = yes is given twice"),
    ("filters=[4,3],[4, 3]", "", "filters = [4,3] is given twice"),
    ("beta=1,fast", "", "vary beta: 'fast' is no finite number"),
    ("n_rounds=1,1e3", "", "vary n_rounds: '1e3' is no whole number"),
    ("beta=1,-1", "", "beta = -1.0 is out of range"),
    ("mixing_ratio=0.1,0.5", "", "mixing_ratio = 0.5 cannot be inverted"),
    ("pairing=random,chance", "", "pairing = 'chance' is not known; choose one of random, scheduled."),
    ("standardised=yes,perhaps", "", "standardised = 'perhaps' cannot be used: it must be true or false."),
    ("filters=12,6", "", "filters = 12 cannot be used: it must be a pair of whole numbers."),
    ("n_devices=3,90000", "", "n_devices = 90000 is out of range"),
    ("n_samples=60,100000", "", "sample"),  # more than there are
    ("n_seed_samples=10,61", "", "n_seed_samples = 61"),  # more than a device has
    ("n_seed_samples=10,30", "--inverse-samples=20", "below n_seed_samples = 30"),
    ("beta=1,2", "--beta=3", "--beta and vary beta set the same; give one of them."),
    ("beta=1,2", "--set=beta=3", "--set beta and vary beta set the same; give one of them."),
    ("uplink_power_dbm=23,30", "--channel=symmetric", "--channel and vary uplink_power_dbm set the same"),
])  # fmt: skip
def test_what_cannot_be_varied_is_refused_in_a_sentence_before_the_first_step(
    typed, more, says, small_data, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session, "play_all", lambda *arguments: pytest.fail("something was played"))
    assert main(["study", "vary", typed, *SHORT, f"--data-dir={small_data}", *more.split()]) == 2
    said = capsys.readouterr().err
    assert said.startswith("mix2fld: ") and said.count("\n") == 1 and says in said
    assert not list(tmp_path.iterdir())


def test_other_values_do_not_replace_what_stands_in_a_directory(paired, capsys):
    out, asked = paired
    before = files_of(out)
    assert main([*(word.replace("scheduled,random", "random,scheduled") for word in asked), f"--out={out}"]) == 2
    assert "choose another --out" in capsys.readouterr().err and files_of(out) == before


def test_each_sweep_has_a_directory_of_its_own_by_default(small_data, tmp_path, monkeypatch, played_by_nobody):
    monkeypatch.chdir(tmp_path)
    for typed in ("beta=.1,1", "beta=1,2", "split=iid,non-iid"):
        assert main(["study", "vary", typed, *SHORT, "--seeds=1", f"--data-dir={small_data}"]) == 0
    assert {path.name for path in (tmp_path / "results").iterdir()} == {
        "study-vary-beta=0.1,1", "study-vary-beta=1,2", "study-vary-split=iid,non-iid"
    }  # fmt: skip


def test_the_list_of_studies_names_it_with_its_values(capsys):
    assert main(["study", "--help"]) == 0
    assert "vary" in capsys.readouterr().out
    assert main(["study", "vary", "--help"]) == 0
    assert "NAME=V1,V2,..." in capsys.readouterr().out
