"""The study of readings: which are played, what they say of each statement, which are best, and what is left."""

import csv
import json
import math
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from federations import CLEAR, play, small_task
from hypothesis import given, strategies as st
from made_up import made_up_run
from small_runs import SHORT, STUDY, files_of

from mix2fld_np.claims import readings as study
from mix2fld_np.cli import main
from mix2fld_np.console import session
from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import PROTOCOLS
from mix2fld_np.runs.jobs import Source
from mix2fld_np.study.intervals import t_interval

NAMES = [statement.name for statement in study.STATEMENTS]
PRINTED, OTHER = ({name: own[k] for name, own in study.levels(study.BASE).items()} for k in (0, 1))


def search_of(readings, n_seeds=2, settings=study.BASE):
    return study.Search(readings, settings, Source("digits"), range(n_seeds))


# --- which runs -------------------------------------------------------------------------------------------------------


def test_24_readings_are_crossed_five_stand_alone_and_the_printed_one_is_first():
    readings = study.readings_of(study.BASE)
    assert readings[0] == {} and len(readings) == 29 == len({study.label(one) for one in readings})
    whole = [PRINTED | one for one in readings]
    assert {(one["n_local_iterations"], one["pairing"], one["n_distill_iterations"], one["beta"]) for one in whole} == {
        (K, pairing, K_S, beta)
        for K in (6_400, 640, 200) for pairing in ("random", "scheduled")
        for K_S in (3_200, 12_800) for beta in (0.01, 1)
    }  # fmt: skip
    assert [list(one) for one in readings[24:]] == [
        ["fresh_student"], ["average_logits"], ["own_start"], ["standardised"], ["initialisation"]
    ]  # fmt: skip


def test_in_full_every_factor_has_two_values_and_every_combination_comes_once():
    whole = [tuple((PRINTED | one).values()) for one in study.readings_of(study.BASE, full=True)]
    assert len(whole) == len(set(whole)) == 2**9
    for own in zip(*whole, strict=True):
        assert {value: own.count(value) for value in own} == dict.fromkeys(own, 2**8)


def test_runs_that_do_not_differ_are_played_once_and_all_others_have_a_file_of_their_own():
    jobs = study.jobs_of(search_of(study.readings_of(study.BASE), 1))
    count = Counter((job.protocol, job.settings.n_inverse_samples) for job in jobs)
    assert count == {("Local", 50): 6, ("FL", 50): 6, ("FD", 50): 10, ("MixFLD", 50): 29,
                     ("Mix2FLD", 50): 29, ("Mix2FLD", 100): 29}  # fmt: skip
    assert len({(job.protocol, job.settings) for job in jobs}) == len({job.name.lower() for job in jobs}) == len(jobs)


FEW = {"n_local_iterations": 20, "n_distill_iterations": 60}


@pytest.mark.parametrize("name", OTHER)
def test_a_run_ignores_exactly_the_factors_on_which_its_devices_do_not_depend(name):
    changes = {name: FEW.get(name, OTHER[name])}
    for run in study.RUNS[:4]:  # the others ignore nothing
        base = {"pairing": "random", **CLEAR, "n_inverse_samples": 10, "n_devices": 3}
        before, after = (play(PROTOCOLS[run.protocol], small_task(**base | own))[-1].fed for own in ({}, changes))
        assert np.array_equal(before.weights, after.weights) == (name in run.ignores)


@pytest.mark.parametrize("chosen", [
    {"pairing": "scheduled"}, {"beta": 1.0}, {"own_start": True}, {"n_inverse_samples": 120},
])  # fmt: skip
def test_what_the_study_goes_through_cannot_be_chosen(chosen):
    with pytest.raises(InputError, match="goes through values of its own"):
        study.readings_of(replace(study.BASE, **chosen))


# --- what they say ----------------------------------------------------------------------------------------------------


def made_up(search, accuracy):
    """Results in which a run's devices have accuracy(job, moment) on average, and the first device two points more."""
    ramp = np.array([0.02, *([-0.02 / 9] * 9)])
    return [made_up_run(accuracy(job, "trained") + ramp, downloaded=accuracy(job, "downloaded") + ramp)
            for job in study.jobs_of(search)]  # fmt: skip


LETTERS = {"Local": 0.7, "FL": 0.817, "FD": 0.6965, "MixFLD": 0.69}


def like_the_letter(job, moment):
    """Accuracies that meet every statement, at both moments."""
    if job.protocol != "Mix2FLD":
        return LETTERS[job.protocol] - (job.protocol == "MixFLD" and moment == "downloaded") * 0.01
    twice = job.settings.n_inverse_samples > job.settings.n_seed_samples
    return (0.8169 if twice else 0.8032) - (moment == "downloaded") * 0.0001


def test_a_reading_that_does_what_the_letter_says_meets_every_statement():
    search = search_of([{}])
    rows = study.rows_of(search, study.measured(search, made_up(search, like_the_letter)))
    assert [row["statement"] for row in rows] == NAMES * 2 and not any(row["off"] or row["distance"] for row in rows)
    assert rows[0]["mean"] == pytest.approx(0.167) and rows[0]["reference"] == pytest.approx(0.8369 / 0.72 - 1)


@pytest.mark.parametrize(("run", "by", "broken"), [
    ("Local", 0.02, {NAMES[0]: -1}), ("FD", -0.02, {NAMES[1]: 1, NAMES[2]: 1}), ("FL", -0.02, {NAMES[4]: 1}),
    ("MixFLD", 0.14, {NAMES[2]: 1, NAMES[3]: -1}),
])  # fmt: skip
def test_what_another_accuracy_breaks_is_broken_on_the_side_it_says(run, by, broken):
    search = search_of([{}])
    results = made_up(search, lambda job, moment: like_the_letter(job, moment) + by * (job.protocol == run))
    for row in study.rows_of(search, study.measured(search, results)):
        sign = broken.get(row["statement"], 0)
        assert np.sign(row["off"]) == np.sign(row["distance"]) == sign, row["statement"]


def test_a_distance_is_in_standard_errors_and_an_interval_is_students():
    search, values = search_of([{}], 4), np.array([0.01, 0.03, 0.02, 0.04])
    found = np.broadcast_to(values, (1, 2, len(NAMES), 2, 4))
    row = study.rows_of(search, found)[NAMES.index("MixFLD below FD")]
    assert row["off"] == pytest.approx(0.025)
    assert row["distance"] == pytest.approx(0.025 / (values.std(ddof=1) / 2))
    assert (row["low"], row["high"]) == (t_interval(values).low, t_interval(values).high)


OFFS = st.lists(st.sampled_from([-0.02, 0.0, 0.01, 0.03, math.inf]), min_size=3, max_size=3)


@given(st.lists(OFFS, min_size=1, max_size=6))
def test_unbeaten_are_those_that_no_other_is_as_near_everywhere_and_nearer_somewhere(offs):
    rows = [{"reading": str(r), "moment": "trained", "off": off} for r, own in enumerate(offs) for off in own]
    ranked = study.candidates(rows)
    for row in ranked:
        own = list(map(abs, offs[int(row["reading"])]))
        others = [list(map(abs, other)) for other in offs]
        beaten = any(all(a <= b for a, b in zip(other, own, strict=True)) and other != own for other in others)
        assert row["unbeaten"] is not beaten and row["n_met"] == own.count(0)
    assert ranked == sorted(ranked, key=lambda row: (-row["n_met"], row["off"]))
    assert any(row["unbeaten"] for row in ranked)


@pytest.mark.parametrize("full", [False, True])
def test_main_effects_give_back_what_each_factor_adds(full):
    readings = study.readings_of(study.BASE, full)
    search = search_of(readings, 2)
    adds = {"K = 640": 0.01, "K = 200": 0.02, "scheduled": -0.03, "K_S = 12,800": 0.04, "beta = 1": -0.05,
            "fresh student": 0.06, "logits averaged": 0.0, "own starts": 0.07, "standardised": -0.08,
            "glorot": 0.09}  # fmt: skip
    total = [sum(adds[part] for part in study.label(one).replace("12,800", "12800").split(", ") if part in adds)
             + 0.04 * ("12,800" in study.label(one)) for one in readings]  # fmt: skip
    found = np.array(total)[:, None, None, None, None] + np.zeros((1, 2, len(NAMES), 2, 2))
    for row in study.effects(search, found):
        assert row["mean"] == pytest.approx(adds[row["factor"]], abs=1e-12)
    assert {row["factor"] for row in study.effects(search, found)} == adds.keys() - ({"K = 200"} if full else set())


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_best_readings_are_played_again_under_seeds_that_were_not_used(readings):
    with open(readings / "readings.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    summary = json.loads((readings / "summary.json").read_text())
    best = list(dict.fromkeys(row["reading"] for row in summary["candidates"]))[:3]
    assert {row["reading"] for row in rows if row["held_out"] == "1"} == set(best)
    assert len(rows) == (29 + 3) * 2 * len(NAMES) and len(summary["candidates"]) == 58
    assert {(row["reading"], row["moment"]) for row in summary["confirmed"]} == {
        (reading, moment) for reading in best for moment in ("trained", "downloaded")
    }
    seeds = {path.stem.rsplit("-", 1)[1] for path in (readings / "runs").iterdir()}
    assert seeds == {"seed0", "seed1", "seed2", "seed3"}


@pytest.mark.slow
def test_a_search_that_is_run_again_plays_nothing_and_writes_the_same_bytes(readings, small_data, real_pictures):
    out = readings
    before = files_of(out)
    more = ["--rounds=1", "--devices=3", "--held-out=2", f"--data-dir={small_data}", f"--out={out}"]
    assert main(["study", "readings", *SHORT, *STUDY, *more]) == 0
    assert files_of(out) == before


@pytest.mark.slow
def test_a_search_in_full_draws_the_best_and_says_that_it_is_after_the_fact(
    tmp_path, small_data, monkeypatch, capsys, real_pictures
):
    @cache
    def result(trained, downloaded):
        return made_up_run(trained, downloaded=downloaded)

    def play_none(request, jobs):
        return [result(like_the_letter(job, "trained"), like_the_letter(job, "downloaded")) for job in jobs]

    monkeypatch.setattr(session, "play", play_none)
    monkeypatch.setattr(session, "prepare", lambda jobs: None)
    monkeypatch.setattr("mix2fld_np.runs.files.check_there", lambda *paths: None)
    assert main(["study", "readings", "--full", *SHORT, *STUDY, f"--data-dir={small_data}", f"--out={tmp_path}"]) == 0
    said = capsys.readouterr().out
    for words in ("after the fact", "Each statement is met", "as printed, as trained: 8 and 8"):
        assert words in said
    assert (tmp_path / "readings.png").read_bytes().startswith(b"\x89PNG")
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings["full"] == "yes" and settings["held_out"] == 3


@pytest.mark.parametrize("typed", [
    "--seeds=1", "--held-out=1", "--full=perhaps", "--set=standardised=true", "--pairing=random",
])  # fmt: skip
def test_a_search_that_cannot_be_is_refused_in_a_line(typed, tmp_path, small_data, capsys):
    assert main(["study", "readings", *SHORT, typed, f"--data-dir={small_data}", f"--out={tmp_path / 'out'}"]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "out").exists()
