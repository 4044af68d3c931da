"""Weights and average outputs of fewer than 32 bits: rounded to what they are charged with, up and down."""

from dataclasses import replace

import numpy as np
import pytest
from federations import CLEAR, play, small_task
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from small_runs import job, write_digits
from strategies import generators, patient

from mix2fld_np.errors import InputError
from mix2fld_np.federation import payloads, protocols
from mix2fld_np.federation.protocols import PROTOCOLS, TABLE, play_round
from mix2fld_np.federation.settings import COMPARISON, PRINTED, Settings
from mix2fld_np.federation.task import first_state
from mix2fld_np.mixing.mixup import quantize
from mix2fld_np.nn.network import Network
from mix2fld_np.runs import jobs
from mix2fld_np.runs.results import result_of
from mix2fld_np.runs.store import StoredRun
from mix2fld_np.study import sweeps
from mix2fld_np.wireless.channel import outage_probability, slots_needed

FL, FD, _, _, MIX2FLD = TABLE
NETWORK = Network((1, 4, 4), (2, 3), 3)
fewer = st.integers(1, 31)


def coarse(bits, **changes):
    """A task whose weights and outputs have so few bits."""
    return small_task(bits_per_weight=bits, bits_per_output=bits, **changes)


def nearest(values, bits):
    """The values of a layer as a textbook rounds them: the nearest of 2^b numbers from the smallest to the largest."""
    known = values[~np.isnan(values)].astype(np.float64)
    levels = np.linspace(known.min(), known.max(), 2**bits)
    found = levels[np.abs(levels - values[..., None]).argmin(axis=-1)]
    return np.where(np.isnan(values), np.nan, found)


def assert_nearest(got, values, bits):
    """Each received number is one of the 2^b, and none of them is nearer: half way between two, either may be taken."""
    levels = np.linspace(values.min(), values.max(), 2**bits)
    here, there = (np.abs(levels - numbers.astype(np.float64)[..., None]).min(axis=-1) for numbers in (got, values))
    least = 1e-6 * np.abs(levels).max()
    assert (here <= least).all() and (np.abs(got - values) <= there + least).all()


def layer_by_layer(weights, bits, network):
    """The same of a flat vector of weights, layer by layer."""
    return np.concatenate([nearest(layer.ravel(), bits) for layer in network.layers(weights)])


# --- one layer --------------------------------------------------------------------------------------------------------
@st.composite
def layers(draw):
    """Numbers of any size in single precision, some of them alike."""
    rng, size = draw(generators), draw(st.integers(1, 40))
    middle, width = draw(st.sampled_from([0.0, 0.3, -2e3, 1e30])), draw(st.sampled_from([0.0, 1e-30, 0.2, 7.0, 1e20]))
    return (middle + width * rng.normal(size=size)).astype(np.float32)


def received(layer, bits):
    return payloads.rounded(layer, 1, bits, lambda value: (value,))


@patient
@given(layers(), fewer)
def test_a_rounded_number_is_off_by_half_a_step_at_most_and_the_ends_by_nothing(layer, bits):
    got, low, high = received(layer, bits), layer.min(), layer.max()
    half_a_step = (float(high) - float(low)) / (2**bits - 1) / 2
    off = np.abs(got.astype(np.float64) - layer.astype(np.float64))
    assert (off <= half_a_step * (1 + 1e-9) + np.spacing(np.abs(got))).all()  # and what single precision adds
    assert_array_equal([got[layer.argmin()], got[layer.argmax()]], [low, high])
    assert got.dtype == layer.dtype and len(np.unique(got)) <= 2**bits


@patient
@given(layers(), fewer)
def test_rounding_twice_changes_nothing(layer, bits):
    once = received(layer, bits)
    assert_array_equal(received(once, bits), once)


@patient
@given(layers(), st.integers(1, 12))
def test_larger_numbers_stay_the_larger_ones_and_more_bits_bound_the_error_by_less(layer, bits):
    got, order = received(layer, bits), np.argsort(layer)
    assert (np.diff(got[order]) >= 0).all()
    span = float(layer.max()) - float(layer.min())
    worst = [np.abs(received(layer, b) - layer.astype(np.float64)).max() for b in (bits, bits + 12)]
    assert worst[1] <= span / (2**bits - 1) / 2 + float(np.spacing(np.abs(layer).max()))


@patient
@given(st.integers(32, 64), generators)
def test_from_32_bits_on_every_number_is_what_it_was(bits, rng):
    weights, outputs = rng.normal(size=(3, NETWORK.n_weights)).astype(np.float32), rng.random((3, 10, 10))
    task = coarse(bits)
    assert payloads.rounded_weights(weights, task) is weights and payloads.rounded_outputs(outputs, task) is outputs


@patient
@given(generators, st.integers(1, 8))
def test_every_layer_of_every_model_has_a_range_of_its_own_and_is_left_as_it_was_at_home(rng, bits):
    task = coarse(bits)
    models = np.stack([10.0**k * task.network.initial_weights(rng) for k in range(3)])
    before = models.copy()
    got = payloads.rounded_weights(models, task)
    assert_array_equal(models, before)
    for model, mine in zip(models, got, strict=True):
        for layer, received_layer in zip(task.network.layers(model), task.network.layers(mine), strict=True):
            assert_nearest(received_layer, layer, bits)
        assert_array_equal(payloads.rounded_weights(model, task), mine)


@patient
@given(generators, st.integers(1, 8))
def test_a_label_that_was_never_drawn_has_no_average_output_after_rounding_either(rng, bits):
    outputs = rng.dirichlet(np.ones(10), (3, 10))
    outputs[0, 4], outputs[1, [0, 9]], outputs[2] = np.nan, np.nan, np.nan
    got = payloads.rounded_outputs(outputs, coarse(bits))
    assert_array_equal(np.isnan(got), np.isnan(outputs))
    for table, mine in zip(outputs[:2], got[:2], strict=True):
        drawn = ~np.isnan(table)
        assert_nearest(mine[drawn], table[drawn], bits)


def test_pixels_are_rounded_by_the_same_rule_from_zero_to_one():
    pixels = np.linspace(0, 1, 101, dtype=np.float32)
    assert_array_equal(quantize(pixels, 3), received(pixels, 3))


# --- what is charged --------------------------------------------------------------------------------------------------
@patient
@given(fewer)
def test_ranges_and_drawn_labels_are_charged_below_32_bits_only(bits):
    s = Settings(bits_per_weight=bits, bits_per_output=bits)
    assert payloads.bits_of_weights(s, Network()) == bits * 12_544 + 6 * 64
    assert payloads.bits_of_outputs(s, Network()) == bits * 100 + 64 + 10
    assert payloads.bits_of_weights(PRINTED, Network()) == 401_408
    assert payloads.bits_of_outputs(PRINTED, Network()) == 3_200
    more = replace(s, bits_per_weight=bits + 1, bits_per_output=bits + 1)
    for load in (protocols.WEIGHTS, protocols.OUTPUTS):
        assert load.bits(s, Network()) < load.bits(more, Network())


def test_at_eight_bits_an_upload_of_fl_needs_26_slots_and_the_letters_cliff_is_gone():
    s = replace(PRINTED, bits_per_weight=8)
    bits = FL.uplink.bits(s, Network())
    assert slots_needed(s.uplink, bits) == 26 and outage_probability(s.uplink, bits) < 1e-12
    assert outage_probability(PRINTED.uplink, FL.uplink.bits(PRINTED, Network())) == 1


def test_bits_that_cannot_be_are_refused():
    for name in ("bits_per_weight", "bits_per_output"):
        with pytest.raises(InputError, match=f"{name} = 0 is out of range"):
            Settings(**{name: 0})


# --- a round, by a second route ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("bits", [2, 7])
def test_fl_averages_what_arrived_and_devices_take_in_what_was_sent(bits):
    task = coarse(bits, **CLEAR)
    fed, record = play_round(1, FL, first_state(task), task)
    uploads = [layer_by_layer(model, bits, task.network) for model in record.training.weights]
    assert_allclose(fed.mean, np.mean(uploads, axis=0), atol=1e-6)
    expected = layer_by_layer(fed.mean, bits, task.network)
    assert_allclose(fed.weights, np.tile(expected, (4, 1)), atol=1e-6)
    assert record.server_accuracy == task.accuracy(expected.astype(np.float32))


@pytest.mark.parametrize("bits", [2, 7])
def test_fd_averages_what_arrived_and_teaches_what_was_sent(bits):
    task = coarse(bits, **CLEAR)
    fed, _ = play_round(1, FD, first_state(task), task)
    uploads = np.array([nearest(table, bits) for table in fed.outputs])
    mean = np.ma.masked_invalid(uploads).mean(axis=0).filled(np.nan)
    assert_allclose(fed.mean, mean, atol=1e-6)
    assert_allclose(fed.teachers, np.tile(nearest(fed.mean, bits), (4, 1, 1)), atol=1e-6)


@pytest.mark.parametrize("bits", [2, 7])
def test_a_student_goes_on_from_what_it_knows_and_sends_it_rounded(bits):
    task = coarse(bits, **CLEAR)
    end = play(MIX2FLD, task)[-1]
    expected = layer_by_layer(end.fed.server, bits, task.network)
    assert_allclose(end.fed.weights, np.tile(expected, (4, 1)), atol=1e-6)
    assert not np.array_equal(end.fed.server, end.fed.weights[0])
    kept = result_of(MIX2FLD, end, task, "all")
    assert_array_equal(kept.weights("server"), end.fed.weights[0])
    assert kept.server == task.evaluations(end.fed.weights[:1], 2)[0].as_json()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_fewer_bits_change_what_is_learned_and_what_it_costs(name):
    full, few = (play(PROTOCOLS[name], coarse(bits, **CLEAR))[-1] for bits in (32, 3))
    nothing_sent = name == "Local"
    assert np.array_equal(full.fed.weights, few.fed.weights) == nothing_sent
    assert nothing_sent or few.rounds[-1]["uplink_bits"] < full.rounds[-1]["uplink_bits"] / 2


# --- stored runs ------------------------------------------------------------------------------------------------------
def test_a_run_stored_when_fewer_bits_changed_no_number_is_not_taken_for_one_of_today(tmp_path, monkeypatch):
    data = write_digits(tmp_path / "data")
    for bits in (8, 32):
        run = job(data, n_rounds=1, bits_per_weight=bits)
        assert jobs.identity_of(run).get("rounded", False) == (bits < 32)
    run = job(data, n_rounds=1, bits_per_weight=8)
    stored = StoredRun(run, tmp_path)
    vars(stored)["identity"] = {name: value for name, value in stored.identity.items() if name != "rounded"}
    task = jobs.task_of(run)
    stored.finish(result_of(FL, play(FL, task)[-1], task))
    with pytest.raises(InputError, match="a run with other settings"):
        StoredRun(run, tmp_path).result()


# --- the study --------------------------------------------------------------------------------------------------------
def test_the_study_of_bits_says_how_many_slots_a_first_upload_takes_and_how_often_it_arrives():
    bits = {"bits_per_weight": 8, "bits_per_output": 8, "n_devices": 10, "n_seed_samples": 10}
    found = {name: sweeps.first_upload(name, small_task(**bits)) for name in ("FL", "FedDF")}
    assert {name: row["first_upload_slots"] for name, row in found.items()} == {"FL": 26, "FedDF": 41}
    assert found["FL"]["chance_of_first_upload"] > 1 - 1e-12
    alone = sweeps.first_upload("FedDF", small_task(n_devices=10, n_seed_samples=10))
    assert alone == {"first_upload_slots": 117, "chance_of_first_upload": 0} and COMPARISON.max_slots < 117
