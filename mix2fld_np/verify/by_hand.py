"""The second route to the letter's equations, in plain NumPy and the standard library; it calls nothing of the package.

A model is its shape ((C, H, W), (F1, F2), N_L) and a flat vector of weights. Many weight vectors (P, N_mod) go through
the network at once, because gradients are central differences here: no chain rule is written down twice.
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
    e = np.exp((w3.reshape(P, N_L, -1) @ x.reshape(P, -1, 1))[..., 0] + b3)
    return e / e.sum(axis=1, keepdims=True)


def convolved(planes: np.ndarray, taps: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """'Same' 3x3 convolution (P, C, H, W) -> (P, F, H, W) with taps (P, F, C, 9) and bias (P, F), tap after tap."""
    P, C, H, W = planes.shape
    padded, total = np.pad(planes, ((0, 0), (0, 0), (1, 1), (1, 1))), bias[..., None]
    for i in range(3):
        for j in range(3):
            total = total + taps[..., 3 * i + j] @ padded[:, :, i : i + H, j : j + W].reshape(P, C, H * W)
    return total.reshape(P, -1, H, W)


def cross_entropy(F: np.ndarray, target: np.ndarray) -> np.ndarray:
    """-sum_m t_m log F_m of output vectors (P, N_L) and one target (N_L,): shape (P,)."""
    return -np.log(F) @ target


def loss(
    weights: np.ndarray, image: np.ndarray, label: np.ndarray, shape: Shape,
    teacher: np.ndarray | None = None, beta: float = 0.0,
) -> np.ndarray:
    """phi, or with a teacher phi + beta psi, at one sample under each of the weight vectors (P, N_mod): shape (P,).

    psi is the cross-entropy of the teacher's row of the label; of a soft label, of all rows in its shares. A row of NaN
    adds nothing. Eq. (3) as it is printed, without its minus sign, is this with -beta.
    """
    F = outputs(weights, image, shape)
    phi = cross_entropy(F, label)
    if teacher is None:
        return phi
    psi = sum(l * cross_entropy(F, G) for l, G in zip(label, teacher, strict=True) if not np.isnan(G).any())
    return phi + beta * psi


def slopes(function: Callable[..., np.ndarray], at: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Derivatives (P,) along directions (P, N): [f(w + s v) - f(w - s v)] / 2s; f takes (P, N) to (P,)."""
    return (function(at + STEP * directions) - function(at - STEP * directions)) / (2 * STEP)


def descend(
    weights: np.ndarray, images: np.ndarray, labels: np.ndarray, order: Iterable[int], rate: float, shape: Shape,
    teacher: np.ndarray | None = None, beta: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """w <- w - eta grad(phi + beta psi), sample by sample (eqs. 1, 3, 5): last weights, outputs before each step."""
    w, seen = weights.astype(np.float64), []
    for i in order:
        seen.append(outputs(w[None], images[i], shape)[0])
        loss_here = partial(loss, image=images[i], label=labels[i], shape=shape, teacher=teacher, beta=beta)
        w = w - rate * slopes(loss_here, w, np.eye(w.size))
    return w, np.array(seen)


def average_outputs(seen: np.ndarray, labels: np.ndarray, n_labels: int) -> np.ndarray:
    """Local average output vectors (N_L, N_L)  (eq. 2), label by label; NaN where a label was never drawn."""
    mean = np.full((n_labels, n_labels), np.nan)
    for n in set(labels.tolist()):
        mean[n] = np.mean([F for F, label in zip(seen, labels, strict=True) if label == n], axis=0)
    return mean


def strain(link) -> float:
    """theta W N_0 r^alpha / P: the power gain h that a slot needs to get through. `link` is anything with its names."""
    P, N_0 = (10 ** (dbm / 10) / 1000 for dbm in (link.power_dbm, link.noise_dbm_per_hz))
    return link.threshold * link.bandwidth_hz * N_0 * link.distance_m**link.path_loss_exponent / P


def bits_of_slot(link) -> Fraction:
    """tau W log2(1 + theta), exactly for the decimal numbers as they are written."""
    return Fraction(repr(link.slot_s)) * Fraction(repr(link.bandwidth_hz)) * Fraction(math.log2(1 + link.threshold))


def latency(link, payload_bits: int, fading: np.ndarray) -> tuple[bool, int]:
    """Whether B bits get through in slots with these power gains, and the least T with B_RX(T) >= B  (eq. 4)."""
    received = Fraction(0)
    for t, h in enumerate(fading, start=1):
        received += bits_of_slot(link) if h >= strain(link) else 0
        if received >= payload_bits:
            return True, t
    return False, len(fading)
