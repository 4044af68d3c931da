"""The rule behind each verdict: on numbers made for it, and where the truth is known."""

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from mix2fld_np.claims import measures, verdicts
from mix2fld_np.claims.measures import Evidence
from mix2fld_np.claims.verdicts import CONTRADICTED, REPRODUCED, SAME_DIRECTION, UNDECIDED

effects = st.floats(0.01, 2).flatmap(lambda size: st.sampled_from([size, -size]))
SIDES = {REPRODUCED, SAME_DIRECTION}  # the effect is there


def evidence(paired, single=None, every=None, **more):
    """Evidence of a few numbers: what one run says is what the means say unless said otherwise."""
    paired = np.array(paired, float)
    single = paired[:, None] if single is None else np.array(single, float).reshape(len(paired), -1)
    return Evidence(single, paired, every=None if every is None else np.array(every, float), **more)


@given(effects, st.integers(2, 6))
def test_what_is_measured_as_printed_under_every_seed_is_reproduced(printed, n_seeds):
    assert verdicts.verdict(printed, evidence([printed] * n_seeds)) == REPRODUCED


@given(effects, st.floats(0.0, 10), st.integers(2, 6))
def test_no_effect_and_the_opposite_effect_are_contradicted(printed, factor, n_seeds):
    assert verdicts.verdict(printed, evidence([-factor * printed] * n_seeds)) == CONTRADICTED


@given(effects, st.floats(0.01, 10))
def test_an_effect_of_another_size_that_no_single_run_shows_is_in_the_same_direction(printed, factor):
    assume(abs(factor - 1) > 1e-6)
    assert verdicts.verdict(printed, evidence([factor * printed] * 3)) == SAME_DIRECTION
    assert verdicts.verdict(printed, evidence([factor * printed] * 3), rounding=11 * abs(printed)) == REPRODUCED


@given(effects, st.lists(effects, min_size=1, max_size=6), st.sampled_from([0.125, 0.5, 2, 8, -1, -4]))
def test_a_verdict_knows_neither_units_nor_which_sign_is_good(printed, measured, scale):
    scaled = verdicts.verdict(scale * printed, evidence(scale * np.array(measured)))
    assert scaled == verdicts.verdict(printed, evidence(measured))


@given(st.none() | st.just(0.0) | effects, effects)
def test_one_seed_decides_nothing(printed, measured):
    assert verdicts.verdict(printed, evidence([measured], every=[[measured]])) == UNDECIDED


def test_a_wide_spread_between_devices_forgives_size_but_an_uncertain_mean_leaves_the_sign_open():
    wide = [[0.02, 0.10, 0.18]] * 3
    assert verdicts.verdict(0.17, evidence([0.10, 0.11, 0.09], wide)) == REPRODUCED
    assert verdicts.verdict(0.17, evidence([0.10, 0.11, 0.09])) == SAME_DIRECTION
    assert verdicts.verdict(0.17, evidence([0.30, 0.11, -0.2], wide)) == UNDECIDED
    assert verdicts.verdict(0.17, evidence([0.01, -0.01, 0.0], wide)) == CONTRADICTED  # less than half of it, if any


def test_the_largest_of_several_needs_a_wider_interval():
    values = [0.05, 0.04, 0.06]
    assert verdicts.verdict(0.06, evidence(values)) in SIDES
    assert verdicts.verdict(0.06, evidence(values, n_compared=8)) == UNDECIDED


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=8), st.integers(1, 4))
def test_an_order_is_reproduced_where_every_comparison_holds_under_every_seed_alike(differences, n_seeds):
    every = np.repeat(np.array(differences)[:, None], n_seeds + 1, axis=1)
    forth, back = (measures.evidence_of_order(sign * every[:, :, None], sign * every) for sign in (1, -1))
    assert [verdicts.verdict(None, one) for one in (forth, back)] == [REPRODUCED, CONTRADICTED]
    every[0] = -0.001
    mixed = measures.evidence_of_order(every[:, :, None], every)
    assert verdicts.verdict(None, mixed) == SAME_DIRECTION


def test_an_order_that_no_single_device_shows_is_only_in_the_same_direction():
    every = np.full((2, 3), 0.01)
    devices = np.tile([[[0.05, -0.03]], [[-0.03, 0.05]]], (1, 3, 1))  # one comparison fails on each device
    assert verdicts.verdict(None, measures.evidence_of_order(devices, every)) == SAME_DIRECTION


@given(st.floats(-0.2, 0.2))
def test_as_high_as_allows_one_point_above_or_below(gap):
    assume(abs(abs(gap) - 0.01) > 1e-9)
    expected = CONTRADICTED if gap < -0.01 else SAME_DIRECTION if gap > 0.01 else REPRODUCED
    assert verdicts.verdict(0.0, evidence([gap, gap])) == expected


# --------------------------------------------------------------------------------------- the rule, where truth is known
def worlds(rng, n_trials, n_seeds, effect, n_devices=10, of_device=0.03, of_seed=0.008, n_compared=1):
    """What so many experiments measure where the mean effect is known; devices differ as ours do."""
    shape = n_trials, n_compared, n_seeds
    seeds = np.asarray(effect).reshape(-1, 1) + rng.normal(0, of_seed, shape)
    devices = seeds[..., None] + rng.normal(0, of_device, (*shape, n_devices))
    for one in devices:
        means = one.mean(axis=2)
        yield Evidence(one.max(axis=0), means[means.mean(axis=1).argmax()], n_compared)


def shares(printed, cases):
    """How often each verdict is returned."""
    found = [verdicts.verdict(printed, case) for case in cases]
    return {word: found.count(word) / len(found) for word in (REPRODUCED, SAME_DIRECTION, CONTRADICTED, UNDECIDED)}


def test_half_of_the_printed_effect_passes_for_reproduced_ever_less_often_as_seeds_grow():
    rng = np.random.default_rng(1)
    passed = [shares(0.167, worlds(rng, 300, n, 0.167 / 2)) for n in (3, 10, 40)]
    assert passed[0][REPRODUCED] >= passed[1][REPRODUCED] >= passed[2][REPRODUCED]
    assert passed[1][REPRODUCED] < 0.02 and passed[2][REPRODUCED] == 0
    assert passed[1][SAME_DIRECTION] > 0.98  # and is not lost


def test_a_number_that_is_one_of_our_runs_is_reproduced_in_19_of_20_cases_once_there_are_many_seeds():
    rng = np.random.default_rng(2)
    for n_seeds, least in ((3, 0.85), (10, 0.9), (24, 0.92)):
        cases = list(worlds(rng, 400, n_seeds, 0.12))
        printed = 0.12 + rng.normal(0, 0.008, 400) + rng.normal(0, 0.03, 400)
        found = [verdicts.verdict(one, case) for one, case in zip(printed, cases, strict=True)]
        assert least < found.count(REPRODUCED) / 400 < 0.98


@pytest.mark.parametrize("n_compared", [1, 8])
def test_no_effect_at_all_is_taken_for_one_in_a_fortieth_of_the_cases_even_as_the_largest_of_eight(n_compared):
    rng = np.random.default_rng(3)
    few, many = (shares(0.167, worlds(rng, 400, n, 0.0, n_compared=n_compared)) for n in (3, 12))
    for found in few, many:
        assert found[REPRODUCED] + found[SAME_DIRECTION] < 0.05
    assert many[CONTRADICTED] > 0.95


def test_three_points_below_is_not_as_high_as_and_equal_is_found_out():
    rng = np.random.default_rng(4)
    for n_seeds in (3, 10, 30):
        below = shares(0.0, worlds(rng, 300, n_seeds, -0.03, of_seed=0.01))
        limit = shares(0.0, worlds(rng, 300, n_seeds, -0.01, of_seed=0.01))
        assert below[REPRODUCED] + below[SAME_DIRECTION] < 0.01
        assert limit[REPRODUCED] + limit[SAME_DIRECTION] < 0.09  # one test of two at 5 %
    assert below[CONTRADICTED] > 0.99
    assert shares(0.0, worlds(rng, 300, 30, 0.0, of_seed=0.01))[REPRODUCED] > 0.95


@pytest.mark.parametrize(("truth", "expected"), [((0.02, 0.01), REPRODUCED), ((0.02, -0.01), SAME_DIRECTION),
                                                 ((-0.02, 0.01), CONTRADICTED)])  # fmt: skip
def test_orders_sharpen_with_seeds_and_no_difference_is_never_an_order(truth, expected):
    rng = np.random.default_rng(5)

    def case(means, n_seeds):
        every = np.array(means)[:, None] + rng.normal(0, 0.012, (2, n_seeds))
        return measures.evidence_of_order(every[:, :, None] + rng.normal(0, 0.03, (2, n_seeds, 10)), every)

    few, many = (shares(None, [case(truth, n) for _ in range(300)]) for n in (3, 40))
    assert many[expected] > max(0.95, few[expected])
    assert shares(None, [case((0.0, 0.0), 10) for _ in range(300)])[REPRODUCED] < 0.025


def test_as_many_seeds_as_are_named_decide_what_was_undecided():
    rng = np.random.default_rng(6)
    pilot = next(case for case in worlds(rng, 100, 3, 0.012) if verdicts.verdict(0.03, case) == UNDECIDED)
    n = verdicts.seeds_to_decide(0.03, pilot)
    assert n > 3
    mean, spread = pilot.paired.mean(), pilot.paired.std(ddof=1)
    again = [Evidence(values[:, None], values) for values in rng.normal(mean, spread, (300, n))]
    assert shares(0.03, again)[UNDECIDED] < 0.25
    assert verdicts.seeds_to_decide(0.0, evidence([0.0, 0.004])) < verdicts.seeds_to_decide(0.0, evidence([0.0, 0.016]))
