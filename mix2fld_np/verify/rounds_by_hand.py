"""One small federation of each protocol, played by hand, round by round as Algorithm 1 prints it.

What is shared with the library is chance (batches, fading, who blends which samples), the order in which the server
holds its inverse samples, and the records that a round is written down in; all else is computed here.
"""

import math
from dataclasses import replace
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

import numpy as np

from mix2fld_np.datasets.registry import Dataset
from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.task import Federation, Task, first_state
from mix2fld_np.randomness import DOWN, UP, stream
from mix2fld_np.verify import by_hand
from mix2fld_np.verify.by_hand import SMALL
from mix2fld_np.wireless.channel import Transmission

SEED = 2347  # uploads and downloads of every kind fail here and there, and some label is known to none
D, N_L, LAMBDA = 4, SMALL[2], 0.2
HELD = np.array([10, 40, 20, 30])  # |S_d| in the weighted mean of FL; the letter's, all 500, would hide the weights
OUTPUT_BITS, WEIGHT_BITS, SEED_BITS = 32 * N_L**2, 32 * sum(by_hand.layer_sizes(SMALL)), 4 * 8 * 16
SETTINGS = Settings(
    n_devices=D, n_samples=9, split="iid", filters=SMALL[1],
    n_local_iterations=6, n_distill_iterations=8, learning_rate=0.1, beta=0.5, n_rounds=3, n_evaluations=1,
    n_seed_samples=4, n_inverse_samples=100, mixing_ratio=LAMBDA,  # N_I more than there are pairs, so that all are used
    bandwidth_hz=4e5, n_uplink_channels=1, uplink_power_dbm=5.0, downlink_power_dbm=11.0,  # slots of 200 and 800 bits
)


class SmallTask(Task):
    """A task whose devices count differently in a weighted mean."""

    n_samples = HELD


class Round(NamedTuple):
    """The federation after a round, and what crossed the channel in it."""

    fed: Federation
    up: Transmission
    down: Transmission | None
    relative_change: float | None


@lru_cache(maxsize=1)
def small_data() -> Dataset:
    """Noise with labels; what is learned does not matter."""
    rng, labels = stream(0, "verify federation"), np.tile(np.arange(N_L), 20)
    images = rng.integers(256, size=(60, *SMALL[0]), dtype=np.uint8)
    return Dataset("noise", images, labels, images[:12], labels[:12], N_L, "drawn for verification")


def small_task(name: str, **changes) -> SmallTask:
    """The task of one protocol, with a T_max that some of its payloads miss."""
    T_max = {"FL": 19, "FD": 2}.get(name, 6)
    return SmallTask(replace(SETTINGS, **{"max_slots": T_max, **changes}), small_data(), SEED)


@lru_cache
def rounds_by_hand(name: str, **changes) -> list[Round]:
    """All rounds of one protocol."""
    task, played = small_task(name, **changes), []
    fed = first_state(task)
    for p in range(1, task.settings.n_rounds + 1):
        played.append(round_by_hand(p, name, fed, task))
        fed = played[-1].fed
    return played


def round_by_hand(p: int, name: str, past: Federation, task: Task) -> Round:
    """Global round p."""
    weights, outputs = map(np.array, zip(*(train(d, p, past, task) for d in range(D)), strict=True))  # lines 3-5
    has_server_model = name not in ("FL", "FD")
    bits = [WEIGHT_BITS if name == "FL" else OUTPUT_BITS] * D
    if has_server_model:
        bits = [OUTPUT_BITS + (0 if arrived else SEED_BITS) for arrived in past.seed_samples_arrived]
    up = send(bits, SETTINGS.uplink_power_dbm, 4e5 * 1 / 4, task, p, UP)  # line 6, with W_up = W N_ch / |D|
    arrived = past.seed_samples_arrived | up.delivered
    fed = replace(past, weights=weights, outputs=outputs, seed_samples_arrived=arrived)
    if not up.delivered.any():
        return Round(fed, up, None, None)
    if name == "FL":  # line 9
        mean = np.average(weights, axis=0, weights=HELD * up.delivered)
    else:  # of a label over those that drew it
        mean = np.ma.masked_invalid(outputs[up.delivered]).mean(axis=0).filled(np.nan)
    change = None if past.mean is None else relative_change(name, mean, past.mean)  # line 2
    server = convert(name, past.server, arrived, mean, p, task) if has_server_model else past.server  # line 10
    bits = [OUTPUT_BITS if name == "FD" else WEIGHT_BITS] * D
    down = send(bits, SETTINGS.downlink_power_dbm, 4e5, task, p, DOWN)  # line 11, with W_dn = W
    teachers = past.teachers.copy()
    for d in np.flatnonzero(down.delivered):  # line 13
        if name == "FD":
            teachers[d] = mean
        else:
            weights[d] = server if has_server_model else mean
    return Round(replace(fed, teachers=teachers, server=server, mean=mean), up, down, change)


def train(d: int, p: int, past: Federation, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """K iterations of eq. (1), or of (3) once device d has a teacher, and its average outputs, eq. (2)."""
    held = task.split.indices[d]
    images, labels = task.data.train_images[held] / 255, task.data.train_labels[held]
    order = stream(task.seed, "batches", p, d).integers(9, size=6)
    hard = np.eye(N_L)[labels]
    weights, seen = by_hand.descend(past.weights[d], images, hard, order, 0.1, SMALL, past.teachers[d], 0.5)
    return weights, by_hand.average_outputs(seen, labels[order], N_L)


def send(bits: list[int], power_dbm: float, bandwidth_hz: float, task: Task, p: int, direction: int) -> Transmission:
    """One payload to or from every device, slot by slot as in eq. (4)."""
    link = task.settings.link(power_dbm, bandwidth_hz)
    fading = stream(task.seed, "channel", p, direction).standard_exponential((link.max_slots, D))
    arrivals = [by_hand.latency(link, B, fading[:, d]) for d, B in enumerate(bits)]
    delivered, slots = zip(*arrivals, strict=True)
    return Transmission(np.array(delivered), np.array(slots), np.array(bits))


def relative_change(name: str, new: np.ndarray, old: np.ndarray) -> float:
    """|G^p - G^(p-1)| / |G^(p-1)|; of average outputs the largest over the labels known in both rounds."""
    pairs = [(new, old)] if name == "FL" else zip(new, old, strict=True)
    return max(math.dist(a, b) / math.hypot(*b) for a, b in pairs if not math.isnan(a[0] + b[0]))


def convert(name: str, server: np.ndarray, arrived: np.ndarray, mean: np.ndarray, p: int, task: Task) -> np.ndarray:
    """Output-to-model conversion: K_S iterations of eq. (5) from the server's own last weights."""
    samples = server_samples(name, arrived, task)
    visits = stream(task.seed, "server batches", p).integers(len(samples), size=8)
    images, labels = samples[:, :-N_L].reshape(-1, *SMALL[0]), samples[:, -N_L:]
    return by_hand.descend(server, images, labels, visits, 0.1, SMALL, mean, 0.5)[0]


def server_samples(name: str, arrived: np.ndarray, task: Task) -> np.ndarray:
    """What the server distils on: pixels and label of each sample side by side, (N, H W + N_L)."""
    if name == "FLD":
        return uploads(seed_samples.raw(task).of(arrived), 1.0)
    recipes = seed_samples.mixed(task).of(arrived)
    if name == "MixFLD":
        return uploads(recipes, LAMBDA)
    samples = inverse_samples(recipes)
    order = distances(rendered(seed_samples.inversely_mixed(recipes, task)), samples).argmin(axis=1)  # is chance
    return samples[order]


def inverse_samples(recipes: seed_samples.SeedSamples) -> np.ndarray:
    """Inverse samples of two devices with symmetric labels: eq. (7) with lambda_hat of n = 1, pairs in both orders."""
    label, lambda_hat, samples = small_data().train_labels, LAMBDA / (2 * LAMBDA - 1), []
    mixed = zip(recipes.first, recipes.second, recipes.device, uploads(recipes, LAMBDA), strict=True)
    for (i, j, d, s_hat), (i2, j2, d2, s_hat2) in permutations(mixed, 2):
        if d != d2 and label[i] == label[j2] and label[j] == label[i2]:
            samples.append(lambda_hat * s_hat + (1 - lambda_hat) * s_hat2)
    return np.array(samples)


def uploads(recipes: seed_samples.SeedSamples, lam: float) -> np.ndarray:
    """Pixels and label of each mixed-up sample, eq. (6), its pixels rounded to 255ths: a byte each is sent."""
    data = small_data()
    raw = np.hstack([data.train_images.reshape(60, -1) / 255, np.eye(N_L)[data.train_labels]])
    blends = lam * raw[recipes.first] + (1 - lam) * raw[recipes.second]
    blends[:, :-N_L] = np.round(255 * blends[:, :-N_L]) / 255
    return blends


def rendered(material: seed_samples.Material) -> np.ndarray:
    """All samples that the library's server can distil on, pixels and label side by side."""
    images, labels = material.render(np.arange(material.n_samples))
    return np.hstack([images.reshape(len(images), -1), labels])


def distances(samples: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Largest difference between each of the samples and each of the others."""
    return np.abs(samples[:, None] - others).max(axis=2)
