"""Payloads: the letter's bits, and the formulas for integers of any size."""

from fractions import Fraction

import pytest
from hypothesis import given, strategies as st

from mix2fld_np.errors import InputError
from mix2fld_np.wireless import payload

sizes = st.integers(0, 10**30)


def test_the_letters_payloads():
    assert payload.weight_bits(12_544, 32) == 401_408
    assert payload.output_bits(10, 32) == 3_200
    assert payload.output_bits(10, 32) + payload.sample_bits(50, 6_272) == 316_800


def test_up_to_42_4_times_is_an_average_over_ten_rounds_with_ten_samples():
    assert payload.uplink_reduction(10, 401_408, 3_200, payload.sample_bits(10, 6_272)) == pytest.approx(
        42.378, abs=5e-4
    )
    assert payload.uplink_reduction(10, 401_408, 3_200, payload.sample_bits(50, 6_272)) < 42.4 / 3


@given(sizes, sizes)
def test_bits_add_up_over_weights_and_samples(n, more):
    assert payload.weight_bits(n, 32) + payload.weight_bits(more, 32) == payload.weight_bits(n + more, 32)
    assert payload.sample_bits(n, 6_272) + payload.sample_bits(more, 6_272) == payload.sample_bits(n + more, 6_272)
    assert payload.sample_bits(more, n) == payload.sample_bits(n, more)


@given(st.integers(1, 40), st.integers(0, 64))
def test_output_bits_count_every_cell_of_the_label_by_label_table(n_labels, bits):
    assert payload.output_bits(n_labels, bits) == sum(bits for _ in range(n_labels) for _ in range(n_labels))


@given(sizes)
def test_twice_the_labels_cost_four_times_the_bits(n_labels):
    assert payload.output_bits(2 * n_labels, 32) == 4 * payload.output_bits(n_labels, 32)


@given(st.integers(1, 10**6), sizes, st.integers(1, 10**30), sizes)
def test_reduction_is_the_ratio_of_total_bits(n_rounds, weights, outputs, seeds):
    factor = payload.uplink_reduction(n_rounds, weights, outputs, seeds)
    assert factor == pytest.approx(float(Fraction(n_rounds * weights, n_rounds * outputs + seeds)))


@given(st.integers(1, 10**6), st.integers(1, 10**9))
def test_more_rounds_raise_the_reduction_towards_its_limit_without_seeds(n_rounds, seeds):
    without = payload.uplink_reduction(n_rounds, 401_408, 3_200, 0)
    assert without == pytest.approx(125.44)
    now, later = (payload.uplink_reduction(p, 401_408, 3_200, seeds) for p in (n_rounds, n_rounds + 1))
    assert now < later < without


@pytest.mark.parametrize("ask", [
    lambda: payload.weight_bits(-1, 32),
    lambda: payload.output_bits(10, 1.5),
    lambda: payload.sample_bits("10", 6_272),
    lambda: payload.sample_bits([10, 50], 6_272),
    lambda: payload.uplink_reduction(0, 401_408, 3_200, 0),
])
def test_what_cannot_be_counted_is_refused(ask):
    with pytest.raises(InputError):
        ask()
