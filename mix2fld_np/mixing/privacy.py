"""How far what leaves a device is from what stays there: the measure of Tables II and III."""

from collections.abc import Callable

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.mixing.inverse import inverse_mixup
from mix2fld_np.mixing.mixup import mixup, whole_numbers

CHUNK = 1_000  # samples handled at once: 50,000 of CIFAR would otherwise take gigabytes in double precision


def sample_privacy(mixed: np.ndarray, *raw: np.ndarray) -> float:
    """Sample privacy of Section IV, the smallest over all samples m of

        log min{ ||s_hat_m - s_i||, ||s_hat_m - s_j|| },

    `mixed` (M, ...) against any number of arrays `raw` (M, ...), the sources of sample m standing in row m of each.
    Pixels 0..255, Euclidean norm, natural logarithm; -inf where a mixed-up sample is one of its sources.

    >>> round(sample_privacy([[3, 4]], [[0, 0]], [[90, 90]]), 4)  # log 5
    1.6094
    """
    if not raw or not len(mixed) or any(np.shape(source) != np.shape(mixed) for source in raw):
        raise InputError(f"samples of shape {np.shape(mixed)} have no distance to {[np.shape(s) for s in raw]}; "
                         "give at least one sample, and every source in the same shape.")
    # The letter is silent: pixel range, norm, logarithm, which samples; its tables fit the minimum over all, no mean.
    samples, *sources = map(np.asarray, (mixed, *raw))
    return _over_chunks(samples, lambda part: _smallest_distance(samples[part], [source[part] for source in sources]))


def mixup_privacy(images: np.ndarray, first: np.ndarray, second: np.ndarray, ratio: float) -> float:
    """Table II: the least similarity between samples mixed up with eq. (6) and the two raw samples each is made of.

    `images` (N, ...) with pixels 0..255; `first`, `second` (M,) index it. The surprise: it is
    log(min(lambda, 1 - lambda) d), d the smallest distance within a pair: the ratio only shifts it.
    """
    # Misprint: Table II, columns 0.001 and 0.499. Differences of logarithms show that 0.01 and 0.49 were used.
    images, first, second = np.asarray(images), whole_numbers("first", first), whole_numbers("second", second)

    def smallest(part: slice) -> float:
        a, b = (images[index[part]].astype(np.float64) for index in (first, second))
        return _smallest_distance(mixup(a, b, ratio), [a, b])

    return _over_chunks(first, smallest)


def mix2up_privacy(images: np.ndarray, first: np.ndarray, second: np.ndarray, pairs: np.ndarray, ratio: float) -> float:
    """Table III: the least similarity between inversely mixed-up samples and the four raw samples each is made of.

    `pairs` (P, 2) index the mixed-up samples, symmetric in their labels. Both samples, n = 1 and 2, of each pair count;
    the distance to the two mixed-up samples is `sample_privacy(inverse, mixed, mixed_mirror)`.
    """
    # The letter is silent: which raw sample is "its" raw sample after inverse-Mixup. All four that went into it.
    m, m_mirror = whole_numbers("pairs", pairs).reshape(-1, 2).T
    first, second = whole_numbers("first", first), whole_numbers("second", second)
    x, sources = np.asarray(images), [first[m], second[m], first[m_mirror], second[m_mirror]]

    def smallest(part: slice) -> float:
        i, j, i_mirror, j_mirror = raw = [x[source[part]].astype(np.float64) for source in sources]
        blends = inverse_mixup(np.stack([mixup(i, j, ratio), mixup(i_mirror, j_mirror, ratio)]), [ratio, 1 - ratio])
        return min(_smallest_distance(blend, raw) for blend in blends)

    return _over_chunks(m, smallest)


def _smallest_distance(samples: np.ndarray, sources: list[np.ndarray]) -> float:
    """Smallest Euclidean distance of a sample to one of its own sources; zero where it is no more than rounding."""
    flat = np.reshape(samples, (len(samples), -1)).astype(np.float64)
    distances = [np.linalg.norm(flat - np.reshape(source, flat.shape), axis=1) for source in sources]
    rounding = 1e-12 * np.linalg.norm(flat, axis=1)
    return min(float(np.where(distance > rounding, distance, 0.0).min()) for distance in distances)


def _over_chunks(samples: np.ndarray, smallest: Callable[[slice], float]) -> float:
    """log of the smallest distance of all `samples`, given that of a slice of them."""
    if not len(samples):
        raise InputError("no mixed-up samples were given, so there is no smallest distance; give at least one pair.")
    distance = min(smallest(slice(start, start + CHUNK)) for start in range(0, len(samples), CHUNK))
    with np.errstate(divide="ignore"):
        return float(np.log(distance))
