"""Answers and hints of lesson 00."""

from dataclasses import replace

from marking import Letters, Number
from scores import Missed, Open, Refused
from written import Written

from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import TABLE
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.wireless import channel, payload

SYMMETRIC = replace(PRINTED, uplink_power_dbm=40.0)
CHANGEABLE = (
    "max_slots", "bits_per_weight", "threshold", "slot_s", "bandwidth_hz", "n_uplink_channels", "n_devices",
    "uplink_power_dbm", "distance_m", "path_loss_exponent", "noise_dbm_per_hz",
)  # fmt: skip


def upload_bits(sends, n_seeds, p):
    """Bits of a phone's upload in round p: "weights" or "outputs", and in round 1 its seed samples."""
    bits = payload.weight_bits(12_544, 32) if sends == "weights" else payload.output_bits(10, 32)
    return bits + (payload.sample_bits(n_seeds, 8 * 28 * 28) if p == 1 else 0)


def smallest_change(change):
    """By how many per cent a change (name, value) is, if half of FL's uploads then arrive at 40 dBm."""
    if not isinstance(change, (tuple, list)) or len(change) != 2 or not isinstance(change[0], str):
        raise Refused('a change is a name and its new value, such as ("max_slots", 110).')
    name, value = change
    if name not in CHANGEABLE:
        raise Refused(f"{name!r} is none of the numbers that may be changed.")
    try:
        settings = replace(SYMMETRIC, **{name: value})
        bits = payload.weight_bits(12_544, settings.bits_per_weight)
        arrive = 1 - channel.outage_probability(settings.uplink, bits)
    except InputError as refusal:
        raise Refused(str(refusal)) from None
    if arrive < 0.5:
        needed = int(channel.slots_needed(settings.uplink, bits))
        raise Missed(f"no score: of 100 uploads {100 * arrive:.1f} arrive; {needed:,} of {settings.max_slots} slots "
                     "have to be decoded.")
    return 100 * abs(getattr(settings, name) / getattr(SYMMETRIC, name) - 1)


def differ_only_in(cell):
    """Letters of the two neighbours in the table that differ in this cell and no other."""
    cells = "uplink", "downlink", "collect", "prepare", "reply"
    for k, (one, other) in enumerate(zip(TABLE, TABLE[1:], strict=False)):
        if [name for name in cells if getattr(one, name) != getattr(other, name)] == [cell]:
            return "ABCDE"[k : k + 2]
    raise LookupError(cell)


EXERCISES = {
    "00.1": Written(
        upload_bits,
        [("weights", 0, 1), ("weights", 0, 7), ("outputs", 0, 1), ("outputs", 50, 1), ("outputs", 50, 2),
         ("outputs", 10, 1)],
        hints=(
            "weights or outputs travel in every round; what is added, and in which rounds?",
            "32 bits for each of 12,544 weights or 10 x 10 outputs; 8 bits for each of 784 pixels, if p is 1.",
        ),
    ),
    "00.2": Letters(
        differ_only_in("prepare"),
        last="E",
        hints=(
            "print the table again and compare neighbouring rows.",
            "look for two rows that differ in the column of what the server prepares, and nowhere else.",
        ),
    ),
    "00.3": Number(
        payload.uplink_reduction(20, 401_408, 3_200, 62_720),
        hints=(
            "add up the twenty uploads of one phone, for FL and for Mix2FLD.",
            "FL's are twenty times its weights; Mix2FLD's twenty times its outputs and, once, ten samples.",
        ),
        mistakes=[
            (42.378, "that is the factor of ten rounds."),
            (125.44, "seed samples count as well."),
            (401_408 / 65_920, "seed samples are sent once, not in every round."),
            (20 * 401_408 / (20 * 3_200 + 313_600), "that is for 50 seed samples, not 10."),
            ((20 * 3_200 + 62_720) / (20 * 401_408), "that is the other way round."),
        ],
    ),
    "00.4": Open(
        smallest_change,
        best=0.352,
        unit="% of the printed number",
        more_is_better=False,
        function=False,
        hints=(
            "FL needs 401,408 bits; what decides how many bits fit into 100 slots?",
            "100 slots would do if each carried 4,014.08 bits, tau W log2(1 + theta), instead of 4,000.",
        ),
    ),
}
