"""Softmax, cross-entropy phi, distillation regulariser psi, each with its gradient by hand; the target that joins them.

Axes: logits z, outputs F, labels y and teachers are (..., N_L); losses are (...).
"""

import numpy as np

from mix2fld_np.errors import InputError


def softmax(logits: np.ndarray) -> np.ndarray:
    """Output vectors F_m = exp(z_m) / sum_m exp(z_m), shape (..., N_L); they sum to one and do not overflow.

    >>> softmax([0, np.log(3)]).round(6).tolist()
    [0.25, 0.75]
    """
    z = floats(logits)
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_outputs(outputs: np.ndarray) -> np.ndarray:
    """log F, of any shape, zero counting as the smallest number: the logits, but for a constant, whose softmax is F."""
    F = floats(outputs)
    return np.log(np.maximum(F, np.finfo(F.dtype).tiny))


def phi(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropy phi = -sum_m l_m log F_m of eq. (1), shape (...), in nats, 0 log 0 = 0; labels may be soft.

    Infinite where an output of 0 is asked for.

    >>> round(float(phi([0.25, 0.75], [1, 0])), 4)  # log 4
    1.3863
    """
    l, F = np.broadcast_arrays(floats(labels), floats(outputs))
    with np.errstate(divide="ignore"):
        return -np.where(l == 0, 0.0, l * np.log(np.where(l == 0, 1.0, F))).sum(axis=-1)


def phi_gradient(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """d phi / d z_m = (sum l) F_m - l_m, shape (..., N_L), by the logits: F - l for labels that sum to one.

    >>> phi_gradient([0.25, 0.75], [1, 0]).tolist()
    [-0.75, 0.75]
    """
    F, l = floats(outputs), floats(labels)
    return l.sum(axis=-1, keepdims=True) * F - l


def psi(outputs: np.ndarray, teacher: np.ndarray, printed_sign: bool = False) -> np.ndarray:
    """Distillation regulariser psi = -sum_m G_m log F_m of eq. (3), shape (...), in nats: teacher against output."""
    # Misprint: eq. (3) prints psi without the minus sign, away from the teacher; "using cross-entropy" settles it.
    return psi_sign(printed_sign) * phi(outputs, teacher)


def psi_gradient(outputs: np.ndarray, teacher: np.ndarray, printed_sign: bool = False) -> np.ndarray:
    """d psi / d z_m = (sum G) F_m - G_m, shape (..., N_L): towards the teacher; the printed sign leads away from it."""
    return psi_sign(printed_sign) * phi_gradient(outputs, teacher)


def distillation_target(labels: np.ndarray, teacher: np.ndarray, beta: float, printed_sign: bool = False) -> np.ndarray:
    """The target t = y + beta (y @ G), shape (N, N_L), whose cross-entropy is phi + beta psi of eqs. (3) and (5).

    labels y (N, N_L), hard or soft; teacher G_out (N_L, N_L), whose row n is the output vector for ground truth n. So
    one SGD loop, with gradient (sum t) F - t by the logits, serves training with and without a teacher. A row of NaN
    means that nobody has an average output for this label: there the regulariser adds nothing.

    >>> distillation_target([[0, 1]], [[0.75, 0.25], [0.25, 0.75]], beta=1).tolist()
    [[0.25, 1.75]]
    """
    # The letter is silent: a soft label's teacher is the label-weighted mix of the rows of G_out.
    y, G = floats(labels), floats(teacher)
    N_L = y.shape[-1]
    if G.shape != (N_L, N_L):
        raise InputError(f"a teacher of shape {G.shape} does not fit {N_L} labels: give a row each, ({N_L}, {N_L})")
    return y + psi_sign(printed_sign) * beta * (y @ np.nan_to_num(G, nan=0.0))


def psi_sign(printed: bool) -> int:
    """+1 for the cross-entropy, -1 for eq. (3) as printed."""
    return -1 if printed else 1


def floats(values) -> np.ndarray:
    """The values in floating point, single or double as they come: unsigned integers would wrap below zero."""
    v = np.asarray(values)
    return v if v.dtype.kind == "f" else v.astype(np.float64)
