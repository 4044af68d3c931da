"""What sentences compare: runs against each other, over panels, curves, seeds and devices, by loops as well."""

import math
from statistics import variance

import numpy as np
import pytest
from hypothesis import given, strategies as st
from made_up import made_up_result, made_up_results, made_up_rows, made_up_run, of_claim
from strategies import patient

from mix2fld_np.claims import findings, measures, verdicts
from mix2fld_np.claims.claims import AGAINST_FD, AGAINST_FL, ALL, FEW_AGAINST_MANY, MIX2FLD, MIXFLD
from mix2fld_np.claims.verdicts import CONTRADICTED, REPRODUCED

accuracies = st.floats(0.2, 1.0)


@st.composite
def results_with_accuracies(draw):
    """Results whose final accuracies are all drawn, for each device and moment."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return made_up_results(
        lambda panel, label, seed: made_up_run(rng.uniform(0.3, 1, 4), downloaded=rng.uniform(0.3, 1, 4), n_devices=4),
        draw(st.integers(1, 3)),
    )


MOMENT = st.sampled_from(["trained", "downloaded"])


@patient
@given(results_with_accuracies(), MOMENT)
def test_up_to_is_the_largest_gain_that_loops_find_on_each_device_and_leads_on_average(results, moment):
    found = measures.largest(measures.accuracy(moment), measures.in_points, ALL, AGAINST_FL)(results)
    average = measures.mean(measures.accuracy(moment), measures.in_points, ALL, AGAINST_FL)(results)
    runs, seeds = results.two.runs, results.two.seeds
    gains = {
        (panel, label): [
            np.subtract(runs[panel, label, seed].accuracies(moment), runs[panel, "FL", seed].accuracies(moment))
            for seed in seeds
        ]
        for panel in "abcd"
        for label, _ in AGAINST_FL
    }
    np.testing.assert_allclose(found.single, np.max(list(gains.values()), axis=0), atol=1e-9)
    np.testing.assert_allclose(average.single, np.mean(list(gains.values()), axis=0), atol=1e-9)
    leader = max(gains.values(), key=lambda gain: np.mean(gain))
    np.testing.assert_allclose(found.paired, [np.mean(gain) for gain in leader], atol=1e-9)
    assert found.n_compared == 16


@patient
@given(results_with_accuracies(), MOMENT)
def test_a_gain_as_a_share_compares_means_of_devices_not_means_of_shares(results, moment):
    found = measures.largest(measures.accuracy(moment), measures.relative, "a", [("Mix2FLD (10, 10)", "FD")])(results)
    both = [[results.two.runs["a", label, seed] for label in ("Mix2FLD (10, 10)", "FD")] for seed in results.two.seeds]
    expected = [ours.mean_accuracy(moment) / theirs.mean_accuracy(moment) - 1 for ours, theirs in both]
    np.testing.assert_allclose(found.paired, expected, atol=1e-9)


@patient
@given(results_with_accuracies(), MOMENT)
def test_an_order_compares_each_couple_in_each_panel_and_is_never_reproduced_with_its_opposite(results, moment):
    quantity, back = measures.accuracy(moment), [(theirs, ours) for ours, theirs in FEW_AGAINST_MANY]
    both = [measures.order(quantity, measures.in_points, ALL, couples)(results) for couples in (FEW_AGAINST_MANY, back)]
    runs, seeds = results.two.runs, results.two.seeds
    looped = [
        [runs[panel, a, seed].mean_accuracy(moment) - runs[panel, b, seed].mean_accuracy(moment) for seed in seeds]
        for a, b in FEW_AGAINST_MANY
        for panel in "abcd"
    ]
    np.testing.assert_allclose(both[0].every, looped, atol=1e-9)
    found = [verdicts.verdict(None, one) for one in both]
    assert found != [REPRODUCED] * 2 and (REPRODUCED not in found or CONTRADICTED in found)


def test_panels_whose_runs_are_the_same_count_once():
    def run(panel, label, seed):
        level = {"a": 0.6, "b": 0.6, "c": 0.5, "d": 0.5}[panel] + 0.1 * (label == "FD")
        return made_up_run(level + 0.1 * (label == "FL" and panel in "bd"), elapsed_s=20.0 if panel in "ac" else 10.0)

    world = made_up_results(run)
    (row, _) = of_claim("MixFLD achieves lower accuracy", world)
    assert (row["n_above"], row["n_compared"]) == (4, 4)  # two N_S in two splits
    (row, _) = of_claim("resolves this problem", world)
    assert row["n_compared"] == 2
    gains = measures.largest(measures.accuracy("trained"), measures.in_points, ALL, AGAINST_FL)(world)
    assert gains.n_compared == 16  # FL knows the channel
    times = measures.order(measures.times(measures.all_rounds), measures.in_points, ALL, [("FL", "FD")])(world)
    assert len(times.every) == 2  # of time, splits are the same here


def test_the_best_against_the_best_asks_each_panel_anew():
    best = {"a": "Mix2FLD (10, 10)", "c": "Mix2FLD (50, 100)"}

    def run(panel, label, seed):
        return made_up_run(0.9 if label == best.get(panel) else 0.85 if label in MIXFLD else 0.7)

    found = measures.best_against_best("trained", "ac", MIX2FLD, ("FL", "FD", *MIXFLD))(made_up_results(run))
    np.testing.assert_allclose(found.every, 0.05, atol=1e-9)
    np.testing.assert_allclose(found.single, 0.05, atol=1e-9)
    assert verdicts.verdict(None, found) == REPRODUCED


def test_while_speaks_of_the_curve_that_gains_most_accuracy():
    gains = {"Mix2FLD (10, 20)": (0.85, 11.0), "Mix2FLD (50, 100)": (0.95, 12.0), "FD": (0.8, 10.0)}
    world = made_up_results(lambda panel, label, seed: made_up_run(*gains.get(label, (0.5, 99.0))))
    measure = measures.where_most_accurate(
        measures.times(measures.all_rounds), measures.relative, ALL, AGAINST_FD
    )
    assert measure(world).paired == pytest.approx([0.2, 0.2])
    assert measure(world).single == pytest.approx(np.full((2, 1), 0.2))


# ------------------------------------------------------------------------------------------------------------- Figure 3
def test_the_same_tendency_means_a_smaller_gain_yet_a_gain_and_less_variance():
    ends = {
        ("iid", 10): (0.80, 0.02), ("iid", 50): (0.86, 0.014), ("non-iid", 10): (0.70, 0.03),
        ("non-iid", 50): (0.72, 0.024),
    }  # fmt: skip
    rows = of_claim("same tendency", made_up_results(ends=ends))
    assert {row["verdict"] for row in rows} == {REPRODUCED}
    assert [row["effect"] for row in rows[::2]][:2] == pytest.approx([0.04, 0.02])
    swapped = {(split, 60 - n): end for (split, n), end in ends.items()}
    rows = of_claim("same tendency", made_up_results(ends=swapped))
    assert [row["verdict"] for row in rows[2:]] == [CONTRADICTED] * 3


def test_variance_is_compared_by_sample_variances_and_the_mean_of_logarithms():
    world = made_up_results(ends={("iid", 10): (0.8, 0.02), ("iid", 50): (0.8, 0.01)})
    ten, fifty = (world.three.runs["iid", n, 0].accuracies("trained") for n in (10, 50))
    assert variance(ten) == pytest.approx(0.02**2) and variance(fifty) == pytest.approx(0.01**2)
    found = measures.variance_from_10_to_50("iid")(world)
    assert found.single == pytest.approx(np.full((2, 1), -0.75))
    assert found.interval(0.95).mean == pytest.approx(0.25 * math.exp(1 / 49 - 1 / 9 + 1 / 7203 - 1 / 243) - 1)


# ----------------------------------------------------------------------------------------------------- downloads, falls
def fluctuating(reference, downloaded, lowest=None):
    """A run whose reference device has these accuracies after each local update and download, and in each round one
    lowest test in between."""
    rows = made_up_rows({"reference_accuracy": reference, "downloaded_accuracy": downloaded})
    lowest = reference if lowest is None else lowest
    curve = [[float(p), value] for p, both in enumerate(zip(lowest, reference, strict=True)) for value in both]
    return made_up_result(rows, [*curve, [9.0, downloaded[-1]]], [reference[-1]] * 3, [downloaded[-1]] * 3)


def test_a_drop_is_from_before_to_after_a_download_and_recovery_from_there_to_the_next_end():
    run = fluctuating([0.5, 0.6, 0.8], [0.3, 0.5, 0.6])
    for measure, expected in (
        (measures.between_rounds("downloaded_accuracy", "reference_accuracy", 0), (0.2 + 0.1 + 0.2) / 3),
        (measures.between_rounds("downloaded_accuracy", "reference_accuracy", 1), (0.3 + 0.3) / 2),
        (measures.between_rounds("reference_accuracy", "reference_accuracy", 1), (0.1 + 0.2) / 2),
        (measures.last_download, 0.2),
    ):
        assert measures.in_points(*measure(run, run)) == pytest.approx(expected)


def test_the_deepest_fall_is_to_the_lowest_test_before_the_next_local_update_ends():
    run = fluctuating([0.5, 0.6, 0.8], [0.3, 0.5, 0.6], lowest=[0.0, 0.2, 0.5])
    once = fluctuating([0.5], [0.4])
    ours, theirs = measures.falls(run, once)
    assert ours == pytest.approx((0.3 + 0.1) / 2) and np.isnan(theirs)


def test_a_world_that_drops_recovers_and_spares_fd_reproduces_the_paragraph_on_fluctuation():
    def run(panel, label, seed):
        down = [0.6, 0.7, 0.8] if label == "FD" else [0.4, 0.5, 0.6]
        return fluctuating([0.6, 0.7, 0.8], down, lowest=[0.1, *down[:-1]])

    falling = findings.findings(made_up_results(run))
    for words in ("instantaneous accuracy drop", "recovered during local updates", "in FD, the accuracy drops"):
        assert {row["verdict"] for row in of_claim(words, falling)} == {REPRODUCED}, words
    rising = made_up_results(lambda *_: fluctuating([0.6, 0.7, 0.8], [0.7, 0.8, 0.9], lowest=[0.1, 0.7, 0.8]))
    assert {row["verdict"] for row in of_claim("instantaneous accuracy drop", rising)} == {CONTRADICTED}


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
    found = measures.to_common_accuracy(better, worse)
    assert np.concatenate(found) == pytest.approx([14.0, 10.0])  # 0.9 * 7/10 is the first look above 0.6


def test_who_never_meets_the_criterion_is_given_all_rounds_and_two_of_those_are_not_compared():
    to_criterion = measures.times(measures.criterion_met)
    met, never = made_up_run(criterion_s=4.0), made_up_run(elapsed_s=17.0)
    assert to_criterion(met, never) == (4.0, 17.0)
    assert to_criterion(never, met) == (17.0, 4.0)
    assert np.isnan(measures.times_less(*to_criterion(never, never))).all()


@given(st.floats(0.1, 50), st.floats(0.1, 50))
def test_two_ways_to_say_the_same_ratio_of_times_agree(ours_s, theirs_s):
    both = measures.times(measures.all_rounds)(made_up_run(elapsed_s=ours_s), made_up_run(elapsed_s=theirs_s))
    faster, more = (say(*both)[0] for say in (measures.times_less, measures.relative))
    assert 1 / (1 + faster) == pytest.approx(1 + more) == pytest.approx(ours_s / theirs_s)
