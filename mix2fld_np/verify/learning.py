"""Losses, gradients, updates and average outputs, eqs. (1), (2), (3), (5), and the 12,544 weights: the library against `by_hand`.

Each function takes the quantity of the library that it checks and yields pairs (the library's value, the value of the other route).
"""

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from mix2fld_np.nn import losses, training
from mix2fld_np.nn.losses import distillation_target
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import Update, local_update
from mix2fld_np.randomness import stream
from mix2fld_np.verify import by_hand
from mix2fld_np.verify.by_hand import LETTER, SMALL, Shape
from mix2fld_np.verify.check import DIFFERENCE, EXACT, ROUNDING, SINGLE, SLOPES, Check

RATE, BETA = 0.1, 0.4  # larger than the letter's, so that nothing about them can hide


def twelve_thousand_weights(layers: Callable) -> Iterator[tuple]:
    """Which entries of the flat vector each layer of the letter's network takes, and how many they are in all."""
    printed = ((12, 1, 3, 3), (12,), (6, 12, 3, 3), (6,), (10, 1176), (10,))
    network, start = Network(), 0
    views = layers(network, np.arange(12_544))
    for view, shape in zip(views, printed, strict=True):
        yield view, np.arange(start, start + math.prod(shape)).reshape(shape)
        start += math.prod(shape)
    yield [sum(view.size for view in views[k : k + 2]) for k in (0, 2, 4)], [120, 654, 11_770]
    yield network.n_weights, 12_544


def eq_1_outputs(outputs: Callable) -> Iterator[tuple]:
    """The compiled single-precision network against the layers written out."""
    network, weights, images, _, _ = exercise(LETTER, 6)
    yield outputs(network, weights.astype(np.float32), images), [by_hand.outputs(weights[None], image, LETTER)[0] for image in images]


def eq_1_softmax(softmax: Callable) -> Iterator[tuple]:
    """Output vectors of logits, with math.exp and exact sums; they sum to one."""
    for z in stream(0, "verify softmax").normal(0, 3, (20, 10)):
        total = math.fsum(map(math.exp, z))
        yield softmax(z), [math.exp(z_m) / total for z_m in z]
        yield sum(softmax(z)), 1


def eq_1_loss(phi: Callable) -> Iterator[tuple]:
    """Cross-entropy of hard and soft labels, with math.log and exact sums."""
    for F, label, _ in output_vectors():
        yield phi(F, label), -math.fsum(l * math.log(F_m) for l, F_m in zip(label, F, strict=True) if l)


def eq_1_logits(phi_gradient: Callable) -> Iterator[tuple]:
    """d phi / d z against central differences."""
    for F, label, _ in output_vectors():
        yield phi_gradient(F, label), by_hand.gradient(partial(phi_of_logits, label=label), np.log(F))


def eq_1_gradient(gradient: Callable) -> Iterator[tuple]:
    """Small network: every weight. The letter's: directions within each layer and through all 12,544 weights at once."""
    network, weights, images, labels, _ = exercise(SMALL, 3)
    sums = partial(mean_loss, images=images, labels=labels, shape=SMALL)
    yield gradient(network, weights, images, labels), by_hand.gradient(sums, weights)
    network, weights, images, labels, _ = exercise(LETTER, 2)
    lines = directions(LETTER)
    sums = partial(mean_loss, images=images, labels=labels, shape=LETTER)
    yield lines @ gradient(network, weights, images, labels), by_hand.slopes(sums, weights, lines)


def eq_1_update(update: Callable) -> Iterator[tuple]:
    """The weights after 12 iterations."""
    network, weights, images, labels, _ = exercise(SMALL, 5)
    yield update(network, weights, images, labels, steps(5), RATE).weights, trained(weights, images, labels, steps(5))[0]


def eq_1_step(update: Callable) -> Iterator[tuple]:
    """What one step of the letter's network in single precision takes off its weights, along directions."""
    network, weights, images, labels, _ = exercise(LETTER, 1)
    weights, lines = weights.astype(np.float32), directions(LETTER)
    taken = weights.astype(np.float64) - update(network, weights, images, labels, [0], 1.0).weights
    sums = partial(mean_loss, images=images.astype(np.float32), labels=labels, shape=LETTER)
    yield lines @ taken, by_hand.slopes(sums, weights.astype(np.float64), lines)


def eq_2_outputs(update: Callable) -> Iterator[tuple]:
    """The output vector of each iteration's sample, before that iteration's step."""
    network, weights, images, labels, _ = exercise(SMALL, 5)
    yield update(network, weights, images, labels, steps(5), RATE).outputs, trained(weights, images, labels, steps(5))[1]


def eq_2_average(average_outputs: Callable) -> Iterator[tuple]:
    """Means by label, one component at a time; which labels have none."""
    rng = stream(0, "verify eq. (2)")
    for n_drawn in (1, 7, 200):
        labels, seen = rng.integers(4, size=n_drawn), rng.dirichlet(np.ones(5), n_drawn)
        got, expected = average_outputs(seen, labels, 5), by_hand.average_outputs(seen, labels, 5)
        yield np.isnan(got), np.isnan(expected)
        yield got[~np.isnan(expected)], expected[~np.isnan(expected)]


def eq_3_loss(psi: Callable, printed_sign: bool) -> Iterator[tuple]:
    """The distillation regulariser with math.log; as printed it has no minus sign."""
    for F, _, teacher in output_vectors():
        as_printed = math.fsum(G_m * math.log(F_m) for G_m, F_m in zip(teacher, F, strict=True))
        yield psi(F, teacher, printed_sign), as_printed if printed_sign else -as_printed


def eq_3_logits(psi_gradient: Callable, printed_sign: bool) -> Iterator[tuple]:
    """d psi / d z against central differences."""
    for F, label, teacher in output_vectors():
        if max(label) == 1:
            rows = np.array([teacher if l else np.full(len(F), np.nan) for l in label])
            loss = partial(psi_of_logits, label=label, teacher=rows, printed_sign=printed_sign)
            yield psi_gradient(F, teacher, printed_sign), by_hand.gradient(loss, np.log(F))


def eq_3_update(target: Callable, printed_sign: bool) -> Iterator[tuple]:
    """12 iterations towards the target that joins hard labels and teacher, against 12 of phi + beta psi; one label has no teacher."""
    network, weights, images, labels, teacher = exercise(SMALL, 5)
    hard, taught = np.eye(3)[labels.argmax(axis=1)], (teacher, BETA, printed_sign)
    got: Update = local_update(network, weights, images, target(hard, *taught), steps(5), RATE)
    yield got.weights, trained(weights, images, hard, steps(5), *taught)[0]


def eq_3_gradient(gradient: Callable, printed_sign: bool) -> Iterator[tuple]:
    """The gradient of phi + beta psi by the letter's 12,544 weights, along directions."""
    network, weights, images, labels, teacher = exercise(LETTER, 1)
    taught, lines = (teacher, BETA, printed_sign), directions(LETTER)
    got = gradient(network, weights, images, distillation_target(labels, *taught))
    sums = partial(mean_loss, images=images, labels=labels, shape=LETTER, taught=taught)
    yield lines @ got, by_hand.slopes(sums, weights, lines)


def eq_5(distil: Callable) -> Iterator[tuple]:
    """The server's weights after 12 iterations on seeds with hard and with soft labels, with both signs."""
    network, weights, images, soft, teacher = exercise(SMALL, 5)
    for labels, printed_sign in ((soft, False), (soft, True), (np.eye(3)[soft.argmax(axis=1)], False)):
        got = distil(network, weights, images, labels, teacher, steps(5), RATE, BETA, printed_sign)
        yield got, trained(weights, images, labels, steps(5), teacher, BETA, printed_sign)[0]


# --- what they are tried on ------------------------------------------------------------------------------------------------------------


def exercise(shape: Shape, n_samples: int) -> tuple[Network, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A network, weights (N_mod,) float64, images, soft labels (N, N_L), and a teacher (N_L, N_L) that knows all labels but the last."""
    rng, (image_shape, filters, N_L) = stream(0, "verify network", *shape[0]), shape
    network = Network(image_shape, filters, N_L)
    weights = rng.uniform(-1, 1, sum(by_hand.layer_sizes(shape))) * np.repeat(widths(shape), by_hand.layer_sizes(shape))
    images, labels = rng.random((n_samples, *image_shape)), rng.dirichlet(np.ones(N_L), n_samples)
    teacher = rng.dirichlet(np.ones(N_L), N_L)
    teacher[-1] = np.nan
    return network, weights, images, labels, teacher


def widths(shape: Shape) -> list[float]:
    """How far weights of each layer are drawn from zero, so that outputs are neither flat nor certain."""
    (C, _, _), (F1, _), N_L = shape
    features = by_hand.layer_sizes(shape)[4] / N_L
    return [2 / math.sqrt(9 * C), 0.3, 2 / math.sqrt(9 * F1), 0.3, 2 / math.sqrt(features), 0.3]


def directions(shape: Shape) -> np.ndarray:
    """Directions of length one: eight through the weights of each layer alone, eight through all of them; (56, N_mod)."""
    rng, sizes = stream(0, "verify directions"), by_hand.layer_sizes(shape)
    layer = np.repeat(np.arange(6), sizes)
    lines = rng.standard_normal((56, sum(sizes))) * np.array([layer == k if k < 6 else layer >= 0 for k in np.arange(56) // 8])
    return lines / np.linalg.norm(lines, axis=1, keepdims=True)


def steps(n_samples: int) -> np.ndarray:
    """Which sample each of 12 iterations takes."""
    return stream(0, "verify order").integers(n_samples, size=12)


def trained(weights: np.ndarray, images: np.ndarray, labels: np.ndarray, order: np.ndarray, *taught) -> tuple[np.ndarray, np.ndarray]:
    """Weights and outputs of the small network, trained by hand."""
    return by_hand.descend(weights, images, labels, order, RATE, SMALL, *taught)


def mean_loss(weights: np.ndarray, images: np.ndarray, labels: np.ndarray, shape: Shape, taught: tuple = ()) -> np.ndarray:
    """Mean loss over samples, by hand."""
    return np.mean([by_hand.loss(weights, image, label, shape, *taught) for image, label in zip(images, labels, strict=True)], axis=0)


def phi_of_logits(z: np.ndarray, label: np.ndarray) -> np.ndarray:
    """phi by hand as a function of logits (P, N_L)."""
    return by_hand.phi(by_hand.softmax(z), label)


def psi_of_logits(z: np.ndarray, label: np.ndarray, teacher: np.ndarray, printed_sign: bool) -> np.ndarray:
    """psi by hand as a function of logits (P, N_L)."""
    return by_hand.psi(by_hand.softmax(z), label, teacher, printed_sign)


def output_vectors() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Output vectors with a label, hard and soft in turn, and a teacher's row; 40 of them."""
    rng = stream(0, "verify losses")
    for k in range(40):
        F, soft, teacher = rng.dirichlet(np.ones(10), 3)
        yield F, soft if k % 2 else np.eye(10)[k // 2 % 10], teacher


# --- the rows --------------------------------------------------------------------------------------------------------

ROWS = (
    Check("Section IV: N_mod = 12,544", "layer views | counted layer by layer", Network.layers, twelve_thousand_weights, EXACT),
    Check("Section II-A: softmax", "NumPy | math.exp, exact sum", losses.softmax, eq_1_softmax, ROUNDING),
    Check("Section II-A: outputs F", "compiled, float32 | NumPy layer by layer", Network.outputs, eq_1_outputs, SINGLE),
    Check("eq. (1): phi", "NumPy | math.log, exact sum", losses.phi, eq_1_loss, ROUNDING),
    Check("eq. (1): gradient by logits", f"by hand | {DIFFERENCE}", losses.phi_gradient, eq_1_logits, SLOPES),
    Check("eq. (1): gradient by weights", f"compiled | {DIFFERENCE}", Network.gradient, eq_1_gradient, SLOPES),
    Check("eq. (1): 12 updates", f"compiled | {DIFFERENCE}", training.local_update, eq_1_update, SLOPES),
    Check("eq. (1): update, 12,544 weights", f"compiled, float32 | {DIFFERENCE}", training.local_update, eq_1_step, SINGLE),
    Check("eq. (2): average outputs", "NumPy | label by label, exact sum", training.average_outputs, eq_2_average, ROUNDING),
    Check("eq. (2): outputs of K iterations", "compiled | NumPy step by step", training.local_update, eq_2_outputs, SLOPES),
    *(
        Check(f"eq. (3): {what}, {sign}", f"{first} | {second}", quantity, partial(cases, printed_sign=printed), tolerance)
        for sign, printed in (("cross-entropy", False), ("as printed", True))
        for what, first, second, quantity, cases, tolerance in (
            ("psi", "NumPy", "math.log, exact sum", losses.psi, eq_3_loss, ROUNDING),
            ("by logits", "by hand", DIFFERENCE, losses.psi_gradient, eq_3_logits, SLOPES),
            ("by weights", "compiled", DIFFERENCE, Network.gradient, eq_3_gradient, SLOPES),
            ("12 updates", "one target", "phi + beta psi", losses.distillation_target, eq_3_update, SLOPES),
        )
    ),
)


CONVERSION_ROWS = (
    Check("eq. (5): output-to-model conversion", f"compiled | {DIFFERENCE}", training.distil, eq_5, SLOPES),
)
