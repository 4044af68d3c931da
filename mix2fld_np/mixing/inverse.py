"""Inverse-Mixup at the server, eqs. (7) to (10): blends across devices that end in hard labels again."""

from typing import NamedTuple

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.mixing.mixup import MixedSamples, checked_ratios, mixing_matrix, whole_numbers

SINGULAR = 1e-12  # a discrete Fourier transform this near zero leaves an inverse hardly a digit


class InverseSamples(NamedTuple):
    """Inversely mixed-up samples, two from each of P pairs, next to each other."""

    images: np.ndarray  # (2P, C, H, W) float32
    labels: np.ndarray  # (2P, N_L) one-hot


def inverse_ratios(ratios) -> np.ndarray:
    """Inverse mixing ratios (N, N), eq. (8): row n blends the N mixed-up samples into one with the hard label n.

    The surprise: rows sum to one, but entries may be negative or above one: an inverse blend leaves what it blends.
    InputError if no inverse exists, that is, if the discrete Fourier transform of the ratios has a zero.

    >>> inverse_ratios([0.1, 0.9]).round(3).tolist()
    [[-0.125, 1.125], [1.125, -0.125]]
    """
    lam = checked_ratios(ratios)
    if np.abs(np.fft.fft(lam)).min() < SINGULAR:
        raise InputError(_why_singular(lam))
    return np.linalg.inv(mixing_matrix(lam))


def condition_number(ratios) -> float:
    """How much inverse-Mixup may magnify: max |DFT| / min |DFT| of the ratios, as |DFT| are the singular values.

    Infinite where no inverse exists. For two ratios it is 1 / |1 - 2 lambda|.

    >>> round(condition_number([0.4, 0.6]), 9)
    5.0
    """
    spectrum = np.abs(np.fft.fft(checked_ratios(ratios)))
    return float(spectrum.max() / spectrum.min()) if spectrum.min() >= SINGULAR else np.inf


def inverse_ratio(ratio: float, n: int) -> float:
    """lambda_hat of two mixed-up samples for target label n = 1 or 2, the solution of

        1 = lambda_hat lambda + (1 - lambda_hat)(1 - lambda)    (9)
        0 = lambda_hat (1 - lambda) + (1 - lambda_hat) lambda   (10)

    for n = 1, lambda / (2 lambda - 1), and with the left sides exchanged for n = 2, (lambda - 1) / (2 lambda - 1).

    >>> inverse_ratio(0.1, 1)
    -0.125
    """
    lam, _ = checked_ratios([ratio, 1 - ratio])
    if n not in (1, 2):
        raise InputError(f"n = {n} is no label of two mixed-up samples: they have a first and a second; give 1 or 2.")
    if abs(2 * lam - 1) < SINGULAR:
        raise InputError(_why_singular(np.array([lam, 1 - lam])))
    return float((lam if n == 1 else lam - 1) / (2 * lam - 1))


def inverse_mixup(mixed_samples: np.ndarray, ratios) -> np.ndarray:
    """N samples with hard labels 1 ... N from N mixed-up ones, both (N, ...): eq. (7) for any N, nothing clipped.

    The r-th mixed-up sample must carry the soft label of row r of `mixing_matrix(ratios)`.
    """
    mixed_samples, lam_hat = np.asarray(mixed_samples), inverse_ratios(ratios)
    if len(mixed_samples) != len(lam_hat):
        raise InputError(f"{len(mixed_samples)} samples do not fit {len(lam_hat)} ratios; give one sample a ratio.")
    dtype = np.result_type(mixed_samples, np.float32)
    return np.tensordot(lam_hat.astype(dtype), mixed_samples.astype(dtype, copy=False), axes=1)


def inversely_mix(mixed: MixedSamples, pairs: np.ndarray, ratio: float) -> InverseSamples:
    """Both samples, n = 1 and 2, of every pair (m, m') in `pairs` (P, 2) with symmetric labels of two devices, eq. (7).

    Sample 2k has the first label of the pair's m, sample 2k + 1 its second.
    """
    m, m_mirror = whole_numbers("pairs", pairs).reshape(-1, 2).T
    _check_partners(mixed, m, m_mirror)
    blends = inverse_mixup(np.stack([mixed.images[m], mixed.images[m_mirror]]), [ratio, 1 - ratio])
    label = np.stack([mixed.first_label[m], mixed.second_label[m]], axis=1).ravel()
    images = np.swapaxes(blends, 0, 1).reshape(-1, *mixed.images.shape[1:])
    return InverseSamples(images, np.eye(mixed.labels.shape[1])[label])


def _check_partners(mixed: MixedSamples, m: np.ndarray, m_mirror: np.ndarray) -> None:
    if np.any(mixed.device[m] == mixed.device[m_mirror]):
        raise InputError("a pair of mixed-up samples from one device cannot be inversely mixed up: it could give back "
                         "that device's raw samples; pair across devices, as symmetric_pairs does.")
    first, second = mixed.first_label, mixed.second_label
    if np.any((first[m] != second[m_mirror]) | (second[m] != first[m_mirror])):
        raise InputError("a pair of mixed-up samples without symmetric labels has no hard label inside: (a, b) needs "
                         "(b, a); pair them with symmetric_pairs.")


def _why_singular(ratios: np.ndarray) -> str:
    printed = [float(f"{ratio:.6g}") for ratio in ratios]
    if len(ratios) == 2:
        return (f"mixing ratios {printed} cannot be inverted: both devices would upload the same blend of labels. "
                "Any ratio but 0.5 works for two; try 0.1.")
    return (f"mixing ratios {printed} cannot be inverted: their discrete Fourier transform has a zero, so some "
            f"combination of the {len(ratios)} uploads cancels every label. One ratio above 0.5 always works; "
            "try 0.9 for one and equal shares of the rest.")
