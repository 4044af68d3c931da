"""Who is blended with whom across devices: label pairs handed out before the upload, partners found after it."""

import math
import operator
from numbers import Integral

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.mixing.mixup import MOST_LABELS, whole_numbers


def schedule(
    n_devices: int, n_seed_samples: int, n_inverse_samples: int, n_labels: int, rng: np.random.Generator
) -> np.ndarray:
    """Policy "scheduled": ordered label pairs (D, N_S, 2) to be mixed up, from which D N_I inverse samples can be made.

    A group of g samples (a, b) on one half of the devices and g samples (b, a) on the other makes g^2 pairs, hence
    2 g^2 inverse samples from 2 g uploads, so g = N_I / N_S. As many groups are formed as that leaves, of label pairs
    that use every label equally often. All N_I up to 2 N_S get the same label pairs, so that uploads do not change
    where only N_I does. InputError if one group of all is too few: D N_I > 2 floor(D^2 / 4) N_S^2.
    """
    # The letter is silent: who decides which labels a device mixes up. At random, too few are symmetric for its N_I.
    # The letter is silent: whether N_I changes what is uploaded. Not up to 2 N_S, its largest N_I for every N_S.
    check_schedule(n_devices, n_seed_samples, n_inverse_samples)
    D, N_S, N_L = operator.index(n_devices), operator.index(n_seed_samples), _at_least(2, "n_labels", n_labels)
    N_I = max(operator.index(n_inverse_samples), min(2 * N_S, _most_inverse_samples(D, N_S) // D))
    here, there = _two_sides(D, N_S, rng)
    for n_groups in _group_numbers(D, N_S, N_I, N_L):
        n_pairs = np.bincount(_group(here, n_groups)) @ np.bincount(_group(there, n_groups))
        if 2 * n_pairs >= D * N_I:
            break
    label_pairs = rng.permutation(N_L)[balanced_label_pairs(N_L)]
    group_pairs = rng.permuted(label_pairs[np.arange(n_groups) % len(label_pairs)], axis=1)
    wanted = np.concatenate([group_pairs[_group(here, n_groups)], group_pairs[_group(there, n_groups)][:, ::-1]])
    return wanted[np.argsort(np.concatenate([here, there]), kind="stable")].reshape(D, N_S, 2)


def check_schedule(n_devices: int, n_seed_samples: int, n_inverse_samples: int) -> None:
    """InputError unless label pairs can be scheduled from which D N_I inverse samples are made."""
    D, N_S = _at_least(2, "n_devices", n_devices), _at_least(1, "n_seed_samples", n_seed_samples)
    N_I, most = _at_least(1, "n_inverse_samples", n_inverse_samples), _most_inverse_samples(D, N_S)
    if most < D * N_I:
        enough = 1 + math.isqrt((D * N_I - 1) // _most_inverse_samples(D, 1))
        raise InputError(f"{D} devices with {N_S} mixed-up samples each make {most} inversely mixed-up samples at "
                         f"most, not {D} x {N_I}; give n_seed_samples of at least {enough}.")


def balanced_label_pairs(n_labels: int) -> np.ndarray:
    """All label pairs (N_L (N_L - 1) / 2, 2), in an order in which all labels keep occurring equally often.

    For even N_L every next N_L / 2 pairs use each label once (a tournament's rounds), for odd N_L every next N_L twice.

    >>> balanced_label_pairs(4).tolist()
    [[3, 0], [1, 2], [3, 1], [2, 0], [3, 2], [0, 1]]
    """
    N_L = _at_least(2, "n_labels", n_labels)
    if N_L % 2:
        i = 2 * np.arange(N_L)
        return np.concatenate([np.stack([i, i + shift], axis=1) for shift in range(1, (N_L + 1) // 2)]) % N_L
    m, step = N_L - 1, np.arange(1, N_L // 2)  # one label stays, the others go round
    rounds = [np.concatenate([[[m, r]], np.stack([r + step, r - step], axis=1) % m]) for r in range(m)]
    return np.concatenate(rounds)


def symmetric_pairs(
    first_label: np.ndarray, second_label: np.ndarray, device: np.ndarray, most_partners: int | None = None
) -> np.ndarray:
    """All pairs (m, m') (P, 2) of mixed-up samples with labels (a, b) and (b, a), a < b, from two different devices.

    Their number grows with the square of the number of samples. With `most_partners` each m meets only that many of its
    mirror images, the next m the next ones, so that time and memory stay in proportion.

    >>> symmetric_pairs([0, 1, 1], [1, 0, 0], device=[0, 0, 1]).tolist()
    [[0, 2]]
    """
    first_label, second_label = (whole_numbers("labels", part, MOST_LABELS) for part in (first_label, second_label))
    device = whole_numbers("devices", device)
    if not first_label.shape == second_label.shape == device.shape == (device.size,):
        raise InputError(f"labels of shapes {first_label.shape}, {second_label.shape} and devices {device.shape} "
                         "do not belong together; give every mixed-up sample one of each.")
    name = _label_pair_names(first_label, second_label)
    rising, falling = np.flatnonzero(first_label < second_label), np.flatnonzero(first_label > second_label)
    falling = falling[np.argsort(name[falling], kind="stable")]
    start, stop = (np.searchsorted(name[falling], name[rising], side=side) for side in ("left", "right"))
    n_mirrors = stop - start
    n_met = n_mirrors if most_partners is None else np.minimum(n_mirrors, min(most_partners, len(falling)))
    nth = np.arange(n_met.sum()) - np.repeat(np.cumsum(n_met) - n_met, n_met)  # 0, 1, ... for each
    turn = np.repeat(_rank_within(name[rising]), n_met)
    place = np.repeat(start, n_met) + (turn + nth) % np.repeat(n_mirrors, n_met)
    pairs = np.stack([np.repeat(rising, n_met), falling[place]], axis=1)
    return pairs[device[pairs[:, 0]] != device[pairs[:, 1]]]


def choose_pairs(
    pairs: np.ndarray, first_label: np.ndarray, second_label: np.ndarray,
    n_wanted_samples: int, rng: np.random.Generator,
) -> np.ndarray:
    """ceil(n_wanted_samples / 2) of `pairs` (P, 2) at random, as evenly over label pairs, then labels, as they allow.

    Each pair makes two inverse samples; a mixed-up sample may serve in several. If there are fewer pairs, all are used.
    """
    n = (_at_least(0, "n_wanted_samples", n_wanted_samples) + 1) // 2
    pairs = rng.permutation(whole_numbers("pairs", pairs).reshape(-1, 2))
    a, b = (whole_numbers("labels", part, MOST_LABELS)[pairs[:, 0]] for part in (first_label, second_label))
    rank = _rank_within(_label_pair_names(a, b))
    if n >= len(pairs):
        return pairs
    level = np.sort(rank)[n]  # every label pair gives its first `level` pairs, and some give one more
    full, last = np.flatnonzero(rank < level), np.flatnonzero(rank == level)
    used = np.bincount(np.concatenate([a[full], b[full]]), minlength=1 + max(a.max(), b.max()))
    return pairs[np.concatenate([full, last[_least_used(used, a[last], b[last], n - len(full))]])]


def _least_used(used: np.ndarray, a: np.ndarray, b: np.ndarray, n: int) -> np.ndarray:
    """Which n of the label pairs (a, b) to take, one at a time, always the one whose labels were `used` least."""
    used, taken = used.copy(), np.zeros(len(a), dtype=bool)
    for _ in range(n):
        k = np.argmin(np.where(taken, np.inf, used[a] + used[b]))
        taken[k] = True
        used[[a[k], b[k]]] += 1
    return np.flatnonzero(taken)


def _label_pair_names(first_label: np.ndarray, second_label: np.ndarray) -> np.ndarray:
    """One number for each unordered label pair: (a, b) and (b, a) share it."""
    low, high = np.minimum(first_label, second_label), np.maximum(first_label, second_label)
    return low * (1 + high.max(initial=0)) + high


def _rank_within(names: np.ndarray) -> np.ndarray:
    """How many earlier entries have the same name: 0 for the first of its name, then 1, 2, ..."""
    order = np.argsort(names, kind="stable")
    starts = np.searchsorted(names[order], names[order])
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names)) - starts
    return rank


def _two_sides(n_devices: int, n_seed_samples: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Whose upload each place on the two sides of the groups is. An odd device is on both: first here, last there."""
    D, N_S, order = n_devices, n_seed_samples, rng.permutation(n_devices)
    odd_one = np.repeat(order[D - D % 2 :], N_S)
    here, there = np.tile(order[: D // 2], N_S), np.tile(order[D // 2 : D - D % 2], N_S)
    return np.concatenate([odd_one[: N_S // 2], here]), np.concatenate([there, odd_one[N_S // 2 :]])


def _group(side: np.ndarray, n_groups: int) -> np.ndarray:
    """Which group each place of a side belongs to. Groups are consecutive and differ by one at most, larger ones first:
    so it is whole rounds of `balanced_label_pairs` that have more, and every label gains alike."""
    return np.repeat(np.arange(n_groups), (len(side) + np.arange(n_groups)[::-1]) // n_groups)


def _group_numbers(n_devices: int, n_seed_samples: int, n_inverse_samples: int, n_labels: int) -> list[int]:
    """Numbers of groups worth trying, the most first: those that use labels equally often, then any smaller ones."""
    D, N_S, N_I = n_devices, n_seed_samples, n_inverse_samples
    most = max(1, min(D * N_S // 2, D * N_S**2 // (2 * N_I)))
    even = n_labels if n_labels % 2 else n_labels // 2
    return [*range(most // even * even, 0, -even), *range(min(most, even - 1), 0, -1)]


def _most_inverse_samples(n_devices: int, n_seed_samples: int) -> int:
    """How many all uploads make when they are one group: two of every pair across two halves of the devices."""
    return 2 * (n_devices**2 // 4) * n_seed_samples**2


def _at_least(least: int, name: str, value: int) -> int:
    """`value` as a Python integer; InputError unless it is a whole number of at least `least`."""
    whole = operator.index(value) if isinstance(value, Integral) else least - 1
    if whole < least:
        raise InputError(f"{name} = {value!r} leaves nothing to pair; give a whole number of at least {least}.")
    return whole
