"""Hypothesis strategies that make well-posed inputs, shared by the tests. One section a room."""

import math
import os
from collections.abc import Sequence
from dataclasses import fields
from typing import NamedTuple

import naive
import numpy as np
from hypothesis import HealthCheck, assume, settings, strategies as st

from mix2fld_np.federation.settings import INITIALISATIONS, LIMITS, MOST_FILTERS, PAIRINGS, SPLITS, Settings
from mix2fld_np.nn.network import Network
from mix2fld_np.wireless.channel import Link

EXAMPLES = int(os.environ.get("MIX2FLD_EXAMPLES", "30"))  # cases that a property is tried with


# ------------------------------------------------------------------------------------------------------------- wireless
def link_with_success(p: float, max_slots: int = 100, bits_per_slot: int = 1) -> Link:
    """A link in round units whose slot gets through with chance p and carries `bits_per_slot` bits (as theta = 1)."""
    strain = -math.log1p(p - 1) if p > 0.5 else -math.log(p)  # theta W N_0 r^alpha / P
    return Link(
        power_dbm=30 - 10 * math.log10(strain),
        bandwidth_hz=1.0,
        distance_m=1.0,
        path_loss_exponent=2.0,
        noise_dbm_per_hz=30.0,
        threshold=1.0,
        slot_s=float(bits_per_slot),
        max_slots=max_slots,
    )


@st.composite
def links(draw, min_success: float = 0.02, max_success: float = 0.98, max_slots: int = 60) -> Link:
    """Links with numbers of every size whose slots get through with a chance between the two bounds."""
    p = draw(st.floats(min_success, max_success))
    W, r = draw(st.floats(1e3, 1e8)), draw(st.floats(1.0, 5e3))
    alpha, theta = draw(st.floats(2.0, 5.0)), draw(st.floats(1e-3, 1e3))
    noise = draw(st.floats(-200.0, -150.0))
    strain_at_one_watt_db = (
        10 * math.log10(theta * W) + noise + 10 * alpha * math.log10(r)
    )  # plus 30 - 30: dBm/Hz over dBm
    power = strain_at_one_watt_db - 10 * math.log10(-math.log(p))
    return Link(power, W, r, alpha, noise, theta, draw(st.floats(1e-4, 1e-1)), draw(st.integers(1, max_slots)))


generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


# ------------------------------------------------------------------------------------------------------------- settings
CHOICES = {"split": list(SPLITS), "pairing": PAIRINGS, "initialisation": INITIALISATIONS}


def setting_values(name: str) -> st.SearchStrategy:
    """Values that a setting can have while all others are as printed."""
    kind = {field.name: field.type for field in fields(Settings)}[name]
    if kind in (bool, str):
        return st.sampled_from(CHOICES.get(name, (True, False)))
    if name == "filters":
        return st.tuples(st.integers(1, MOST_FILTERS), st.integers(1, MOST_FILTERS))
    least, most, _ = LIMITS[name]
    if kind is int:
        return st.integers(Settings().n_seed_samples if name == "n_inverse_samples" else least, most)
    return st.floats(least, most).filter(lambda value: name != "mixing_ratio" or value != 0.5)


# --------------------------------------------------------------------------------------------------------------- mixing
@st.composite
def mixing_ratios(draw, min_size: int = 2, max_size: int = 8) -> list[float]:
    """Shares of one, N of them, that can be inverted well: one is at least 0.6 (so |DFT| is at least 0.2)."""
    n, leader = draw(st.integers(min_size, max_size)), draw(st.floats(0.6, 0.95))
    parts = np.array(draw(st.lists(st.floats(0.01, 1.0), min_size=n - 1, max_size=n - 1)))
    others = (1 - leader) * parts / parts.sum()
    return np.insert(others, draw(st.integers(0, n - 1)), leader).tolist()


whole_dtypes = st.sampled_from(
    [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.int64, np.uint64, ">i4"]
)  # readers return uint8


@st.composite
def labelled_samples(draw, max_samples: int = 40, most_labels: int = 100) -> np.ndarray:
    """Labels (N,) of one device's samples, at least two different among them, in any type of whole numbers."""
    label = st.integers(0, draw(st.integers(2, most_labels)) - 1)
    labels = draw(st.lists(label, min_size=2, max_size=max_samples).filter(lambda drawn: len(set(drawn)) > 1))
    return np.array(labels, draw(whole_dtypes))


@st.composite
def label_pairs(draw, max_pairs: int = 30, most_labels: int = 100) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First and second labels and devices (M,) of mixed-up samples, half of them mirrored, in any whole type."""
    rng, n_labels = draw(generators), draw(st.integers(2, most_labels))
    first, second = rng.integers(n_labels, size=(2, draw(st.integers(0, max_pairs))))
    first, second, dtype = np.append(first, second), np.append(second, first), draw(whole_dtypes)
    return first.astype(dtype), second.astype(dtype), rng.integers(3, size=len(first)).astype(draw(whole_dtypes))


# -------------------------------------------------------------------------------------------------------------- network
IMAGE_SIZES = [(4, 4), *([(6, 8)] if EXAMPLES >= 200 else [])]  # H, W; few, because each is compiled for itself
patient = settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow]
)  # the first example compiles


class Exercise(NamedTuple):
    """A network, weights (N_mod,) float64, images (N, C, H, W) in [0, 1], soft labels (N, N_L), teacher (N_L, N_L)."""

    network: Network
    weights: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    teacher: np.ndarray


@st.composite
def networks(draw, sizes: Sequence[tuple[int, int]] = IMAGE_SIZES) -> Network:
    """Small networks with any number of channels, filters and labels."""
    H, W = draw(st.sampled_from(sizes))
    filters = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    return Network((draw(st.integers(1, 3)), H, W), filters, draw(st.integers(2, 6)))


@st.composite
def exercises(draw, margin: float = 0.0, max_samples: int = 4) -> Exercise:
    """Exercises for random networks, further than `margin` from every kink of the loss (see `kink_distance`)."""
    network, rng = draw(networks()), draw(generators)
    exercise = random_exercise(network, rng, draw(st.integers(1, max_samples)))
    assume(margin == 0 or kink_distance(network, exercise.weights, exercise.images) > margin)
    return exercise


def random_exercise(network: Network, rng: np.random.Generator, n_samples: int) -> Exercise:
    """An exercise with everything drawn at random: weights wider than a fresh start, labels that sum to one."""
    N_L = network.n_labels
    weights = 2 * network.initial_weights(rng).astype(np.float64)
    images = rng.random((n_samples, *network.image_shape))
    return Exercise(network, weights, images, rng.dirichlet(np.ones(N_L), n_samples), rng.dirichlet(np.ones(N_L), N_L))


def kink_distance(network: Network, weights: np.ndarray, images: np.ndarray) -> float:
    """How far every sum in front of a ReLU stays from zero,
    and the largest pixel of every pooling cell from the second.

    Below it the loss is a smooth function of the weights: there a central difference may stand in for the derivative.
    """
    nearest = np.inf
    for image in images:
        _, (_, sums1, pooled, _, sums2, _) = naive.forward(network.layers(weights), image)
        F1, H, W = sums1.shape
        cells = np.sort(sums1.reshape(F1, H // 2, 2, W // 2, 2).transpose(0, 1, 3, 2, 4).reshape(*pooled.shape, 4))
        lead = np.where(pooled > 0, cells[..., 3] - cells[..., 2], np.inf)
        nearest = min(nearest, abs(cells[..., 3]).min(), lead.min(), abs(sums2).min())
    return nearest
