"""The letter's sentences: the rule behind each verdict, what is compared, and the command that reads what figures left."""

import csv
import json
import math
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from small_runs import write_digits

from mix2fld_np.cli import main
from mix2fld_np.errors import InputError
from mix2fld_np.study import figures as letter
from mix2fld_np.study import findings, reasons, verdicts
from mix2fld_np.study import measures as comparisons
from mix2fld_np.study import stored_figures as kept
from mix2fld_np.study.claims import AGAINST_FD, AGAINST_FL, ALL, CLAIMS, FEW_AGAINST_MANY
from mix2fld_np.study.findings import judged
from mix2fld_np.study.stored_figures import KeptFigure2, KeptFigure3, KeptRun
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
        return made_up_results(lambda panel, label, seed: made_up_run(elapsed_s=times[seed] if label == "FL" else 10.0), n_seeds=3)

    def words(times):
        return judged(next(row for row in of_claim("1.2x faster", world(times)) if row["reading"] == "time of all rounds"))

    assert words((12.0, 12.0, 12.0)) == words((11.9, 12.3, 12.1)) == "reproduced"
    assert words((30.0, 50.0, 85.0)) == "reproduced, by a wide spread alone"
    assert words((30.0, 31.0, 32.0)) == "in the same direction"


@given(st.lists(effects, min_size=1, max_size=12), st.randoms())
def test_an_order_is_reproduced_where_it_always_holds_and_half_of_the_time_is_not_most(differences, random):
    share = np.mean(np.array(differences) > 0)
    expected = verdicts.REPRODUCED if share == 1 else verdicts.SAME_DIRECTION if share > 0.5 else verdicts.NOT_REPRODUCED
    random.shuffle(differences)
    assert verdicts.verdict_of_order(differences) == expected


@given(st.floats(-0.2, 0.2))
def test_as_high_as_allows_one_point_below_and_anything_above(gap):
    expected = verdicts.REPRODUCED if gap >= -0.01 else verdicts.NOT_REPRODUCED
    assert verdicts.verdict_of_equality([gap]) == expected
    assert verdicts.verdict_of_equality([gap, gap]) == expected
    assert verdicts.verdict_of_equality([]) == verdicts.NOT_REPRODUCED


# --------------------------------------------------------------------------------------------------------- made-up runs
def made_up_run(accuracy=0.9, elapsed_s=10.0, criterion_s=None, **changes) -> KeptRun:
    """A run that climbs in a straight line from nothing."""
    curve = (*((elapsed_s * k / 10, accuracy * k / 10) for k in range(10)), (elapsed_s, accuracy))
    return replace(KeptRun(curve, accuracy, accuracy, criterion_s, elapsed_s, 1.0, elapsed_s - 1, 1_000, 100), **changes)


def made_up_results(run=lambda panel, label, seed: made_up_run(), n_seeds=2, **changes) -> comparisons.Results:
    """Results in which every run is `run(panel, label, seed)`, and accuracy grows with the devices."""
    settings, seeds = replace(letter.FIGURES, **changes), tuple(range(n_seeds))
    runs = {(panel.name, curve.label, seed): run(panel.name, curve.label, seed)
            for panel in letter.PANELS for curve in letter.CURVES for seed in seeds}  # fmt: skip
    points = {(split, n, seed): (0.8 + 0.001 * n, 0.02 / n) for split in letter.SPLITS for n in letter.N_DEVICES for seed in seeds}
    return comparisons.Results(KeptFigure2(settings, "mnist", seeds, runs), KeptFigure3(settings, "mnist", seeds, points))


@st.composite
def results_with_accuracies(draw):
    """Results whose final accuracies are all drawn."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return made_up_results(lambda panel, label, seed: made_up_run(accuracy=rng.uniform(0.3, 1)), draw(st.integers(1, 3)))


@given(results_with_accuracies())
def test_up_to_is_the_largest_gain_that_loops_find_and_on_average_is_not_above_it(results):
    largest = comparisons.over(max, comparisons.in_points, ALL, AGAINST_FL)(results)
    average = comparisons.over(fmean, comparisons.in_points, ALL, AGAINST_FL)(results)
    runs = results.two.runs
    for seed in results.two.seeds:
        looped = [runs[panel, ours, seed].accuracy - runs[panel, "FL", seed].accuracy for panel in "abcd" for ours, _ in AGAINST_FL]
        assert largest[seed] == max(looped)
        assert average[seed] == pytest.approx(np.mean(looped))


@given(results_with_accuracies())
def test_an_order_and_its_opposite_are_never_both_reproduced(results):
    forth = comparisons.each(comparisons.in_points, ALL, FEW_AGAINST_MANY)(results)
    back = comparisons.each(comparisons.in_points, ALL, [(theirs, ours) for ours, theirs in FEW_AGAINST_MANY])(results)
    assert len(forth) == 12
    np.testing.assert_allclose(forth, -np.array(back))


def test_while_speaks_of_the_curve_that_gains_most_accuracy():
    gains = {"Mix2FLD (10, 20)": (0.85, 11.0), "Mix2FLD (50, 100)": (0.95, 12.0), "FD": (0.8, 10.0)}
    world = made_up_results(lambda panel, label, seed: made_up_run(*gains.get(label, (0.5, 99.0))))
    measure = comparisons.where_most_accurate(comparisons.more_time(comparisons.of_all_rounds), ALL, AGAINST_FD)
    assert measure(world) == pytest.approx([0.2, 0.2])


def test_the_same_tendency_means_a_smaller_gain_yet_a_gain_and_less_variance():
    world = made_up_results()
    ends = {("iid", 10): (0.80, 4e-4), ("iid", 50): (0.86, 2e-4), ("non-iid", 10): (0.70, 9e-4), ("non-iid", 50): (0.72, 6e-4)}
    points = {(*place, seed): end for place, end in ends.items() for seed in world.three.seeds}
    assert comparisons.same_tendency(replace(world, three=replace(world.three, points=points))) == pytest.approx([0.04, 0.02, 3e-4])


# ------------------------------------------------------------------------------------------------------ convergence time
@given(accuracies, accuracies, st.floats(1, 100), st.floats(1, 100))
def test_a_common_accuracy_is_reached_by_both_and_knows_no_ours_and_theirs(one, other, one_s, other_s):
    ours, theirs = made_up_run(one, one_s), made_up_run(other, other_s)
    forth, back = comparisons.to_common_accuracy(ours, theirs), comparisons.to_common_accuracy(theirs, ours)
    assert forth == (back[1], back[0])
    lower, slower = (ours, 0) if one <= other else (theirs, 1)
    assert forth[slower] == lower.elapsed_s
    assert 0 < forth[0] <= one_s and 0 < forth[1] <= other_s


def test_a_better_run_reaches_the_common_accuracy_on_its_way():
    better, worse = made_up_run(0.9, 20.0), made_up_run(0.6, 10.0)
    assert comparisons.to_common_accuracy(better, worse) == pytest.approx((14.0, 10.0))  # 0.9 * 7/10 is the first look above 0.6


def test_who_never_meets_the_criterion_is_given_all_rounds_and_two_of_those_are_not_compared():
    met, never = made_up_run(criterion_s=4.0), made_up_run(elapsed_s=17.0)
    assert comparisons.to_criterion(met, never) == (4.0, 17.0)
    assert comparisons.to_criterion(never, met) == (17.0, 4.0)
    assert comparisons.to_criterion(never, never) is None
    assert comparisons.faster(comparisons.to_criterion)(never, never) is None


@given(st.floats(0.1, 50), st.floats(0.1, 50))
def test_three_ways_to_say_the_same_ratio_of_times_agree(ours_s, theirs_s):
    ours, theirs = made_up_run(elapsed_s=ours_s), made_up_run(elapsed_s=theirs_s)
    less, faster, more = (say(comparisons.of_all_rounds)(ours, theirs)
                          for say in (comparisons.less_time, comparisons.faster, comparisons.more_time))  # fmt: skip
    assert 1 - less == pytest.approx(1 / (1 + faster)) == pytest.approx(1 + more)


@given(st.floats(0.05, 5), st.floats(0.01, 0.5), st.floats(0.001, 0.05))
def test_needed_compute_makes_all_rounds_differ_as_printed(ratio_above_one, fl_air, our_air):
    ratio = 1 + ratio_above_one
    run_of = lambda panel, label, seed: made_up_run(airtime_s=fl_air if label == "FL" else our_air, compute_s=1.0)  # noqa: E731
    sentence = reasons.needed_compute(ratio, "FL", ALL)(made_up_results(run_of))
    times = (fl_air - ratio * our_air) / (ratio - 1)  # of x that solves fl_air + x = ratio (our_air + x)
    if times > 0:
        assert f"took {times:.2g} times" in sentence
        assert (fl_air + times) / (our_air + times) == pytest.approx(ratio)
    else:
        assert "No length of computing" in sentence


# ------------------------------------------------------------------------------------------------------------ all claims
def of_claim(words, results):
    """The rows of the one claim whose sentence holds the words."""
    found = [row for row in findings.findings(results) if words in row["sentence"]]
    assert found and len({row["claim"] for row in found}) == 1
    return found


def letters_bits(panel, label, seed):
    """A run over ten rounds whose uploads have the letter's sizes."""
    n_seed = next(curve.n_seed for curve in letter.CURVES if curve.label == label)
    bits = 401_408 if label == "FL" else 3_200
    return made_up_run(uplink_bits=10 * (10 * bits + payload.sample_bits(n_seed or 0, 6_272)))


def test_42_4_times_is_reproduced_by_ten_rounds_of_the_letters_payloads():
    (row,) = of_claim("42.4x", made_up_results(letters_bits))
    assert row["measured"] + 1 == pytest.approx(42.378, abs=1e-3)
    assert row["verdict"] == verdicts.REPRODUCED


def test_as_printed_no_claim_can_be_made_about_an_fl_that_learns():
    for max_slots, expected in ((100, True), (105, False)):
        rows = findings.findings(made_up_results(letters_bits, max_slots=max_slots))
        about_fl = [row for row in rows if row["impossible_as_printed"]]
        assert {row["claim"] for row in about_fl} == {number for number, claim in enumerate(CLAIMS, 1) if claim.fl_learns}
        assert {row["verdict"] == verdicts.IMPOSSIBLE for row in about_fl} == {expected}


def test_a_world_as_the_letter_describes_it_reproduces_its_claims_on_accuracy():
    levels = {"FL": (0.75, 0.95), "FD": (0.746, 0.746), "MixFLD (10)": (0.70, 0.70), "MixFLD (50)": (0.72, 0.72),
              "Mix2FLD (10, 10)": (0.83, 0.92), "Mix2FLD (10, 20)": (0.83 * 1.017, 0.93),
              "Mix2FLD (50, 50)": (0.862, 0.94), "Mix2FLD (50, 100)": (0.875, 0.945)}  # fmt: skip
    world = made_up_results(lambda panel, label, seed: replace(letters_bits(panel, label, seed), accuracy=levels[label][panel in "bd"]))
    for words in ("up to 16.7%", "highest accuracy under asymmetric", "up to 17.3%", "FL achieves the highest accuracy", "as high as FL",
                  "lower accuracy than FD", "resolves this problem", "compromising accuracy", "increases up to 1.7%"):  # fmt: skip
        assert of_claim(words, world)[0]["verdict"] == verdicts.REPRODUCED, words
    assert of_claim("increases by 5.7%", world)[0]["measured"] == pytest.approx(0.85 / 0.81 - 1)
    assert of_claim("variance decreases", world)[0]["measured"] == pytest.approx(-0.8)


def test_a_world_without_any_difference_reproduces_none_of_them_but_as_high_as():
    rows = findings.findings(made_up_results(lambda panel, label, seed: replace(letters_bits(panel, label, seed), uplink_bits=401_408_0)))
    about_runs = [row for row in rows if not any(word in row["sentence"] for word in ("devices", "variance", "gain"))]
    assert {row["verdict"] for row in about_runs if "as high as" not in row["sentence"]} == {verdicts.NOT_REPRODUCED}
    assert [row["verdict"] for row in about_runs if "as high as" in row["sentence"]] == [verdicts.REPRODUCED]


# ------------------------------------------------------------------------------------------------------------- as typed
TINY = "--quiet --data=mnist --rounds=2 --iterations=20 --distill-iterations=20 --set n_samples=60 --set n_evaluations=1 --workers=1".split()


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """Tiny figures 2 and 3, and where they are."""
    top = tmp_path_factory.mktemp("figures")
    data = write_digits(top / "data", 1_000, 30)
    for number in "23":
        assert main(["figure", number, *TINY, f"--data-dir={data}", f"--out={top / number}"]) == 0
    return top


def claims(figures, *more):
    return main(["claims", f"--figure-2={figures / '2'}", f"--figure-3={figures / '3'}", *more])


def test_what_a_figure_left_is_read_as_its_runs_were_stored(figures):
    two, three = kept.read_figure_2(figures / "2"), kept.read_figure_3(figures / "3")
    assert two.settings == replace(letter.FIGURES, n_samples=60, n_evaluations=1, n_rounds=2, n_local_iterations=20, n_distill_iterations=20)
    for name, key in (("c-FL-seed0", ("c", "FL", 0)), ("d-Mix2FLD-10-20-seed0", ("d", "Mix2FLD (10, 20)", 0))):
        stored = json.loads((figures / "2" / "runs" / f"{name}.json").read_text())["result"]
        run = two.runs[key]
        assert run.accuracy == stored["rounds"][-1]["reference_accuracy"]
        models = [row["server_accuracy"] for row in stored["rounds"] if row["server_accuracy"] is not None]
        assert run.model_accuracy == (models[-1] if models else run.accuracy)
        assert [list(point) for point in run.curve] == stored["curve"]
        assert run.uplink_bits == sum(row["uplink_bits"] for row in stored["rounds"])
    stored = json.loads((figures / "3" / "runs" / "non-iid-30-seed0.json").read_text())["result"]["accuracies"]
    assert three.points["non-iid", 30, 0] == pytest.approx((np.mean(stored), np.var(stored)))


def test_claims_writes_and_prints_a_verdict_for_every_reading(figures, tmp_path, capsys):
    assert claims(figures, f"--out={tmp_path}") == 0
    printed, rows = capsys.readouterr().out, json.loads((tmp_path / "claims.json").read_text())["claims"]
    assert len(rows) == sum(len(claim.readings) for claim in CLAIMS)
    with open(tmp_path / "claims.csv", newline="") as file:
        assert [row["verdict"] for row in csv.DictReader(file)] == [row["verdict"] for row in rows]
    for claim in CLAIMS:
        assert claim.sentence in printed
    assert all(row["reasons"] and all(row["reasons"]) and "{" not in " ".join(row["reasons"]) for row in rows)
    assert all(row["measured"] is None or math.isfinite(row["measured"]) for row in rows)


def test_claims_without_figures_says_which_command_comes_first(figures, tmp_path, capsys):
    assert main(["claims", f"--figure-2={tmp_path}", f"--out={tmp_path / 'out'}"]) == 2
    assert "run mix2fld figure 2 first" in capsys.readouterr().err
    assert claims(figures, f"--figure-3={tmp_path}", f"--out={tmp_path / 'out'}") == 2
    assert "run mix2fld figure 3 first" in capsys.readouterr().err
    assert claims(figures, f"--figure-3={figures / '2'}", f"--out={tmp_path / 'out'}") == 2
    assert "holds mix2fld figure 2, not mix2fld figure 3" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("file", "damage", "message"), [
    ("rounds.csv", lambda text: "\n".join(text.splitlines()[:20]), "has no rows of"),
    ("curve.csv", lambda text: text.replace("elapsed_s", "seconds", 1), "has no column elapsed_s"),
    ("curve.csv", lambda text: "", "has no column"),
])  # fmt: skip
def test_a_damaged_figure_is_named(figures, tmp_path, file, damage, message):
    for name in ("settings.json", "rounds.csv", "curve.csv"):
        content = (figures / "2" / name).read_text()
        (tmp_path / name).write_text(damage(content) if name == file else content)
    with pytest.raises(InputError, match=f"{file} is damaged: it {message}"):
        kept.read_figure_2(tmp_path)
