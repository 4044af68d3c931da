"""Answers and hints of lesson 01."""

from functools import cache

import numpy as np
from checks import lesson_data
from marking import Number
from scores import Open, Refused
from written import Written

from mix2fld_np.datasets.formats import pixels
from mix2fld_np.nn import losses
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update
from mix2fld_np.randomness import stream

LOGITS = [[2.0, 1.0, -1.0], [1_002.0, 1_001.0, 999.0], [-2_000.0, -2_001.0, -2_000.5, -1_999.0], [1_500.0, -1_500.0]]


@cache
def outputs_of_a_trained_network():
    """Outputs (1000, 10) of a network after 4,000 steps on 500 drawn digits, and the labels of these pictures."""
    data = lesson_data("digits", n_test=2_000)
    images, truth = pixels(data.train_images[:500]), np.eye(10)[data.train_labels[:500]]
    network, order = Network(), stream(1, "batches").integers(500, size=4_000)
    weights = local_update(network, network.initial_weights(stream(1, "start")), images, truth, order, 0.01).weights
    return network.outputs(weights, pixels(data.test_images[1_000:])).astype(float), data.test_labels[1_000:]


def loss_after(recalibrate):
    """Mean cross-entropy of outputs changed by `recalibrate(F)`, (N, 10) to (N, 10), on pictures not seen before."""
    F, labels = outputs_of_a_trained_network()
    changed = np.asarray(recalibrate(F.copy()), float)
    if changed.shape != F.shape:
        raise Refused(f"outputs of shape {F.shape} went in, and shape {changed.shape} came back.")
    if not np.allclose(changed.sum(axis=1), 1, atol=1e-6) or not np.all(changed >= 0):
        raise Refused("what came back are no output vectors: not every row is positive and sums to one.")
    return float(losses.phi(changed, np.eye(10)[labels]).mean())


def gradient_with_temperature(z, label, T):
    """Gradient of phi by the logits z where outputs are softmax(z / T)."""
    return losses.phi_gradient(losses.softmax(z / T), label) / T


hard, soft, more = np.eye(3)[1], np.array([0.1, 0.9, 0.0]), np.array([0.3, 0.9, 0.1])
BELIEF = np.array([0.7, 0.26, 0.04])

EXERCISES = {
    "01.1": Written(
        losses.softmax,
        [(np.array(z),) for z in LOGITS],
        hints=(
            "powers of logits, divided by their sum; and adding one number to all logits changes nothing.",
            "subtract the largest logit first: then the largest power is one.",
        ),
    ),
    "01.2": Written(
        losses.phi_gradient,
        [(BELIEF, hard), (BELIEF, soft), (BELIEF, more), (np.full(10, 0.1), np.eye(10)[7])],
        hints=(
            "write phi as -sum l_m z_m + (sum l_m) log sum e^z_j, and differentiate both parts by one z_m.",
            "the derivative of log sum e^z_j by z_m is F_m; do not forget the factor in front of it.",
        ),
    ),
    "01.3": Number(
        99.0,
        hints=("the slope at the true logit is F_n - 1.", "divide the size of the one slope by that of the other."),
        mistakes=[
            (1 / 99, "that is the other way round: the mistake is what pushes."),
            (458.2, "that is the ratio of the losses; the question is about slopes."),
        ],
    ),
    "01.4": Written(
        gradient_with_temperature,
        [(np.array([2.0, 1.0, -1.0]), hard, 4.0), (np.array([2.0, 1.0, -1.0]), soft, 0.5), (np.ones(3), hard, 1.0)],
        hints=(
            "put u = z / T: the gradient by u is known. What is du/dz?",
            "F belongs to z / T, and the chain rule brings one more factor.",
        ),
    ),
    "01.5": Open(
        loss_after,
        best=0.44,
        unit="nats",
        more_is_better=False,
        margin=0.01,
        hints=(
            "a few sure mistakes cost more than all else together: make the outputs less sure.",
            "a power of the outputs, divided by its sum, is softmax with a temperature: F**(1 / T) with T above one.",
        ),
    ),
}
