"""The channel: eq. (4), the latency law by three routes, and the simulation."""

import itertools
import math
import re
from dataclasses import replace
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from strategies import generators, link_with_success, links

from mix2fld_np.cli import main
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import LIMITS
from mix2fld_np.wireless import channel, units

PRINTED_UPLINK = channel.Link(
    power_dbm=23, bandwidth_hz=2e6, distance_m=1000, path_loss_exponent=4, noise_dbm_per_hz=-174, threshold=3,
    slot_s=1e-3, max_slots=100,
)
SYMMETRIC_UPLINK = replace(PRINTED_UPLINK, power_dbm=40)
DOWNLINK = replace(PRINTED_UPLINK, power_dbm=40, bandwidth_hz=10e6)
FL_BITS = 32 * 12_544


def textbook_missing(n, t, p):
    """Pr[Binomial(t, p) < n] in exact fractions, as the textbook writes it."""
    p = Fraction(p)
    return float(sum(math.comb(t, k) * p**k * (1 - p) ** (t - k) for k in range(min(n, t + 1))))


# ------------------------------------------------------------------------------------------------ units
@given(st.floats(-300, 300))
def test_decibels_survive_the_journey_to_watts_and_back(level):
    assert units.ratio_to_db(units.dbm_to_watt(level)) + 30 == pytest.approx(level, abs=1e-9)


def test_familiar_powers_in_dbm():
    assert_allclose(units.dbm_to_watt(np.array([30.0, 0.0, 23.0, 40.0])), [1.0, 1e-3, 0.199526, 10.0], rtol=1e-5)
    assert units.ratio_to_db(3) == pytest.approx(4.7712, abs=1e-4)


@pytest.mark.parametrize("nothing", [0.0, -1.0, math.nan])
def test_no_power_has_no_decibels(nothing):
    with pytest.raises(InputError, match="above zero"):
        units.ratio_to_db(nothing)


# --------------------------------------------------------------------------------------------- the slot
@pytest.mark.parametrize(
    ("link", "printed"), [(PRINTED_UPLINK, 0.88717), (SYMMETRIC_UPLINK, 0.99761), (DOWNLINK, 0.98813)]
)
def test_a_slot_succeeds_as_often_as_the_letters_numbers_say(link, printed):
    assert channel.success_probability(link) == pytest.approx(printed, abs=5e-6)


@given(links(min_success=0.1, max_success=0.9), generators)
def test_success_in_closed_form_agrees_with_success_drawn(link, rng):
    n_draws, p = 4_000, channel.success_probability(link)
    drawn = np.mean(channel.snr(link, rng.standard_exponential(n_draws)) >= link.threshold)
    assert abs(drawn - p) < 5 * math.sqrt(p * (1 - p) / n_draws)


def test_a_vanishing_threshold_always_succeeds_and_a_doubled_one_squares_the_chance():
    assert channel.success_probability(replace(PRINTED_UPLINK, threshold=1e-20)) == 1.0
    p = channel.success_probability(PRINTED_UPLINK)
    assert channel.success_probability(replace(PRINTED_UPLINK, threshold=6)) == pytest.approx(p**2)


def test_a_printed_slot_carries_4000_bits_up_and_20000_down():
    assert channel.bits_per_slot(PRINTED_UPLINK) == pytest.approx(4_000)
    assert channel.bits_per_slot(DOWNLINK) == pytest.approx(20_000)


def test_the_letters_payloads_take_the_slots_noted():
    assert_array_equal(channel.slots_needed(PRINTED_UPLINK, np.array([FL_BITS, 3_200, 3_200 + 313_600])), [101, 1, 80])
    # Figure 3
    assert channel.slots_needed(replace(PRINTED_UPLINK, bandwidth_hz=10e6 * 2 / 50), 3_200 + 50 * 6_272) == 396


@given(links(), st.integers(1, 5_000))
def test_slots_needed_is_the_ceiling_of_exact_division(link, bits):
    n, per_slot = channel.slots_needed(link, bits), channel.bits_per_slot(link)
    assert n * per_slot >= bits * (1 - 1e-13)
    assert (n - 1) * per_slot < bits * (1 + 1e-13)


@example(10**6, 10**6, 1e-3)
@example(101, 4_000, 0.013)  # in doubles 404,000 / 4,000 is here 101.00000000000001
@given(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(1e-4, 1e-1))
def test_a_payload_that_fills_its_slots_does_not_spill_over(n_slots, bits_in_slot, slot_s):
    link = replace(PRINTED_UPLINK, slot_s=slot_s, bandwidth_hz=bits_in_slot / (2 * slot_s))  # log2(1 + theta) = 2
    assert channel.slots_needed(link, n_slots * bits_in_slot) == n_slots
    if bits_in_slot > 1:
        assert channel.slots_needed(link, n_slots * bits_in_slot - 1) == n_slots
    assert channel.slots_needed(link, n_slots * bits_in_slot + 1) == n_slots + 1


decades = st.floats(-1, 1)  # where between its two limits a number lies, in its logarithm


@example(-1, -1, -1, 1, 401_408)  # 2^63 slots and more
@given(decades, decades, decades, st.floats(1e-4, 1), st.integers(1, 2**63 - 1))
def test_no_link_that_settings_allow_has_a_wrong_number_of_slots(bandwidth, threshold, slot, share, bits):
    W, theta, tau = (math.exp(np.interp(at, (-1, 1), np.log(LIMITS[name][:2])))
                     for at, name in (
                         (bandwidth, "bandwidth_hz"), (threshold, "threshold"), (slot, "slot_s")))  # fmt: skip
    link = replace(PRINTED_UPLINK, bandwidth_hz=W * share, threshold=theta, slot_s=tau)
    needed = channel.slots_needed(link, bits)
    exact = Fraction(bits) / (Fraction(tau) * Fraction(W * share) * Fraction(math.log1p(theta) / math.log(2)))
    assert needed == pytest.approx(math.ceil(exact), rel=1e-13) or needed == round(exact)
    sent = channel.transmit(link, bits, 2, np.random.default_rng(0))
    assert channel.mean_latency_slots(link, bits) >= needed
    if needed > link.max_slots:
        assert channel.outage_probability(link, bits) == 1.0 == channel.slowest_outage_probability(link, bits, 2)
        assert channel.mean_airtime_slots(link, bits, 2) == link.max_slots == sent.airtime_slots
        assert not sent.delivered.any()


def test_the_command_shows_slots_that_no_integer_type_can_count(capsys):
    assert main(["channel", "--set=bandwidth_hz=1", "--set=threshold=1e-9", "--set=slot_s=1e-9"]) == 0
    printed = capsys.readouterr().out
    assert "401,408 bits need 1.391e+24 slots" in printed and "2.885e-19 bits a slot" in printed
    assert not re.search(r"\s-\d|\d{20}", printed)


# ---------------------------------------------------------------------------------------------- eq. (4)
@given(links(), generators)
def test_received_bits_never_decrease_and_count_the_good_slots(link, rng):
    fading = rng.standard_exponential((3, link.max_slots))
    received = channel.received_bits(link, fading)
    assert received.shape == fading.shape
    assert np.all(np.diff(received, axis=-1) >= 0)
    for d, t in np.ndindex(fading.shape):
        good = sum(channel.mean_snr(link) * h >= link.threshold for h in fading[d, : t + 1])
        assert received[d, t] == pytest.approx(good * channel.bits_per_slot(link))


@given(links(), st.integers(0, 2**32 - 1), st.integers(0, 10**6))
def test_transmit_stops_at_the_first_slot_in_which_equation_4_reaches_the_payload(link, seed, bits):
    sent = channel.transmit(link, bits, 4, np.random.default_rng(seed))
    fading = np.random.default_rng(seed).standard_exponential((link.max_slots, 4)).T
    enough = channel.received_bits(link, fading) >= bits * (1 - 1e-12)
    for d in range(4):
        first = 0 if bits == 0 else next((t + 1 for t in range(link.max_slots) if enough[d, t]), None)
        assert sent.delivered[d] == (first is not None)
        assert sent.slots[d] == (link.max_slots if first is None else first)
    assert sent.airtime_slots == max(sent.slots)


@given(links(), st.integers(0, 2**32 - 1), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_smaller_payload_never_arrives_later(link, seed, bits, other_bits):
    small, large = (channel.transmit(link, b, 5, np.random.default_rng(seed)) for b in sorted((bits, other_bits)))
    assert np.all(small.slots <= large.slots)
    assert np.all(small.delivered >= large.delivered)


@given(links(), st.integers(0, 2**32 - 1), st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 5))
def test_a_larger_t_max_loses_no_upload_and_moves_none(link, seed, bits, more, n_devices):
    longer = replace(link, max_slots=link.max_slots + more)
    short, long = (channel.transmit(one, bits, n_devices, np.random.default_rng(seed)) for one in (link, longer))
    assert_array_equal(short.delivered, long.delivered & (long.slots <= link.max_slots))
    assert_array_equal(short.slots, np.minimum(long.slots, link.max_slots))


def test_transmit_draws_the_same_number_of_gains_whatever_the_payload():
    after = []
    for bits in (0, 3_200, np.arange(7) * 1_000):
        rng = np.random.default_rng(5)
        channel.transmit(PRINTED_UPLINK, bits, 7, rng)
        after.append(rng.random())
    assert after[0] == after[1] == after[2]


def test_each_device_may_carry_its_own_payload():
    sent = channel.transmit(PRINTED_UPLINK, np.array([0, 4_000, 400_000, 404_000]), 4, np.random.default_rng(1))
    assert_array_equal(sent.payload_bits, [0, 4_000, 400_000, 404_000])
    assert sent.slots[0] == 0 and sent.delivered[0]
    assert sent.delivered[1] and not sent.delivered[3]
    assert sent.slots[3] == PRINTED_UPLINK.max_slots == sent.airtime_slots


# --------------------------------------------------------------------------------- the law, exact and tiny
@given(st.floats(0.01, 0.99), st.integers(0, 25), st.integers(0, 60))
def test_closed_form_equals_the_textbook_sum_in_fractions(p, n, t):
    link = link_with_success(p, max_slots=max(t, 1))
    missing = textbook_missing(n, t, channel.success_probability(link))
    assert channel.latency_cdf(link, n, t) == pytest.approx(1 - missing, rel=1e-10, abs=1e-12)
    if t:
        assert channel.outage_probability(link, n) == pytest.approx(missing, rel=1e-10, abs=0)


@given(st.floats(0.01, 0.99), st.integers(1, 25), st.integers(1, 60))
def test_pmf_equals_the_textbook_product_in_fractions(p, n, t):
    link = link_with_success(p)
    p = Fraction(channel.success_probability(link))
    exact = math.comb(t - 1, n - 1) * p**n * (1 - p) ** (t - n) if t >= n else 0
    assert channel.latency_pmf(link, n, t) == pytest.approx(float(exact), rel=1e-10, abs=0)


def binomial_in_decimals(t, p, q):
    """Pr[Binomial(t, p) = k] for k = 0, ..., t in fifty digits, each chance from the one before."""
    chance, (p, q) = Decimal(q) ** t, (Decimal(p), Decimal(q))
    for k in range(t + 1):
        yield chance
        chance = chance * (t - k) * p / ((k + 1) * q)


@pytest.mark.parametrize("p", [1e-4, 0.02, 0.5, 0.88717, 0.999])
def test_the_law_keeps_its_digits_at_the_most_slots_that_settings_allow(p):
    T = int(LIMITS["max_slots"][1])
    link = link_with_success(p, max_slots=T)
    p, q = channel._odds(link)
    spread = math.sqrt(T * p * q)
    with localcontext(prec=50):
        chances = list(binomial_in_decimals(T, p, q))
        below = list(itertools.accumulate(chances, initial=Decimal(0)))
        for n in {max(1, min(T, round(T * p + z * spread))) for z in (-20, -3, 0, 3, 20)}:
            exactly, missing, arrived = chances[n] * n / T, below[n], sum(chances[n:])
            assert channel.latency_pmf(link, n, T) == pytest.approx(float(exactly), rel=1e-11, abs=1e-300)
            assert channel.outage_probability(link, n) == pytest.approx(float(missing), rel=1e-11, abs=1e-300)
            assert channel.latency_cdf(link, n, T) == pytest.approx(float(arrived), rel=1e-11, abs=1e-300)


def test_the_pmf_is_a_law_and_knows_which_slots_are_impossible():
    law = channel.latency_pmf(PRINTED_UPLINK, FL_BITS, np.arange(0, 400))
    assert law.sum() == pytest.approx(1)
    assert np.all(law[:101] == 0) and law[101] > 0
    assert np.arange(400) @ law == pytest.approx(channel.mean_latency_slots(PRINTED_UPLINK, FL_BITS))
    assert channel.latency_pmf(PRINTED_UPLINK, FL_BITS, 110.5) == 0


def test_a_tiny_outage_keeps_its_digits():
    link = link_with_success(1 - 1e-9, max_slots=1_010)
    q = Fraction(-math.expm1(-link.threshold / channel.mean_snr(link)))
    # more than ten slots lost; 1e-69
    exact = sum(math.comb(1_010, k) * q**k * (1 - q) ** (1_010 - k) for k in range(11, 40))
    assert channel.outage_probability(link, 1_000) == pytest.approx(float(exact), rel=1e-9, abs=0)
    assert channel.slowest_outage_probability(link, 1_000, 50) == pytest.approx(50 * float(exact), rel=1e-9, abs=0)


@given(links(), st.integers(1, 10**6), st.integers(1, 40))
def test_outage_and_arrival_share_all_chances(link, bits, n_devices):
    T = link.max_slots
    assert channel.outage_probability(link, bits) + channel.latency_cdf(link, bits, T) == pytest.approx(1)
    assert (channel.slowest_outage_probability(link, bits, n_devices)
            + channel.slowest_cdf(link, bits, T, n_devices)) == pytest.approx(1)


def test_a_perfect_slot_needs_exactly_n_slots_and_an_imperfect_one_more():
    perfect, imperfect = replace(PRINTED_UPLINK, power_dbm=250), PRINTED_UPLINK
    assert channel.success_probability(perfect) == 1.0
    assert channel.mean_latency_slots(perfect, FL_BITS) == 101
    assert_allclose(channel.latency_pmf(perfect, FL_BITS, np.array([100, 101, 102])), [0, 1, 0], atol=1e-15)
    assert channel.mean_airtime_slots(replace(perfect, max_slots=110), FL_BITS, 10) == pytest.approx(101)
    assert channel.mean_latency_slots(imperfect, FL_BITS) == pytest.approx(101 / 0.88717, rel=1e-5)


def test_no_bits_take_no_time():
    assert_array_equal(channel.latency_cdf(PRINTED_UPLINK, 0, np.array([-1, 0, 5])), [0, 1, 1])
    assert channel.mean_latency_slots(PRINTED_UPLINK, 0) == 0
    assert channel.outage_probability(PRINTED_UPLINK, 0) == channel.mean_airtime_slots(PRINTED_UPLINK, 0, 9) == 0


# --------------------------------------------------------------------------------- T_max, Section IV
def test_fl_never_delivers_within_100_slots_but_both_statements_hold_at_105():
    for link, printed in ((PRINTED_UPLINK, 0.006), (SYMMETRIC_UPLINK, 0.999994)):
        assert channel.outage_probability(link, FL_BITS) == 1.0
        success = 1 - channel.outage_probability(replace(link, max_slots=105), FL_BITS)
        assert success == pytest.approx(printed, abs=1e-4 if printed < 0.5 else 5e-7)


# --------------------------------------------------------------- closed form against slot-by-slot simulation
@pytest.mark.parametrize(
    ("link", "bits"),
    [
        (replace(PRINTED_UPLINK, max_slots=115), FL_BITS),
        (PRINTED_UPLINK, 3_200 + 313_600),
        (link_with_success(0.1, max_slots=60), 5),
    ],
)
def test_latency_law_agrees_with_the_simulation_within_five_standard_errors(link, bits):
    n_rounds, D = 2_000, 10
    sent = channel.transmit(link, bits, n_rounds * D, np.random.default_rng(11))
    outage, slots = channel.outage_probability(link, bits), sent.slots.reshape(n_rounds, D)
    assert 0.001 < outage < 0.999  # otherwise the comparison would be idle

    assert_within_five_standard_errors(~sent.delivered, outage)
    assert_within_five_standard_errors(sent.slots, channel.mean_airtime_slots(link, bits, 1))
    assert_within_five_standard_errors(slots.max(axis=1), channel.mean_airtime_slots(link, bits, D))
    assert_within_five_standard_errors(
        ~sent.delivered.reshape(n_rounds, D).all(axis=1), channel.slowest_outage_probability(link, bits, D)
    )
    median = int(np.median(slots.max(axis=1)))
    if median < link.max_slots:
        assert_within_five_standard_errors(slots.max(axis=1) <= median, channel.slowest_cdf(link, bits, median, D))


@pytest.mark.parametrize(("link", "bits"), [(replace(PRINTED_UPLINK, max_slots=400), FL_BITS),
                                            (link_with_success(0.05, max_slots=999), 2)])
def test_mean_latency_without_a_limit_agrees_with_the_simulation(link, bits):
    n_rounds, D = 500, 10
    sent = channel.transmit(link, bits, n_rounds * D, np.random.default_rng(12))
    assert sent.delivered.all()
    assert_within_five_standard_errors(sent.slots, channel.mean_latency_slots(link, bits))
    assert channel.mean_airtime_slots(link, bits, 1) == pytest.approx(channel.mean_latency_slots(link, bits))


def assert_within_five_standard_errors(drawn, expected):
    drawn = np.asarray(drawn, dtype=float)
    assert abs(drawn.mean() - expected) < 5 * drawn.std() / math.sqrt(len(drawn))


# ----------------------------------------------------------------------------------------------- the door
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bandwidth_hz": 0.0}, "bandwidth_hz = 0.0"), ({"distance_m": -1.0}, "distance_m"),
        ({"threshold": 0}, "threshold"), ({"slot_s": math.nan}, "slot_s"), ({"power_dbm": math.inf}, "power_dbm"),
        ({"path_loss_exponent": 1.9}, "free space"), ({"max_slots": 0}, "max_slots"),
        ({"max_slots": 99.5}, "max_slots"), ({"power_dbm": 9e3}, "check the units"),
        ({"threshold": 1e-60}, "check the units"), ({"slot_s": 1e-300}, "check the units"),
    ],
)
def test_a_link_that_cannot_be_says_why(change, said):
    with pytest.raises(InputError, match=said):
        replace(PRINTED_UPLINK, **change)


@pytest.mark.parametrize("ask", [
    lambda: channel.slots_needed(PRINTED_UPLINK, -1),
    lambda: channel.slots_needed(PRINTED_UPLINK, 3_200.5),
    lambda: channel.latency_cdf(PRINTED_UPLINK, np.array([1, 2]), 5),
    lambda: channel.slots_needed(PRINTED_UPLINK, 2**63),
    lambda: channel.latency_pmf(PRINTED_UPLINK, 10, math.nan),
    lambda: channel.latency_cdf(PRINTED_UPLINK, 10, 1e9),
    lambda: channel.transmit(PRINTED_UPLINK, 10, 0, np.random.default_rng(0)),
    lambda: channel.slowest_cdf(PRINTED_UPLINK, 10, 5, 2.5),
])
def test_questions_without_an_answer_are_refused(ask):
    with pytest.raises(InputError):
        ask()
