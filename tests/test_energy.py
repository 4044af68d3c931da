"""Energy: transmit power times airtime, of each device up and of the server's one multicast down."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from federations import DEAF, play, small_task
from hypothesis import given, strategies as st
from small_runs import job, write_digits
from strategies import links
from test_compare import rows_of

from mix2fld_np.cli import main
from mix2fld_np.federation.protocols import PROTOCOLS, TABLE
from mix2fld_np.federation.settings import COMPARISON
from mix2fld_np.nn.network import Network
from mix2fld_np.runs import files
from mix2fld_np.runs.jobs import task_of
from mix2fld_np.runs.play import play_all
from mix2fld_np.runs.store import StoredRun
from mix2fld_np.study.channel import channel_rows
from mix2fld_np.wireless import channel

JOULES_A_SLOT = 1e-3 * 10 ** ((23 - 30) / 10)  # joules of a device in a slot of a millisecond at 23 dBm


@pytest.mark.parametrize("protocol", TABLE, ids=lambda row: row.name)
def test_a_round_costs_each_device_its_own_slots_and_the_server_those_of_the_slowest(protocol):
    sent, real = [], channel.transmit

    def overheard(*arguments):
        sent.append(real(*arguments))
        return sent[-1]

    task = small_task(distance_m=(400.0, 900.0, 1_100.0, 1_200.0))
    rows = play(protocol, replace(task, channel=overheard))[-1].rounds
    for row in rows:
        up, down = sent.pop(0), sent.pop(0) if row["downlink_slots"] else None
        assert row["uplink_energy_j"] == pytest.approx(JOULES_A_SLOT * sum(up.slots.tolist()), rel=1e-12)
        assert row["downlink_energy_j"] == pytest.approx(0.01 * down.slots.max() if down else 0, rel=1e-12)
    assert not sent


def test_a_lost_round_is_paid_in_full_and_silence_costs_nothing():
    (row, *_) = play(PROTOCOLS["FL"], small_task(**DEAF))[-1].rounds
    assert row["uplink_energy_j"] == pytest.approx(4 * 105 * 1e-3 * 1e-13) and row["downlink_energy_j"] == 0
    (row, *_) = play(PROTOCOLS["Local"], small_task())[-1].rounds
    assert row["uplink_energy_j"] == row["downlink_energy_j"] == 0


@given(links(), st.integers(0, 2**32 - 1), st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 30))
def test_a_smaller_payload_never_costs_more_and_ten_decibels_cost_ten_times(link, seed, bits, other, more_db):
    small, large = (channel.transmit(link, b, 4, np.random.default_rng(seed)).slots for b in sorted((bits, other)))
    assert np.all(channel.energy_j(link, small) <= channel.energy_j(link, large))
    louder = replace(link, power_dbm=link.power_dbm + more_db)
    assert channel.energy_j(louder, 7) == pytest.approx(10 ** (more_db / 10) * channel.energy_j(link, 7))


def test_mean_energy_in_closed_form_agrees_with_the_simulation_within_five_standard_errors():
    settings = replace(COMPARISON, n_devices=3, n_uplink_channels=2, distance_m=(700.0, 1_100.0, 1_300.0))
    for row in channel_rows(settings, [10], Network()):
        is_down = row["direction"] == "down"
        link, rng = settings.links(0)[is_down], np.random.default_rng(31)
        sent = [channel.transmit(link, row["bits"], 3, rng).slots for _ in range(500)]
        drawn = channel.energy_j(link, np.max(sent, axis=1, keepdims=True) if is_down else sent)
        assert drawn.shape[1] == len(row["energy_j"])
        error = drawn.std(axis=0) / math.sqrt(len(drawn))
        assert np.all(np.abs(drawn.mean(axis=0) - row["energy_j"]) <= 5 * error + 1e-12)


def test_the_summary_says_joules_and_accuracy_per_joule(compared):
    rounds, summary = rows_of(compared / "rounds.csv"), json.loads((compared / "summary.json").read_text())
    labels = [row for row in rows_of(compared / "per_label.csv") if row["moment"] == "trained" and not row["label"]]
    for name, kept in summary.items():
        by_seed = {seed: [row for row in rounds if (row["protocol"], row["seed"]) == (name, seed)] for seed in "01"}
        joules = {seed: sum(float(row["uplink_energy_j"]) for row in own) for seed, own in by_seed.items()}
        assert kept["uplink_energy_j"] == pytest.approx(sum(joules.values()) / 2)
        means = []
        for seed in "01":
            own = [float(row["accuracy"]) for row in labels if (row["protocol"], row["seed"]) == (name, seed)]
            means.append(sum(own) / len(own) / joules[seed])
        assert kept["accuracy_per_joule"] == pytest.approx(sum(means) / 2)


def test_where_nobody_sends_there_is_no_accuracy_per_joule(tmp_path, capsys):
    data = write_digits(tmp_path / "data")
    more = "--quiet --data=mnist --rounds=1 --iterations=5 --devices=3 --set=n_samples=60 --seed-samples=5".split()
    assert main(["compare", "--protocols=Local", *more, f"--data-dir={data}", f"--out={tmp_path / 'out'}"]) == 0
    kept = json.loads((tmp_path / "out" / "summary.json").read_text())["Local"]
    assert kept["uplink_energy_j"] == 0 and kept["accuracy_per_joule"] is None
    assert "0.000 J" in capsys.readouterr().out


# ------------------------------------------------------------------------------------- runs that were stored before it
def without_energy(rows):
    return [{name: value for name, value in row.items() if "energy" not in name} for row in rows]


def test_a_run_that_was_stored_before_energy_was_counted_is_still_that_run(tmp_path):
    run = StoredRun(job(write_digits(tmp_path / "data"), "FD"), tmp_path)
    (result,) = play_all([run.job], tmp_path)
    stored = json.loads(run.path.read_text())
    stored["result"]["rounds"] = without_energy(stored["result"]["rounds"])
    run.path.write_text(json.dumps(stored | {"checksum": files.checksum(stored["result"])}))
    older = run.result()
    assert without_energy(older.rounds) == without_energy(result.rounds) and older.trained == result.trained
    assert older.uplink_energy_j is older.accuracy_per_joule is None
    assert result.uplink_energy_j > 0


def test_a_run_that_was_interrupted_before_energy_was_counted_goes_on(tmp_path):
    run = StoredRun(job(write_digits(tmp_path / "data"), "FD"), tmp_path)
    task = task_of(run.job)
    first = next(iter(play(PROTOCOLS["FD"], task)))
    run.save(replace(first, rounds=tuple(without_energy(first.rounds))))
    assert without_energy(run.progress(task).rounds) == without_energy(first.rounds)
    (result,) = play_all([run.job], tmp_path)
    assert [row["uplink_energy_j"] is None for row in result.rounds] == [True, False]
    assert result.uplink_energy_j is None
