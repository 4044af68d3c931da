"""What a reader should notice, from the numbers alone: sentences that several commands say."""

from collections.abc import Iterable

from mix2fld_np.console.text import number, percent
from mix2fld_np.federation.protocols import protocol_named, seed_bits
from mix2fld_np.federation.settings import PRINTED, Settings
from mix2fld_np.federation.task import Task
from mix2fld_np.nn.network import Network
from mix2fld_np.study.compare import Summary
from mix2fld_np.wireless import channel


def printed_max_slots(settings: Settings) -> str | None:
    """What has to be said about the printed T_max, given how many slots FL needs here; None where it rules nothing out."""
    needed = first_upload_slots("FL", settings)
    printed = PRINTED.max_slots
    if needed <= printed:
        return None
    if settings.max_slots == printed:
        return f"T_max is {printed} slots as printed: FL, which needs {number(needed)}, can never deliver an upload."
    return (
        f"T_max is {settings.max_slots} slots; with the printed {printed}, FL, which needs {number(needed)}, could never deliver an upload "
        f"(--max-slots {printed} shows it)."
    )


def first_upload_slots(name: str, settings: Settings) -> float:
    """Slots that the first upload of a protocol needs at least, seed samples included."""
    protocol, network = protocol_named(name), Network(filters=settings.filters)
    bits = protocol.uplink.bits(settings, network) + seed_bits(protocol, settings, network)
    return float(channel.slots_needed(settings.uplink, bits))


def lost_uploads(name: str, outage_rate: float, task: Task) -> str | None:
    """Why uploads of a protocol were lost; None where hardly any were."""
    if outage_rate < 0.01:
        return None
    protocol, link = protocol_named(name), task.uplink
    bits = protocol.uplink.bits(task.settings, task.network) + seed_bits(protocol, task.settings, task.network)
    chance = 1 - channel.outage_probability(link, bits)
    often = f"one in {1 / chance:,.3g} gets through" if chance > 1e-15 else "none can get through"
    needed = number(first_upload_slots(name, task.settings))
    return (
        f"{percent(outage_rate)} of {name}'s uploads were lost: its largest needs {needed} good slots "
        f"within T_max = {link.max_slots}, at a success probability of {channel.success_probability(link):.3f} a slot, so {often}."
    )


def shortages(summaries: Iterable[tuple[str, Summary]], settings: Settings) -> list[str]:
    """Whose server learned from fewer samples than it was to have: a sentence for each."""
    said = []
    random = settings.pairing == "random"
    remedy = "; --pairing scheduled lets the server hand out label pairs that meet" if random else ""
    for name, summary in summaries:
        made, wanted = summary.over("server_samples"), summary.server_samples_wanted
        if made.mean is not None and wanted and made.mean < wanted:
            said.append(
                f"{name}: the server learned from {made.text(1, 0, '', spread=False)} of {wanted:,} samples, as seed samples were lost "
                f"or had no partner with symmetric labels on another device{remedy}."
            )
    return said
