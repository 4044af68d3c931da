"""One small federation of each protocol, played by hand, round by round as Algorithm 1 prints it.

What is shared with the library is chance (batches, fading, who blends which samples) and the order in which the server holds its
inverse samples; everything else is computed here.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from types import SimpleNamespace

import numpy as np

from mix2fld_np.datasets.registry import Dataset
from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.task import Task, first_state
from mix2fld_np.randomness import DOWN, UP, stream
from mix2fld_np.verify import by_hand
from mix2fld_np.verify.by_hand import SMALL

SEED = 2347  # one under which uploads and downloads of every kind fail here and there, and some label is known to nobody
D, N_L, LAMBDA = 4, SMALL[2], 0.2
HELD = np.array([10, 40, 20, 30])  # |S_d| in the weighted mean of FL; in the letter they are all 500, which would hide the weights
OUTPUT_BITS, WEIGHT_BITS, SEED_BITS = 32 * N_L**2, 32 * sum(by_hand.layer_sizes(SMALL)), 4 * 8 * 16
SETTINGS = Settings(
    n_devices=D,
    n_samples=9,
    split="iid",
    filters=SMALL[1],
    n_local_iterations=6,
    n_distill_iterations=8,
    learning_rate=0.1,
    beta=0.5,
    n_seed_samples=4,
    n_inverse_samples=100,  # more than there are pairs, so that all are used
    mixing_ratio=LAMBDA,
    bandwidth_hz=4e5,  # a slot carries 200 bits up and 800 down
    n_uplink_channels=1,
    uplink_power_dbm=5.0,
    downlink_power_dbm=11.0,
    n_rounds=3,
    n_evaluations=1,
)


class SmallTask(Task):
    """A task whose devices count differently in a weighted mean."""

    n_samples = HELD


@dataclass(frozen=True)
class Sent:
    """One direction of the channel: payloads, who got them, and after how many slots; each (D,)."""

    bits: list[int]
    delivered: list[bool]
    slots: list[int]


@dataclass(frozen=True)
class State:
    """The federation between two rounds."""

    weights: np.ndarray  # (D, N_mod)
    teachers: list[np.ndarray | None]  # of each device
    server: np.ndarray  # (N_mod,)
    arrived: list[bool]  # whose seed samples the server has
    mean: np.ndarray | None  # G_mod or G_out


@dataclass(frozen=True)
class Round(State):
    """The federation after a round, and what was seen in it."""

    outputs: np.ndarray  # (D, N_L, N_L)
    up: Sent
    down: Sent
    change: float | None


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


# --- Algorithm 1 -----------------------------------------------------------------------------------------------------------------------


@lru_cache
def rounds_by_hand(name: str) -> list[Round]:
    """All rounds of one protocol."""
    task, played = small_task(name), []
    past = beginning(task)
    for p in range(1, task.settings.n_rounds + 1):
        past = round_by_hand(p, name, past, task)
        played.append(past)
    return played


def beginning(task: Task) -> State:
    """Before the first round: everybody has the same weights, and nothing has arrived."""
    first = first_state(task)
    return State(first.weights.astype(np.float64), [None] * D, first.server.astype(np.float64), [False] * D, None)


def round_by_hand(p: int, name: str, past: State, task: Task) -> Round:
    """Global round p; at least one upload gets through in each of these."""
    weights, outputs = map(np.array, zip(*(train(d, p, past, task) for d in range(D)), strict=True))  # line 5
    first_upload = [0 if name in ("FL", "FD") or arrived else SEED_BITS for arrived in past.arrived]
    bits = [(WEIGHT_BITS if name == "FL" else OUTPUT_BITS) + seed_bits for seed_bits in first_upload]
    up = send(bits, SETTINGS.uplink_power_dbm, 4e5 * 1 / 4, task, p, UP)  # line 6, with W_up = W N_ch / |D|
    arrived = [before or now for before, now in zip(past.arrived, up.delivered, strict=True)]
    mean = weighted_mean(weights, up.delivered) if name == "FL" else plain_mean(outputs, up.delivered)  # line 9
    server = past.server if name in ("FL", "FD") else convert(name, past.server, arrived, mean, p, task)  # line 10
    bits = [OUTPUT_BITS if name == "FD" else WEIGHT_BITS] * D
    down = send(bits, SETTINGS.downlink_power_dbm, 4e5, task, p, DOWN)  # line 11, with W_dn = W
    model, teachers = mean if name == "FL" else server, list(past.teachers)
    for d in range(D):  # line 13
        if down.delivered[d] and name == "FD":
            teachers[d] = mean
        elif down.delivered[d]:
            weights[d] = model
    change = None if past.mean is None else relative_change(name, mean, past.mean)  # line 2
    return Round(weights, teachers, server, arrived, mean, outputs, up, down, change)


def train(d: int, p: int, past: State, task: Task) -> tuple[np.ndarray, np.ndarray]:
    """K iterations of eq. (1), or of (3) once a teacher has come, and average outputs, eq. (2), of device d."""
    held = task.split.indices[d]
    images, labels = task.data.train_images[held] / 255, task.data.train_labels[held]
    order = stream(task.seed, "batches", p, d).integers(9, size=6)
    teaching = () if past.teachers[d] is None else (past.teachers[d], 0.5, False)
    weights, seen = by_hand.descend(past.weights[d], images, np.eye(N_L)[labels], order, 0.1, SMALL, *teaching)
    return weights, by_hand.average_outputs(seen, labels[order], N_L)


def send(bits: list[int], power_dbm: float, bandwidth_hz: float, task: Task, p: int, direction: int) -> Sent:
    """One payload to or from every device, slot by slot as in eq. (4)."""
    cell = {"distance_m": 1e3, "path_loss_exponent": 4, "noise_dbm_per_hz": -174, "threshold": 3, "slot_s": 1e-3}
    link = SimpleNamespace(power_dbm=power_dbm, bandwidth_hz=bandwidth_hz, **cell)
    fading = stream(task.seed, "channel", p, direction).standard_exponential((task.settings.max_slots, D))
    delivered, slots = zip(*(by_hand.latency(link, B, fading[:, d]) for d, B in enumerate(bits)), strict=True)
    return Sent(bits, list(delivered), list(slots))


def weighted_mean(weights: np.ndarray, delivered: list[bool]) -> np.ndarray:
    """G_mod of FL, weighted by |S_d|."""
    there = [d for d in range(D) if delivered[d]]
    return sum(HELD[d] * weights[d] for d in there) / sum(HELD[d] for d in there)


def plain_mean(outputs: np.ndarray, delivered: list[bool]) -> np.ndarray:
    """G_out: for each label the plain mean over the devices that delivered and had drawn it; NaN where there is none."""
    mean = np.full((N_L, N_L), np.nan)
    for n in range(N_L):
        known = [outputs[d, n] for d in range(D) if delivered[d] and not math.isnan(outputs[d, n, 0])]
        if known:
            mean[n] = sum(known) / len(known)
    return mean


def relative_change(name: str, new: np.ndarray, old: np.ndarray) -> float:
    """|G^p - G^(p-1)| / |G^(p-1)|; of average outputs the largest over the labels known in both rounds."""
    rows = [(new, old)] if name == "FL" else [(a, b) for a, b in zip(new, old, strict=True) if not math.isnan(a[0] + b[0])]
    return max(math.dist(a, b) / math.hypot(*b) for a, b in rows)


# --- the server's seed samples ---------------------------------------------------------------------------------------------------------


def convert(name: str, server: np.ndarray, arrived: list[bool], mean: np.ndarray, p: int, task: Task) -> np.ndarray:
    """Output-to-model conversion: K_S iterations of eq. (5) from the server's own last weights."""
    samples = server_samples(name, arrived, task)
    visits = stream(task.seed, "server batches", p).integers(len(samples), size=8)
    images, labels = samples[:, :-N_L].reshape(-1, *SMALL[0]), samples[:, -N_L:]
    return by_hand.descend(server, images, labels, visits, 0.1, SMALL, mean, 0.5, False)[0]


def server_samples(name: str, arrived: list[bool], task: Task) -> np.ndarray:
    """What the server distils on: pixels and label of each sample side by side, (N, H W + N_L). Their order is chance."""
    recipes = (seed_samples.raw if name == "FLD" else seed_samples.mixed)(task).of(np.array(arrived))
    if name != "Mix2FLD":
        lam = 1.0 if name == "FLD" else LAMBDA
        return np.array([uploaded(lam, i, j) for i, j in zip(recipes.first, recipes.second, strict=True)])
    samples = inverse_samples(recipes)
    return samples[distances(rendered(seed_samples.inversely_mixed(recipes, task)), samples).argmin(axis=1)]


def inverse_samples(recipes: seed_samples.SeedSamples) -> np.ndarray:
    """Both inverse samples of every two mixed-up ones with symmetric labels from two devices: eqs. (6), (9), (10), (7) in turn."""
    label, samples = small_data().train_labels, []
    made = list(zip(recipes.first, recipes.second, recipes.device, strict=True))
    mixed = [uploaded(LAMBDA, i, j) for i, j, _ in made]
    for (i, j, d), s_hat in zip(made, mixed, strict=True):
        for (i2, j2, d2), s_hat2 in zip(made, mixed, strict=True):
            if d != d2 and label[i] == label[j2] and label[j] == label[i2]:  # each pair comes twice, once for either label
                lambda_hat = LAMBDA / (2 * LAMBDA - 1)
                samples.append(lambda_hat * s_hat + (1 - lambda_hat) * s_hat2)
    return np.array(samples)


def uploaded(lam: float, i: int, j: int) -> np.ndarray:
    """Pixels and label of a mixed-up sample, eq. (6), its pixels rounded to 255ths: a byte each is sent."""
    blend = lam * raw_sample(i) + (1 - lam) * raw_sample(j)
    return np.append([round(255 * pixel) / 255 for pixel in blend[:-N_L]], blend[-N_L:])


def raw_sample(i: int) -> np.ndarray:
    """Pixels and label of one training sample side by side."""
    data = small_data()
    return np.append(data.train_images[i].ravel() / 255, np.eye(N_L)[data.train_labels[i]])


def rendered(material: seed_samples.Material) -> np.ndarray:
    """All samples that the library's server can distil on, pixels and label side by side."""
    images, labels = material.render(np.arange(material.n_samples))
    return np.concatenate([images.reshape(len(images), -1), labels], axis=1)


def distances(samples: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Largest difference between each of the samples and each of the others."""
    return np.abs(samples[:, None] - others).max(axis=2)
