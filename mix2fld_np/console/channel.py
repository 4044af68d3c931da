"""`mix2fld channel`: what each protocol asks of the channel, in closed form."""

import argparse

from mix2fld_np.console import options
from mix2fld_np.console.notes import counted, printed_max_slots
from mix2fld_np.console.text import bullets, number, table
from mix2fld_np.federation.settings import COMPARISON, Settings
from mix2fld_np.nn.network import Network
from mix2fld_np.study.channel import channel_rows
from mix2fld_np.wireless import channel

SEED_SAMPLES = (10, 50)  # the letter's N_S


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    options.add_options(parser, options.CHANNEL)


def run(args: argparse.Namespace) -> int:
    """`mix2fld channel`: what each protocol asks of the channel, in closed form."""
    _, settings = options.resolve_options(args, options.CHANNEL, COMPARISON, "channel")
    rows = channel_rows(settings, sorted({*SEED_SAMPLES, settings.n_seed_samples}))
    printed = printed_max_slots(settings, Network(filters=settings.filters))
    print("\n".join((heading(settings), channel_table(rows), "", *bullets(*remarks(rows, settings), printed))))
    return 0


def heading(settings: Settings) -> str:
    """The two links in a line each."""
    devices, slots = counted(settings.n_devices, "device"), counted(settings.max_slots, "slot")
    lines = [f"{devices}, T_max = {slots} of {1e3 * settings.slot_s:g} ms"]
    for name, link in (("uplink", settings.uplink), ("downlink", settings.downlink)):
        lines.append(
            f"{name:9} {link.power_dbm:g} dBm over {link.bandwidth_hz / 1e6:g} MHz: {number(channel.bits_per_slot(link))} bits a slot, "
            f"which gets through with probability {channel.success_probability(link):.5f}"
        )
    return "\n".join(lines) + "\n"


def channel_table(rows: list[dict]) -> str:
    """The closed forms, a payload a line."""
    head = ("protocol", "direction", "N_S", "bits", "slots needed", "mean latency", "Pr[outage]", "of any device", "mean airtime")
    cells = [
        (
            row["protocol"],
            row["direction"],
            str(row["N_S"] or "-"),
            f"{row['bits']:,}",
            number(row["slots"]),
            f"{number(row['mean_latency_slots'], 1)} slots",
            f"{row['outage']:.3g}",
            f"{row['any_outage']:.3g}",
            f"{row['mean_airtime_slots']:.1f} slots",
        )
        for row in rows
    ]
    return table(head, cells)


def remarks(rows: list[dict], settings: Settings) -> list[str]:
    """What a reader should notice in the table."""
    impossible = [
        f"{row['protocol']}, {row['direction']}, can never get through: {row['bits']:,} bits need {number(row['slots'])} "
        f"slots even unfaded, and T_max is {settings.max_slots}."
        for row in rows
        if row["slots"] > settings.max_slots
    ]
    return [*impossible, "Mean latency is n / p slots without a limit; mean airtime waits for the slowest device, T_max at the longest."]
