"""Answers and hints of lesson 03."""

from functools import cache
from types import SimpleNamespace

import numpy as np
from checks import lesson_data
from marking import Number
from scores import Missed, Open, Refused
from written import Written

from mix2fld_np.datasets.formats import pixels
from mix2fld_np.federation import payloads
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update
from mix2fld_np.randomness import stream

ROUNDS, MOST_STEPS, SEEDS = 10, 100, (1, 2)


def weighted_mean(weights, n_samples, delivered):
    """The library's average of those weights (D, N_mod) that were delivered."""
    fed = SimpleNamespace(weights=np.asarray(weights, float))
    task = SimpleNamespace(n_samples=np.asarray(n_samples), settings=PRINTED)
    return payloads.average_weights(fed, task, np.asarray(delivered))


@cache
def one_label_each():
    """Ten local data sets of 500 samples, device d holding nothing but label d, and the test images with labels."""
    data = lesson_data("digits")
    held = [np.flatnonzero(data.train_labels == d)[:500] for d in range(10)]
    return [pixels(data.train_images[rows]) for rows in held], data.test_pixels, data.test_labels


class Devices:
    """The ten devices in one round: `train` may be called once for each, as every device uploads once a round."""

    def __init__(self, network, weights, p, seed):
        self.network, self.weights, self.p, self.seed, self.done = network, weights, p, seed, set()

    def train(self, d, K, eta):
        """Weights of device d after K steps of eq. (1) from the global model."""
        if d not in range(10) or d in self.done:
            raise Refused(f"round {self.p}: device {d} cannot train (again); there are 0 to 9, once each a round.")
        if not 1 <= K <= MOST_STEPS or not 0 < eta <= 1:
            raise Refused(f"K = {K}, eta = {eta}: K has to be from 1 to {MOST_STEPS}, and eta between 0 and 1.")
        self.done.add(d)
        images = one_label_each()[0][d]
        order = stream(self.seed, "batches", self.p, d).integers(len(images), size=int(K))
        target = np.tile(np.eye(10)[d], (len(images), 1))
        return local_update(self.network, self.weights, images, target, order, eta).weights


def accuracy_after_ten_rounds(my_round):
    """Test accuracy of the global model after ten rounds of one label a device, mean of two federations."""
    network, (_, images, labels), found = Network(), one_label_each(), []
    for seed in SEEDS:
        w = network.initial_weights(stream(seed, "start"))
        for p in range(1, ROUNDS + 1):
            new = np.asarray(my_round(w.copy(), p, Devices(network, w, p, seed).train), np.float32)
            if new.shape != w.shape:
                raise Refused(f"the function has to return weights of shape {w.shape}, not {new.shape}.")
            if not np.all(np.isfinite(new)):
                raise Missed(f"after round {p} not every weight is a finite number: the steps are too large.")
            w = new
        found.append(network.accuracy(w, images, labels))
    return float(np.mean(found))


rng = stream(3, "weights to try")
ALL, NOT_LAST = np.ones(4, bool), np.array([True, True, True, False])

EXERCISES = {
    "03.1": Written(
        weighted_mean,
        [
            (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([500, 500]), np.array([True, True])),
            (np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([100, 300]), np.array([True, True])),
            (np.array([[1.0, 2.0], [3.0, 4.0], [50.0, 60.0]]), np.array([500] * 3), np.array([True, True, False])),
            (rng.normal(size=(4, 7)), np.array([500, 20, 300, 900]), ALL),
            (rng.normal(size=(4, 7)), np.array([500, 20, 300, 900]), NOT_LAST),
        ],
        hints=(
            "both sums, above and below the line of the fraction, run over those devices alone whose upload arrived.",
            "w[delivered] are the rows that arrived; each counts n_samples[delivered] times, divided by their sum.",
        ),
        tolerance=1e-5,
    ),
    "03.2": Number(
        0.25,
        hints=(
            "repeat the derivation with the share of samples in front of each device's end.",
            "for K to infinity each device ends at its own c; then take the mean, weighted by samples.",
        ),
        mistakes=[
            (0.5, "that is the answer for equal numbers of samples."),
            (4 / 7, "that is where FL rests for K = 1; for large K the a drop out."),
            (0.8, "that is the minimum without shares; for large K the a drop out, and samples count."),
            (0.75, "which device has more samples, and what does it want?"),
        ],
    ),
    "03.3": Number(
        6_464.0,
        hints=(
            "how many whole slots does one upload need? Each takes 1 ms.",
            "slots of an upload, rounded up, times 1 ms, times the number of uploads.",
        ),
        mistakes=[
            (1.01, "that is for K = 6,400: ten uploads; here each iteration has one."),
            (6_422.528, "a slot that has begun is used up."),
            (64_640.0, "the devices upload side by side, each in its own band."),
            (6_400.0, "100 slots carry 400,000 bits, which is not quite enough."),
            (6_464_000.0, "those are slots, or milliseconds."),
            (0.101, "that is one upload."),
        ],
    ),
    "03.4": Open(
        accuracy_after_ten_rounds,
        best=0.754,
        unit="the accuracy of your global model",
        margin=0.02,
        hints=(
            "the mean of the ten ends is a direction, the change; nothing says that the server has to take it once.",
            "sum up the changes of all rounds so far with fading weights, and divide each weight's by its usual size.",
        ),
    ),
}
