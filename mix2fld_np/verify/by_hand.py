"""The second route to the letter's equations, in plain NumPy and the standard library: nothing here calls the rest of the package.

A model is its shape ((C, H, W), (F1, F2), N_L) and a flat vector of weights. Many weight vectors (P, N_mod) go through the network at
once, because gradients are central differences here: no chain rule is written down twice.
"""

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import partial

import numpy as np

Shape = tuple[tuple[int, int, int], tuple[int, int], int]

FIVE = ("FL", "FD", "FLD", "MixFLD", "Mix2FLD")  # the letter's protocols, however many the table has
LETTER: Shape = ((1, 28, 28), (12, 6), 10)
SMALL: Shape = ((1, 4, 4), (2, 2), 3)
STEP = 1e-6  # of a central difference in float64: truncation and rounding are both near 1e-10 there


# --- the network and its losses --------------------------------------------------------------------------------------------------------


def layer_sizes(shape: Shape) -> list[int]:
    """Numbers of weights of w1, b1, w2, b2, w3, b3."""
    (C, H, W), (F1, F2), N_L = shape
    return [F1 * C * 9, F1, F2 * F1 * 9, F2, N_L * F2 * (H // 2) * (W // 2), N_L]


def outputs(weights: np.ndarray, image: np.ndarray, shape: Shape) -> np.ndarray:
    """Softmax output vectors F (P, N_L) of one image (C, H, W) under each of the weight vectors (P, N_mod)."""
    (C, H, W), (F1, F2), N_L = shape
    P = len(weights)
    w1, b1, w2, b2, w3, b3 = np.split(weights, np.cumsum(layer_sizes(shape))[:-1], axis=1)
    x = np.broadcast_to(image, (P, C, H, W)).astype(np.float64)
    x = np.maximum(convolved(x, w1.reshape(P, F1, C, 9), b1), 0)
    x = x.reshape(P, F1, H // 2, 2, W // 2, 2).max(axis=(3, 5))
    x = np.maximum(convolved(x, w2.reshape(P, F2, F1, 9), b2), 0)
    return softmax((w3.reshape(P, N_L, -1) @ x.reshape(P, -1, 1))[..., 0] + b3)


def convolved(planes: np.ndarray, taps: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """'Same' 3x3 convolution (P, C, H, W) -> (P, F, H, W) with taps (P, F, C, 9) and bias (P, F), one tap after another."""
    P, C, H, W = planes.shape
    padded, total = np.pad(planes, ((0, 0), (0, 0), (1, 1), (1, 1))), bias[..., None]
    for i in range(3):
        for j in range(3):
            total = total + taps[..., 3 * i + j] @ padded[:, :, i : i + H, j : j + W].reshape(P, C, H * W)
    return total.reshape(P, -1, H, W)


def softmax(z: np.ndarray) -> np.ndarray:
    """exp(z_m) / sum_m exp(z_m) of logits (..., N_L)."""
    return 1 / np.exp(z[..., None, :] - z[..., :, None]).sum(axis=-1)


def phi(F: np.ndarray, label: Iterable[float]) -> np.ndarray:
    """-sum_m l_m log F_m  (eq. 1) of output vectors (P, N_L), term by term."""
    return -sum(l * np.log(F[:, m]) for m, l in enumerate(label) if l)


def psi(F: np.ndarray, label: Iterable[float], teacher: np.ndarray, printed_sign: bool) -> np.ndarray:
    """+-sum_m G_m log F_m  (eq. 3), G the teacher's row of the label; of a soft label, the rows in its shares. Unknown rows are silent."""
    shares = [(l, G) for l, G in zip(label, teacher, strict=True) if not np.isnan(G).any()]
    as_printed = sum((l * G_m * np.log(F[:, m]) for l, G in shares for m, G_m in enumerate(G)), np.zeros(len(F)))
    return as_printed if printed_sign else -as_printed


def loss(
    weights: np.ndarray,
    image: np.ndarray,
    label: Iterable[float],
    shape: Shape,
    teacher: np.ndarray | None = None,
    beta: float = 0.0,
    printed_sign: bool = False,
) -> np.ndarray:
    """phi, or with a teacher phi + beta psi, at one sample under each of the weight vectors (P, N_mod): shape (P,)."""
    F = outputs(weights, image, shape)
    return phi(F, label) if teacher is None else phi(F, label) + beta * psi(F, label, teacher, printed_sign)


# --- gradients and SGD -----------------------------------------------------------------------------------------------------------------


def slopes(function: Callable[[np.ndarray], np.ndarray], at: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Derivatives (P,) along directions (P, N): [f(w + s v) - f(w - s v)] / 2s, where f takes vectors (P, N) to numbers (P,)."""
    return (function(at + STEP * directions) - function(at - STEP * directions)) / (2 * STEP)


def gradient(function: Callable[[np.ndarray], np.ndarray], at: np.ndarray) -> np.ndarray:
    """All partial derivatives (N,)."""
    return slopes(function, at, np.eye(at.size))


def descend(
    weights: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
    order: Iterable[int],
    rate: float,
    shape: Shape,
    teacher: np.ndarray | None = None,
    beta: float = 0.0,
    printed_sign: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """w <- w - eta grad(phi + beta psi) at one sample after another  (eqs. 1, 3, 5): the last weights, and the outputs before each step.

    labels (N, N_L), hard or soft; teacher (N_L, N_L), whose rows may be NaN.
    """

    def loss_at(many: np.ndarray, i: int) -> np.ndarray:
        return loss(many, images[i], labels[i], shape, teacher, beta, printed_sign)

    w, seen = weights.astype(np.float64), []
    for i in order:
        seen.append(outputs(w[None], images[i], shape)[0])
        w = w - rate * gradient(partial(loss_at, i=i), w)
    return w, np.array(seen)


def average_outputs(seen: np.ndarray, labels: Iterable[int], n_labels: int) -> np.ndarray:
    """Local average output vectors (N_L, N_L)  (eq. 2), one label and one component after another; NaN where a label was never drawn."""
    mean = np.full((n_labels, n_labels), np.nan)
    for n in range(n_labels):
        drawn = [F for F, label in zip(seen, labels, strict=True) if label == n]
        if drawn:
            mean[n] = [math.fsum(F[m] for F in drawn) / len(drawn) for m in range(n_labels)]
    return mean


# --- the channel -----------------------------------------------------------------------------------------------------------------------


def watt(dbm: float) -> float:
    """A power in dBm, in watt."""
    return 10 ** (dbm / 10) / 1000


def strain(link) -> float:
    """theta W N_0 r^alpha / P: the power gain h that a slot needs to get through. `link` is anything with those names."""
    loss = link.distance_m**link.path_loss_exponent
    return link.threshold * link.bandwidth_hz * watt(link.noise_dbm_per_hz) * loss / watt(link.power_dbm)


def bits_of_slot(link) -> Fraction:
    """tau W log2(1 + theta), exactly for the decimal numbers as they are written."""
    return Fraction(repr(link.slot_s)) * Fraction(repr(link.bandwidth_hz)) * Fraction(math.log2(1 + link.threshold))


def latency(link, payload_bits: int, fading: Iterable[float]) -> tuple[bool, int]:
    """Whether B bits get through in the slots with these power gains, and the minimum T with B_RX(T) >= B  (eq. 4), or their number."""
    received, t = Fraction(0), 0
    for t, h in enumerate(fading, start=1):  # noqa: B007  t is needed after the loop
        received += bits_of_slot(link) if h >= strain(link) else 0
        if received >= payload_bits:
            return True, t
    return False, t
