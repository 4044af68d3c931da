"""Decibels and watts. Formulas elsewhere are SI; this is the only file that converts."""

import numpy as np

from mix2fld_np.errors import InputError


def dbm_to_watt(power_dbm):
    """Power in watt of a power in dBm (decibels above one milliwatt): 10^((dBm - 30) / 10). Scalars and arrays.

    A density converts alike: dBm/Hz becomes W/Hz. 30 dBm is 1 W, 23 dBm is 0.2 W.
    """
    return 10.0 ** ((power_dbm - 30.0) / 10.0)


def watt_to_dbm(power_watt):
    """Power in dBm of a power in watt: 10 log10(W) + 30. Scalars and arrays; InputError unless every power is positive."""
    return ratio_to_db(power_watt) + 30.0


def db_to_ratio(level_db):
    """Plain ratio of a level in decibel: 10^(dB / 10). Scalars and arrays. 3 dB is about 2, and a ratio of 3 is 4.77 dB."""
    return 10.0 ** (level_db / 10.0)


def ratio_to_db(ratio):
    """Level in decibel of a plain power ratio: 10 log10(ratio). Scalars and arrays; InputError unless every ratio is positive."""
    if not np.all(np.asarray(ratio) > 0):
        raise InputError(f"{ratio} has no level in decibel: the logarithm needs a power above zero; give a positive number.")
    return 10.0 * np.log10(ratio)
