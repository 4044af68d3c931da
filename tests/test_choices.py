"""Settings for what the letter does not say, each computed by a second route."""

from dataclasses import replace

import numpy as np
import pytest
from federations import CLEAR, digits, play, small_task
from numpy.testing import assert_allclose, assert_array_equal

from mix2fld_np.datasets.registry import Dataset
from mix2fld_np.errors import InputError
from mix2fld_np.federation import devices, payloads, protocols, seed_samples
from mix2fld_np.federation.protocols import PROTOCOLS, play_round
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.federation.task import first_state
from mix2fld_np.nn.losses import distillation_target
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update
from mix2fld_np.randomness import stream


def order_of(task, d, p=1):
    """The samples of one device's iterations."""
    return stream(task.seed, "batches", p, d).integers(60, size=task.settings.n_local_iterations)


def trained_by_hand(task, d, start, images):
    """One local update of device d on these images, without a teacher."""
    labels = np.eye(10)[task.local_data(d)[1]]
    return local_update(task.network, start, images, labels, order_of(task, d), task.settings.learning_rate)


def test_averaged_logits_are_a_normalised_geometric_mean_of_the_outputs():
    task = small_task(average_logits=True, **CLEAR)
    fed, _ = play_round(1, PROTOCOLS["FD"], first_state(task), task)
    logs = np.full((4, 10, 10), np.nan)
    for d in range(4):
        images, labels = task.local_data(d)
        outputs = trained_by_hand(task, d, first_state(task).weights[d], images).outputs.astype(float)
        drawn = labels[order_of(task, d)]
        for n in set(drawn):
            logs[d, n] = np.log(np.prod(outputs[drawn == n] ** (1 / np.sum(drawn == n)), axis=0))
    geometric = np.exp(np.nanmean(logs, axis=0))
    assert_allclose(fed.teachers[0], geometric / geometric.sum(axis=1, keepdims=True), rtol=1e-4)
    other, _ = play_round(1, PROTOCOLS["FD"], first_state(small_task(**CLEAR)), small_task(**CLEAR))
    assert not np.allclose(fed.teachers[0], other.teachers[0], atol=1e-3)


def test_an_output_of_zero_and_a_label_that_nobody_drew_are_no_obstacle_to_averaged_logits():
    task, outputs = small_task(average_logits=True), np.full((4, 10, 10), np.log(np.finfo(np.float32).tiny))
    outputs[:, :, 0], outputs[:, 3] = 0.0, np.nan
    mean = payloads.average_over_devices(replace(first_state(task), outputs=outputs), task, np.ones(4, bool))
    assert_allclose(mean[0], np.eye(10)[0], atol=1e-12)
    assert np.isnan(mean[3]).all()


def test_own_starts_are_different_networks_and_each_is_trained_from_its_own():
    task = small_task(own_start=True)
    fed = first_state(task)
    assert len(np.unique(fed.weights, axis=0)) == 4 and not (fed.weights == fed.server).all(axis=1).any()
    assert_array_equal(fed.server, first_state(small_task()).server)
    after = devices.train_devices(fed, task, 1)[0].weights
    for d in range(4):
        start = task.network.initial_weights(stream(task.seed, "start", d))
        assert_array_equal(after[d], trained_by_hand(task, d, start, task.local_data(d)[0]).weights)


def test_glorot_weights_fill_their_range_and_biases_are_zero():
    layers = Network().layers(Network().initial_weights(np.random.default_rng(1), "glorot"))
    for weights, bias, fans in ((layers[0], layers[1], 9 + 108), (layers[2], layers[3], 108 + 54),
                                (layers[4], layers[5], 1_176 + 10)):  # fmt: skip
        limit, variance = np.sqrt(6 / fans), 2 / fans
        assert not bias.any() and np.abs(weights).max() <= limit * (1 + 1e-6)
        kurtosis_less_one = 0.8  # of a uniform variable: the variance of its square, over that of itself squared
        error = variance * np.sqrt(kurtosis_less_one / weights.size)
        assert abs(np.mean(weights.astype(float) ** 2) - variance) < 5 * error


def test_glorot_is_where_devices_the_server_and_a_fresh_student_start(monkeypatch):
    task = small_task(initialisation="glorot", fresh_student=True, own_start=True, **CLEAR)
    seen, learn = [], protocols.learn
    monkeypatch.setattr(
        protocols, "learn", lambda network, start, *more: seen.append(start) or learn(network, start, *more)
    )
    play_round(1, PROTOCOLS["Mix2FLD"], first_state(task), task)
    for weights in (*first_state(task).weights, first_state(task).server, *seen):
        assert not task.network.layers(weights)[5].any()
    with pytest.raises(InputError, match="initialisation = 'xavier' is not known; choose one of uniform, glorot"):
        replace(PRINTED, initialisation="xavier")


def standardised(images):
    """As the textbook says it, in double precision."""
    pixels = digits().train_images.astype(float) / 255
    return (images - pixels.mean()) / pixels.std()


def test_standardised_pixels_are_what_devices_train_on_and_models_are_tested_on():
    task = small_task(standardised=True)
    images, fed = standardised(digits().train_images.astype(float) / 255), first_state(task)
    assert abs(images.mean()) < 1e-9 and images.std() == pytest.approx(1)
    after = devices.train_devices(fed, task, 1)[0].weights
    for d in range(4):
        by_hand = trained_by_hand(task, d, fed.weights[d], standardised(task.local_data(d)[0])).weights
        assert_allclose(after[d], by_hand, atol=1e-6)
        as_they_are = trained_by_hand(task, d, fed.weights[d], task.local_data(d)[0]).weights
        assert not np.allclose(after[d], as_they_are, atol=1e-4)
    tests = standardised(digits().test_images.astype(float) / 255)
    for model in after:
        assert task.accuracy(model) == task.network.accuracy(model, tests, digits().test_labels)


def test_a_server_distils_on_standardised_samples_of_uploads_that_are_sent_as_ever():
    task = small_task(standardised=True, **CLEAR)
    fed, _ = play_round(1, PROTOCOLS["Mix2FLD"], first_state(task), task)
    material, plain = (seed_samples.inversely_mixed(seed_samples.mixed(one), one) for one in (task, small_task()))
    images, labels = material.render(np.arange(material.n_samples))
    assert_array_equal(images, plain.render(np.arange(material.n_samples))[0])
    order = stream(task.seed, "server batches", 1).integers(material.n_samples, size=40)
    targets = distillation_target(labels, fed.mean, task.settings.beta)
    by_hand = local_update(task.network, first_state(task).server, standardised(images), targets, order, 0.01).weights
    assert_allclose(fed.server, by_hand, atol=1e-6)


def test_images_that_are_all_alike_can_be_standardised():
    grey = np.full((3, 1, 2, 2), 51, np.uint8)
    data = Dataset("grey", grey, np.zeros(3, np.uint8), grey, np.zeros(3, np.uint8), 2, "made up")
    assert data.scale == (np.float32(0.2), 1) and not data.network_inputs(data.test_pixels, True).any()


@pytest.mark.parametrize("changes", [
    {"own_start": True}, {"standardised": True}, {"initialisation": "glorot"}, {"average_logits": True},
])  # fmt: skip
def test_whoever_learns_alone_equals_fl_whose_uploads_are_lost_in_every_reading(changes):
    lost = play(PROTOCOLS["FL"], small_task(uplink_power_dbm=-100.0, **changes))[-1].fed.weights
    alone = play(PROTOCOLS["Local"], small_task(**changes))[-1].fed.weights
    assert_array_equal(lost, alone)
    usual = play(PROTOCOLS["Local"], small_task())[-1].fed.weights
    assert np.array_equal(alone, usual) == ("average_logits" in changes)
