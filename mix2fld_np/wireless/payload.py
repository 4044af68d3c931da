"""How many bits a device uploads or downloads. Which protocol sends which of these is decided where the protocols are."""

import operator

from mix2fld_np.errors import InputError


def weight_bits(n_weights: int, bits_per_weight: int) -> int:
    """Bits of all model weights, b_mod N_mod  (Section II-C). 32 * 12,544 = 401,408 for the letter's network."""
    return _count("n_weights", n_weights) * _count("bits_per_weight", bits_per_weight)


def output_bits(n_labels: int, bits_per_output: int) -> int:
    """Bits of the average outputs, one row of N_L numbers for each of N_L labels, b_out N_L^2  (Section II-C).

    32 * 10^2 = 3,200 for the letter, however large the model.
    """
    return _count("bits_per_output", bits_per_output) * _count("n_labels", n_labels) ** 2


def sample_bits(n_samples: int, bits_per_sample: int) -> int:
    """Bits of a device's N_S seed samples, raw or mixed up, b_s N_S  (Section III-A). One image of 28 x 28 bytes has 6,272."""
    return _count("n_samples", n_samples) * _count("bits_per_sample", bits_per_sample)


def seed_bits_in_round(p: int, n_samples: int, bits_per_sample: int) -> int:
    """What the seed samples add to the upload of global round p, 1{p = 1} b_s N_S  (Section III-A). Rounds count from one."""
    if _count("p", p) == 0:
        raise InputError("p = 0 is not a global round: the letter counts rounds from 1, and seeds go with round 1; give p >= 1.")
    return sample_bits(n_samples, bits_per_sample) if p == 1 else 0


def uplink_reduction(n_rounds: int, weight_bits: int, output_bits: int, seed_bits: int) -> float:
    """How many times fewer bits a device uploads over P rounds when it sends outputs and, once, seeds instead of weights,

        P b_mod N_mod / (P b_out N_L^2 + b_s N_S).

    The surprise: the letter's "up to 42.4x" is this average for P = 10 and N_S = 10; it grows with P towards 125.4.
    """
    P = _count("n_rounds", n_rounds)
    instead = P * _count("output_bits", output_bits) + _count("seed_bits", seed_bits)
    if instead == 0:
        raise InputError(f"{n_rounds} rounds of {output_bits} output bits and {seed_bits} seed bits send nothing, so there is no factor; "
                         "give at least one round and one bit.")
    return P * _count("weight_bits", weight_bits) / instead


def _count(name: str, value: int) -> int:
    """`value` as a Python integer of any size; InputError unless it is a whole number, zero or more."""
    try:
        whole = operator.index(value)
    except TypeError:
        whole = -1
    if whole < 0:
        raise InputError(f"{name} = {value!r} counts nothing: bits, samples and rounds come in whole numbers; give an integer >= 0.")
    return whole
