"""Mixup on a device, eq. (6): which two samples are blended, and the blend."""

import operator
from dataclasses import dataclass, fields

import numpy as np

from mix2fld_np.errors import InputError

MOST_LABELS, MOST_NUMBERS = 1_000_000, 2**31  # two numbers below either still multiply in 64 bits


@dataclass(frozen=True)
class MixedSamples:
    """Mixed-up samples as the server holds them, M of them."""

    images: np.ndarray  # (M, C, H, W) float32
    labels: np.ndarray  # (M, N_L) float, soft
    first_label: np.ndarray  # (M,), whose share is lambda
    second_label: np.ndarray  # (M,), whose share is 1 - lambda
    device: np.ndarray  # (M,), where each was made

    def __post_init__(self):
        for field in fields(self):
            object.__setattr__(self, field.name, np.asarray(getattr(self, field.name)))
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) != 1:
            raise InputError(f"mixed-up samples with {lengths} rows do not belong together; give one row a sample.")


def mixup(first: np.ndarray, second: np.ndarray, ratio: float) -> np.ndarray:
    """The blend of two samples, or of their labels, of any one shape,

        s_hat = lambda s_i + (1 - lambda) s_j    (6)

    The ratio may reach its ends: 0 gives `second` back (no mixing, Table II's limit) and 1 gives `first`.

    >>> mixup([0, 100], [200, 100], 0.1).tolist()
    [180.0, 100.0]
    """
    if np.shape(first) != np.shape(second):
        raise InputError(f"samples of shapes {np.shape(first)} and {np.shape(second)} do not blend; give one shape.")
    if not 0 <= ratio <= 1:
        raise InputError(f"mixing ratio {ratio} is no share: a blend takes lambda and 1 - lambda of two; try 0.1.")
    lam = float(ratio)
    return lam * np.asarray(first) + (1 - lam) * np.asarray(second)


def quantize(samples: np.ndarray, bits: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Samples in [low, high] rounded to the 2^b values that lie evenly from low to high, in single precision.

    Raw pixels of 8 bits stay as they are at 8 bits; beyond 24 bits single precision is coarser, and nothing is rounded.

    >>> quantize([0.0, 0.3, 0.6], 1).tolist()
    [0.0, 0.0, 1.0]
    """
    x, b, low, high = np.asarray(samples, np.float32), operator.index(bits), float(low), float(high)
    if b < 1:
        raise InputError(f"bits = {bits} a pixel tell no two values apart; give at least 1.")
    if b > 24:
        return x
    share = np.rint((x.astype(np.float64) - low) / ((high - low) or 1.0) * (2**b - 1)) / (2**b - 1)
    return (low * (1 - share) + high * share).astype(np.float32)  # both ends exactly, whatever their size


def mixing_matrix(ratios) -> np.ndarray:
    """Soft labels (N, N) of N mixed-up samples whose labels go round: the matrix in eq. (8) before it is inverted.

    Row r is (lambda_{r+1}, lambda_{r+2}, ...), wrapping around: symmetric, and constant along its anti-diagonals.

    >>> mixing_matrix([0.1, 0.9]).tolist()
    [[0.1, 0.9], [0.9, 0.1]]
    """
    lam = checked_ratios(ratios)
    r = np.arange(len(lam))
    return lam[(r[:, None] + r) % len(lam)]


def checked_ratios(ratios) -> np.ndarray:
    """(lambda_1 ... lambda_N) in double precision; InputError unless they are N >= 2 shares of one."""
    given = np.asarray(ratios)
    lam, narrow = given.astype(float), given.dtype.kind == "f" and given.dtype.itemsize < 8
    room = max(1e-9, lam.size * float(np.finfo(given.dtype).eps)) if narrow else 1e-9
    if lam.ndim != 1 or len(lam) < 2:
        raise InputError(f"mixing ratios {ratios} blend nothing: give two or more a share each; try [0.1, 0.9].")
    if not np.all((lam >= 0) & (lam <= 1)) or abs(lam.sum() - 1) > room:
        raise InputError(f"mixing ratios {lam.tolist()} are not the shares of one blend: they must lie in [0, 1] and "
                         f"sum to one, not to {lam.sum():.10g}; try [0.1, 0.9].")
    return lam / lam.sum() if narrow else lam


def mix_samples(first: tuple, second: tuple, device: np.ndarray, ratio: float, n_labels: int) -> MixedSamples:
    """Samples `first` mixed up with `second`, each (images (M, C, H, W), labels (M,)), made on `device` (M,)."""
    N_L, (images, other_images) = operator.index(n_labels), (first[0], second[0])
    label, other = (whole_numbers("labels", labels, N_L) for _, labels in (first, second))
    blends, hard = mixup(images, other_images, ratio).astype(np.float32), np.eye(N_L)
    return MixedSamples(blends, mixup(hard[label], hard[other], ratio), label, other, whole_numbers("devices", device))


def draw_pairs(labels: np.ndarray, n_pairs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Policy "random": samples (first, second), each (n_pairs,), of two labels, uniform over all such ordered pairs.

    A first sample is drawn in proportion to how many partners it has, then one of those partners, however rare a label.
    InputError if the device knows one label only.
    """
    labels = whole_numbers("labels", labels, MOST_LABELS)
    by_label, start, count = _grouped(labels)
    n_partners = len(labels) - count[labels]
    if not n_partners.any():
        raise InputError(f"a device with {len(labels)} samples of the labels {np.unique(labels).tolist()} has "
                         "nothing to mix up; give every device samples of at least two labels.")
    first = rng.choice(len(labels), size=n_pairs, p=n_partners / n_partners.sum())
    place = rng.integers(n_partners[first])
    own_start, own_count = start[labels[first]], count[labels[first]]
    second = by_label[place + np.where(place >= own_start, own_count, 0)]  # skips the first sample's label
    return first, second


def draw_scheduled_pairs(
    labels: np.ndarray, label_pairs: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Policy "scheduled": samples (first, second), each (N_S,), of the ordered `label_pairs` (N_S, 2) asked for.

    A pair with a label that the device does not hold falls back to one drawn by `draw_pairs`.
    """
    labels = whole_numbers("labels", labels, MOST_LABELS)
    wanted = whole_numbers("label pairs", label_pairs, MOST_LABELS)
    if wanted.ndim != 2 or wanted.shape[1] != 2 or np.any(wanted[:, 0] == wanted[:, 1]):
        raise InputError(f"label pairs of shape {wanted.shape} do not do: give (N_S, 2), two different labels each.")
    by_label, start, count = _grouped(labels, 1 + wanted.max(initial=0))
    place = start[wanted] + np.floor(rng.random(wanted.shape) * count[wanted]).astype(int)
    chosen = by_label[np.minimum(place, len(labels) - 1)]
    missing = (count[wanted] == 0).any(axis=1)
    if missing.any():
        chosen[missing] = np.stack(draw_pairs(labels, int(missing.sum()), rng), axis=1)
    return chosen[:, 0], chosen[:, 1]


def whole_numbers(name: str, values, below: int = MOST_NUMBERS) -> np.ndarray:
    """Labels, or numbers of samples and devices, as int64; InputError unless they are whole, from 0 to `below` - 1."""
    numbers = np.asarray(values)
    whole = numbers.dtype.kind in "iu"
    if numbers.size and not (whole and 0 <= numbers.min() <= numbers.max() < below):
        found = f"from {numbers.min()} to {numbers.max()}" if whole else f"of type {numbers.dtype}"
        raise InputError(f"{name} {found} cannot be used; give whole numbers from 0 to {below - 1:,}.")
    return numbers.astype(np.int64)


def _grouped(labels: np.ndarray, n_labels: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sample indices sorted by label, and where each label's block starts and how long it is."""
    count = np.bincount(labels, minlength=n_labels)
    return np.argsort(labels, kind="stable"), np.cumsum(count) - count, count
