"""The letter's numbers, and what is refused."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st

from mix2fld_np.errors import InputError
from mix2fld_np.federation import settings
from mix2fld_np.federation.settings import CHANNELS, COMPARISON, LIMITS, PRINTED, Distance, Settings
from mix2fld_np.wireless import channel
from mix2fld_np.wireless.channel import outage_probability


def test_the_printed_numbers_are_those_of_section_iv():
    s = PRINTED
    assert (s.n_devices, s.n_samples, s.n_local_iterations, s.n_distill_iterations) == (10, 500, 6_400, 3_200)
    assert (s.learning_rate, s.epsilon, s.beta, s.mixing_ratio) == (0.01, 0.05, 0.01, 0.1)
    assert (s.n_uplink_channels, s.bandwidth_hz, s.uplink_power_dbm, s.downlink_power_dbm) == (2, 10e6, 23, 40)
    assert (s.distance_m, s.path_loss_exponent, s.noise_dbm_per_hz, s.threshold) == (1_000, 4, -174, 3)
    assert (s.slot_s * s.max_slots, s.bits_per_weight, s.bits_per_output) == (0.1, 32, 32)


def test_each_device_has_its_share_of_the_uplink_band_and_all_hear_the_whole_downlink():
    assert PRINTED.uplink.bandwidth_hz == 2e6 and PRINTED.downlink.bandwidth_hz == 10e6
    assert replace(PRINTED, n_devices=50).uplink.bandwidth_hz == pytest.approx(0.4e6)


def test_fl_never_gets_through_as_printed_and_does_in_the_comparison():
    bits = 32 * 12_544
    assert channel.outage_probability(PRINTED.uplink, bits) == 1
    assert channel.outage_probability(replace(PRINTED, uplink_power_dbm=40.0).uplink, bits) == 1
    assert 1 - channel.outage_probability(COMPARISON.uplink, bits) == pytest.approx(0.00604, abs=5e-5)
    symmetric = replace(COMPARISON, uplink_power_dbm=40.0).uplink
    assert 1 - channel.outage_probability(symmetric, bits) == pytest.approx(0.999994, abs=1e-6)


@pytest.mark.parametrize("name", LIMITS)
def test_every_number_has_limits_that_hold(name):
    least, most, _ = LIMITS[name]
    whole = isinstance(getattr(PRINTED, name), int)
    for beyond in (least - 1 if whole else least - 1e-3 * abs(least) - 1e-9, most + 1 if whole else most * 1.001 + 1):
        with pytest.raises(InputError, match=rf"{name} = .* is out of range: .*; choose a value from"):
            replace(PRINTED, **{name: int(beyond) if whole else beyond})


def test_every_number_of_the_settings_is_limited():
    numbers = {field.name for field in fields(Settings) if field.type in (int, float, Distance)}
    assert numbers == set(LIMITS)


PLAIN = {int: 7, float: 3.5, bool: True, str: "iid", tuple[int, int]: (8, 3), Distance: (3.5,) * 10}  # of each kind
FROM_NUMPY = {
    int: [np.int64(7), np.uint8(7), np.array(7), np.array([7], ">i4")[0]],
    float: [np.float64(3.5), np.float32(3.5), np.float16(3.5), np.array(3.5), np.array([3.5], ">f8")[0]],
    bool: [np.True_, np.array([1, 2])[0] == 1],
    str: [np.str_("iid")],
    Distance: [[3.5] * 10, np.full(10, 3.5), np.full(10, 3.5, ">f2"), (np.float32(3.5),) * 10],
    tuple[int, int]: [[8, 3], (np.int32(8), np.int64(3)), np.arange(9)[8:1:-5], np.array([8, 3], ">u2")],
}


# What their limits let through.
OF_THEIR_OWN = {"mixing_ratio": 0.25, "participation": 0.5, "n_inverse_samples": 70, "pairing": "random",
                "initialisation": "glorot"}


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_takes_what_numpy_holds_and_keeps_it_as_pythons(field):
    plain, values = PLAIN[field.type], FROM_NUMPY[field.type]
    if field.name in OF_THEIR_OWN:
        plain = OF_THEIR_OWN[field.name]
        values = [np.array([plain])[0], np.array(plain)[()]]
    for value in values:
        kept = getattr(replace(PRINTED, **{field.name: value}), field.name)
        assert kept == plain and type(kept) is type(plain)
        assert json.dumps(kept)


def test_a_number_of_single_precision_is_the_decimal_that_was_meant():
    assert replace(PRINTED, mixing_ratio=np.float32(0.1)) == PRINTED == replace(PRINTED, learning_rate=np.float32(0.01))


def test_a_whole_number_where_any_is_allowed_is_the_same_record():
    assert repr(replace(PRINTED, distance_m=1_000, threshold=3)) == repr(PRINTED)


@pytest.mark.parametrize(("name", "value"), [
    ("n_devices", 10.0), ("n_devices", True), ("n_devices", np.True_), ("beta", False), ("stopwatch", 1),
    ("stopwatch", np.int64(1)), ("beta", 10**400), ("filters", (8, 3.0)), ("n_devices", np.array([10])),
])  # fmt: skip
def test_neighbouring_kinds_are_not_mixed_up(name, value):
    with pytest.raises(InputError, match=f"{name} = .* cannot be used: it must be"):
        replace(PRINTED, **{name: value})


WRONG = [None, "7", 1.5j, float("nan"), float("inf"), [], {}, "x", (1,)]
WRONG += [b"7", np.str_("7"), np.float32("nan"), np.timedelta64(7, "s")]


@given(st.sampled_from([field.name for field in fields(Settings)]), st.sampled_from(WRONG))
def test_a_value_of_the_wrong_kind_is_refused_in_a_sentence(name, value):
    assume(name != "distance_m" or value not in ("7", np.str_("7")))  # a distance may be a text
    word_for_word = isinstance(value, str) and isinstance(getattr(PRINTED, name), str)
    match = "choose one of" if word_for_word else "it must be|two convolutions"
    with pytest.raises(InputError, match=match):
        replace(PRINTED, **{name: value})


def test_one_half_is_refused_and_its_neighbours_are_not():
    with pytest.raises(InputError, match="try 0.1"):
        replace(PRINTED, mixing_ratio=0.5)
    assert replace(PRINTED, mixing_ratio=0.49).mixing_ratio == 0.49
    assert replace(PRINTED, mixing_ratio=0.51).mixing_ratio == 0.51


def test_fewer_inverse_samples_than_seeds_are_refused():
    with pytest.raises(InputError, match="N_I >= N_S"):
        replace(PRINTED, n_seed_samples=20, n_inverse_samples=19)
    assert replace(PRINTED, n_seed_samples=20, n_inverse_samples=20).n_inverse_samples == 20


def test_the_two_channels_are_the_letters():
    assert settings.CHANNELS == {"asymmetric": 23.0, "symmetric": 40.0}


@pytest.mark.parametrize("max_slots", range(103, 108))
def test_any_value_from_103_to_107_tells_the_same_story(max_slots):
    chances = {
        name: 1 - outage_probability(replace(COMPARISON, max_slots=max_slots, uplink_power_dbm=power).uplink, 401_408)
        for name, power in CHANNELS.items()
    }
    assert chances["asymmetric"] < 0.04 and chances["symmetric"] > 0.99


def test_neither_102_nor_110_does():
    alone = replace(COMPARISON, max_slots=102, uplink_power_dbm=CHANNELS["symmetric"])
    assert outage_probability(alone.uplink, 401_408) > 0.02
    assert outage_probability(replace(COMPARISON, max_slots=110).uplink, 401_408) < 0.9
