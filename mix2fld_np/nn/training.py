"""The three kinds of training: local update (1)(3), average outputs (2), output-to-model conversion (5)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mix2fld_np.errors import InputError
from mix2fld_np.nn.losses import distillation_target
from mix2fld_np.nn.network import Network, check_labels


class Update(NamedTuple):
    """What K iterations leave behind."""

    weights: np.ndarray  # (N_mod,) w^(K)
    outputs: np.ndarray  # (K, N_L) the output vector F of each iteration's sample, before that iteration's step


def local_update(
    network: Network, weights: ArrayLike, images: ArrayLike, targets: ArrayLike, order: ArrayLike, learning_rate: float
) -> Update:
    """K iterations of SGD with batches of one: w <- w - eta grad of -sum_m t_m log F_m at sample i_k  (eqs. 1 and 3).

    images (N, C, H, W) in [0, 1]; targets t (N, N_L): the labels for eq. (1), `losses.distillation_target` for eq. (3);
    order (K,): the sample i_k of each iteration. Two calls with half the order each give the same weights to the bit.
    """
    w = network.check_weights(weights).copy()
    x = network.check_images(images, w.dtype)
    t = network.check_targets(targets, len(x), w.dtype)
    i = check_order(order, len(x))
    if not 0 < learning_rate < np.inf:
        raise InputError(f"a learning rate of {learning_rate} leads nowhere; give a positive, finite one, such as 0.01")
    outputs, rate = np.empty((i.size, network.n_labels), w.dtype), w.dtype.type(learning_rate)
    network.compiled.descend(network.layers(w), x, t, i, rate, network.workspace(w.dtype), outputs)
    return Update(w, outputs)


def average_outputs(outputs: ArrayLike, labels: ArrayLike, n_labels: int) -> np.ndarray:
    """Local average output vectors (N_L, N_L): row n is the mean of the outputs (K, N_L) with label n  (eq. 2)."""
    # The letter is silent: a label that was never drawn has no average output; later means leave out its NaN.
    F = np.asarray(outputs, np.float64)
    if F.ndim != 2 or F.shape[1] != n_labels:
        raise InputError(f"outputs of shape {F.shape} do not fit: give one row of {n_labels} for each iteration")
    n = check_labels(labels, len(F), n_labels)
    indicator = (n == np.arange(n_labels)[:, None]).astype(np.float64)  # (N_L, K): 1(l_n = 1)
    drawn = indicator.sum(axis=1, keepdims=True)
    return np.divide(indicator @ F, drawn, out=np.full((n_labels, F.shape[1]), np.nan), where=drawn > 0)


def distil(
    network: Network, weights: ArrayLike, images: ArrayLike, labels: ArrayLike, teacher: ArrayLike, order: ArrayLike,
    learning_rate: float, beta: float, printed_sign: bool = False,
) -> np.ndarray:
    """Output-to-model conversion: w_s^(K_S) (N_mod,) after K_S iterations towards labels and teacher  (eq. 5).

    images (N, C, H, W); labels (N, N_L), hard or soft; teacher G_out (N_L, N_L); order (K_S,).
    """
    targets = distillation_target(np.asarray(labels), np.asarray(teacher), beta, printed_sign)
    return local_update(network, weights, images, targets, order, learning_rate).weights


def check_order(order: ArrayLike, n_samples: int) -> np.ndarray:
    """The order as int64 (K,), or an InputError: a compiled loop would read whatever lies beyond the samples."""
    i = np.asarray(order)
    what = f"an order of SGD steps of shape {i.shape} and type {i.dtype}"
    if i.ndim == 1 and i.dtype.kind in "iu":
        if not i.size or 0 <= i.min() <= i.max() < n_samples:
            return i.astype(np.int64)
        what = f"an order of SGD steps with samples {i.min()} to {i.max()}"
    raise InputError(f"{what} does not fit: it must be a vector of sample numbers from 0 to {n_samples - 1}; "
                     f"draw it with rng.integers({n_samples}, size=K)")
