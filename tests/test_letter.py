"""Figures 2 and 3 and Tables II and III as typed, at sizes that take seconds; and the letter's own numbers."""

import csv
import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from small_runs import SHORT, files_of, write_digits

from mix2fld_np.cli import main
from mix2fld_np.datasets.registry import load
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import COMPARISON, PRINTED
from mix2fld_np.federation.task import Task
from mix2fld_np.mixing import mixup
from mix2fld_np.pictures import letter as letter_pictures
from mix2fld_np.pictures.canvas import new_figure, render
from mix2fld_np.runs.jobs import Source
from mix2fld_np.study import figures as letter, tables
from mix2fld_np.wireless import channel


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def read_again(path, *words):
    """The rows of a file as they were written, but for the numbers of the columns that are no words."""
    return [
        {name: text if name in words else float(text) if text else None for name, text in row.items()}
        for row in rows_of(path)
    ]


# ------------------------------------------------------------------------------------------------------------- Figure 2
def test_figure_2_has_four_panels_of_eight_curves_and_mixfld_once_for_each_number_of_seed_samples(figure_2):
    rows = rows_of(figure_2 / "rounds.csv")
    runs = {(row["panel"], row["protocol"], row["N_S"], row["N_I"], row["seed"]) for row in rows}
    assert len(runs) == 4 * 8 * 2 and len(rows) == 2 * len(runs)
    assert {key[2:4] for key in runs if key[1] == "Mix2FLD"} == {
        ("10", "10"), ("10", "20"), ("50", "50"), ("50", "100")
    }
    assert {key[2:4] for key in runs if key[1] == "MixFLD"} == {("10", ""), ("50", "")}
    assert {path.name for path in figure_2.iterdir()} >= {
        "curve.csv", "summary.json", "settings.json", "figure_2.png", "figure_2.svg"
    }


def test_every_curve_of_figure_2_is_played_with_its_own_numbers_in_its_own_panel():
    for run in letter.figure_2_runs(letter.FIGURES, Source("digits"), [0]):
        asked = run.job.settings
        assert asked.split == run.panel.split and asked.pairing == "scheduled" and asked.max_slots == 105
        assert asked.uplink_power_dbm == {"asymmetric": 23, "symmetric": 40}[run.panel.channel]
        if run.curve.n_seed:
            assert (asked.n_seed_samples, asked.n_inverse_samples) == (
                run.curve.n_seed,
                run.curve.n_inverse or run.curve.n_seed,
            )


def test_the_summary_of_figure_2_is_the_mean_of_the_last_rounds(figure_2):
    rows, summary = rows_of(figure_2 / "rounds.csv"), json.loads((figure_2 / "summary.json").read_text())
    for panel, label, protocol, n_seed, n_inverse in (
        ("a", "FL", "FL", "", ""),
        ("d", "Mix2FLD (50, 100)", "Mix2FLD", "50", "100"),
    ):
        last = [float(row["reference_accuracy"]) for row in rows if row["round"] == "2" and row["panel"] == panel
                and (row["protocol"], row["N_S"], row["N_I"]) == (protocol, n_seed, n_inverse)]  # fmt: skip
        assert summary[panel][label]["final_accuracies"] == last and len(last) == 2


def test_a_symmetric_channel_changes_times_and_not_what_fd_learns(figure_2):
    rows = [row for row in rows_of(figure_2 / "rounds.csv") if row["protocol"] == "FD"]
    for asymmetric, symmetric in (("a", "b"), ("c", "d")):
        slow, fast = ([row for row in rows if row["panel"] == panel] for panel in (asymmetric, symmetric))
        assert [row["reference_accuracy"] for row in slow] == [row["reference_accuracy"] for row in fast]
        assert all(float(one["airtime_s"]) >= float(other["airtime_s"]) for one, other in zip(slow, fast, strict=True))


def test_running_figure_2_again_plays_nothing_and_writes_the_same_bytes(small_data, figure_2, real_pictures):
    before, played = files_of(figure_2), {path: path.stat().st_mtime_ns for path in (figure_2 / "runs").iterdir()}
    assert (
        main(["figure", "2", *SHORT, "--rounds=2", "--seeds=2", f"--data-dir={small_data}", f"--out={figure_2}"]) == 0
    )
    assert files_of(figure_2) == before
    assert {path: path.stat().st_mtime_ns for path in (figure_2 / "runs").iterdir()} == played


def test_with_the_printed_t_max_fl_delivers_nothing_and_with_105_it_does(small_data, figure_2, tmp_path):
    assert (
        main(["figure", "2", *SHORT, "--rounds=1", "--printed", f"--data-dir={small_data}", f"--out={tmp_path}"]) == 0
    )
    for out, max_slots, delivered in ((tmp_path, 100, {"0"}), (figure_2, 105, {"10"})):
        assert json.loads((out / "settings.json").read_text())["settings"]["max_slots"] == max_slots
        rows = rows_of(out / "rounds.csv")
        assert {
            row["uplink_delivered"] for row in rows if row["protocol"] == "FL" and row["channel"] == "symmetric"
        } == delivered
        assert {
            row["uplink_delivered"] for row in rows if row["protocol"] == "Mix2FLD" and row["channel"] == "symmetric"
        } == {"10"}


def test_the_picture_of_figure_2_shows_the_mean_over_the_seeds_of_each_curve(figure_2):
    rows = read_again(figure_2 / "curve.csv", "panel", "split", "channel", "protocol")
    picture = letter_pictures.figure_2(rows, "title")
    assert len(picture.axes) == 4
    for panel, ax in zip("abcd", picture.axes, strict=True):
        named = [label for line in ax.get_lines() for label in line.get_label().split(" = ")]
        assert sorted(named) == sorted(curve.label for curve in letter.CURVES)
        (line,) = (line for line in ax.get_lines() if "FL" in line.get_label().split(" = "))
        own = [
            [row for row in rows if (row["panel"], row["protocol"], row["seed"]) == (panel, "FL", seed)]
            for seed in (0, 1)
        ]
        starts = [curve[0]["accuracy"] for curve in own]
        assert line.get_ydata()[0] == pytest.approx(100 * np.mean(starts))
        assert line.get_ydata()[-1] == pytest.approx(100 * np.mean([curve[-1]["accuracy"] for curve in own]))
        assert line.get_xdata()[-1] == max(row["elapsed_s"] for curve in own for row in curve)


@pytest.mark.parametrize("typed", ["n_seed_samples=70", "split=iid", "uplink_power_dbm=40", "n_inverse_samples=200"])
def test_what_figure_2_goes_through_cannot_be_chosen(typed, small_data, tmp_path, capsys):
    assert main(["figure", "2", *SHORT, f"--data-dir={small_data}", f"--out={tmp_path}", "--set", typed]) == 2
    assert "figure 2 goes through values of its own" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------------- Figure 3
def test_figure_3_tests_every_device_and_its_variance_is_theirs(figure_3):
    devices, points = rows_of(figure_3 / "devices.csv"), rows_of(figure_3 / "distribution.csv")
    assert len(devices) == 2 * sum((10, 20, 30, 40, 50)) and len(points) == 2 * 5
    for point in points:
        own = [
            float(row["accuracy"])
            for row in devices
            if (row["split"], row["n_devices"]) == (point["split"], point["n_devices"])
        ]
        assert len(own) == int(point["n_devices"])
        assert_allclose([float(point["mean"]), float(point["variance"])], [np.mean(own), np.var(own, ddof=1)])


def test_the_boxes_of_figure_3_stand_at_the_medians(figure_3):
    rows = read_again(figure_3 / "devices.csv", "split")
    ax = new_figure()[1][0, 0]
    letter_pictures.draw_boxes(ax, [row for row in rows if row["split"] == "iid"])
    for n in letter.N_DEVICES:
        own = [row["accuracy"] for row in rows if (row["split"], row["n_devices"]) == ("iid", n)]
        flat = [line for line in ax.get_lines() if len(line.get_xdata()) == 2 and len(set(line.get_ydata())) == 1]
        assert any(
            line.get_ydata()[0] == pytest.approx(100 * np.median(own)) and np.mean(line.get_xdata()) == n
            for line in flat
        )


def test_figure_3_is_only_possible_with_ten_seed_samples():
    jobs = letter.figure_3_jobs(letter.FIGURES, Source("digits"), [0])
    largest = max(jobs, key=lambda job: job.settings.n_devices).settings
    assert (largest.n_devices, largest.n_seed_samples) == (50, 10)
    assert channel.slots_needed(largest.uplink, 3_200 + 10 * 6_272) == 83 <= PRINTED.max_slots
    assert channel.slots_needed(largest.uplink, 3_200 + 50 * 6_272) == 396 > COMPARISON.max_slots
    with pytest.raises(InputError, match="n_devices = 20 cannot be chosen"):
        letter.figure_3_jobs(replace(letter.FIGURES, n_devices=20), Source("digits"), [0])


def test_figure_3_stands_runs_that_stop_early(small_data, figure_3, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(letter, "N_DEVICES", (10, 20))
    monkeypatch.setattr("mix2fld_np.pictures.letter.N_DEVICES", (10, 20))
    asked = [
        "--rounds=4",
        "--set=stop_when_converged=true",
        "--set=epsilon=0.9",
        f"--data-dir={small_data}",
        f"--out={tmp_path}",
    ]
    assert main(["figure", "3", *SHORT, *asked]) == 0
    for path in (tmp_path / "runs").iterdir():
        result = json.loads(path.read_text())["result"]
        assert len(result["rounds"]) < 4 and result["rounds"][-1]["converged"]
    assert len(rows_of(tmp_path / "devices.csv")) == 2 * (10 + 20)
    assert "at most 4 rounds" in (tmp_path / "figure_3.svg").read_text()
    assert main(["figure", "3", *SHORT, *asked]) == 0  # and again, from what is stored


@pytest.mark.parametrize(("command", "why"), [("figure", "drawing of the idea"), ("table", "lists the notation")])
def test_what_holds_no_result_says_so(command, why, capsys):
    assert main([command, "1"]) == 2
    assert why in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------- Tables II and III
@pytest.fixture(scope="module")
def uploads(small_data):
    settings = replace(tables.TABLES, n_devices=4, n_samples=60, n_seed_samples=15, n_inverse_samples=15)
    return tables.uploads_of(Task(settings, load("mnist", small_data), seed=0))


@pytest.mark.parametrize("name", tables.PRINTED_VALUES["2"])
def test_table_ii_was_copied_from_the_letter_its_columns_differ_by_logarithms_of_001_and_049(name):
    ratios = np.array([0.01, 0.1, 0.2, 0.3, 0.4, 0.49])
    assert_allclose(np.diff(tables.PRINTED_VALUES["2"][name]), np.diff(np.log(ratios)), atol=2e-3)


@pytest.mark.parametrize(("table", "name"), [*itertools.product("23", tables.PRINTED_VALUES["2"])])
def test_the_heads_0001_and_0499_are_read_as_001_and_049(table, name):
    measure = math.log if table == "2" else lambda ratio: math.log(ratio / (1 - 2 * ratio))
    fitting = {(head, ratio) for head, ratio in tables.COLUMNS if tables.fits(table, name, head, ratio, measure)}
    assert fitting == {(0.001, 0.01), (0.499, 0.49)}


def test_heads_that_were_right_would_be_read_as_printed(monkeypatch):
    monkeypatch.setitem(tables.PRINTED_VALUES["2"], "mnist", tuple(6.77 + math.log(head) for head in tables.HEADS))
    fitting = {(head, ratio) for head, ratio in tables.COLUMNS if tables.fits("2", "mnist", head, ratio, math.log)}
    assert fitting == {(0.001, 0.001), (0.499, 0.499)}


@pytest.mark.parametrize("measure", tables.DEFINITIONS["2"].values(), ids=tables.DEFINITIONS["2"])
def test_both_definitions_of_table_ii_differ_by_logarithms_between_columns(measure, uploads):
    ratios = [ratio for _, ratio in tables.COLUMNS]
    measured = [measure(uploads, ratio) for ratio in ratios]
    assert_allclose(np.diff(measured), np.diff(np.log(ratios)), atol=1e-9)


def test_the_closest_two_samples_of_different_labels_are_those_a_double_loop_finds(uploads):
    among = np.unique(uploads.first)
    flat = uploads.images.reshape(len(uploads.images), -1).astype(float)
    looped = min(
        np.linalg.norm(flat[i] - flat[j]) for i in among for j in among if uploads.labels[i] != uploads.labels[j]
    )
    assert tables.any_two(uploads, 0.2) == pytest.approx(math.log(0.2 * looped))


def test_the_nearer_upload_is_a_scaled_difference_of_two_uploads_away(uploads, monkeypatch):
    ratio = 0.2
    flat = uploads.images.reshape(len(uploads.images), -1).astype(float)
    mixed = mixup.mixup(flat[uploads.first], flat[uploads.second], ratio)
    nearest = min(np.linalg.norm(mixed[m] - mixed[k]) for m, k in uploads.pairs)
    assert tables.to_mixed(uploads, ratio) == pytest.approx(math.log(ratio / (1 - 2 * ratio) * nearest))
    monkeypatch.setattr(tables.privacy, "CHUNK", 3)
    assert tables.to_mixed(uploads, ratio) == pytest.approx(math.log(ratio / (1 - 2 * ratio) * nearest))


def test_uploads_of_the_tables_pair_across_devices_with_symmetric_labels(uploads):
    first, second = uploads.labels[uploads.first].tolist(), uploads.labels[uploads.second].tolist()
    looped = {(m, k) for k in range(60) for m in range(k) if (first[m], second[m]) == (second[k], first[k])}
    across = {(m, k) for m, k in looped if m // 15 != k // 15}
    assert {tuple(sorted(pair)) for pair in uploads.pairs.tolist()} == across != looped
    assert len(uploads.pairs) == len(across) > 0


def test_heads_are_not_read_where_there_is_no_distance():
    for value in (-math.inf, math.inf, None):
        assert (
            tables.fits("2", "mnist", 0.001, 0.01, lambda ratio, v=value: v if ratio == 0.01 else math.log(ratio))
            is None
        )


@pytest.fixture
def repeated(tmp_path):
    """A data set called mnist in which all images are one."""
    folder = write_digits(tmp_path / "data", 400, 30)
    for stem, n in (("train", 400), ("t10k", 30)):
        path = folder / "mnist" / f"{stem}-images-idx3-ubyte"
        path.write_bytes(path.read_bytes()[: 16 + 784] + path.read_bytes()[16 : 16 + 784] * (n - 1))
    return folder


@pytest.mark.parametrize("number", ["2", "3"])
def test_a_table_of_images_that_repeat_shows_and_keeps_no_distance(number, repeated, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("mix2fld_np.console.table.found", lambda data_dir, quiet: [Source("mnist", data_dir)])
    asked = [
        f"--data-dir={repeated}",
        f"--out={tmp_path / 'out'}",
        "--seeds=2",
        "--set=n_samples=60",
        "--set=n_seed_samples=15",
    ]
    assert main(["table", number, "--quiet", *asked]) == 0
    assert "-inf" in capsys.readouterr().out
    measures, rows = (
        [row for row in rows_of(tmp_path / "out" / name) if row["data"] == "mnist"]
        for name in ("measures.csv", "table.csv")
    )
    found = [float(row["privacy"]) for row in measures]
    assert set(found) == {-math.inf}
    kept = [row for row in json.loads((tmp_path / "out" / "table.json").read_text())["rows"] if row["data"] == "mnist"]
    assert [row["measured"] for row in rows] == [str(row["measured"]) for row in kept] and "-inf" in {
        row["measured"] for row in kept
    }
    for row in kept:
        own = [
            float(one["privacy"])
            for one in measures
            if (one["definition"], float(one["lambda"])) == (row["definition"], row["lambda"])
        ]
        assert float(row["measured"]) == pytest.approx(np.mean(own)) and len(own) == 2
        assert float(row["difference"]) == pytest.approx(float(row["measured"]) - row["printed"])


def test_the_picture_of_a_table_stands_distances_that_cannot_be_drawn():
    values = [-math.inf, 1.0, None, 2.0, math.inf, 3.0, 4.0, 5.0]
    rows = [
        {
            "data": "mnist",
            "definition": name,
            "head": head,
            "lambda": ratio,
            "measured": value,
            "printed": 1.0,
            "fits": None,
        }
        for name in ("one", "other")
        for (head, ratio), value in zip(tables.COLUMNS, values, strict=True)
    ]
    picture = letter_pictures.privacy_table(rows, "title")
    drawn = picture.axes[0].get_lines()[0].get_ydata()
    np.testing.assert_array_equal(drawn, [math.nan, 1, math.nan, 2, math.nan, 3, 4, 5])
    assert render(picture, "table")["table.png"].startswith(b"\x89PNG")


@pytest.mark.parametrize("number", ["2", "3"])
def test_a_table_shows_the_data_sets_that_are_there_and_the_digits_instead_of_the_others(number, table_outputs):
    out, printed = table_outputs[number]
    assert "Not found: fashion-mnist, cifar-10, cifar-100" in printed
    assert "The column headed 0.001 holds the values of lambda = 0.01, not 0.001" in printed
    rows = rows_of(out / "table.csv")
    assert len(rows) == 2 * 2 * 8
    measures = rows_of(out / "measures.csv")
    for row in rows:
        own = [
            float(one["privacy"])
            for one in measures
            if all(one[name] == row[name] for name in ("data", "definition", "lambda"))
        ]
        assert float(row["measured"]) == pytest.approx(np.mean(own)) and len(own) == 2
        if row["data"] == "digits":
            assert not row["printed"] and not row["difference"]
        else:
            assert float(row["difference"]) == pytest.approx(float(row["measured"]) - float(row["printed"]))
    assert {path.suffix for path in out.glob(f"table_{number}.*")} == {".png", ".svg"}
