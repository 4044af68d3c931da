"""What the functions of wireless/ take: every kind of number that Python and NumPy users hold; and they change none."""

import inspect
from dataclasses import fields

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.wireless import channel, payload, units

LINK = PRINTED.uplink
BITS, TIMES, GAINS, LEVELS = [0, 3_200, 65_920], [0, 17, 30], [0.0, 0.5, 2.0], [1, 30, 40]


def transmitted(bits):
    sent = channel.transmit(LINK, bits, 3, np.random.default_rng(4))
    return np.stack([sent.delivered, sent.slots, sent.payload_bits])


ARRAYS = {  # function of one array, and an example that every number type holds exactly
    channel.snr: (lambda h: channel.snr(LINK, h), GAINS),
    channel.received_bits: (lambda h: channel.received_bits(LINK, h), GAINS),
    channel.slots_needed: (lambda bits: channel.slots_needed(LINK, bits), BITS),
    channel.latency_pmf: (lambda t: channel.latency_pmf(LINK, 65_920, t), TIMES),
    channel.latency_cdf: (lambda t: channel.latency_cdf(LINK, 65_920, t), TIMES),
    channel.slowest_cdf: (lambda t: channel.slowest_cdf(LINK, 65_920, t, 10), TIMES),
    channel.energy_j: (lambda slots: channel.energy_j(LINK, slots), TIMES),
    channel.transmit: (transmitted, BITS),
    units.dbm_to_watt: (units.dbm_to_watt, LEVELS),
    units.ratio_to_db: (units.ratio_to_db, LEVELS),
}
SCALARS = {  # function of whole numbers, and an example
    channel.outage_probability: (lambda bits: channel.outage_probability(LINK, bits), [65_920]),
    channel.mean_latency_slots: (lambda bits: channel.mean_latency_slots(LINK, bits), [65_920]),
    channel.slowest_outage_probability: (lambda *both: channel.slowest_outage_probability(LINK, *both), [65_920, 10]),
    channel.mean_airtime_slots: (lambda *both: channel.mean_airtime_slots(LINK, *both), [65_920, 10]),
    payload.weight_bits: (payload.weight_bits, [12_544, 32]),
    payload.output_bits: (payload.output_bits, [10, 32]),
    payload.range_bits: (payload.range_bits, [6, 8]),
    payload.sample_bits: (payload.sample_bits, [50, 6_272]),
    payload.uplink_reduction: (payload.uplink_reduction, [10, 401_408, 3_200, 62_720]),
}
OF_A_LINK = {channel.mean_snr, channel.success_probability, channel.bits_per_slot}  # take nothing else
OF_BITS = {channel.slots_needed, channel.transmit}  # which are whole


def layouts(example):
    """The same numbers in lists, tuples and arrays of every type and layout."""
    whole = all(float(number).is_integer() for number in example)
    yield from (example, tuple(example), [np.int64(number) if whole else np.float64(number) for number in example])
    for dtype in ("<i4", ">i4", "<i8", ">i8", "<u4", "u8") if whole else ("<f4", ">f4", "<f8", ">f8", "f2", "g"):
        array = np.array(example, dtype)
        read_only = array.copy()
        read_only.flags.writeable = False
        yield from (array, read_only, np.repeat(array, 2)[::2], array[::-1].copy()[::-1])


def test_every_public_function_of_the_room_is_tried():
    public = {
        function
        for module in (channel, payload, units)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert public == set(ARRAYS) | set(SCALARS) | OF_A_LINK


@pytest.mark.parametrize("function", ARRAYS, ids=lambda function: function.__name__)
def test_arrays_of_every_kind_and_layout_give_the_same_and_stay_as_they_were(function):
    ask, example = ARRAYS[function]
    expected = ask(np.array(example))
    for values in layouts(example):
        before = np.array(values, copy=True)
        found = ask(values)
        assert_allclose(found, expected, rtol=1e-15)
        assert found.dtype == expected.dtype
        assert_array_equal(values, before)
    if function is not channel.received_bits and function is not channel.transmit:
        for k, number in enumerate(np.array(example)):
            assert_allclose(ask(number), expected[k], rtol=1e-13)
            assert_allclose(ask(number.item()), expected[k], rtol=1e-13)


@pytest.mark.parametrize("function", [f for f in ARRAYS if f not in OF_BITS], ids=lambda f: f.__name__)
def test_single_precision_is_computed_in_double(function):
    ask, example = ARRAYS[function]
    assert_allclose(ask(np.array(example, np.float32)), ask(np.array(example, float)), rtol=1e-15)


@pytest.mark.parametrize("function", SCALARS, ids=lambda function: function.__name__)
def test_whole_numbers_of_every_kind_give_the_same(function):
    ask, example = SCALARS[function]
    for kind in (np.int32, np.uint32, np.int64, np.uint64, np.array, lambda n: np.array(n, ">u4")):
        assert ask(*map(kind, example)) == ask(*example)
    with pytest.raises(InputError):
        ask(*map(float, example))


def test_a_link_keeps_pythons_numbers_whatever_they_were():
    held = {field.name: getattr(LINK, field.name) for field in fields(channel.Link)}
    for kind in (np.float64, np.float32, np.array, np.longdouble):
        numbers = {name: kind(value) for name, value in held.items()}
        other = channel.Link(**numbers | {"max_slots": np.int16(LINK.max_slots)})
        assert other == LINK and repr(other) == repr(LINK)
    for wrong in ("3", True, np.True_, None, 3j, [3.0]):
        with pytest.raises(InputError, match="threshold"):
            channel.Link(**{**held, "threshold": wrong})
