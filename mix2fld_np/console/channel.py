"""`mix2fld channel`: what each protocol asks of the channel, in closed form."""

import argparse

from mix2fld_np.console import options
from mix2fld_np.console.notes import ENERGY, printed_max_slots
from mix2fld_np.console.text import bullets, counted, number, table_of
from mix2fld_np.datasets.own import is_own
from mix2fld_np.datasets.registry import Dataset, load
from mix2fld_np.datasets.sources import source_of
from mix2fld_np.federation.settings import COMPARISON, Settings
from mix2fld_np.nn.network import Network
from mix2fld_np.runs.files import content_bytes
from mix2fld_np.study.channel import channel_rows
from mix2fld_np.wireless import channel

SEED_SAMPLES = (10, 50)  # the letter's N_S
CHOICES = (*options.DATA, *options.CHANNEL, *options.RUNNING)
OPTIONS = tuple(option for option in CHOICES if option.name not in ("data_dir", "protocols", "seeds"))


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    options.add_options(parser, OPTIONS)
    parser.add_argument("--json", action="store_true", help="print the rows, for a program, instead of the table")


def run(args: argparse.Namespace) -> int:
    """`mix2fld channel`: nothing is played, and of the data only the size of an image counts."""
    given, settings = options.resolve_options(args, OPTIONS, COMPARISON, "channel")
    name = "mnist" if given["data"] == "auto" else given["data"]
    data = load(name) if is_own(name) else source_of(name)
    C, H, W = data.train_images.shape[1:] if isinstance(data, Dataset) else data.image_shape
    network = Network((C, H, W), settings.filters, data.n_labels)
    rows = channel_rows(settings, sorted({*SEED_SAMPLES, settings.n_seed_samples}), network, given["seed"])
    if args.json:
        print(content_bytes({"rows": rows}).decode(), end="")
        return 0
    notes = bullets(*remarks(rows, settings), printed_max_slots(settings, network))
    print("\n".join((heading(settings), table_of(rows, COLUMNS), "", *notes)))
    return 0


def heading(settings: Settings) -> str:
    """The two links in a line each."""
    devices, slots = counted(settings.n_devices, "device"), counted(settings.max_slots, "slot")
    lines = [f"{devices}, T_max = {slots} of {1e3 * settings.slot_s:g} ms"]
    for name, link in (("uplink", settings.uplink), ("downlink", settings.downlink)):
        lines.append(
            f"{name:9} {link.power_dbm:g} dBm over {link.bandwidth_hz / 1e6:g} MHz: "
            f"{number(channel.bits_per_slot(link))} bits a slot, which gets through with probability "
            f"{channel.success_probability(link):.5f} at {link.distance_m:g} m"
        )
    return "\n".join(lines) + "\n"


COLUMNS = {
    "protocol": lambda row: row["protocol"],
    "direction": lambda row: row["direction"],
    "N_S": lambda row: str(row["N_S"] or "-"),
    "bits": lambda row: f"{row['bits']:,}",
    "slots needed": lambda row: number(row["slots"]),
    "mean latency": lambda row: " / ".join(number(slots, 1) for slots in row["mean_latency_slots"]) + " slots",
    "Pr[outage]": lambda row: " / ".join(f"{chance:.3g}" for chance in row["outage"]),
    "of any device": lambda row: f"{row['any_outage']:.3g}",
    "mean airtime": lambda row: f"{row['mean_airtime_slots']:.1f} slots",
    "mean energy": lambda row: " / ".join(f"{joules:.3g}" for joules in row["energy_j"]) + " J",
}


def remarks(rows: list[dict], settings: Settings) -> list[str]:
    """What a reader should notice in the table."""
    impossible = [
        f"{row['protocol']}, {row['direction']}, can never get through: {row['bits']:,} bits need "
        f"{number(row['slots'])} slots even unfaded, and T_max is {settings.max_slots}."
        for row in rows
        if row["slots"] > settings.max_slots
    ]
    r = " / ".join(f"{metres:.0f}" for metres in rows[0]["distances_m"])
    three = [f"a / b / c: at the nearest, the median and the farthest device, {r} m away."] if " / " in r else []
    energy = f"{ENERGY} of a device up, of the server's one multicast down."
    limit = "mean airtime waits for the slowest device, T_max at the longest"
    return [*three, *impossible, f"Mean latency is n / p slots without a limit; {limit}.", energy]
