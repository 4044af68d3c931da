"""Seed samples: what a device sends once (nothing, raw, mixed up) and what the server makes of it (keeps, inverts)."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mix2fld_np.datasets.formats import pixels
from mix2fld_np.errors import InputError
from mix2fld_np.federation.task import Task
from mix2fld_np.mixing import inverse, mixup, pairing
from mix2fld_np.randomness import stream

MOST_MAGNIFIED = 1e6  # condition number at which inverse-Mixup makes 6 % of a pixel out of single precision's rounding
PAIRS = "pairs of seed samples"  # where their chance has its address
RAW = "inverse-Mixup undoes Mixup, but these seed samples are raw; give the protocol's row seed_samples.mixed instead."


@dataclass(frozen=True)
class SeedSamples:
    """Recipes of M seed samples: lambda of training sample `first` and the rest of `second`, on `device`; each (M,).

    Only numbers are kept; images are rendered when the server's iterations visit them.
    """

    first: np.ndarray
    second: np.ndarray
    device: np.ndarray
    ratio: float

    def of(self, devices: np.ndarray) -> "SeedSamples":
        """The seed samples of the devices marked in (D,)."""
        there = devices[self.device]
        return SeedSamples(self.first[there], self.second[there], self.device[there], self.ratio)


@dataclass(frozen=True)
class Material:
    """What the server can distil on: numbered samples, rendered on request: images (N, C, H, W), labels (N, N_L)."""

    n_samples: int
    n_wanted: int  # as many as the settings ask for
    render: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def nothing(task: Task) -> SeedSamples | None:
    """FL and FD send no seed samples."""


def raw(task: Task) -> SeedSamples:
    """FLD: each device sends N_S different samples of its own as they are; with a larger N_S, these and more."""
    check_supply(task)
    chosen = collect(task, lambda labels, d, rng: (rng.permutation(labels.size)[: task.settings.n_seed_samples],) * 2)
    return SeedSamples(*chosen, ratio=1.0)


def mixed(task: Task) -> SeedSamples:
    """MixFLD, Mix2FLD: each device blends N_S pairs of samples with different labels, eq. (6); none if it has one."""
    check_mixed(task)
    s, mixes, rng = task.settings, holds_two_labels(task), stream(task.seed, "schedule")
    if s.pairing == "scheduled":
        wanted = pairing.schedule(task.n_devices, s.n_seed_samples, s.n_inverse_samples, task.data.n_labels, rng)

    def choose(labels: np.ndarray, d: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        if not mixes[d]:
            return np.empty(0, int), np.empty(0, int)
        if s.pairing == "scheduled":
            return mixup.draw_scheduled_pairs(labels, wanted[d], rng)
        return mixup.draw_pairs(labels, s.n_seed_samples, rng)

    return SeedSamples(*collect(task, choose), s.mixing_ratio)


def collect(task: Task, choose: Callable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(first, second, device), each (M,): what `choose(labels, d, rng)` picks on each device, as training samples."""
    firsts, seconds = [], []
    for d, held in enumerate(task.split.indices):
        first, second = choose(task.data.train_labels[held], d, stream(task.seed, "seed samples", d))
        firsts.append(held[first])
        seconds.append(held[second])
    return np.concatenate(firsts), np.concatenate(seconds), np.arange(task.n_devices).repeat([len(f) for f in firsts])


def keep(sent: SeedSamples, task: Task) -> Material:
    """FLD, MixFLD: the server distils on the samples as they came, with the labels they came with."""

    def render(which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        samples = blend(sent, which, task)
        return samples.images, samples.labels

    return Material(len(sent.first), task.n_devices * task.settings.n_seed_samples, render)


def inversely_mixed(sent: SeedSamples, task: Task) -> Material:
    """Mix2FLD: the server recombines pairs with symmetric labels into samples with hard labels, eq. (7).

    Material is empty where no such pair exists.
    """
    check_inversely_mixed(task)
    if sent.ratio == 1.0:
        raise InputError(RAW)
    pairs, wanted = chosen_pairs(sent, task), task.n_devices * task.settings.n_inverse_samples

    def render(which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        needed, place = np.unique(pairs[which // 2], return_inverse=True)
        samples = inverse.inversely_mix(blend(sent, needed, task), place.reshape(-1, 2), sent.ratio)
        both = 2 * np.arange(len(which)) + which % 2
        return samples.images[both], samples.labels[both]

    return Material(min(2 * len(pairs), wanted), wanted, render)


def chosen_pairs(sent: SeedSamples, task: Task) -> np.ndarray:
    """The pairs (P, 2) of seed samples that the server recombines, each into two inverse samples."""
    first_label, second_label = task.data.train_labels[sent.first], task.data.train_labels[sent.second]
    N_S, N_I = task.settings.n_seed_samples, task.settings.n_inverse_samples
    enough = max(16, 4 * math.ceil(N_I / N_S))  # partners of a sample: the letter's all
    pairs, rng = pairing.symmetric_pairs(first_label, second_label, sent.device, enough), stream(task.seed, PAIRS)
    return pairing.choose_pairs(pairs, first_label, second_label, task.n_devices * N_I, rng)


def blend(sent: SeedSamples, which: np.ndarray, task: Task) -> mixup.MixedSamples:
    """The seed samples numbered `which` as they leave the device: eq. (6), pixels rounded to their number of bits."""
    # The letter is silent: how a mixed-up pixel fits into the 8 bits that it is charged with. It is rounded.
    def samples(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return pixels(task.data.train_images[numbers]), task.data.train_labels[numbers]

    first, second = samples(sent.first[which]), samples(sent.second[which])
    blends = mixup.mix_samples(first, second, sent.device[which], sent.ratio, task.data.n_labels)
    return replace(blends, images=mixup.quantize(blends.images, task.settings.bits_per_pixel))


def n_uploaded(collect: Callable[[Task], SeedSamples | None], task: Task) -> np.ndarray:
    """How many seed samples each device uploads, once, (D,): N_S, or none where it has nothing to send."""
    sent = collect(task)
    return np.bincount([] if sent is None else sent.device, minlength=task.n_devices)


def notice(collect: Callable[[Task], SeedSamples | None], task: Task) -> str | None:
    """Which devices upload no seed samples while others do, in a sentence; None where all are alike."""
    n = n_uploaded(collect, task)
    if n.all() or not n.any():
        return None
    return (f"No two different labels to mix up on device {', '.join(map(str, np.flatnonzero(n == 0)))}: "
            "it uploads no seed samples and is charged for none.")


# --- what can be known before the first step --------------------------------------------------------------------------


def check(collect: Callable, prepare: Callable, task: Task) -> None:
    """InputError if these two cells of a protocol's row cannot work on this task. Cheap: nothing is drawn or rendered.

    Only the functions of this file have something to check; others pass.
    """
    for cell in (collect, prepare):
        CHECKS.get(cell, lambda task: None)(task)
    if collect is raw and prepare is inversely_mixed:
        raise InputError(RAW)


def check_supply(task: Task) -> None:
    """InputError where a device holds fewer samples than it would upload."""
    held, N_S = min(map(len, task.split.indices)), task.settings.n_seed_samples
    if held < N_S:
        raise InputError(f"n_seed_samples = {N_S} is more than the {held} samples that a device holds: its uploads, "
                         f"raw or mixed up, are made of its own; give at most {held}.")


def check_mixed(task: Task) -> None:
    """InputError where a device holds too few samples, nobody can mix up, or no schedule makes N_I inverse samples."""
    check_supply(task)
    s = task.settings
    if not holds_two_labels(task).any():
        raise InputError("no device holds two different labels, so none can mix up samples; give devices more labels.")
    if s.pairing == "scheduled":
        pairing.check_schedule(task.n_devices, s.n_seed_samples, s.n_inverse_samples)


def check_inversely_mixed(task: Task) -> None:
    """InputError where nobody can be paired across devices, or the ratio is so near 0.5 that rounding drowns all."""
    n, ratio = int(holds_two_labels(task).sum()), task.settings.mixing_ratio
    if n < 2:
        raise InputError(f"n_devices = {task.n_devices}, of which {n} can mix up, leaves Mix2FLD nothing to do: "
                         "inverse-Mixup pairs samples of different devices; give 2 or more that hold two labels.")
    condition = inverse.condition_number([ratio, 1 - ratio])
    if condition > MOST_MAGNIFIED:
        raise InputError(f"mixing_ratio = {ratio!r} is too near 0.5: inverse-Mixup would magnify rounding by "
                         f"{condition:.0e}, more than single precision bears; give a ratio further away, such as 0.1.")


def holds_two_labels(task: Task) -> np.ndarray:
    """Whether each device has two different labels to mix up, (D,)."""
    return np.array([len(np.unique(task.data.train_labels[held])) > 1 for held in task.split.indices])


CHECKS: dict[Callable, Callable[[Task], None]] = {
    raw: check_supply, mixed: check_mixed, inversely_mixed: check_inversely_mixed,
}
