"""`mix2fld compare` and its neighbours, as typed; and the letter's main result at full size."""

import csv
import json
from dataclasses import replace

import pytest

from mix2fld_np.cli import main
from mix2fld_np.console.compare import ranking
from mix2fld_np.datasets.find import find
from mix2fld_np.datasets.registry import load
from mix2fld_np.federation.protocols import PROTOCOLS
from mix2fld_np.federation.settings import COMPARISON
from mix2fld_np.federation.simulation import simulate
from mix2fld_np.federation.task import Task
from mix2fld_np.runs.jobs import threads

TINY = "--data digits --rounds 2 --iterations 20 --distill-iterations 20 --devices 3 --seed-samples 10 --inverse-samples 10".split()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A tiny comparison of all five protocols under two seeds."""
    out = tmp_path_factory.mktemp("compare")
    assert main(["compare", *TINY, "--seeds", "2", "--out", str(out), "--quiet"]) == 0
    return out


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_one_command_writes_all_that_was_promised(finished):
    assert {path.name for path in finished.iterdir()} >= {
        "settings.json", "rounds.csv", "curve.csv", "summary.json", "learning_curves.png", "learning_curves.svg",
    }  # fmt: skip
    rounds = rows_of(finished / "rounds.csv")
    assert len(rounds) == 5 * 2 * 2
    assert {"uplink_bits", "downlink_bits", "uplink_slots", "airtime_s", "compute_s", "elapsed_s", "server_accuracy"} <= set(rounds[0])
    assert {row["protocol"] for row in rows_of(finished / "curve.csv")} == set(PROTOCOLS)


def test_the_summary_follows_from_the_rows(finished):
    rounds, summary = rows_of(finished / "rounds.csv"), json.loads((finished / "summary.json").read_text())
    for name, kept in summary.items():
        mine = [row for row in rounds if row["protocol"] == name]
        last = [float(row["reference_accuracy"]) for row in mine if row["round"] == "2"]
        assert kept["final_accuracies"] == last
        assert kept["final_accuracy_mean"] == pytest.approx(sum(last) / 2)
        assert kept["total_uplink_bits"] == sum(int(row["uplink_bits"]) for row in mine) / 2
        assert kept["outage_rate"] == pytest.approx(1 - sum(int(row["uplink_delivered"]) for row in mine) / (3 * len(mine)))
        assert kept["time_to_criterion_s"] is None or kept["time_to_criterion_s"] <= kept["elapsed_s"]
    assert summary["FD"]["uplink_bits_relative_to_fl"] == pytest.approx(3_200 / 401_408)


def test_the_table_and_its_last_lines_speak_of_these_numbers(tmp_path, capsys):
    assert main(["compare", *TINY, "--protocols", "FL,Mix2FLD", "--out", str(tmp_path), "--max-slots", "20"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Data: embedded digits (") and "mix2fld data fetch mnist" in printed
    assert "100.0 % of FL's uploads were lost" in printed and "times fewer bits than FL" in printed
    assert "FD " not in printed


def test_protocols_that_were_not_asked_for_are_not_spoken_of(tmp_path, capsys):
    assert main(["compare", *TINY, "--protocols", "FD", "--out", str(tmp_path)]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert set(summary) == {"FD"} and summary["FD"]["uplink_bits_relative_to_fl"] is None
    assert "Mix2FLD" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("compare --ratio 0.5", "any ratio but 0.5"),
        ("compare --iterations 0", "--iterations 0 is out of range"),
        ("compare --devices 70000", "--devices 70000"),
        ("compare --data digits --devices 5 --set n_samples=50000", "sample"),
        ("compare --rounds many", "'many' is no whole number"),
        ("compare --data-dir /no/such/folder", "/no/such/folder"),
        ("compare --protocols FL,FL", "each once"),
        ("compare --data digits --out /dev/null/x", "choose another --out"),
        ("compare --inverse-samples 5", "N_I >= N_S"),
        ("channel --max-slots 0", "--max-slots 0"),
        ("data fetch digits", "drawn, not downloaded"),
        ("dance", "invalid choice: 'dance'"),
    ],
)
def test_bad_input_is_one_line_exit_code_two_and_leaves_nothing(asked, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
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


def test_the_data_table_shows_what_is_there(capsys, tmp_path):
    assert main(["data", "--data-dir", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "digits" in printed and "embedded" in printed and "not found" in printed


# --- the main result -------------------------------------------------------------------------------------------------------------------


def final(protocol, settings, data):
    """(accuracy of the reference device, of the server's model) at the end of a full-size run."""
    with threads(2) as spread:
        *_, end = simulate(PROTOCOLS[protocol], Task(settings, data, 0, spread))
    return end.rounds[-1]["reference_accuracy"], end.rounds[-1]["server_accuracy"]


@pytest.mark.full
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
        ({"FL": 0.8, "FLD": 0.91, "Mix2FLD": 0.9}, "FLD ends highest, at 91.0 %: 1.0 points above Mix2FLD, 11.0 points above FL."),
        ({"FL": 0.8, "FD": 0.9}, "FD ends highest, at 90.0 %: 10.0 points above FL."),
        ({"FL": 0.1, "FD": 0.1, "FLD": 0.1}, "All of them end alike, at 10.0 %."),
    ],
)
def test_the_ranking_names_who_is_highest_second_and_last(final, said):
    assert ranking(final) == said
