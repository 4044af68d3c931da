"""`mix2fld compare` and its neighbours, as typed; and the letter's main result at full size."""

import csv
import json
from dataclasses import replace
from statistics import fmean, stdev

import pytest
from made_up import made_up_result, made_up_row, made_up_rows
from small_runs import SHORT

from mix2fld_np.cli import main
from mix2fld_np.console.compare import ranking
from mix2fld_np.datasets.find import find
from mix2fld_np.datasets.registry import load
from mix2fld_np.datasets.sources import SOURCES
from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.protocols import PROTOCOLS, TABLE
from mix2fld_np.federation.settings import COMPARISON, PRINTED
from mix2fld_np.federation.simulation import MOMENTS, simulate
from mix2fld_np.federation.task import Task
from mix2fld_np.nn.network import Network
from mix2fld_np.pictures.curves import learning_curves
from mix2fld_np.pictures.labels import label_table
from mix2fld_np.runs.workers import Workers
from mix2fld_np.study.channel import channel_rows
from mix2fld_np.study.compare import Summary, bits_relative_to

TINY = [*SHORT, *"--rounds=2 --devices=3 --seed-samples=10 --inverse-samples=10".split()]


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_one_command_writes_all_that_was_promised(compared):
    assert {path.name for path in compared.iterdir()} >= {
        "settings.json", "rounds.csv", "curve.csv", "summary.json", "learning_curves.png", "learning_curves.svg",
    }  # fmt: skip
    rounds = rows_of(compared / "rounds.csv")
    assert len(rounds) == 5 * 2 * 2
    assert {
        "uplink_bits", "downlink_bits", "uplink_slots", "airtime_s", "compute_s", "elapsed_s", "server_accuracy"
    } <= set(rounds[0])
    assert {row["protocol"] for row in rows_of(compared / "curve.csv")} == {row.name for row in TABLE}


def test_the_summary_follows_from_the_rows(compared):
    rounds, curves = rows_of(compared / "rounds.csv"), rows_of(compared / "curve.csv")
    for name, kept in json.loads((compared / "summary.json").read_text()).items():
        mine = [row for row in rounds if row["protocol"] == name]
        last = [row for row in mine if row["round"] == "2"]
        accuracies = [float(row["reference_accuracy"]) for row in last]
        assert [row["seed"] for row in last] == ["0", "1"] and kept["n_seeds"] == 2 and kept["n_rounds"] == 2
        assert kept["final_accuracies"] == accuracies
        assert (kept["final_accuracy"], kept["final_accuracy_spread"]) == pytest.approx(
            (fmean(accuracies), stdev(accuracies))
        )
        best = [
            max(float(row["accuracy"]) for row in curves if (row["protocol"], row["seed"]) == (name, seed))
            for seed in "01"
        ]
        assert (kept["best_accuracy"], kept["best_accuracy_n_seeds"]) == (pytest.approx(fmean(best)), 2)
        models = [float(row["server_accuracy"]) for row in last if row["server_accuracy"]]
        assert kept["server_accuracy_n_seeds"] == len(models) == (0 if name == "FD" else 2)
        assert kept["server_accuracy"] == (pytest.approx(fmean(models)) if models else None)
        assert kept["total_uplink_bits"] == sum(int(row["uplink_bits"]) for row in mine) / 2
        assert kept["outage_rate"] == pytest.approx(
            1 - sum(int(row["uplink_delivered"]) for row in mine) / (3 * len(mine))
        )
        assert kept["downloads"] == sum(int(row["downlink_delivered"]) for row in mine)
        assert kept["elapsed_s"] == pytest.approx(fmean(float(row["elapsed_s"]) for row in last))
        samples = [int(row["server_samples"]) for row in last if row["server_samples"]]
        assert kept["server_samples"] == (fmean(samples) if samples else None)
        assert kept["server_samples_wanted"] == ({"FL": None, "FD": None}.get(name, 30))


def test_accuracy_by_label_adds_up_to_that_of_the_device(compared, small_data):
    rows, images = rows_of(compared / "per_label.csv"), load("mnist", small_data).test_labels
    share = [float((images == label).mean()) for label in range(10)]
    by_device = {}
    for row in rows:
        place = tuple(row[name] for name in ("protocol", "seed", "moment", "device"))
        by_device.setdefault(place, {})[row["label"]] = float(row["accuracy"])
    assert {len(own) for own in by_device.values()} == {11}
    for own in by_device.values():
        assert sum(n * own[str(label)] for label, n in enumerate(share)) == pytest.approx(own[""])
    for row in rows_of(compared / "rounds.csv"):
        if row["round"] == "2":
            at = (row["protocol"], row["seed"])
            ours = [own[""] for place, own in by_device.items() if place[:3] == (*at, "trained")]
            assert float(row["reference_accuracy"]) in ours


@pytest.mark.parametrize(("n_labels", "n_numbers"), [(10, 20), (100, 0)])
def test_the_picture_of_labels_marks_the_rare_ones(n_labels, n_numbers):
    rows = [
        {"protocol": "FL", "moment": moment, "label": label, "accuracy": 0.5}
        for moment in MOMENTS
        for label in (*range(n_labels), None)
    ]
    for ax in label_table(rows, [3, 7], "title").axes[:2]:
        assert [text.get_text() for text in ax.get_xticklabels() if "*" in text.get_text()] == ["3*", "7*"]
        assert len(ax.texts) == n_numbers / 2


def test_relative_bits_follow_from_the_rows(compared):
    summary = json.loads((compared / "summary.json").read_text())
    assert summary["FD"]["uplink_bits_relative_to_fl"] == pytest.approx(3_200 / 401_408)
    assert summary["FL"]["uplink_bits_relative_to_fl"] == 1


def summary_of(*runs, protocol="Mix2FLD", **changes):
    """A summary over seeds whose rounds have the columns that are given."""
    curve = [[0.0, 0.1], [1.0, 0.2]]
    results = tuple(made_up_result(made_up_rows(columns), curve) for columns in runs)
    return Summary(protocol, replace(COMPARISON, **changes), results)


def test_runs_of_unequal_length_are_compared_over_the_rounds_that_all_of_them_played():
    ours = summary_of({"uplink_bits": [100, 10]}, {"uplink_bits": [100, 10, 10]})
    theirs = summary_of({"uplink_bits": [550] * 6}, {"uplink_bits": [550] * 6}, protocol="FL")
    assert (ours.n_rounds, theirs.n_rounds) == (2, 6)
    assert bits_relative_to(theirs, ours) == pytest.approx(110 / 1_100)
    assert ours.over("uplink_bits").mean == 115 and theirs.over("uplink_bits").mean == 3_300


def test_a_servers_model_is_its_last_one_and_seeds_without_any_are_counted():
    some = summary_of(
        {"server_accuracy": [0.4, None]}, {"server_accuracy": [None, 0.6]}, {"server_accuracy": [None, None]}
    )
    assert some.as_json()["server_accuracy"] == pytest.approx(0.5) and some.as_json()["server_accuracy_n_seeds"] == 2
    assert some.over("server_accuracy").text() == "50.0 +- 14.1 % (2 of 3 seeds)"
    met = summary_of({"converged": [False, True], "elapsed_s": [1.0, 2.0]}, {"converged": [False, False]})
    assert met.over("criterion_s").text(1, 2, " s", spread=False) == "2.00 s (1 of 2 seeds)"
    assert summary_of({"server_accuracy": [None]}).over("server_accuracy").text() == "-"


def curves_drawn(directory):
    """The lines of the picture that is drawn of a comparison's curve.csv, by label."""
    rows = [
        {
            "protocol": row["protocol"],
            "seed": row["seed"],
            "elapsed_s": float(row["elapsed_s"]),
            "accuracy": float(row["accuracy"]),
        }
        for row in rows_of(directory / "curve.csv")
    ]
    return {line.get_label(): line for line in learning_curves(rows, "title").axes[0].get_lines()}


def test_the_last_round_is_the_last_one_that_was_played(small_data, tmp_path):
    asked = [
        *TINY,
        "--rounds=4",
        "--protocols=FL,FD",
        "--seeds=2",
        "--set=stop_when_converged=true",
        "--set=epsilon=0.3",
    ]
    assert main(["compare", *asked, f"--data-dir={small_data}", f"--out={tmp_path}"]) == 0
    rounds, summary = rows_of(tmp_path / "rounds.csv"), json.loads((tmp_path / "summary.json").read_text())
    lengths = {}
    for row in rounds:
        lengths[row["protocol"], row["seed"]] = int(row["round"])
    assert len(set(lengths.values())) > 1  # of unequal length, or this tests nothing
    for name, kept in summary.items():
        last = [row for row in rounds if row["protocol"] == name and int(row["round"]) == lengths[name, row["seed"]]]
        assert kept["final_accuracies"] == [float(row["reference_accuracy"]) for row in last]
        assert kept["elapsed_s"] == pytest.approx(fmean(float(row["elapsed_s"]) for row in last))
    assert summary["FD"]["uplink_bits_relative_to_fl"] == pytest.approx(3_200 / 401_408)
    times = [float(row["elapsed_s"]) for row in rows_of(tmp_path / "curve.csv") if row["protocol"] == "FD"]
    drawn = curves_drawn(tmp_path)["FD"].get_xdata()
    assert drawn[-1] == max(times) and set(drawn) == set(times)  # until the longest one ends


# --- a shortage of samples, and nothing to rank -----------------------------------------------------------------------


def test_a_shortage_of_inverse_samples_is_in_every_file_and_below_the_table(small_data, tmp_path, capsys):
    asked = "--protocols=MixFLD,Mix2FLD --devices=4 --seed-samples=3 --inverse-samples=6".split()
    assert main(["compare", *TINY, *asked, f"--data-dir={small_data}", f"--out={tmp_path}"]) == 0
    printed, rounds = capsys.readouterr().out, rows_of(tmp_path / "rounds.csv")
    made = {row["server_samples"] for row in rounds if row["protocol"] == "Mix2FLD"}
    assert {row["server_samples_wanted"] for row in rounds if row["protocol"] == "Mix2FLD"} == {"24"}
    assert len(made) == 1 and int(*made) < 24
    assert {row["server_samples"] for row in rounds if row["protocol"] == "MixFLD"} == {"12"}
    summary = json.loads((tmp_path / "summary.json").read_text())["Mix2FLD"]
    assert (summary["server_samples"], summary["server_samples_wanted"]) == (int(*made), 24)
    table, notes = printed.split("\n\n")[:2]
    (made,) = made
    assert f"{made} of 24" in table and "12 of 12" in table
    assert f"fewer samples than it was to have: Mix2FLD from {made} of 24. Seed samples had no partner" in notes
    if made == "0":
        assert "Mix2FLD is not ranked" in notes and "no samples to learn from" in notes and "ends highest" not in notes


def test_who_never_sent_anything_down_is_not_ranked_and_the_note_says_why(small_data, tmp_path, capsys):
    assert main(["compare", *TINY, "--max-slots=1", f"--data-dir={small_data}", f"--out={tmp_path}"]) == 0
    notes = capsys.readouterr().out.split("\n\n")[1]
    for name in ("FL", "FLD", "MixFLD", "Mix2FLD"):
        assert f"* {name} is not ranked: its devices never downloaded anything, as none of its uploads arrived" in notes
    assert "FD is not ranked" not in notes and "ends highest" not in notes and "end alike" not in notes


def test_the_table_and_its_last_lines_speak_of_these_numbers(small_data, tmp_path, capsys):
    asked = [*TINY[1:], "--protocols=FL,Mix2FLD", "--max-slots=20", f"--data-dir={small_data}"]  # without --quiet
    assert main(["compare", *asked, f"--out={tmp_path}"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Data: MNIST from ") and "--data digits takes the embedded digits" in printed
    assert "100.0 % of FL's uploads were lost" in printed and "times fewer bits than FL" in printed
    assert "FD " not in printed


def test_protocols_that_were_not_asked_for_are_not_spoken_of(small_data, tmp_path, capsys):
    assert main(["compare", *TINY, "--protocols=FD", f"--data-dir={small_data}", f"--out={tmp_path}"]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert set(summary) == {"FD"} and summary["FD"]["uplink_bits_relative_to_fl"] is None
    assert "Mix2FLD" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("compare --ratio 0.5", "any ratio but 0.5"),
        ("compare --iterations 0", "--iterations 0 is out of range"),
        ("compare --devices 70000", "--devices 70000"),
        ("compare --data mnist --devices 5 --set n_samples=50000", "sample"),
        ("compare --rounds many", "'many' is no whole number"),
        ("compare --data-dir /no/such/folder", "/no/such/folder"),
        ("compare --protocols FL,FL", "each once"),
        ("compare --data mnist --out /dev/null/x", "choose another --out"),
        ("compare --inverse-samples 5", "N_I >= N_S"),
        ("channel --max-slots 0", "--max-slots 0"),
        ("data fetch digits", "drawn, not downloaded"),
        ("dance", "invalid choice: 'dance'"),
    ],
)
def test_bad_input_is_one_line_exit_code_two_and_leaves_nothing(asked, says, small_data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIX2FLD_DATA", str(small_data))
    assert main(asked.split()) == 2
    said = capsys.readouterr().err
    assert says in said and said.count("\n") == 1 and said.startswith("mix2fld: ")
    assert list(tmp_path.iterdir()) == []


def test_the_channel_table_shows_the_letters_slots(capsys):
    assert main(["channel"]) == 0
    printed = capsys.readouterr().out
    for number in ("401,408", "101", "316,800", "80", "65,920", "17", "0.88717", "0.98813"):
        assert number in printed
    assert main(["channel", "--max-slots", "100"]) == 0
    assert "FL, up, can never get through" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["auto", *SOURCES])
def test_the_channel_counts_weights_and_pixels_of_the_data_that_are_named(name, capsys):
    data = SOURCES["mnist" if name == "auto" else name]
    network = Network(data.image_shape, n_labels=data.n_labels)
    assert main(["channel", f"--data={name}"]) == 0
    bits = {tuple(line.split()[:2]): line for line in capsys.readouterr().out.splitlines() if line}
    assert f" {32 * network.n_weights:,} " in bits["FL", "up"]
    assert f" {32 * data.n_labels**2:,} " in bits["FD", "up"]


def test_a_sixth_protocol_is_a_row_of_the_table_and_nothing_else(small_data, tmp_path, monkeypatch, capsys):
    sixth = replace(
        PROTOCOLS["Mix2FLD"], name="MyFLD", collect=lambda task: seed_samples.mixed(task), prepare=seed_samples.keep
    )
    monkeypatch.setitem(PROTOCOLS, "MyFLD", sixth)
    for module in ("federation.protocols", "study.channel", "console.options"):
        monkeypatch.setattr(f"mix2fld_np.{module}.TABLE", (*TABLE, sixth))
    assert [row["protocol"] for row in channel_rows(PRINTED, [10], Network())][-3:] == ["MyFLD"] * 3
    assert main(["channel"]) == 0
    assert ["MyFLD", "up,", "first", "round", "10", "65,920"] in [
        line.split()[:6] for line in capsys.readouterr().out.splitlines()
    ]
    assert main(["compare", *TINY, "--protocols=MixFLD,MyFLD", f"--data-dir={small_data}", f"--out={tmp_path}"]) == 0
    assert "MixFLD = MyFLD" in (tmp_path / "learning_curves.svg").read_text()
    both = json.loads((tmp_path / "summary.json").read_text())
    assert both["MyFLD"] == both["MixFLD"] and set(both) == {"MixFLD", "MyFLD"}


def test_the_data_table_shows_what_is_there(capsys, tmp_path):
    assert main(["data", "--data-dir", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "digits" in printed and "embedded" in printed and "not found" in printed


# --- the main result --------------------------------------------------------------------------------------------------


def final(protocol, settings, data):
    """(accuracy of the reference device, of the server's model) at the end of a full-size run."""
    with Workers(2) as workers:
        *_, end = simulate(PROTOCOLS[protocol], Task(settings, data, 0, workers.start))
    return end.rounds[-1]["reference_accuracy"], end.rounds[-1]["server_accuracy"]


@pytest.mark.slow
@pytest.mark.skipif(not find("mnist"), reason="MNIST is not here; mix2fld data fetch mnist gets it")
@pytest.mark.parametrize("channel", ["asymmetric", "symmetric"])
def test_the_letters_main_result_on_mnist(channel):
    data, power = load("mnist"), {"asymmetric": 23.0, "symmetric": 40.0}[channel]
    settings = replace(COMPARISON, uplink_power_dbm=power)
    found = {name: final(name, settings, data) for name in ("FL", "FD", "MixFLD", "Mix2FLD")}
    mix2fld = found["Mix2FLD"][0]
    if channel == "asymmetric":
        assert mix2fld > found["MixFLD"][1] and mix2fld > found["FD"][0] and mix2fld > found["FL"][0]
    else:
        assert all(found["FL"][0] > accuracy for name, (accuracy, _) in found.items() if name != "FL")


@pytest.mark.parametrize(
    "final, said",
    [
        (
            {"FL": 0.8, "FLD": 0.91, "Mix2FLD": 0.9},
            "FLD is highest, at 91.0 %: 1.0 points above Mix2FLD, 11.0 points above FL.",
        ),
        ({"FL": 0.8, "FD": 0.9}, "FD is highest, at 90.0 %: 10.0 points above FL."),
        ({"FL": 0.1, "FD": 0.1, "FLD": 0.1}, "all of them are alike, at 10.0 %."),
    ],
)
def test_the_ranking_names_who_is_highest_second_and_last(final, said):
    learned = [
        Summary(name, COMPARISON, (made_up_result([made_up_row()], [], [accuracy] * 10),))
        for name, accuracy in final.items()
    ]
    assert ranking("trained", "At the end", learned) == f"At the end, {said}"
