"""The studies beyond the letter: what they go through, what they record besides accuracy,
and what their commands leave."""

import csv
import json
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, strategies as st
from small_runs import SHORT, STUDY, files_of, write_digits
from strategies import generators

from mix2fld_np.cli import main
from mix2fld_np.console.notes import samples
from mix2fld_np.console.study import four_digits
from mix2fld_np.datasets.registry import load
from mix2fld_np.errors import InputError
from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.settings import COMPARISON, Settings
from mix2fld_np.federation.task import Task
from mix2fld_np.mixing import pairing
from mix2fld_np.nn.network import Network
from mix2fld_np.pictures import studies as study_pictures
from mix2fld_np.randomness import UP, stream
from mix2fld_np.runs.jobs import Source
from mix2fld_np.study import sweeps
from mix2fld_np.wireless.channel import transmit

TINY = [*SHORT, *STUDY]


def rows_of(out):
    with open(out / "rows.csv", newline="") as file:
        return list(csv.DictReader(file))


# ------------------------------------------------------------------------------------------------------------- as typed
@pytest.mark.parametrize("name", sweeps.SWEEPS)
def test_a_study_has_a_row_for_each_line_value_and_seed_and_a_picture(name, studies):
    sweep = sweeps.SWEEPS[name]
    values = sweep.values(replace(sweep.base, n_devices=10 if name == "slots" else 4), Network())
    runs = {(row["series"], float(row[sweep.field]), row["seed"]) for row in rows_of(studies[name])}
    assert runs == {(line.name, value, seed) for line in sweep.series for value in values for seed in "01"}
    assert len(rows_of(studies[name])) == len(runs)
    stem = name.replace("-", "_")
    assert {f"{stem}.png", f"{stem}.svg", "summary.json", "settings.json"} <= {
        path.name for path in studies[name].iterdir()
    }


@pytest.mark.parametrize("name", sweeps.SWEEPS)
def test_a_point_is_the_mean_and_spread_over_its_seeds(name, studies):
    sweep, rows = sweeps.SWEEPS[name], rows_of(studies[name])
    for point in json.loads((studies[name] / "summary.json").read_text())["points"]:
        own = [
            float(row["trained"])
            for row in rows
            if row["series"] == point["series"] and float(row[sweep.field]) == point[sweep.field]
        ]
        assert point["n_seeds"] == len(own) == 2
        assert (point["trained"], point["trained_spread"]) == pytest.approx((np.mean(own), np.std(own, ddof=1)))


def test_a_study_that_is_run_again_plays_nothing_and_writes_the_same_bytes(small_data, studies, real_pictures):
    out = studies["beta"]
    before, played = files_of(out), {path: path.stat().st_mtime_ns for path in (out / "runs").iterdir()}
    assert main(["study", "beta", *TINY, f"--data-dir={small_data}", f"--out={out}"]) == 0
    assert files_of(out) == before
    assert {path: path.stat().st_mtime_ns for path in (out / "runs").iterdir()} == played


def test_the_cliff_stands_where_401408_bits_of_4000_a_slot_put_it(studies):
    by_slots = {(row["series"], int(row["max_slots"])): row for row in rows_of(studies["slots"]) if row["seed"] == "0"}
    assert (
        by_slots["FL symmetric", 100]["delivered"] == "0.0" and float(by_slots["FL symmetric", 102]["delivered"]) > 0.5
    )
    alone = {
        by_slots[place]["accuracy"] for place in (("FL symmetric", 98), ("FL symmetric", 100), ("FL asymmetric", 98))
    }
    assert len(alone) == 1
    assert float(by_slots["FL asymmetric", 105]["delivered"]) < 0.5 < float(by_slots["FL asymmetric", 120]["delivered"])
    assert {row["delivered"] for (name, _), row in by_slots.items() if name == "Mix2FLD symmetric"} == {"1.0"}


@pytest.mark.parametrize("n_devices", [5, 10, 20])
def test_the_study_of_slots_stands_on_both_sides_of_the_cliff(n_devices):
    settings = replace(sweeps.FIGURES, n_devices=n_devices)
    values = sweeps.SWEEPS["slots"].values(settings, Network())
    needed = {5: 51, 10: 101, 20: 201}[n_devices]
    assert min(values) < needed <= max(values) and needed in values
    assert n_devices != 10 or values == (98, 100, 101, 102, 105, 110, 115, 120)


def test_a_study_without_values_is_refused_before_anything_is_played(small_data, tmp_path, capsys):
    asked = [*TINY, "--devices=1", f"--data-dir={small_data}", f"--out={tmp_path / 'out'}"]
    assert main(["study", "inverse-samples", *asked]) == 2
    said = capsys.readouterr().err
    assert "n_devices = 1" in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_study_of_images_that_repeat_keeps_its_results(tmp_path, capsys):
    folder = write_digits(tmp_path / "data", 400, 30)
    path = folder / "mnist" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[: 16 + 784] + path.read_bytes()[16 : 16 + 784] * 399)
    out = tmp_path / "out"
    assert (
        main(["study", "ratio", *TINY, "--rounds=1", "--seed-samples=10", f"--data-dir={folder}", f"--out={out}"]) == 0
    )
    privacies = [float(row["privacy_of_uploads"]) for row in rows_of(out)]
    assert set(privacies) == {-math.inf}
    points = json.loads((out / "summary.json").read_text())["points"]
    assert "-inf" in {point["privacy_of_uploads"] for point in points} and "-inf" in capsys.readouterr().out
    assert (out / "ratio.png").read_bytes().startswith(b"\x89PNG")


def test_a_study_names_the_points_whose_servers_had_too_few_samples(small_data, tmp_path, capsys):
    asked = [
        *TINY,
        "--rounds=1",
        "--seeds=1",
        "--seed-samples=4",
        f"--data-dir={small_data}",
        f"--out={tmp_path}",
    ]
    assert main(["study", "inverse-samples", *asked]) == 0
    printed = capsys.readouterr().out
    (note,) = (line for line in printed.splitlines() if line.startswith("* The server learned from fewer samples"))
    short = [row for row in rows_of(tmp_path) if int(row["server_samples"]) < int(row["server_samples_wanted"])]
    assert short
    for row in short:
        assert (
            f"{row['series']} at N_I = {row['n_inverse_samples']} from {row['server_samples']} "
            f"of {row['server_samples_wanted']}"
            in note
        )
    assert note.count(" at N_I = ") == len(short) and not any("scheduled" in row["series"] for row in short)


@pytest.mark.parametrize("name", sweeps.SWEEPS)
def test_the_picture_of_a_study_draws_every_line_or_says_whose_it_shares(name, studies):
    points = json.loads((studies[name] / "summary.json").read_text())["points"]
    over_values = partial(study_pictures.devices_and_server, field=sweeps.SWEEPS[name].field, below="")
    picture = study_pictures.PICTURES.get(name, over_values)(points, "title")
    series = [line.name for line in sweeps.SWEEPS[name].series]
    assert [text.get_text() for text in picture.legends[0].get_texts()] == series
    drawn = picture.axes[0].containers  # accuracy of the reference device, one for each line
    shared = [title.split(" = ") for title in picture.axes[0].get_title().splitlines()]
    assert len(drawn) + sum(len(names) - 1 for names in shared) == len(series)


@pytest.mark.parametrize(("name", "typed"), [
    ("ratio", "mixing_ratio=0.3"), ("beta", "beta=1"), ("slots", "max_slots=90"), ("slots", "uplink_power_dbm=40"),
    ("inverse-samples", "n_inverse_samples=60"), ("inverse-samples", "split=iid"),
    ("inverse-samples", "pairing=random"),
])  # fmt: skip
def test_what_a_study_goes_through_cannot_be_chosen(name, typed, small_data, tmp_path, capsys):
    assert main(["study", name, *TINY, f"--data-dir={small_data}", f"--out={tmp_path}", "--set", typed]) == 2
    assert f"{typed.split('=')[0]} = " in capsys.readouterr().err


def test_more_seed_samples_move_the_inverse_samples_with_them(small_data):
    sweep = sweeps.SWEEPS["inverse-samples"]
    asked = replace(sweep.base, n_seed_samples=30)  # what --seed-samples 30 makes of it
    assert {point.value for point in sweeps.points_of(sweep, asked, Source("mnist", str(small_data)), [0])} == {
        30,
        60,
        90,
        150,
        300,
        600,
    }
    with pytest.raises(InputError, match="n_inverse_samples = 51"):
        sweeps.points_of(sweep, replace(asked, n_inverse_samples=51), Source("mnist", str(small_data)), [0])


# --------------------------------------------------------------------------------------------- what else they record
@given(st.integers(2, 12), st.integers(1, 12), generators)
def test_the_study_of_inverse_samples_asks_for_what_a_schedule_can_plan_and_for_no_less(n_devices, n_seeds, rng):
    settings = Settings(n_devices=n_devices, n_seed_samples=n_seeds, n_inverse_samples=max(n_seeds, 100))
    values = sweeps.inverse_samples(settings, Network())
    assert set(values) <= {factor * n_seeds for factor in (1, 2, 3, 5, 10, 20)}
    for factor in (1, 2, 3, 5, 10, 20):
        if factor * n_seeds in values:
            pairing.schedule(n_devices, n_seeds, factor * n_seeds, 10, rng)
        else:
            with pytest.raises(InputError, match="at most"):
                pairing.schedule(n_devices, n_seeds, factor * n_seeds, 10, rng)


def task_of(data_dir, **changes):
    settings = replace(
        sweeps.FIGURES, **{"n_devices": 4, "n_samples": 60, "n_seed_samples": 10, "n_inverse_samples": 20} | changes
    )
    return Task(settings, load("mnist", data_dir), seed=0)


def test_privacy_of_uploads_rises_with_the_ratio_and_inverse_samples_have_one_only_where_they_are_made(small_data):
    low, high = (sweeps.privacies("Mix2FLD", task_of(small_data, mixing_ratio=ratio)) for ratio in (0.1, 0.4))
    assert high["privacy_of_uploads"] - low["privacy_of_uploads"] == pytest.approx(math.log(4))
    assert high["privacy_of_inverse"] > low["privacy_of_inverse"]
    mixed = sweeps.privacies("MixFLD", task_of(small_data, mixing_ratio=0.1))
    assert mixed == {"privacy_of_uploads": low["privacy_of_uploads"], "privacy_of_inverse": None}


@pytest.mark.parametrize("n_inverse", [10, 20, 50])
def test_memory_counts_every_pixel_of_every_inverse_sample_that_is_made(small_data, n_inverse):
    task = task_of(small_data, n_inverse_samples=n_inverse)
    found = sweeps.behind_inverse_samples("Mix2FLD", task)
    material = seed_samples.inversely_mixed(seed_samples.mixed(task), task)
    images, labels = material.render(np.arange(material.n_samples))
    assert found["n_made"] == len(images) == 4 * n_inverse
    assert found["memory_mb"] == pytest.approx(images.astype(np.float32).nbytes / 1e6)
    assert found["n_labels"] == len(set(labels.argmax(axis=1)))


def test_inverse_samples_of_few_groups_leave_labels_out(small_data):
    assert sweeps.behind_inverse_samples("Mix2FLD", task_of(small_data, n_inverse_samples=10))["n_labels"] == 10
    assert sweeps.behind_inverse_samples("Mix2FLD", task_of(small_data, n_inverse_samples=200))["n_labels"] < 10


def test_the_chance_of_an_upload_is_what_uploads_come_to(small_data):
    task = task_of(small_data, n_devices=10, n_samples=60, max_slots=112)
    chance = sweeps.chance_of_upload("FL", task)["chance_of_upload"]
    n_tries = 4_000
    arrived = transmit(task.uplink, 401_408, n_tries, stream(1, "channel", 1, UP)).delivered.mean()
    assert 0.2 < chance < 0.8
    assert abs(arrived - chance) < 5 * math.sqrt(chance * (1 - chance) / n_tries)
    assert sweeps.chance_of_upload("Mix2FLD", task)["chance_of_upload"] == pytest.approx(1)
    assert (
        sweeps.chance_of_upload("FL", task_of(small_data, n_devices=10, max_slots=COMPARISON.max_slots))[
            "chance_of_upload"
        ]
        < 0.01
    )


# ------------------------------------------------------------------------------------------------- what is said of it
@given(st.lists(st.floats(0.1, 0.9), min_size=7, max_size=7), st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=3))
def test_a_difference_is_taken_in_pairs_of_one_seed(levels, noise):
    sweep, betas = sweeps.SWEEPS["beta"], sweeps.SWEEPS["beta"].values(sweeps.FIGURES, Network())
    rows = [
        {"series": line.name, "beta": beta, "seed": seed, "trained": level + k / 100 + noise[seed]}
        for seed in range(3)
        for k, line in enumerate(sweep.series)
        for beta, level in zip(betas, levels, strict=True)
    ]
    found = dict(sweeps.differences(sweep, rows))
    assert len(found) == 2 * 6
    for beta, level in zip(betas[1:], levels[1:], strict=True):
        step = found[("FD", beta), (sweeps.LONGER_STEP, beta)]
        assert (step.mean, step.low, step.high) == pytest.approx((-0.01,) * 3)  # what the seed adds cancels
        assert found[(sweeps.SAME_STEP, beta), (sweeps.SAME_STEP, 0.0)].mean == pytest.approx(level - levels[0])


def test_lines_without_a_teacher_and_with_it_meet_where_beta_is_zero(studies):
    rows = [row for row in rows_of(studies["beta"]) if float(row["beta"]) == 0 and row["seed"] == "0"]
    control = {row["trained"] for row in rows if row["series"] in ("FD", sweeps.LONGER_STEP, sweeps.SAME_STEP)}
    assert len(control) == 1


def test_a_step_is_lengthened_and_shortened_by_the_sum_of_the_target(small_data):
    sweep = sweeps.SWEEPS["beta"]
    points = sweeps.points_of(sweep, sweep.base, Source("mnist", str(small_data)), [0])
    steps = {(point.series.name, point.value): point.job.settings.learning_rate for point in points}
    for beta in (0.1, 3.0):
        assert steps[sweeps.LONGER_STEP, beta] == pytest.approx(0.01 * (1 + beta)) and steps["FD", beta] == 0.01
        assert steps[sweeps.SAME_STEP, beta] * (1 + beta) == pytest.approx(0.01)


@pytest.mark.parametrize("pairing", ["random", "scheduled"])
def test_uploads_and_raw_samples_behind_inverse_samples_are_counted_one_by_one(small_data, pairing):
    task = task_of(small_data, n_inverse_samples=10, pairing=pairing)
    sent = seed_samples.mixed(task)
    pairs = seed_samples.chosen_pairs(sent, task)
    uploads = {upload for pair in pairs.tolist() for upload in pair}
    raw = {int(one[upload]) for upload in uploads for one in (sent.first, sent.second)}
    found = sweeps.behind_inverse_samples("Mix2FLD", task)
    assert (found["n_uploads_used"], found["n_raw_used"]) == (len(uploads), len(raw))
    assert found["n_uploads_used"] <= 40 and found["n_raw_used"] <= 2 * found["n_uploads_used"]


@pytest.mark.parametrize(("value", "text"), [
    (None, "-"), (-math.inf, "-inf"), (0.12544, "0.1254"), (5.1078, "5.108"), (10_000, "10,000"),
    (1_234_567.0, "1,234,567"),
])  # fmt: skip
def test_a_cell_has_four_digits_and_never_fewer_than_a_whole_number_has(value, text):
    assert four_digits(value) == text


@pytest.mark.parametrize(("made", "wanted", "text"), [
    (None, None, "-"), (0, 40, "0 of 40"), (79.5, 80, "79.5 of 80"), (1_000.0, 1_000.0, "1,000 of 1,000"),
])  # fmt: skip
def test_a_cell_of_samples_tells_a_shortage(made, wanted, text):
    assert samples(made, wanted) == text
