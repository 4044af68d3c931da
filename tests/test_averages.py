"""One rule for means over seeds: of numbers, of which some may be missing, and of curves, which may end early."""

import math
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given, strategies as st
from made_up import made_up_result, made_up_rows

from mix2fld_np.study.averages import average, mean_curve

numbers = st.floats(-1e3, 1e3)
known_or_not = st.lists(st.none() | numbers, max_size=8)


@given(known_or_not)
def test_a_mean_is_over_the_seeds_that_have_a_value_and_says_how_many(values):
    over, known = average(values), [value for value in values if value is not None]
    assert (over.n_known, over.n_seeds) == (len(known), len(values))
    assert over.mean == (pytest.approx(fmean(known)) if known else None)
    assert over.spread == (pytest.approx(stdev(known)) if len(known) > 1 else None)
    assert over.columns("x") == {"x": over.mean, "x_spread": over.spread, "x_n_seeds": len(known)}


@given(known_or_not, st.randoms())
def test_a_mean_knows_no_order_of_seeds(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert average(shuffled).mean == average(values).mean


@pytest.mark.parametrize(("values", "text"), [
    ([], "-"), ([None], "-"), ([0.5], "50.0 %"), ([0.5, None], "50.0 % (1 of 2 seeds)"), ([0.4, 0.6], "50.0 +- 14.1 %"),
    ([0.4, 0.6, None], "50.0 +- 14.1 % (2 of 3 seeds)"), ([-math.inf, 1.0], "-inf %"), ([-math.inf, math.inf], "-"),
])  # fmt: skip
def test_a_table_shows_a_dash_a_spread_and_of_how_many_seeds(values, text):
    assert average(values).text() == text


# --- curves -----------------------------------------------------------------------------------------------------------


@st.composite
def curves(draw):
    """A learning curve from time zero: (seconds, value) in the order of time, of any length."""
    steps = draw(st.lists(st.floats(0.01, 5), max_size=8))
    times = np.cumsum([0.0, *steps])
    return [(float(at), draw(st.floats(0, 1))) for at in times]


def value_at(curve, at):
    """A curve's value by hand: on the line between two points, and the last one after its end."""
    if at >= curve[-1][0]:
        return curve[-1][1]
    (t0, v0), (t1, v1) = next(both for both in zip(curve, curve[1:], strict=False) if both[0][0] <= at <= both[1][0])
    return v0 + (v1 - v0) * (at - t0) / (t1 - t0)


@given(st.lists(curves(), min_size=1, max_size=4))
def test_a_mean_curve_stands_at_the_times_of_all_seeds_and_a_run_that_stopped_keeps_its_last_value(seeds):
    at, mean, spread = mean_curve(seeds)
    assert list(at) == sorted({time for curve in seeds for time, _ in curve})
    values = np.array([[value_at(curve, t) for curve in seeds] for t in at])
    np.testing.assert_allclose(mean, values.mean(axis=1), atol=1e-9)
    np.testing.assert_allclose(spread, values.std(axis=1, ddof=1) if len(seeds) > 1 else 0, atol=1e-9)


@given(curves(), st.integers(1, 4))
def test_seeds_that_agree_have_the_curve_of_each(curve, n_seeds):
    at, mean, spread = mean_curve([curve] * n_seeds)
    np.testing.assert_allclose([at, mean], np.transpose(curve), atol=1e-12)
    np.testing.assert_allclose(spread, 0, atol=1e-12)


def test_a_mean_curve_ends_with_the_longest_run():
    at, mean, _ = mean_curve([[(0.0, 0.1), (1.0, 0.3)], [(0.0, 0.1), (2.0, 0.5)]])
    assert list(at) == [0, 1, 2] and mean == pytest.approx([0.1, 0.3, 0.4])


# --- one run ----------------------------------------------------------------------------------------------------------


def result(**columns):
    return made_up_result(made_up_rows(columns), [[0.0, 0.3], [1.0, 0.2]])


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=6))
def test_the_servers_model_is_its_last_one(models):
    run, sent = result(server_accuracy=models), [model for model in models if model is not None]
    assert run.server_accuracy == (sent[-1] if sent else None)


def test_the_last_round_that_learned_says_from_how_many_samples():
    assert result(server_samples=[20, 0], server_samples_wanted=[40, 40]).server_samples == 20
    assert result(server_samples=[0, 0], server_samples_wanted=[40, 40]).server_samples == 0
    assert result(server_samples=[None, None]).server_samples is None


def test_the_criterion_is_met_at_the_end_of_the_first_round_that_meets_it():
    run = result(converged=[False, True, True], elapsed_s=[1.0, 2.0, 3.0], reference_accuracy=[0.1, 0.4, 0.2])
    assert (run.criterion_s, run.elapsed_s, run.accuracy, run.best_accuracy) == (2.0, 3.0, 0.2, 0.3)
    assert result(converged=[False, False]).criterion_s is None
