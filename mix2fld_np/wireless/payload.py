"""How many bits a device uploads or downloads, as integers of any size."""

from mix2fld_np.errors import InputError, number

SINGLE_BITS = 32  # single precision, as it is; numbers of fewer bits are rounded


def weight_bits(n_weights: int, bits_per_weight: int) -> int:
    """Bits of all model weights, b_mod N_mod  (Section II-C).

    >>> weight_bits(12_544, 32)
    401408
    """
    return _count("n_weights", n_weights) * _count("bits_per_weight", bits_per_weight)


def output_bits(n_labels: int, bits_per_output: int) -> int:
    """Bits of the average outputs, one row of N_L numbers for each of N_L labels, b_out N_L^2, however large the model.

    >>> output_bits(10, 32)
    3200
    """
    return _count("bits_per_output", bits_per_output) * _count("n_labels", n_labels) ** 2


def range_bits(n_layers: int, bits_per_number: int) -> int:
    """Bits by which a receiver can read rounded numbers: smallest and largest of each layer; none at 32 bits a number.

    >>> weight_bits(12_544, 8) + range_bits(6, 8)
    100736
    """
    rounded = _count("bits_per_number", bits_per_number) < SINGLE_BITS
    return 2 * SINGLE_BITS * _count("n_layers", n_layers) * rounded


def sample_bits(n_samples: int, bits_per_sample: int) -> int:
    """Bits of a device's N_S seed samples, raw or mixed up, b_s N_S, uploaded once  (Section III-A).

    >>> sample_bits(50, 8 * 28 * 28)
    313600
    """
    return _count("n_samples", n_samples) * _count("bits_per_sample", bits_per_sample)


def uplink_reduction(n_rounds: int, weight_bits: int, output_bits: int, seed_bits: int) -> float:
    """How many times fewer bits a device uploads over P rounds with outputs and, once, seed samples instead of weights,

        P b_mod N_mod / (P b_out N_L^2 + b_s N_S).

    The surprise: the letter's "up to 42.4x" is this average for P = 10 and N_S = 10; it grows with P towards 125.4.

    >>> round(uplink_reduction(10, 401_408, 3_200, 62_720), 1)
    42.4
    """
    P = _count("n_rounds", n_rounds)
    instead = P * _count("output_bits", output_bits) + _count("seed_bits", seed_bits)
    if instead == 0:
        raise InputError(f"{n_rounds} rounds of {output_bits} output bits and {seed_bits} seed bits send nothing, so "
                         "there is no factor; give at least one round and one bit.")
    return P * _count("weight_bits", weight_bits) / instead


def _count(name: str, value: int) -> int:
    """`value` as a Python integer of any size; InputError unless it is a whole number, zero or more."""
    whole = number(name, int, value)
    if whole < 0:
        raise InputError(f"{name} = {whole} counts nothing: there are no fewer than none; give an integer >= 0.")
    return whole
