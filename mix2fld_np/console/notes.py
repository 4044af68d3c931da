"""What a reader should notice, from the numbers alone: sentences that several commands say."""

from collections.abc import Iterable

from mix2fld_np.console.text import counted, number, percent
from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.protocols import protocol_named, seed_bits
from mix2fld_np.federation.settings import PRINTED, Settings
from mix2fld_np.nn.network import Network
from mix2fld_np.study.compare import Summary
from mix2fld_np.wireless import channel

ENERGY = "Energy is radiated power times airtime, without circuits and computing:"
SHOWN_BY = f"--max-slots {PRINTED.max_slots}"


def printed_max_slots(settings: Settings, network: Network, shown_by: str = SHOWN_BY) -> str | None:
    """What has to be said about the printed T_max, given the slots that FL needs; None where it rules nothing out."""
    needed = float(channel.slots_needed(settings.uplink, protocol_named("FL").uplink.bits(settings, network)))
    printed = PRINTED.max_slots
    if needed <= printed:
        return None
    here = f"T_max is {counted(settings.max_slots, 'slot')}" + (" as printed" if settings.max_slots == printed else "")
    fl = f"FL, which needs {number(needed)},"
    if needed > settings.max_slots:
        return f"{here}: {fl} can never deliver an upload."
    return f"{here}; with the printed {printed}, {fl} could never deliver an upload ({shown_by} shows it)."


def first_upload_bits(name: str, settings: Settings, network: Network) -> int:
    """Bits of the first upload of a protocol, seed samples included."""
    protocol = protocol_named(name)
    return protocol.uplink.bits(settings, network) + seed_bits(protocol, settings, network)


def lost_uploads(name: str, summary: Summary, network: Network) -> str | None:
    """Why uploads of a protocol were lost; None where hardly any were."""
    if summary.outage_rate < 0.01:
        return None
    link, bits = summary.settings.uplink, first_upload_bits(summary.protocol, summary.settings, network)
    needed, chance = float(channel.slots_needed(link, bits)), channel.latency_cdf(link, bits, link.max_slots)
    how_many = f"one in {1 / chance:,.3g} gets" if chance > 1e-12 else "practically none gets"
    if needed > link.max_slots:
        how_many = "none can get"
    where = "" if isinstance(summary.settings.distance_m, float) else f" {link.distance_m:g} m away"
    return (
        f"{percent(summary.outage_rate)} of {name}'s uploads were lost: its largest needs "
        f"{counted(needed, 'good slot')} within T_max = {link.max_slots}, at a success probability of "
        f"{channel.success_probability(link):.3f} a slot{where}, so {how_many} through{' from there' if where else ''}."
    )


def never_downloaded(name: str, summary: Summary) -> str | None:
    """Why a protocol cannot be ranked: its devices learned alone under every seed; None where they did not."""
    if summary.n_downloads:
        return None
    if not any(run.uplink_bits for run in summary.runs):
        return f"{name} is not ranked: nobody sends anything, every device learns alone."
    why = "nothing that the server sent arrived"
    if not sum(run.uplink_delivered for run in summary.runs):
        why = "none of its uploads arrived"
    elif summary.server_samples_wanted and not summary.over("server_samples").mean:
        why = "the server had no samples to learn from"
    return f"{name} is not ranked: its devices never downloaded anything, as {why}, and learned alone."


def samples(made: float | None, wanted: float | None) -> str:
    """How many samples the server learned from, of how many; a dash where it never distils."""
    if made is None or not wanted:
        return "-"
    return f"{made:,.{0 if made == int(made) else 1}f} of {wanted:,.0f}"


def samples_of(summary: Summary) -> str:
    """The same for a protocol over its seeds."""
    return samples(summary.over("server_samples").mean, summary.server_samples_wanted)


def shortages(named: Iterable[tuple[str, Summary]]) -> list[str]:
    """Servers that learned from fewer samples than they were to have: a sentence for each cause."""
    short: dict[str, list[str]] = {}
    for name, summary in named:
        made, wanted = summary.over("server_samples").mean, summary.server_samples_wanted
        if made is not None and wanted and made < wanted:
            short.setdefault(cause_of_shortage(summary), []).append(f"{name} from {samples(made, wanted)}")
    learned = "The server learned from fewer samples than it was to have:"
    return [f"{learned} {'; '.join(names)}.{cause}" for cause, names in short.items()]


def cause_of_shortage(summary: Summary) -> str:
    """Where its seed samples went, in a sentence, as far as that can be known."""
    inverse = protocol_named(summary.protocol).prepare is seed_samples.inversely_mixed
    causes = ["were lost"] if summary.outage_rate else []
    causes += ["had no partner with symmetric labels on another device"] if inverse else []
    random = inverse and summary.settings.pairing == "random"
    remedy = "; pairing=scheduled lets the server hand out label pairs that meet" if random else ""
    return f" Seed samples {' or '.join(causes)}{remedy}." if causes else ""
