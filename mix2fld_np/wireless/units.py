"""Decibels and watts. Formulas elsewhere are SI; this is the only file that converts."""

import numpy as np

from mix2fld_np.errors import InputError


def dbm_to_watt(power_dbm):
    """Watt of dBm (decibels above one milliwatt), 10^((dBm - 30) / 10), and W/Hz of dBm/Hz. Scalars and arrays.

    >>> float(dbm_to_watt(30))
    1.0
    """
    return 10.0 ** ((np.asarray(power_dbm, float)[()] - 30.0) / 10.0)


def ratio_to_db(ratio):
    """Decibel of a plain power ratio, 10 log10(ratio). Scalars and arrays; InputError unless all are positive.

    >>> float(ratio_to_db(100))
    20.0
    """
    if not np.all(np.asarray(ratio) > 0):
        raise InputError(f"{ratio} has no level in decibel: the logarithm needs a number above zero; give one.")
    return 10.0 * np.log10(np.asarray(ratio, float)[()])
