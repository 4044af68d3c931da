"""The numerical check of the letter: equations, proposition, algorithm and printed numbers, each by two routes that share no code."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.federation import protocols, seeds, simulation
from mix2fld_np.federation.settings import Settings
from mix2fld_np.mixing import inverse, mixup
from mix2fld_np.nn import losses, training
from mix2fld_np.nn.network import Network
from mix2fld_np.verify import algorithm, learning
from mix2fld_np.verify import channel as channels
from mix2fld_np.verify import latency as law
from mix2fld_np.verify import mixing as blends
from mix2fld_np.verify.by_hand import FIVE, LETTER, SMALL
from mix2fld_np.wireless import channel, payload


class Tolerance(NamedTuple):
    """The largest error that still counts as agreement."""

    size: float
    unit: str  # "relative" to the largest number of a pair; a plain difference in every other unit


@dataclass(frozen=True)
class Check:
    """One row: a quantity of the library, and a second route to the same numbers.

    `cases` takes the quantity, calls it, and yields pairs (its value, the other route's value). Whoever doubts that a row can fail hands
    in a wrong quantity: `replace(check, quantity=...)`.
    """

    equation: str
    routes: str
    quantity: Callable
    cases: Callable[[Callable], Iterable[tuple]]
    tolerance: Tolerance


@dataclass(frozen=True)
class Verdict:
    """What became of a row."""

    equation: str
    routes: str
    n_cases: int  # numbers compared
    largest_error: float  # NaN where there is a NaN, or nothing to compare
    tolerance: float
    unit: str
    passed: bool
    problem: str = ""  # the error that ended the row, where one did


def judge(check: Check) -> Verdict:
    """Compares all cases of a row. It passes only if there are any, if all shapes agree and if no error is NaN or above the tolerance."""
    errors, n_cases, problem, (tolerance, unit) = [], 0, "", check.tolerance
    try:
        for got, expected in check.cases(check.quantity):
            errors.append(error(np.asarray(got, np.float64), np.asarray(expected, np.float64), unit))
            n_cases += np.size(expected)
    except Exception as broken:  # a row that cannot be computed has failed, and must not hide the rows below it
        errors, problem = [math.nan], f"{type(broken).__name__}: {broken}"
    largest = float(np.max(errors)) if n_cases or problem else math.nan
    return Verdict(check.equation, check.routes, n_cases, largest, tolerance, unit, not problem and largest <= tolerance, problem)


def error(got: np.ndarray, expected: np.ndarray, unit: str) -> float:
    """Largest difference, NaN if any is; infinite where shapes differ."""
    if got.shape != expected.shape:
        return math.inf
    scale = np.max(np.abs(expected), initial=np.finfo(float).tiny) if unit == "relative" else 1.0
    return float(np.max(np.abs(got - expected), initial=0.0) / scale)


def chosen(text: str | None) -> list[Check]:
    """The rows whose name contains a text, whatever its blanks and case, all of them for None; InputError where there is none."""

    def letters(text: str) -> str:
        return "".join(text.lower().split())

    found = [check for check in CHECKS if text is None or letters(text) in letters(check.equation)]
    if not found:
        names = dict.fromkeys(check.equation.partition(":")[0] for check in CHECKS)
        raise InputError(f"--only {text!r} names no row; try one of these: {'; '.join(names)}.")
    return found


def compile_networks(checks: Iterable[Check]) -> None:
    """Has the kernels compiled that the rows call: single precision as in training, double precision for gradients."""
    if not any(check in (*LEARNING, *CONVERSION, *ALGORITHM) for check in checks):
        return
    for shape in (SMALL, LETTER):
        network, weights, images, labels, _ = learning.exercise(shape, 1)
        network.compile()
        network.gradient(weights, images, labels)
    network, weights, images, labels, _ = learning.exercise(SMALL, 1)
    training.local_update(network, weights, images, labels, [0], 0.1)


def protocol_bits(protocol: protocols.Protocol, settings: Settings, network: Network) -> tuple[int, int, int]:
    """The library's B_up in round 1, B_up later, and B_dn."""
    up = protocol.uplink.bits(settings, network)
    return up + protocols.seed_bits(protocol, settings, network), up, protocol.downlink.bits(settings, network)


# --- the rows --------------------------------------------------------------------------------------------------------------------------

DIFFERENCE = "central difference, float64"
BY_HAND = "the same rounds by hand"
SIMULATED = "400,000 simulated uploads"
EXACT = Tolerance(0, "exact")
ROUNDING = Tolerance(1e-13, "relative")  # of a few operations in float64
SUMS = Tolerance(1e-11, "relative")  # of long sums and of inverse matrices in float64
ZERO = Tolerance(1e-11, "absolute")
SLOPES = Tolerance(1e-7, "relative")  # of central differences
SINGLE = Tolerance(1e-5, "relative")  # of float32
ROUNDS = Tolerance(1e-5, "absolute")  # of three rounds in float32, numbers of about one
FIVE_ERRORS = Tolerance(5, "standard errors")
HALF_DIGIT = Tolerance(0.5, "last digit")

play_round, simulate = protocols.play_round, simulation.simulate
success, outage = channel.success_probability, channel.outage_probability

LEARNING = (
    Check("Section IV: N_mod = 12,544", "layer views | counted layer by layer", Network.layers, learning.twelve_thousand_weights, EXACT),
    Check("Section II-A: softmax", "NumPy | math.exp, exact sum", losses.softmax, learning.eq_1_softmax, ROUNDING),
    Check("Section II-A: outputs F", "compiled, float32 | NumPy layer by layer", Network.outputs, learning.eq_1_outputs, SINGLE),
    Check("eq. (1): phi", "NumPy | math.log, exact sum", losses.phi, learning.eq_1_loss, ROUNDING),
    Check("eq. (1): gradient by logits", f"by hand | {DIFFERENCE}", losses.phi_gradient, learning.eq_1_logits, SLOPES),
    Check("eq. (1): gradient by weights", f"compiled | {DIFFERENCE}", Network.gradient, learning.eq_1_gradient, SLOPES),
    Check("eq. (1): 12 updates", f"compiled | {DIFFERENCE}", training.local_update, learning.eq_1_update, SLOPES),
    Check("eq. (1): update, 12,544 weights", f"compiled, float32 | {DIFFERENCE}", training.local_update, learning.eq_1_step, SINGLE),
    Check("eq. (2): average outputs", "NumPy | label by label, exact sum", training.average_outputs, learning.eq_2_average, ROUNDING),
    Check("eq. (2): outputs of K iterations", "compiled | NumPy step by step", training.local_update, learning.eq_2_outputs, SLOPES),
    *(
        Check(f"eq. (3): {what}, {sign}", f"{first} | {second}", quantity, partial(cases, printed_sign=printed), tolerance)
        for sign, printed in (("cross-entropy", False), ("as printed", True))
        for what, first, second, quantity, cases, tolerance in (
            ("psi", "NumPy", "math.log, exact sum", losses.psi, learning.eq_3_loss, ROUNDING),
            ("by logits", "by hand", DIFFERENCE, losses.psi_gradient, learning.eq_3_logits, SLOPES),
            ("by weights", "compiled", DIFFERENCE, Network.gradient, learning.eq_3_gradient, SLOPES),
            ("12 updates", "one target", "phi + beta psi", losses.distillation_target, learning.eq_3_update, SLOPES),
        )
    ),
)

CHANNEL = (
    Check("Section II-C: Pr[SNR >= theta]", "closed form | 400,000 slots", success, channels.slot_success, FIVE_ERRORS),
    Check("eq. (4): received bits", "NumPy | slot by slot", channel.received_bits, channels.eq_4_bits, ROUNDING),
    Check("eq. (4): latency and outage", "NumPy | slot by slot, fractions", channel.transmit, channels.eq_4_latency, EXACT),
    Check("latency law: cdf", "ratios of neighbours | sum of fractions", channel.latency_cdf, law.cdf_exact, SUMS),
    Check("latency law: outage", "ratios of neighbours | sum of fractions", outage, law.outage_exact, SUMS),
    Check("latency law: cdf, simulated", f"closed form | {SIMULATED}", channel.latency_cdf, law.cdf_simulated, FIVE_ERRORS),
    *(
        Check(f"B_up and B_dn: {name}", "table of protocols | formula", protocol_bits, partial(channels.payload, name=name), EXACT)
        for name in FIVE
    ),
    Check("Section IV: uplink reduction", "floats | fractions", payload.uplink_reduction, channels.reduction, ROUNDING),
    Check("Section IV: 42.4x", "P = 10, N_S = 10 | printed", payload.uplink_reduction, channels.printed_reduction, HALF_DIGIT),
    Check("slots: 101 80 17 1, 21 1, 83 396", "floats | these and whole numbers", channel.slots_needed, channels.slot_counts, EXACT),
    Check("0.88717, 0.99761, 0.98813", "closed form | these numbers", success, channels.printed_success, HALF_DIGIT),
    Check("0.006, 0.999994 at T_max = 105", "closed form | these numbers", outage, channels.printed_outage, HALF_DIGIT),
    Check("FL never at T_max = 100", "closed form | certain outage", outage, channels.never_at_100, EXACT),
)

CONVERSION = (
    Check("eq. (5): output-to-model conversion", f"compiled | {DIFFERENCE}", training.distil, learning.eq_5, SLOPES),
)

MIXING = (
    Check("eq. (6): samples and labels", "NumPy | fractions", mixup.mixup, blends.eq_6_samples, ROUNDING),
    Check("eq. (6): two different labels", "2,000 drawn pairs | counted", mixup.draw_pairs, blends.eq_6_partners, EXACT),
    Check("eq. (7): inverse samples, N = 2", "inverse matrix | written out in raw samples", inverse.inversely_mix, blends.eq_7, SUMS),
    Check("eq. (8): matrix", "NumPy | entry by entry", mixup.mixing_matrix, blends.eq_8_matrix, ROUNDING),
    Check("eq. (8): inverse, N = 2 to 8", "LAPACK | Gauss-Jordan in fractions", inverse.inverse_ratios, blends.eq_8_inverse, SUMS),
    Check("eq. (9)", "right side with lambda_hat | 1", inverse.inverse_ratio, blends.eq_9, ZERO),
    Check("eq. (10)", "right side with lambda_hat | 0", inverse.inverse_ratio, blends.eq_10, ZERO),
    Check("Proposition 1, N = 2 to 8", "LAPACK | hard labels, fractions", inverse.inverse_mixup, blends.proposition_1, SUMS),
)

ALGORITHM = (
    Check("Algorithm 1, line 2: relative change", BY_HAND, play_round, algorithm.line_2_change, ROUNDS),
    Check("Algorithm 1, line 2: last round", BY_HAND, simulate, algorithm.line_2_stop, EXACT),
    Check("Algorithm 1, line 4: mixed-up samples", "recipes | counted", seeds.mixed, algorithm.line_4_mixup, EXACT),
    Check("Algorithm 1, line 5: local update", BY_HAND, play_round, algorithm.line_5_outputs, ROUNDS),
    Check("Algorithm 1, line 6: seeds in round 1", BY_HAND, play_round, algorithm.line_6_bits, EXACT),
    Check("Algorithm 1, line 6: who gets through", BY_HAND, play_round, algorithm.line_6_arrival, EXACT),
    Check("Algorithm 1, line 8: inverse samples", BY_HAND, seeds.inversely_mixed, algorithm.line_8_seeds, ROUNDS),
    Check("Algorithm 1, line 9: G_out, plain", BY_HAND, play_round, algorithm.line_9_mean, ROUNDS),
    Check("Algorithm 1 under FL: G_mod, weighted", BY_HAND, play_round, algorithm.weighted_mean, ROUNDS),
    Check("Algorithm 1, line 10: server's model", BY_HAND, play_round, algorithm.line_10_server, ROUNDS),
    Check("Algorithm 1, line 11: broadcast", BY_HAND, play_round, algorithm.line_11_broadcast, EXACT),
    Check("Algorithm 1, line 13: who is written", BY_HAND, play_round, algorithm.line_13_write, ROUNDS),
    Check("Algorithm 1: nobody gets through", BY_HAND, play_round, algorithm.nobody_delivers, ROUNDS),
    Check("Section IV: convergence time", BY_HAND, simulate, algorithm.convergence_time, ROUNDING),
)

CHECKS = (*LEARNING, *CHANNEL, *CONVERSION, *MIXING, *ALGORITHM)
