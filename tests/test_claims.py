"""The letter's sentences: the rule behind each verdict, what is compared,
and the command that reads what figures left."""

import csv
import json
import math
import shutil
from dataclasses import replace
from functools import cache
from statistics import fmean

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from made_up import made_up_run

from mix2fld_np.cli import main
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import SPLITS
from mix2fld_np.runs.files import checksum
from mix2fld_np.runs.jobs import Source
from mix2fld_np.study import figures as letter, findings, measures, reasons, stored_figures, verdicts
from mix2fld_np.study.claims import AGAINST_FD, AGAINST_FL, ALL, CLAIMS, FEW_AGAINST_MANY
from mix2fld_np.study.findings import judged
from mix2fld_np.study.stored_figures import StoredFigure2, StoredFigure3
from mix2fld_np.wireless import payload

effects = st.floats(0.01, 2).flatmap(lambda size: st.sampled_from([size, -size]))
accuracies = st.floats(0.2, 1.0)


# ------------------------------------------------------------------------------------------------------------- the rule
@given(effects, st.integers(1, 6))
def test_what_is_measured_as_printed_under_every_seed_is_reproduced(printed, n_seeds):
    assert verdicts.verdict_of_effect(printed, [printed] * n_seeds) == verdicts.REPRODUCED


@given(effects, st.floats(0.0, 10), st.integers(1, 6))
def test_no_effect_and_the_opposite_effect_are_not_reproduced(printed, factor, n_seeds):
    assert verdicts.verdict_of_effect(printed, [-factor * printed] * n_seeds) == verdicts.NOT_REPRODUCED


@given(effects, st.floats(0.01, 2) | st.floats(0.01, 10))
def test_one_seed_reproduces_within_a_fifth_and_otherwise_shows_the_direction(printed, factor):
    assume(abs(abs(factor - 1) - 0.2) > 1e-6)
    expected = verdicts.REPRODUCED if abs(factor - 1) < 0.2 else verdicts.SAME_DIRECTION
    assert verdicts.verdict_of_effect(printed, [factor * printed]) == expected


@given(effects, st.lists(effects, min_size=1, max_size=6), st.sampled_from([0.125, 0.5, 2, 8, -1, -4]))
def test_a_verdict_knows_neither_units_nor_which_sign_is_good(printed, measured, scale):
    scaled = verdicts.verdict_of_effect(scale * printed, [scale * value for value in measured])
    assert scaled == verdicts.verdict_of_effect(printed, measured)


def test_a_spread_between_seeds_forgives_size_but_not_an_uncertain_sign():
    assert verdicts.verdict_of_effect(0.1, [0.05, 0.055, 0.06]) == verdicts.SAME_DIRECTION
    assert verdicts.verdict_of_effect(0.1, [0.05, 0.09, 0.07]) == verdicts.REPRODUCED
    assert verdicts.verdict_of_effect(0.1, [-0.1, 0.15, 0.1]) == verdicts.NOT_REPRODUCED
    assert verdicts.verdict_of_effect(0.1, []) == verdicts.NOT_REPRODUCED


def test_what_only_its_spread_makes_near_says_so():
    def world(times):
        return made_up_results(
            lambda panel, label, seed: made_up_run(elapsed_s=times[seed] if label == "FL" else 10.0), n_seeds=3
        )

    def words(times):
        return judged(
            next(row for row in of_claim("1.2x faster", world(times)) if row["reading"] == "time of all rounds")
        )

    assert words((12.0, 12.0, 12.0)) == words((11.9, 12.3, 12.1)) == "reproduced"
    assert words((30.0, 50.0, 85.0)) == "reproduced, by a wide spread alone"
    assert words((30.0, 31.0, 32.0)) == "in the same direction"


@given(st.lists(effects, min_size=1, max_size=12), st.randoms())
def test_an_order_is_reproduced_where_it_always_holds_and_half_of_the_time_is_not_most(differences, random):
    share = np.mean(np.array(differences) > 0)
    expected = (
        verdicts.REPRODUCED if share == 1 else verdicts.SAME_DIRECTION if share > 0.5 else verdicts.NOT_REPRODUCED
    )
    random.shuffle(differences)
    assert verdicts.verdict_of_order(differences) == expected


@given(st.floats(-0.2, 0.2))
def test_as_high_as_allows_one_point_below_and_anything_above(gap):
    expected = verdicts.REPRODUCED if gap >= -0.01 else verdicts.NOT_REPRODUCED
    assert verdicts.verdict_of_equality([gap]) == expected
    assert verdicts.verdict_of_equality([gap, gap]) == expected
    assert verdicts.verdict_of_equality([]) == verdicts.NOT_REPRODUCED


# --------------------------------------------------------------------------------------------------------- made-up runs
def made_up_results(run=lambda panel, label, seed: made_up_run(), n_seeds=2, **changes) -> measures.Results:
    """Results in which every run is `run(panel, label, seed)`, and accuracy grows with the devices."""
    settings, seeds = replace(letter.FIGURES, **changes), tuple(range(n_seeds))
    runs = {(panel.name, curve.label, seed): run(panel.name, curve.label, seed)
            for panel in letter.PANELS for curve in letter.CURVES for seed in seeds}  # fmt: skip
    points = {
        (split, n, seed): (0.8 + 0.001 * n, 0.02 / n) for split in SPLITS for n in letter.N_DEVICES for seed in seeds
    }
    return measures.Results(
        StoredFigure2(settings, "mnist", seeds, runs), StoredFigure3(settings, "mnist", seeds, points)
    )


@st.composite
def results_with_accuracies(draw):
    """Results whose final accuracies are all drawn."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return made_up_results(
        lambda panel, label, seed: made_up_run(accuracy=rng.uniform(0.3, 1)), draw(st.integers(1, 3))
    )


@given(results_with_accuracies())
def test_up_to_is_the_largest_gain_that_loops_find_and_on_average_is_not_above_it(results):
    largest = measures.over(max, measures.in_points, ALL, AGAINST_FL)(results)
    average = measures.over(fmean, measures.in_points, ALL, AGAINST_FL)(results)
    runs = results.two.runs
    for seed in results.two.seeds:
        looped = [
            runs[panel, ours, seed].accuracy - runs[panel, "FL", seed].accuracy
            for panel in "abcd"
            for ours, _ in AGAINST_FL
        ]
        assert largest[seed] == max(looped)
        assert average[seed] == pytest.approx(np.mean(looped))


@given(results_with_accuracies())
def test_an_order_compares_each_couple_in_each_panel_and_is_never_reproduced_with_its_opposite(results):
    forth = measures.each(measures.in_points, ALL, FEW_AGAINST_MANY)(results)
    back = measures.each(measures.in_points, ALL, [(theirs, ours) for ours, theirs in FEW_AGAINST_MANY])(results)
    runs, seeds = results.two.runs, results.two.seeds
    looped = [
        np.mean([runs[panel, ours, seed].accuracy - runs[panel, theirs, seed].accuracy for seed in seeds])
        for panel in "abcd"
        for ours, theirs in FEW_AGAINST_MANY
    ]
    np.testing.assert_allclose(forth, looped, atol=1e-12)
    both = {verdicts.verdict_of_order(forth), verdicts.verdict_of_order(back)}
    assert both != {verdicts.REPRODUCED}
    assert verdicts.REPRODUCED not in both or both == {verdicts.REPRODUCED, verdicts.NOT_REPRODUCED}


@pytest.mark.parametrize(
    ("gain", "forth", "back"), [(0.1, "reproduced", "not reproduced"), (-0.1, "not reproduced", "reproduced")]
)
def test_which_of_two_opposite_orders_is_reproduced_follows_from_who_is_higher(gain, forth, back):
    many = {label for _, label in FEW_AGAINST_MANY}
    world = made_up_results(lambda panel, label, seed: made_up_run(accuracy=0.5 + gain * (label not in many)))
    orders = FEW_AGAINST_MANY, [(theirs, ours) for ours, theirs in FEW_AGAINST_MANY]
    found = [verdicts.verdict_of_order(measures.each(measures.in_points, ALL, order)(world)) for order in orders]
    assert found == [forth, back]


def test_while_speaks_of_the_curve_that_gains_most_accuracy():
    gains = {"Mix2FLD (10, 20)": (0.85, 11.0), "Mix2FLD (50, 100)": (0.95, 12.0), "FD": (0.8, 10.0)}
    world = made_up_results(lambda panel, label, seed: made_up_run(*gains.get(label, (0.5, 99.0))))
    measure = measures.where_most_accurate(measures.more_time(measures.of_all_rounds), ALL, AGAINST_FD)
    assert measure(world) == pytest.approx([0.2, 0.2])


def test_the_same_tendency_means_a_smaller_gain_yet_a_gain_and_less_variance():
    world = made_up_results()
    ends = {
        ("iid", 10): (0.80, 4e-4), ("iid", 50): (0.86, 2e-4), ("non-iid", 10): (0.70, 9e-4),
        ("non-iid", 50): (0.72, 6e-4),
    }
    points = {(*place, seed): end for place, end in ends.items() for seed in world.three.seeds}
    assert measures.same_tendency(replace(world, three=replace(world.three, points=points))) == pytest.approx(
        [0.04, 0.02, 3e-4]
    )


# ----------------------------------------------------------------------------------------------------- convergence time
@given(accuracies, accuracies, st.floats(1, 100), st.floats(1, 100))
def test_a_common_accuracy_is_reached_by_both_and_knows_no_ours_and_theirs(one, other, one_s, other_s):
    ours, theirs = made_up_run(one, one_s), made_up_run(other, other_s)
    forth, back = measures.to_common_accuracy(ours, theirs), measures.to_common_accuracy(theirs, ours)
    assert forth == (back[1], back[0])
    lower, slower = (ours, 0) if one <= other else (theirs, 1)
    assert forth[slower] == lower.elapsed_s
    assert 0 < forth[0] <= one_s and 0 < forth[1] <= other_s


def test_a_better_run_reaches_the_common_accuracy_on_its_way():
    better, worse = made_up_run(0.9, 20.0), made_up_run(0.6, 10.0)
    assert measures.to_common_accuracy(better, worse) == pytest.approx(
        (14.0, 10.0)
    )  # 0.9 * 7/10 is the first look above 0.6


def test_who_never_meets_the_criterion_is_given_all_rounds_and_two_of_those_are_not_compared():
    met, never = made_up_run(criterion_s=4.0), made_up_run(elapsed_s=17.0)
    assert measures.to_criterion(met, never) == (4.0, 17.0)
    assert measures.to_criterion(never, met) == (17.0, 4.0)
    assert measures.to_criterion(never, never) is None
    assert measures.faster(measures.to_criterion)(never, never) is None


@given(st.floats(0.1, 50), st.floats(0.1, 50))
def test_three_ways_to_say_the_same_ratio_of_times_agree(ours_s, theirs_s):
    ours, theirs = made_up_run(elapsed_s=ours_s), made_up_run(elapsed_s=theirs_s)
    less, faster, more = (say(measures.of_all_rounds)(ours, theirs)
                          for say in (measures.less_time, measures.faster, measures.more_time))  # fmt: skip
    assert 1 - less == pytest.approx(1 / (1 + faster)) == pytest.approx(1 + more)


@given(st.floats(0.05, 5), st.floats(0.01, 0.5), st.floats(0.001, 0.05))
def test_needed_compute_makes_all_rounds_differ_as_printed(ratio_above_one, fl_air, our_air):
    ratio = 1 + ratio_above_one
    run_of = lambda panel, label, seed: made_up_run(  # noqa: E731
        airtime_s=fl_air if label == "FL" else our_air, compute_s=1.0
    )
    sentence = reasons.needed_compute(ratio, "FL", ALL)(made_up_results(run_of))
    times = (fl_air - ratio * our_air) / (ratio - 1)  # of x that solves fl_air + x = ratio (our_air + x)
    if times > 0:
        assert f"took {times:.2g} times" in sentence
        assert (fl_air + times) / (our_air + times) == pytest.approx(ratio)
    else:
        assert "No length of computing" in sentence


# ----------------------------------------------------------------------------------------------------------- all claims
def of_claim(words, results):
    """The rows of the one claim whose sentence holds the words."""
    found = [row for row in findings.findings(results) if words in row["sentence"]]
    assert found and len({row["claim"] for row in found}) == 1
    return found


def letters_bits(panel, label, seed, **changes):
    """A run over ten rounds whose uploads have the letter's sizes."""
    n_seed = next(curve.n_seed for curve in letter.CURVES if curve.label == label)
    bits = 401_408 if label == "FL" else 3_200
    return made_up_run(bits=[10 * (bits + payload.sample_bits(n_seed or 0, 6_272)), *[10 * bits] * 9], **changes)


def test_42_4_times_is_reproduced_by_ten_rounds_of_the_letters_payloads():
    (row,) = of_claim("42.4x", made_up_results(letters_bits))
    assert row["measured"] == pytest.approx(42.378, abs=1e-3) and row["printed"] == 42.4
    assert row["verdict"] == verdicts.REPRODUCED
    assert (findings.shown(row, "printed"), findings.shown(row, "measured")) == ("42.40x", "42.38x +- 0.00")


def test_a_claim_prints_the_number_of_its_sentence():
    for claim in CLAIMS:
        if claim.printed:
            (number,) = {reading.unit == "x" for reading in claim.readings}
            shown = f"{claim.printed:g}x" if number else f"{100 * abs(claim.printed):g}%"
            assert shown in claim.sentence


@given(st.floats(0.5, 3), st.integers(1, 3))
def test_a_number_of_times_is_judged_by_how_far_it_is_from_once(times, n_seeds):
    world = made_up_results(
        lambda panel, label, seed: made_up_run(elapsed_s=10 * times if label == "FL" else 10.0), n_seeds
    )
    row = next(row for row in of_claim("1.2x faster", world) if row["reading"] == "time of all rounds")
    assert row["values"] == pytest.approx([times] * n_seeds) and row["measured"] == pytest.approx(times)
    assume(min(abs(times - edge) for edge in (1, 1.16, 1.24)) > 1e-6)
    expected = (
        verdicts.REPRODUCED
        if 1.16 < times < 1.24
        else verdicts.SAME_DIRECTION
        if times > 1
        else verdicts.NOT_REPRODUCED
    )
    assert row["verdict"] == expected


def test_as_printed_no_claim_can_be_made_about_an_fl_that_learns():
    for max_slots, expected in ((100, True), (105, False)):
        rows = findings.findings(made_up_results(letters_bits, max_slots=max_slots))
        about_fl = [row for row in rows if row["impossible_as_printed"]]
        assert {row["claim"] for row in about_fl} == {
            number for number, claim in enumerate(CLAIMS, 1) if claim.fl_learns
        }
        assert {row["verdict"] == verdicts.IMPOSSIBLE for row in about_fl} == {expected}


def test_a_world_as_the_letter_describes_it_reproduces_its_claims_on_accuracy():
    levels = {"FL": (0.75, 0.95), "FD": (0.746, 0.746), "MixFLD (10)": (0.70, 0.70), "MixFLD (50)": (0.72, 0.72),
              "Mix2FLD (10, 10)": (0.83, 0.92), "Mix2FLD (10, 20)": (0.83 * 1.017, 0.93),
              "Mix2FLD (50, 50)": (0.862, 0.94), "Mix2FLD (50, 100)": (0.875, 0.945)}  # fmt: skip
    world = made_up_results(
        lambda panel, label, seed: letters_bits(panel, label, seed, accuracy=levels[label][panel in "bd"])
    )
    for words in ("up to 16.7%", "highest accuracy under asymmetric", "up to 17.3%", "FL achieves the highest accuracy",
                  "as high as FL", "lower accuracy than FD", "resolves this problem", "compromising accuracy",
                  "increases up to 1.7%"):  # fmt: skip
        assert of_claim(words, world)[0]["verdict"] == verdicts.REPRODUCED, words
    assert of_claim("increases by 5.7%", world)[0]["measured"] == pytest.approx(0.85 / 0.81 - 1)
    assert of_claim("variance decreases", world)[0]["measured"] == pytest.approx(-0.8)


def test_a_world_without_any_difference_reproduces_none_of_them_but_as_high_as():
    rows = findings.findings(made_up_results(lambda panel, label, seed: made_up_run(bits=[401_408_0] * 10)))
    about_runs = [row for row in rows if not any(word in row["sentence"] for word in ("devices", "variance", "gain"))]
    assert {row["verdict"] for row in about_runs if "as high as" not in row["sentence"]} == {verdicts.NOT_REPRODUCED}
    assert [row["verdict"] for row in about_runs if "as high as" in row["sentence"]] == [verdicts.REPRODUCED]


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
        assert run.model_accuracy == (models[-1] if models else run.accuracy)
        assert [list(point) for point in run.curve] == stored["curve"]
        assert run.uplink_bits == sum(row["uplink_bits"] for row in stored["rounds"])
    stored = json.loads((figure_3 / "runs" / "non-iid-30-seed0.json").read_text())["result"]["device_accuracies"]
    assert three.points["non-iid", 30, 0] == pytest.approx((np.mean(stored), np.var(stored)))


def test_claims_writes_and_prints_a_verdict_for_every_reading(claims, tmp_path, capsys):
    assert claims(f"--out={tmp_path}") == 0
    printed, rows = capsys.readouterr().out, json.loads((tmp_path / "claims.json").read_text())["claims"]
    assert len(rows) == sum(len(claim.readings) for claim in CLAIMS)
    with open(tmp_path / "claims.csv", newline="") as file:
        assert [row["verdict"] for row in csv.DictReader(file)] == [row["verdict"] for row in rows]
    for claim in CLAIMS:
        assert claim.sentence in printed
    assert all(row["reasons"] and all(row["reasons"]) and "{" not in " ".join(row["reasons"]) for row in rows)
    assert all(row["measured"] is None or math.isfinite(row["measured"]) for row in rows)


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
    assert measures.fewer_bits(made_up_run(bits=[100, 10, 10]), made_up_run(bits=[550] * 6)) == pytest.approx(
        1_650 / 120 - 1
    )


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
    return stored_figures.read_results(path.parent.parent, [job_of(path.stem)])


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
