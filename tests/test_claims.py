"""The letter's sentences, each with its readings, and the command that reads what figures left."""

import csv
import json
import math
import shutil
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from made_up import made_up_results, made_up_run, of_claim

from mix2fld_np.claims import findings, measures, reasons, stored_figures, verdicts
from mix2fld_np.claims.claims import CLAIMS, MIX2FLD
from mix2fld_np.claims.verdicts import CONTRADICTED, REPRODUCED, UNDECIDED
from mix2fld_np.cli import main
from mix2fld_np.console.claims import judged, shown
from mix2fld_np.errors import InputError
from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.task import Task
from mix2fld_np.runs.files import checksum
from mix2fld_np.runs.jobs import Source, dataset
from mix2fld_np.study import figures as letter
from mix2fld_np.wireless import payload


def letters_bits(panel, label, seed, **changes):
    """A run over ten rounds whose uploads have the letter's sizes."""
    n_seed = next(curve.n_seed for curve in letter.CURVES if curve.label == label)
    bits = 401_408 if label == "FL" else 3_200
    return made_up_run(bits=[10 * (bits + payload.sample_bits(n_seed or 0, 6_272)), *[10 * bits] * 9], **changes)


def test_42_4_times_is_reproduced_by_ten_rounds_of_the_letters_payloads():
    (row,) = of_claim("42.4x", made_up_results(letters_bits))
    assert row["effect"] == pytest.approx(42.378, abs=1e-3) and row["printed"] == 42.4
    assert row["verdict"] == REPRODUCED
    assert shown(row)[:2] == ["42.40", "42.38 (42.38 to 42.38)"]


def test_a_claim_prints_the_number_of_its_sentence_and_is_rounded_as_that_is():
    for claim in CLAIMS:
        if claim.printed:
            (number,) = {reading.unit == "x" for reading in claim.readings}
            shown = f"{claim.printed:g}x" if number else f"{100 * abs(claim.printed):g}%"
            assert shown in claim.sentence
            whole = "." not in shown
            expected = (0.5 if whole else 0.05) / (1 if number else 100)
            assert findings.rounding_of(claim, claim.readings[0]) == pytest.approx(expected)


def test_every_claim_on_accuracy_is_read_at_both_moments():
    for claim in CLAIMS:
        names = [reading.name for reading in claim.readings if "as downloaded" in reading.name]
        others = {reading.name for reading in claim.readings if "as trained" in reading.name}
        assert {name.replace("as downloaded", "as trained") for name in names} == {
            name for name in others if claim.printed != -0.5 and "variance" not in name
        }
    about_times_or_rounds = ("time", "faster", "payload", "drop", "variance")
    for claim in CLAIMS:
        if not any(word in claim.sentence for word in about_times_or_rounds):
            assert any("as downloaded" in reading.name for reading in claim.readings), claim.sentence


def test_the_reference_device_is_named_beside_the_means():
    def run(panel, label, seed):
        level = 0.9 if label in MIX2FLD else 0.6
        return made_up_run(np.array([level, 0.6, 0.6, level]), n_devices=4, reference=3 if seed else 1)

    row, *_ = of_claim("up to 16.7%", made_up_results(run))
    assert row["reference"] == pytest.approx((0.0 + 0.5) / 2) and row["effect"] == pytest.approx(0.75 / 0.6 - 1)
    row, *_ = of_claim("highest accuracy under asymmetric", made_up_results(run))
    assert row["reference"] == 0.5  # of the seeds


def test_as_printed_no_claim_can_be_made_about_an_fl_that_learns():
    for max_slots, expected in ((100, True), (105, False)):
        rows = findings.findings(made_up_results(letters_bits, max_slots=max_slots))
        about_fl = [row for row in rows if row["impossible_as_printed"]]
        assert {row["claim"] for row in about_fl} == {
            number for number, claim in enumerate(CLAIMS, 1) if claim.fl_learns
        }
        assert {row["verdict"] == verdicts.IMPOSSIBLE for row in about_fl} == {expected}
        assert all(judged(row).endswith(" *") != expected for row in about_fl)


def test_a_world_as_the_letter_describes_it_reproduces_its_claims_on_accuracy():
    levels = {"FL": (0.75, 0.95), "FD": (0.746, 0.746), "MixFLD (10)": (0.70, 0.70), "MixFLD (50)": (0.72, 0.72),
              "Mix2FLD (10, 10)": (0.83, 0.92), "Mix2FLD (10, 20)": (0.83 * 1.017, 0.93),
              "Mix2FLD (50, 50)": (0.862, 0.94), "Mix2FLD (50, 100)": (0.8752, 0.945)}  # fmt: skip
    world = findings.findings(made_up_results(
        lambda panel, label, seed: letters_bits(panel, label, seed, accuracy=levels[label][panel in "bd"])
    ))  # fmt: skip
    for words in ("up to 16.7%", "highest accuracy under asymmetric", "up to 17.3%", "FL achieves the highest accuracy",
                  "as high as FL", "lower accuracy than FD", "resolves this problem", "compromising accuracy",
                  "increases up to 1.7%"):  # fmt: skip
        rows = [row for row in of_claim(words, world) if row["unit"] != "points" or row["printed"] == 0]
        assert {row["verdict"] for row in rows} == {REPRODUCED}, words
    assert of_claim("increases by 5.7%", world)[0]["effect"] == pytest.approx(0.85 / 0.81 - 1)
    assert of_claim("variance decreases", world)[0]["median"] == pytest.approx(-0.8)


def test_a_world_without_any_difference_contradicts_all_of_them_but_as_high_as():
    rows = findings.findings(made_up_results(lambda panel, label, seed: made_up_run(bits=[401_408_0] * 10)))
    about_runs = [row for row in rows if not any(word in row["sentence"] for word in ("devices", "variance", "gain"))]
    words = {row["verdict"] for row in about_runs if "as high as" not in row["sentence"] and row["effect"] is not None}
    assert words == {CONTRADICTED}
    assert {row["verdict"] for row in about_runs if "as high as" in row["sentence"]} == {REPRODUCED}
    never = [row for row in about_runs if row["effect"] is None]  # nobody meets the criterion
    assert never and {judged(row).strip(" *") for row in never} == {"undecided (never)"}


def test_one_seed_says_that_it_has_no_interval():
    rows = findings.findings(made_up_results(letters_bits, n_seeds=1))
    assert {row["verdict"] for row in rows} == {UNDECIDED}
    assert all("one seed" in judged(row) or row["effect"] is None or row["steps_us"] for row in rows)
    assert all(row["effect_low"] is None for row in rows)


# ------------------------------------------------------------------------------------------------------------- as typed
@pytest.fixture
def claims(figure_2, figure_3):
    """The command on tiny figures 2 and 3."""
    return lambda *more: main(["claims", f"--figure-2={figure_2}", f"--figure-3={figure_3}", *more])


def test_what_a_figure_left_is_read_as_its_runs_were_stored(figure_2, figure_3):
    two, three = stored_figures.read_figure_2(figure_2), stored_figures.read_figure_3(figure_3)
    small = {"n_samples": 60, "n_evaluations": 1, "n_rounds": 2, "n_local_iterations": 20, "n_distill_iterations": 20}
    assert two.settings == replace(letter.FIGURES, **small) and (two.seeds, three.seeds) == ((0, 1), (0,))
    for name, key in (("c-FL-seed0", ("c", "FL", 0)), ("d-Mix2FLD-10-20-seed0", ("d", "Mix2FLD (10, 20)", 0))):
        stored = json.loads((figure_2 / "runs" / f"{name}.json").read_text())["result"]
        run = two.runs[key]
        assert run.accuracy == stored["rounds"][-1]["reference_accuracy"]
        models = [row["server_accuracy"] for row in stored["rounds"] if row["server_accuracy"] is not None]
        assert run.server_accuracy == (models[-1] if models else None)
        assert [list(point) for point in run.curve] == stored["curve"]
        assert run.uplink_bits == sum(row["uplink_bits"] for row in stored["rounds"])
    stored = json.loads((figure_3 / "runs" / "non-iid-30-seed0.json").read_text())["result"]
    assert three.runs["non-iid", 30, 0].devices == stored["devices"]


def test_claims_writes_and_prints_a_verdict_for_every_reading(claims, tmp_path, capsys, real_pictures):
    assert claims(f"--out={tmp_path}") == 0
    printed, rows = capsys.readouterr().out, json.loads((tmp_path / "claims.json").read_text())["claims"]
    assert len(rows) == sum(len(claim.readings) for claim in CLAIMS)
    with open(tmp_path / "claims.csv", newline="") as file:
        assert [row["verdict"] for row in csv.DictReader(file)] == [row["verdict"] for row in rows]
    for claim in CLAIMS:
        assert claim.sentence in printed
    assert max(map(len, printed.split("\n* ")[0].splitlines())) <= 120
    assert all(row["reasons"] and all(row["reasons"]) and "{" not in " ".join(row["reasons"]) for row in rows)
    assert all(row["effect"] is None or math.isfinite(row["effect"]) for row in rows)


def test_claims_on_other_figures_replace_what_stands_there(claims, figure_2, figure_3, tmp_path):
    out, copy = tmp_path / "out", tmp_path / "copy"
    shutil.copytree(figure_2, copy)
    assert claims(f"--out={out}") == 0
    before = (out / "claims.json").read_bytes()
    assert claims(f"--figure-2={copy}", f"--out={out}") == 0
    assert json.loads((out / "settings.json").read_text())["figure_2"] == str(copy)
    assert (out / "claims.json").read_bytes() == before
    (out / "claims.json").rename(out / "kept.json")
    (out / "settings.json").unlink()
    assert claims(f"--out={out}") == 2  # claims.csv is nobody's now


def test_claims_without_figures_says_which_command_comes_first(claims, figure_2, tmp_path, capsys):
    assert main(["claims", f"--figure-2={tmp_path}", f"--out={tmp_path / 'out'}"]) == 2
    assert "run mix2fld figure 2 first" in capsys.readouterr().err
    assert claims(f"--figure-3={tmp_path}", f"--out={tmp_path / 'out'}") == 2
    assert "run mix2fld figure 3 first" in capsys.readouterr().err
    assert claims(f"--figure-3={figure_2}", f"--out={tmp_path / 'out'}") == 2
    assert "holds mix2fld figure 2, not mix2fld figure 3" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# --- sentences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "slots", "can"), [({}, 101, "can never arrive"), ({"n_uplink_channels": 4}, 51, "can arrive")]
)
def test_whether_an_upload_of_fl_fits_into_the_printed_slots_depends_on_the_settings(changes, slots, can):
    sentence = reasons.upload_slots(made_up_results(letters_bits, **changes))
    assert f"takes {slots} slots" in sentence and f"it {can} within the printed T_max = 100" in sentence


def test_the_rounds_over_which_bits_are_counted_are_those_that_were_played():
    lengths = {"FL": 6, "FD": 3}
    world = made_up_results(lambda panel, label, seed: made_up_run(bits=[1_000] * lengths.get(label, 4)))
    assert "over 3 to 6 rounds" in reasons.rounds_played(world)
    assert "over 10 rounds" in reasons.rounds_played(made_up_results())
    both = measures.uplink_bits(made_up_run(bits=[100, 10, 10]), made_up_run(bits=[550] * 6))
    assert measures.times_less(*both) == pytest.approx(1_650 / 120 - 1)


def test_an_fl_whose_uploads_are_all_lost_is_told_from_one_that_got_some_through():
    def run(panel, label, seed):
        got = seed if panel == "c" else 1
        played = made_up_run(0.8 + 0.1 * got, downloaded=0.7 + 0.1 * got)
        return replace(played, rounds=[row | {"uplink_delivered": got} for row in played.rounds])

    sentence = reasons.lost_uploads("ac")(made_up_results(run))
    alone = "Panel c: where none did, FL is Local, every device alone, 70.0 | 80.0 %; where some did, 80.0 | 90.0 %."
    assert sentence == f"7.5 % of FL's uploads arrived. {alone}"


def test_the_uploads_behind_inverse_samples_are_those_that_a_server_takes(small_data, monkeypatch):
    small = replace(letter.FIGURES, n_samples=60, n_seed_samples=10, n_inverse_samples=10)
    task = Task(small, dataset(Source("mnist", str(small_data))), seed=3)
    taken, blend = [], seed_samples.blend
    monkeypatch.setattr(seed_samples, "blend", lambda *about: taken.extend(about[1]) or blend(*about))
    seed_samples.inversely_mixed(seed_samples.mixed(task), task).render(np.arange(100))
    assert reasons.n_used(10, 10, 10, 10, 3) == len(taken) == len(set(taken)) < 100
    assert "(10, 20) 100 of 100" in reasons.uploads_used(made_up_results())
    assert "random" in reasons.uploads_used(made_up_results(pairing="random"))


# --- damage -----------------------------------------------------------------------------------------------------------


SCRAPS = (b"", b"x", b"-1", b"nan", b"1e999", b",", b"\n", b'"', b"\0", b"\xff", b"null", b"[]", b"{}", b"9" * 5_000)


def mutations(content, rng, n):
    """The content with a piece taken out and some scrap put in, n times; now and then only its beginning is left."""
    for _ in range(n):
        start = int(rng.integers(len(content) + 1))
        scrap = SCRAPS[rng.integers(len(SCRAPS))] if rng.integers(2) else rng.bytes(rng.integers(1, 4))
        rest = b"" if rng.integers(20) == 0 else content[start + rng.integers(30) :]
        yield content[:start] + scrap + rest


def read_settings(path):
    return stored_figures.finished(path.parent, "figure 2")


def read_run(path):
    return stored_figures.read_results(path.parent.parent, {"run": job_of(path.stem)})


@cache
def job_of(name):
    """A run of the tiny Figure 2."""
    small = {"n_samples": 60, "n_evaluations": 1, "n_rounds": 2, "n_local_iterations": 20, "n_distill_iterations": 20}
    runs = letter.figure_2_runs(replace(letter.FIGURES, **small), Source("mnist"), [0])
    return next(run.job for run in runs if run.job.name == name)


@pytest.mark.parametrize(("name", "read"), [("settings.json", read_settings), ("runs/c-FL-seed0.json", read_run)])
def test_any_damage_to_what_a_figure_left_is_a_result_or_one_sentence(name, read, figure_2, tmp_path):
    whole, path = (figure_2 / name).read_bytes(), tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(whole)
    right, n_refused = read(path), 0
    for content in mutations(whole, np.random.default_rng(18), 1_000):
        path.write_bytes(content)
        try:
            assert read(path) == right
        except InputError as problem:
            assert str(path) in str(problem) and "\n" not in str(problem).strip()
            n_refused += 1
    assert n_refused > 900


SOMETHING_ELSE = (
    "[]",
    "{}",
    '{"identity": [], "checksum": "%s", "result": {}}',
    '{"identity": {}, "checksum": 0, "result": 1e999}',
)


@pytest.mark.parametrize("content", SOMETHING_ELSE)
def test_a_run_that_is_something_else_is_refused_in_a_sentence(content, tmp_path):
    path = tmp_path / "runs" / "c-FL-seed0.json"
    path.parent.mkdir()
    path.write_text(content % checksum({}) if "%s" in content else content)
    with pytest.raises(InputError, match="c-FL-seed0.json"):
        read_run(path)


@pytest.mark.parametrize("name", ["settings.json", "runs/c-FL-seed0.json"])
def test_claims_on_a_damaged_figure_end_in_one_line(name, claims, figure_2, tmp_path, capsys):
    shutil.copytree(figure_2, tmp_path / "2")
    (tmp_path / "2" / name).write_bytes((figure_2 / name).read_bytes()[:-40])
    assert claims(f"--figure-2={tmp_path / '2'}", f"--out={tmp_path / 'out'}") == 2
    said = capsys.readouterr().err
    assert name in said and "is damaged" in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()
