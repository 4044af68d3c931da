"""Losses, gradients, updates, average outputs, eqs. (1), (2), (3), (5), and the 12,544 weights, against `by_hand`."""

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from mix2fld_np.nn import losses
from mix2fld_np.nn.losses import distillation_target
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import average_outputs, distil, local_update
from mix2fld_np.randomness import stream
from mix2fld_np.verify import by_hand
from mix2fld_np.verify.by_hand import LETTER, SMALL, Shape
from mix2fld_np.verify.check import DIFFERENCE, EXACT, ROUNDING, SINGLE, SLOPES, Check, with_gaps

RATE, BETA = 0.1, 0.4  # larger than the letter's, so that nothing about them can hide
ORDER = [0, 3, 1, 4, 2, 2, 0, 1, 4, 3, 3, 1]  # which of five samples each of 12 iterations takes


def twelve_thousand_weights(layers: Callable) -> Iterator[tuple]:
    """Shapes and sizes of the layers of the letter's network, which share out the flat vector in turn."""
    views = layers(Network(), np.arange(12_544))
    printed = [12, 1, 3, 3] + [12] + [6, 12, 3, 3] + [6] + [10, 1176] + [10]
    yield [axis for view in views for axis in view.shape], printed
    yield [sum(view.size for view in views[k : k + 2]) for k in (0, 2, 4)], [120, 654, 11_770]
    yield np.concatenate([view.ravel() for view in views]), np.arange(12_544)
    yield Network().n_weights, 12_544


def outputs_of_letter(outputs: Callable) -> Iterator[tuple]:
    """The compiled single-precision network against the layers written out."""
    network, weights, images, _, _ = exercise(LETTER, 6)
    by_layer = [by_hand.outputs(weights[None], image, LETTER)[0] for image in images]
    yield outputs(network, weights.astype(np.float32), images), by_layer


def eq_1_phi(phi: Callable) -> Iterator[tuple]:
    """Cross-entropy of hard and soft labels."""
    for F, label, _ in output_vectors():
        yield phi(F, label), -weighted_logs(label, F)


def eq_3_psi(psi: Callable, printed_sign: bool) -> Iterator[tuple]:
    """The distillation regulariser; as printed it has no minus sign."""
    for F, _, teacher in output_vectors():
        yield psi(F, teacher, printed_sign), (1 if printed_sign else -1) * weighted_logs(teacher, F)


def gradient_of_letter(gradient: Callable, beta: float, printed_sign: bool = False) -> Iterator[tuple]:
    """The gradient of phi + beta psi by the letter's 12,544 weights, along directions; of eq. (1) with beta = 0."""
    network, weights, images, labels, teacher = exercise(LETTER, 1)
    target, lines = distillation_target(labels, teacher, beta, printed_sign), directions()
    sample = partial(by_hand.loss, image=images[0], label=labels[0], shape=LETTER)
    loss = partial(sample, teacher=teacher, beta=-beta if printed_sign else beta)
    yield lines @ gradient(network, weights, images, target), by_hand.slopes(loss, weights, lines)


def eq_1_step(update: Callable) -> Iterator[tuple]:
    """What one step of the letter's network in single precision takes off its weights, along directions."""
    network, weights, images, labels, _ = exercise(LETTER, 1)
    taken = weights - update(network, weights.astype(np.float32), images, labels, [0], 1.0).weights
    loss = partial(by_hand.loss, image=images[0].astype(np.float32), label=labels[0], shape=LETTER)
    yield directions() @ taken, by_hand.slopes(loss, weights, directions())


def twelve_updates(update: Callable, part: int) -> Iterator[tuple]:
    """After 12 iterations of eq. (1): part 0, the weights; part 1, the output of each iteration's sample before it."""
    network, weights, images, labels, _ = exercise(SMALL, 5)
    by_difference = by_hand.descend(weights, images, labels, ORDER, RATE, SMALL)
    yield update(network, weights, images, labels, ORDER, RATE)[part], by_difference[part]


def eq_2_average(average_outputs: Callable) -> Iterator[tuple]:
    """Means by label, one label after another; which labels have none."""
    rng = stream(0, "verify eq. (2)")
    for n_drawn in (1, 7, 200):
        labels, seen = rng.integers(4, size=n_drawn), rng.dirichlet(np.ones(5), n_drawn)
        yield from with_gaps(average_outputs(seen, labels, 5), by_hand.average_outputs(seen, labels, 5))


def eq_3_updates(target: Callable, printed_sign: bool) -> Iterator[tuple]:
    """12 iterations towards the target that joins hard labels and teacher, against 12 of phi + beta psi."""
    network, weights, images, soft, teacher = exercise(SMALL, 5)
    labels, beta = hard(soft), -BETA if printed_sign else BETA
    got = local_update(network, weights, images, target(labels, teacher, BETA, printed_sign), ORDER, RATE)
    yield got.weights, by_hand.descend(weights, images, labels, ORDER, RATE, SMALL, teacher, beta)[0]


def eq_5(distil: Callable) -> Iterator[tuple]:
    """The server's weights after 12 iterations on seed samples with hard and with soft labels, with both signs."""
    network, weights, images, soft, teacher = exercise(SMALL, 5)
    for labels, printed_sign in ((soft, False), (soft, True), (hard(soft), False)):
        beta = -BETA if printed_sign else BETA
        got = distil(network, weights, images, labels, teacher, ORDER, RATE, BETA, printed_sign)
        yield got, by_hand.descend(weights, images, labels, ORDER, RATE, SMALL, teacher, beta)[0]


def exercise(shape: Shape, n_samples: int) -> tuple[Network, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A network, weights (N_mod,) float64, images, soft labels (N, N_L), a teacher that knows all labels but the last.

    Weights are twice as wide as fresh ones, so that outputs are neither flat nor certain, and exact in float32.
    """
    rng, network, N_L = stream(0, "verify network", *shape[0]), Network(*shape), shape[2]
    weights = 2 * network.initial_weights(rng).astype(np.float64)
    images, labels = rng.random((n_samples, *shape[0])), rng.dirichlet(np.ones(N_L), n_samples)
    teacher = rng.dirichlet(np.ones(N_L), N_L)
    teacher[-1] = np.nan
    return network, weights, images, labels, teacher


def directions() -> np.ndarray:
    """Directions of length one: eight through the letter's weights of each layer, eight through all; (56, N_mod)."""
    layer = np.repeat(np.arange(6), by_hand.layer_sizes(LETTER))
    reached = np.repeat([layer == 0, layer == 1, layer == 2, layer == 3, layer == 4, layer == 5, layer >= 0], 8, axis=0)
    lines = stream(0, "verify directions").standard_normal(reached.shape) * reached
    return lines / np.linalg.norm(lines, axis=1, keepdims=True)


def output_vectors() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Output vectors with a label, soft and hard in turn, and a teacher's row; 40 of them."""
    rng = stream(0, "verify losses")
    for k in range(20):
        F, soft, teacher = rng.dirichlet(np.ones(10), 3)
        yield F, soft, teacher
        yield F, np.eye(10)[k % 10], teacher


def weighted_logs(shares: np.ndarray, F: np.ndarray) -> float:
    """sum_m t_m log F_m, with an exact sum."""
    return math.fsum(t_m * math.log(F_m) for t_m, F_m in zip(shares, F, strict=True))


def hard(soft_labels: np.ndarray) -> np.ndarray:
    """The largest share of each label, as a hard label (N, N_L)."""
    return np.eye(soft_labels.shape[1])[soft_labels.argmax(axis=1)]


WEIGHTS, OUTPUTS = (partial(twelve_updates, part=part) for part in (0, 1))
eq_1_gradient = partial(gradient_of_letter, beta=0.0)
eq_3_gradient = partial(gradient_of_letter, beta=BETA)

ROWS = (
    Check("Section IV: N_mod = 12,544", "layer views | counted", Network.layers, twelve_thousand_weights, EXACT),
    Check("Section II-A: outputs F", "compiled, float32 | layer by layer", Network.outputs, outputs_of_letter, SINGLE),
    Check("eq. (1): phi", "NumPy | math.log, exact sum", losses.phi, eq_1_phi, ROUNDING),
    Check("eq. (1): gradient by weights", f"compiled | {DIFFERENCE}", Network.gradient, eq_1_gradient, SLOPES),
    Check("eq. (1): 12 updates", f"compiled | {DIFFERENCE}", local_update, WEIGHTS, SLOPES),
    Check("eq. (1): update, 12,544 weights", f"compiled, float32 | {DIFFERENCE}", local_update, eq_1_step, SINGLE),
    Check("eq. (2): average outputs", "NumPy | label by label", average_outputs, eq_2_average, ROUNDING),
    Check("eq. (2): outputs of K iterations", "compiled | NumPy step by step", local_update, OUTPUTS, SLOPES),
    *(
        Check(f"eq. (3): {what}, {sign}", routes, quantity, partial(cases, printed_sign=printed), tolerance)
        for sign, printed in (("cross-entropy", False), ("as printed", True))
        for what, routes, quantity, cases, tolerance in (
            ("psi", "NumPy | math.log, exact sum", losses.psi, eq_3_psi, ROUNDING),
            ("by weights", f"compiled | {DIFFERENCE}", Network.gradient, eq_3_gradient, SLOPES),
            ("12 updates", "one target | phi + beta psi", losses.distillation_target, eq_3_updates, SLOPES),
        )
    ),
)
CONVERSION_ROWS = (Check("eq. (5): output-to-model conversion", f"compiled | {DIFFERENCE}", distil, eq_5, SLOPES),)
