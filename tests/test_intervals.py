"""Student's t against printed tables, intervals and power against simulation, and what few numbers cannot say."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mix2fld_np.study.intervals import (
    log_variance_ratio,
    middle_range,
    percentile_of,
    seeds_needed,
    t_inside,
    t_interval,
    t_quantile,
)

TABLE = {  # two-sided 95 %, 99 % and 99.9 %, as every table of Student's t prints them
    1: (12.706, 63.657, 636.619), 2: (4.303, 9.925, 31.599), 3: (3.182, 5.841, 12.924), 4: (2.776, 4.604, 8.610),
    9: (2.262, 3.250, 4.781), 10: (2.228, 3.169, 4.587), 23: (2.069, 2.807, 3.768), 30: (2.042, 2.750, 3.646),
    120: (1.980, 2.617, 3.373),
}  # fmt: skip
numbers = st.lists(st.floats(-100, 100), min_size=2, max_size=30)


@pytest.mark.parametrize(("n", "printed"), TABLE.items())
def test_quantiles_are_those_of_the_tables(n, printed):
    found = [t_quantile(level, n) for level in (0.95, 0.99, 0.999)]
    np.testing.assert_allclose(found, printed, rtol=2e-4)


@given(st.floats(0, 50), st.integers(1, 40))
def test_the_chance_inside_is_the_area_under_the_density(t, n):
    x = np.linspace(0, t, 20_001)
    density = math.exp(math.lgamma((n + 1) / 2) - math.lgamma(n / 2)) / math.sqrt(n * math.pi)
    density = density * (1 + x**2 / n) ** (-(n + 1) / 2)
    area = np.sum(density[1:] + density[:-1]) * x[1]  # twice the mean of neighbours
    assert t_inside(t, n) == pytest.approx(area, abs=2e-5)


def test_with_many_degrees_of_freedom_a_quantile_is_the_normal_one():
    assert t_quantile(0.95, 100_000) == pytest.approx(1.95996, abs=1e-4)


@pytest.mark.parametrize(("n", "n_compared"), [(3, 1), (10, 1), (5, 4)])
def test_intervals_hold_the_true_mean_as_often_as_stated(n, n_compared):
    rng, trials = np.random.default_rng(7), 4_000
    found = [t_interval(values, n_compared=n_compared) for values in rng.normal(2, 3, (trials, n))]
    share, stated = np.mean([one.low <= 2 <= one.high for one in found]), 1 - 0.05 / n_compared
    assert abs(share - stated) < 5 * math.sqrt(stated * (1 - stated) / trials)


@given(numbers, st.floats(-10, 10), st.sampled_from([0.5, 2.0, 10.0]))
def test_an_interval_moves_and_stretches_with_its_values(values, shift, scale):
    own, moved = t_interval(values), t_interval([scale * value + shift for value in values])
    for before, after in zip((own.mean, own.low, own.high), (moved.mean, moved.low, moved.high), strict=True):
        assert after == pytest.approx(scale * before + shift, abs=1e-8)


def test_one_value_has_no_interval_and_a_missing_one_is_no_value():
    assert t_interval([]).mean is None
    assert t_interval([3.0, math.nan]) == t_interval([3.0])
    assert (t_interval([3.0]).mean, t_interval([3.0]).low) == (3.0, None)
    assert t_interval([1.0, math.nan, 3.0]) == t_interval([1.0, 3.0])


@given(numbers)
def test_the_middle_range_holds_the_median_and_percentiles_go_from_nothing_to_all(values):
    median, low, high = middle_range(np.array(values))
    assert min(values) <= low <= median <= high <= max(values)
    assert percentile_of(min(values) - 1, np.array(values)) == 0 and percentile_of(101, np.array(values)) == 100
    assert percentile_of(5.0, np.array([5.0, 5.0])) == 50


@pytest.mark.parametrize(("effect", "n_compared"), [(0.8, 1), (1.5, 1), (0.8, 8)])
def test_as_many_seeds_as_are_said_to_decide_find_the_effect_in_four_of_five_trials(effect, n_compared):
    rng, trials = np.random.default_rng(11), 3_000
    pilot = rng.normal(0, 1, 50)
    n = seeds_needed(effect, (pilot - pilot.mean()) / pilot.std(ddof=1), n_compared)
    found = [t_interval(values, n_compared=n_compared).low > 0 for values in rng.normal(effect, 1, (trials, n))]
    assert 0.77 < np.mean(found) < 0.9  # n is a whole number: a little more than asked


def test_how_many_seeds_decide_is_not_said_where_it_cannot_be_known():
    assert seeds_needed(0.0, [1.0, 2.0]) is None and seeds_needed(1.0, [1.0]) is None
    assert seeds_needed(0.001, [-1.0, 1.0]) is None  # more than a thousand
    assert seeds_needed(1.0, [2.0, 2.0]) == 2
    assert seeds_needed(0.5, [0.0, 1.0]) > seeds_needed(1.0, [0.0, 1.0])


def test_equal_variances_of_10_and_of_50_devices_have_a_log_ratio_of_zero_on_average():
    rng = np.random.default_rng(3)
    few, many = rng.normal(0.9, 0.02, (4_000, 10)), rng.normal(0.9, 0.02, (4_000, 50))
    ratios = [log_variance_ratio(last, first) for last, first in zip(many, few, strict=True)]
    assert abs(np.mean(ratios)) < 5 * np.std(ratios) / math.sqrt(len(ratios))
    halved = [log_variance_ratio(last / math.sqrt(2), first) for last, first in zip(many, few, strict=True)]
    assert np.mean(halved) - np.mean(ratios) == pytest.approx(-math.log(2))
    averaged = np.mean([np.var(last) / np.var(first) - 1 for last, first in zip(many, few, strict=True)])
    assert averaged > 0.3  # what averages of ratios of population variances would say of no difference at all
