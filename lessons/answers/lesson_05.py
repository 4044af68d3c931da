"""Answers and hints of lesson 05."""

import math
from dataclasses import replace

import numpy as np
from marking import Letters, Number
from scores import Missed, Open, Refused
from written import Written

from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.wireless import channel

FL_BITS = 32 * 12_544
NOISE = 10 ** ((-174 - 30) / 10)


def chance(P, W, N_0, r, alpha, theta):
    """Success of a slot, with the library's law for a link of these numbers."""
    power_dbm, noise_dbm_per_hz = (30 + 10 * math.log10(watt) for watt in (P, N_0))
    return channel.success_probability(
        replace(PRINTED.uplink, power_dbm=power_dbm, bandwidth_hz=W, noise_dbm_per_hz=noise_dbm_per_hz, distance_m=r,
                path_loss_exponent=alpha, threshold=theta)
    )


def outage(n, p, T_max):
    """Outage after T_max slots of which n must be good, on a link whose slots succeed with chance p."""
    link = PRINTED.uplink
    decibels = 10 * math.log10(-link.threshold / math.log(p) / channel.mean_snr(link))
    link = replace(link, power_dbm=link.power_dbm + decibels)
    return 1 - channel.latency_cdf(link, n * round(channel.bits_per_slot(link)), T_max)


def least_power_for_half(budget):
    """The power of a link budget (power in dBm, threshold) by which half of FL's uploads arrive at T_max = 100."""
    if np.shape(budget) != (2,):
        raise Refused("a budget is two numbers, (power in dBm, threshold).")
    power_dbm, threshold = map(float, budget)
    try:
        link = replace(PRINTED.uplink, power_dbm=power_dbm, threshold=threshold)
        arrive = 1 - channel.outage_probability(link, FL_BITS)
    except InputError as refusal:
        raise Refused(str(refusal)) from None
    if arrive < 0.5:
        needed = int(channel.slots_needed(link, FL_BITS))
        raise Missed(f"no score: of 100 uploads {100 * arrive:.1f} arrive; {needed:,} of 100 slots have to be decoded.")
    return power_dbm


def delivered(change, power_dbm):
    """Share of FL's uploads that arrive with one number changed."""
    settings = replace(PRINTED, uplink_power_dbm=power_dbm, **change)
    return 1 - channel.outage_probability(settings.uplink, settings.bits_per_weight * 12_544)


# Single numbers, changed alone: which make both of the letter's statements about FL true?
CHANGES = {
    "A": {"max_slots": 105}, "B": {"bits_per_weight": 31}, "C": {"bits_per_weight": 16},
    "D": {"bandwidth_hz": 10.4e6}, "E": {"slot_s": 2e-3}, "F": {"threshold": 3.2},
}  # fmt: skip
BOTH_TRUE = [name for name, one in CHANGES.items() if delivered(one, 40.0) > 0.99 and delivered(one, 23.0) < 0.05]
SLOT_NUMBERS = [
    (0.1995, 2e6, NOISE, 1_000, 4, 3), (10.0, 2e6, NOISE, 1_000, 4, 3), (10.0, 1e7, NOISE, 1_000, 4, 3),
    (0.1995, 2e6, NOISE, 700, 3, 8), (0.01, 1e6, NOISE, 500, 4, 1.5),
]  # fmt: skip

EXERCISES = {
    "05.1": Written(
        chance,
        SLOT_NUMBERS,
        hints=(
            "which gain h makes the SNR exactly theta? Solve SNR = theta for h.",
            "an exponential variable with mean one exceeds x with chance e^-x; x is the gain of the first hint.",
        ),
    ),
    "05.2": Written(
        outage,
        [(3, 0.9, 5), (1, 0.5, 4), (4, 0.25, 4), (80, 0.887, 100), (101, 0.887, 105), (6, 0.9, 5)],
        hints=(
            "an outage has 0, 1, ... or n - 1 good slots: how likely is exactly k of T_max?",
            "math.comb(T_max, k) patterns have k good slots, each with chance p^k (1 - p)^(T_max - k); n may exceed "
            "T_max.",
        ),
        tolerance=1e-9,
    ),
    "05.3": Number(
        int(channel.slots_needed(replace(PRINTED, n_devices=50).uplink, 32 * 100 + 10 * 6_272)),
        hints=(
            "start with the band that one of 50 devices gets, W N_ch / |D|.",
            "then tau W log2(1 + theta) bits go into a slot; divide and round up.",
        ),
        mistakes=[
            (17, "17 slots are enough where ten devices share the band."),
            (82, "after 82 slots some bits are left over."),
            (79, "the average outputs travel too."),
            (396, "that is for 50 seed samples, not 10."),
        ],
    ),
    "05.4": Letters(
        "".join(BOTH_TRUE),
        last="F",
        hints=(
            "find n for each: it has to be at most T_max, or nothing arrives at 40 dBm either.",
            "and it must not be far below T_max, or everything arrives at 23 dBm as well.",
        ),
    ),
    "05.5": Number(
        int(np.argmax(channel.slowest_cdf(PRINTED.uplink, FL_BITS, np.arange(200), 10) >= 0.99)),
        hints=(
            "ten independent devices are all through with the tenth power of one device's chance.",
            "count T up from 101 and stop where (1 - outage(101, p, T))**10 first reaches 0.99.",
        ),
        mistakes=[
            (124, "after 124 slots one device is through so often; all ten have to be."),
            (114, "114 is the mean of one device."),
            (104, "that is for 40 dBm."),
            (126, "after 126 slots all ten are through in a little less than 99 of 100 rounds."),
        ],
    ),
    "05.6": Open(
        least_power_for_half,
        best=21.33,
        unit="dBm",
        more_is_better=False,
        function=False,
        hints=(
            "at theta = 3 no power helps: 101 slots do not fit into 100. What makes n smaller?",
            "take a theta, find its least power by halving an interval of powers, and compare thetas from 3.1 to 20.",
        ),
    ),
}
