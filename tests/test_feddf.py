"""FedDF, the successor on request: weights and seed samples up, and the server distils what all models say together."""

import numpy as np
import pytest
from federations import CLEAR, DEAF, play, small_task
from numpy.testing import assert_allclose, assert_array_equal

from mix2fld_np.federation import protocols, seed_samples
from mix2fld_np.federation.protocols import ON_REQUEST, PROTOCOLS, TABLE, play_round, protocol_named, seed_bits
from mix2fld_np.federation.settings import PRINTED, Settings
from mix2fld_np.federation.task import first_state
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update
from mix2fld_np.randomness import stream
from mix2fld_np.runs.checkpoint import load_checkpoint, save_checkpoint
from mix2fld_np.runs.jobs import completed
from mix2fld_np.runs.results import result_of
from mix2fld_np.wireless.channel import slots_needed

FEDDF = PROTOCOLS["FedDF"]


@pytest.mark.parametrize(("bits", "slots"), [(32, 117), (8, 41)])
def test_its_first_upload_takes_117_slots_with_32_bits_a_weight_and_41_with_8(bits, slots):
    s = Settings(bits_per_weight=bits, n_seed_samples=10)
    assert slots_needed(PRINTED.uplink, FEDDF.uplink.bits(s, Network()) + seed_bits(FEDDF, s, Network())) == slots


def test_it_is_played_on_request_only():
    assert FEDDF in ON_REQUEST and FEDDF not in TABLE and protocol_named("feddf") is FEDDF


def together(task, models, images):
    """What models say together, by a second route: the normalised geometric mean of their outputs."""
    said = np.prod([task.network.outputs(model, images).astype(np.float64) for model in models], axis=0)
    said **= 1 / len(models)
    return said / said.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("lost", [[], [2]])
def test_the_student_starts_from_g_mod_and_learns_what_the_delivered_models_say_of_the_delivered_seeds(lost):
    task = small_task(**CLEAR)
    there = np.isin(np.arange(4), lost, invert=True)

    def some_lost(link, bits, n_devices, rng):
        sent = protocols.transmit(link, bits, n_devices, rng)
        return type(sent)(there, sent.slots, sent.payload_bits)

    vars(task)["channel"] = some_lost
    fed, record = play_round(1, FEDDF, first_state(task), task)
    models = record.training.weights[there]
    images = seed_samples.keep(seed_samples.mixed(task).of(there), task).render(np.arange(10 * there.sum()))[0]
    order = stream(task.seed, "server batches", 1).integers(len(images), size=40)
    start = models.astype(np.float64).mean(axis=0).astype(np.float32)
    expected = local_update(task.network, start, images, together(task, models, images), order, 0.01).weights
    assert_allclose(fed.server, expected, atol=1e-6)
    assert_allclose(fed.weights[there], np.tile(expected, (there.sum(), 1)), atol=1e-6)
    assert not np.allclose(start, expected, atol=1e-5)
    assert record.server_samples == (10 * there.sum(), 40)
    for d in lost:
        assert_array_equal(fed.weights[d], record.training.weights[d])


def test_a_teacher_alone_teaches_itself_nothing():
    """One device, and the student is its model already; with two, there is something to learn."""
    for n, still in ((1, True), (2, False)):
        task = small_task(n_devices=n, pairing="random", **CLEAR)
        fed, record = play_round(1, FEDDF, first_state(task), task)
        start = record.training.weights.astype(np.float64).mean(axis=0)
        assert np.allclose(fed.server, start, atol=1e-6) == still


def test_neither_beta_nor_labels_play_a_part():
    ends = [play(FEDDF, small_task(beta=beta, **CLEAR))[-1].fed.server for beta in (0.0, 1.0)]
    assert_array_equal(*ends)


def test_where_nobody_is_heard_it_is_training_alone():
    assert_array_equal(*(play(PROTOCOLS[name], small_task(**DEAF))[-1].fed.weights for name in ("FedDF", "Local")))


def test_the_relative_change_is_that_of_the_mean_of_the_models():
    task = small_task(**CLEAR)
    fed, first = play_round(1, FEDDF, first_state(task), task)
    after, second = play_round(2, FEDDF, fed, task)
    old, new = (record.training.weights.astype(np.float64).mean(axis=0) for record in (first, second))
    assert first.relative_change is None
    assert second.relative_change == pytest.approx(np.linalg.norm(new - old) / np.linalg.norm(old))


def test_what_is_kept_is_the_model_that_was_sent_and_an_interrupted_run_goes_on_from_where_it_stood(tmp_path):
    task = small_task(max_slots=200, n_seed_samples=5, n_inverse_samples=5)
    first, end = play(FEDDF, task)
    identity = completed({"protocol": "FedDF", "settings": {}})
    save_checkpoint(tmp_path / "run", identity, first)
    again = load_checkpoint(tmp_path / "run", identity, task)
    assert_array_equal(again.fed.mean, first.fed.mean)
    kept = result_of(FEDDF, end, task, "all")
    assert_array_equal(kept.weights("server"), end.fed.server)
    assert kept.server_accuracy == task.accuracy(end.fed.server)
