"""Distances: one for all devices, one for each, or drawn over a disc; each device has its own link."""

import json
import math
import re
from dataclasses import asdict, replace
from fractions import Fraction

import numpy as np
import pytest
from federations import play, small_task
from hypothesis import given, strategies as st
from numpy.testing import assert_array_equal
from strategies import links

from mix2fld_np.cli import main
from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import PROTOCOLS
from mix2fld_np.federation.settings import COMPARISON, PRINTED, Settings
from mix2fld_np.randomness import DOWN, UP, stream
from mix2fld_np.study.channel import by_distance
from mix2fld_np.verify import by_hand
from mix2fld_np.wireless import channel

seeds, payloads = st.integers(0, 2**32 - 1), st.integers(0, 10**6)
UNEQUAL = replace(PRINTED.uplink, distance_m=(300.0, 900.0, 1_000.0, 1_000.0, 1_100.0), max_slots=110)


@st.composite
def unequal_links(draw):
    """Links whose devices, one to five, stand within a factor of two of each other."""
    link = draw(links())
    factors = draw(st.lists(st.floats(0.7, 1.4), min_size=1, max_size=5))
    return replace(link, distance_m=tuple(link.distance_m * factor for factor in factors))


# -------------------------------------------------------------------------------------------------- each its own link
@given(links(), st.integers(1, 5), seeds, payloads)
def test_equal_distances_in_a_list_are_one_distance_to_the_bit(link, D, seed, bits):
    listed = replace(link, distance_m=(link.distance_m,) * D)
    one, other = (vars(channel.transmit(own, bits, D, np.random.default_rng(seed))) for own in (link, listed))
    for name, values in one.items():
        assert_array_equal(values, other[name])
    t = np.arange(link.max_slots + 3)
    assert_array_equal(channel.slowest_cdf(link, bits, t, D), channel.slowest_cdf(listed, bits, t, D))
    for law in (channel.slowest_outage_probability, channel.mean_airtime_slots):
        assert law(link, bits, D) == law(listed, bits, D)


@given(unequal_links(), seeds, payloads, st.floats(0.1, 1.0))
def test_a_device_that_comes_nearer_never_gets_through_later_and_moves_nobody_else(link, seed, bits, factor):
    r, *others = link.distance_m
    nearer = replace(link, distance_m=(factor * r, *others))
    both = [channel.transmit(own, bits, len(others) + 1, np.random.default_rng(seed)) for own in (link, nearer)]
    before, after = both
    assert after.slots[0] <= before.slots[0] and after.delivered[0] >= before.delivered[0]
    assert_array_equal(after.slots[1:], before.slots[1:])


def test_every_upload_of_a_run_is_that_of_a_device_at_its_own_distance():
    distances = (500.0, 1_000.0, 1_300.0, 1_600.0)
    task = small_task(distance_m=distances, n_rounds=3)
    rounds = play(PROTOCOLS["Mix2FLD"], task)[-1].rounds
    for row in rounds:
        up, down = (own_slots(task, row["round"], direction) for direction in (UP, DOWN))
        bits = row["uplink_bits"] // 4
        if row["round"] == 1:
            assert row["uplink_slots"] == max(up(bits, d, r)[1] for d, r in enumerate(distances))
        assert row["downlink_slots"] == max(down(401_408, d, r)[1] for d, r in enumerate(distances))


def own_slots(task, p, direction):
    """Slots of one device, by the loop of the numerical check, under the fading of this round."""
    link = task.settings.uplink if direction == UP else task.settings.downlink
    fading = stream(task.seed, "channel", p, direction).standard_exponential((link.max_slots, task.n_devices))
    return lambda bits, d, r: by_hand.latency(replace(link, distance_m=r), bits, fading[:, d])


def test_a_device_that_cannot_be_heard_is_lost_when_it_takes_part_and_only_then():
    task = small_task(distance_m=(1.0, 1.0, 1e8, 1.0), participation=0.5, n_rounds=6)
    there = [task.takes_part(p) for p in range(1, 7)]
    rows = play(PROTOCOLS["FD"], task)[-1].rounds
    assert [row["uplink_delivered"] for row in rows] == [2 - there[2] for there in there]
    assert {row["uplink_delivered"] for row in rows} == {1, 2}


# ------------------------------------------------------------------------------------------ the slowest, by two routes
def test_the_slowest_of_unequal_devices_in_closed_form_agrees_with_the_simulation_within_five_standard_errors():
    n_rounds, D, bits = 3_000, 5, 4_000 * 95
    rng = np.random.default_rng(21)
    sent = [channel.transmit(UNEQUAL, bits, D, rng) for _ in range(n_rounds)]
    slowest, lost = np.array([(one.airtime_slots, not one.delivered.all()) for one in sent]).T
    outage = channel.slowest_outage_probability(UNEQUAL, bits, D)
    assert 0.1 < outage < 0.9  # otherwise the comparison would be idle
    pairs = [(lost, outage), (slowest, channel.mean_airtime_slots(UNEQUAL, bits, D))]
    pairs += [(slowest <= t, channel.slowest_cdf(UNEQUAL, bits, t, D)) for t in (107, 108, 109)]
    for drawn, expected in pairs:
        assert abs(drawn.mean() - expected) < 5 * drawn.std() / math.sqrt(n_rounds)


def test_the_law_of_the_slowest_is_the_product_of_fractions():
    bits, n, T = 4_000 * 100, 100, 110
    arrive = Fraction(1)
    for r in UNEQUAL.distance_m:
        p = Fraction(math.exp(-by_hand.strain(replace(UNEQUAL, distance_m=r))))
        arrive *= 1 - sum(math.comb(T, k) * p**k * (1 - p) ** (T - k) for k in range(n))
    assert channel.slowest_cdf(UNEQUAL, bits, T, 5) == pytest.approx(float(arrive), rel=1e-11)
    assert channel.slowest_outage_probability(UNEQUAL, bits, 5) == pytest.approx(float(1 - arrive), rel=1e-11)


@given(unequal_links(), payloads)
def test_unequal_devices_are_slower_than_if_all_stood_nearest_and_faster_than_if_farthest(link, bits):
    D = len(link.distance_m)
    near, far = (replace(link, distance_m=choose(link.distance_m)) for choose in (min, max))
    for law in (channel.slowest_outage_probability, channel.mean_airtime_slots):
        low, mine, high = (law(own, bits, D) for own in (near, link, far))
        assert low <= mine * (1 + 1e-9) and mine <= high * (1 + 1e-9)


@pytest.mark.parametrize("ask", [
    lambda: channel.latency_cdf(UNEQUAL, 4_000, 5),
    lambda: channel.success_probability(UNEQUAL),
    lambda: channel.transmit(UNEQUAL, 4_000, 4, np.random.default_rng(0)),
    lambda: channel.mean_airtime_slots(UNEQUAL, 4_000, 6),
    lambda: replace(UNEQUAL, distance_m=(1.0, 0.0)),
    lambda: replace(UNEQUAL, distance_m=()),
])  # fmt: skip
def test_what_has_no_single_answer_is_refused(ask):
    with pytest.raises(InputError):
        ask()


# ----------------------------------------------------------------------------------------------------- over the cell
def drawn(n=10_000, radius=500.0, seed=0):
    return np.array(replace(PRINTED, n_devices=n, distance_m=f"uniform:{radius}").links(seed)[0].distance_m)


def test_devices_are_uniform_over_the_area_of_the_cell():
    r = drawn()
    assert r.min() > 0 and r.max() <= 500
    for within in (0.1, 0.5, 0.9):
        share = within**2
        assert abs(np.mean(r <= 500 * within) - share) < 5 * math.sqrt(share * (1 - share) / r.size)


def test_places_belong_to_the_seed_and_more_devices_leave_the_first_where_they_are():
    assert_array_equal(drawn(10), drawn(50)[:10])
    assert not np.any(drawn(10) == drawn(10, seed=1))
    assert_array_equal(2 * drawn(10), drawn(10, radius=1_000.0))
    up, down = replace(PRINTED, distance_m="uniform:100").links(3)
    assert up.distance_m == down.distance_m and len(up.distance_m) == 10


distances = st.one_of(
    st.floats(1, 1e4), st.lists(st.floats(1, 1e4), min_size=10, max_size=10), st.floats(1, 1e4).map("uniform:{}".format)
)


@given(distances)
def test_settings_with_any_distances_come_back_from_a_file(distance_m):
    settings = replace(PRINTED, distance_m=distance_m)
    stored = json.loads(json.dumps(asdict(settings)))
    assert Settings(**stored | {"filters": tuple(stored["filters"])}) == settings
    assert hash(settings) == hash(replace(PRINTED, distance_m=distance_m))
    assert settings.uplink.distance_m == max(settings.links(0)[0].each, key=lambda one: one.distance_m).distance_m or (
        isinstance(distance_m, str)
    )


@pytest.mark.parametrize("wrong", [
    (1.0, 2.0), "uniform", "uniform:", "uniform:x", "uniform:-5", "uniform:nan", "disc:5", "100;", 0.0, (0.0,) * 10,
    ("1",) * 10, (math.inf,) * 10,
])  # fmt: skip
def test_distances_that_cannot_be_are_refused_in_a_sentence(wrong):
    with pytest.raises(InputError, match=r"^distance_m = .*(it must be|out of range).*\.$"):
        replace(PRINTED, distance_m=wrong)


# ------------------------------------------------------------------------------------------------------- the commands
def test_the_channel_table_shows_the_nearest_the_median_and_the_farthest(capsys):
    r = (200, 400, 600, 800, 1_000, 1_200)
    three = [replace(COMPARISON, n_devices=6).uplink for _ in range(3)]
    three = [replace(link, distance_m=float(own)) for link, own in zip(three, (200, 600, 1_200), strict=True)]
    assert main(["channel", "--devices=6", f"--distance={','.join(map(str, r))}"]) == 0
    printed = capsys.readouterr().out
    assert "nearest, the median and the farthest device, 200 / 600 / 1200 m away" in printed
    assert f"{channel.success_probability(three[2]):.5f} at 1200 m" in printed
    line = next(line for line in printed.splitlines() if re.match("FL +up ", line))
    assert " / ".join(f"{channel.outage_probability(link, 401_408):.3g}" for link in three) in line
    both = [channel.slowest_outage_probability(replace(three[0], distance_m=tuple(map(float, r))), 401_408, 6)]
    assert f"{both[0]:.3g}" in line


def test_with_one_distance_the_channel_table_speaks_of_one_device(capsys):
    assert main(["channel"]) == 0
    assert " / " not in capsys.readouterr().out.partition("\n\n")[2].partition("\n\n")[0]
    assert len(by_distance(PRINTED.uplink)) == 1


def test_over_a_disc_the_seed_moves_the_devices(capsys):
    printed = []
    for seed in ("0", "0", "1"):
        assert main(["channel", "--distance=uniform:1000", f"--seed={seed}"]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != printed[2]
