"""Rows to text: what the commands print."""

from collections.abc import Sequence

from mix2fld_np.datasets.registry import Row
from mix2fld_np.federation.protocols import protocol_named, seed_bits
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.task import Task
from mix2fld_np.wireless import channel


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns, the first to the left and the others to the right, under a rule."""
    width = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *others = (cell.ljust(w) if k == 0 else cell.rjust(w) for k, (cell, w) in enumerate(zip(cells, width, strict=True)))
        return "  ".join((first, *others)).rstrip()

    return "\n".join([line(head), "  ".join("-" * w for w in width), *map(line, rows)])


def percent(value: float | None, digits: int = 1) -> str:
    """A share, or a dash where there is none."""
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def number(value: float, digits: int = 0) -> str:
    """A number with so many decimals, or with four digits where that would hide it or claim digits that nobody knows."""
    return f"{value:,.{digits}f}" if value == 0 or 1 <= value < 1e14 else f"{value:.4g}"


def comparison_table(summaries: dict[str, dict]) -> str:
    """The protocols side by side."""
    head = ("protocol", "final accuracy", "server model", "best", "uplink bits", "of FL's", "outage", "criterion met", "all rounds")
    rows = []
    for name, s in summaries.items():
        spread = f" +- {100 * s['final_accuracy_spread']:.1f}" if len(s["final_accuracies"]) > 1 else ""
        met, share = s["time_to_criterion_s"], s["uplink_bits_relative_to_fl"]
        rows.append(
            (
                name,
                percent(s["final_accuracy_mean"]) + spread,
                percent(s["server_accuracy"]),
                percent(s["best_accuracy"]),
                f"{s['total_uplink_bits']:,.0f}",
                percent(share),
                percent(s["outage_rate"]),
                "-" if met is None else f"{met:.2f} s",
                f"{s['elapsed_s']:.2f} s",
            )
        )
    return table(head, rows)


def remarks(summaries: dict[str, dict], task: Task) -> list[str]:
    """What a reader should notice, from the numbers alone."""
    final = {name: s["final_accuracy_mean"] for name, s in summaries.items()}
    said = [ranking(final)] if len(final) > 1 else []
    said += [lost_uploads(name, s, task) for name, s in summaries.items() if s["outage_rate"] >= 0.01]
    if "Mix2FLD" in summaries and "FL" in summaries:
        ratio = summaries["FL"]["total_uplink_bits"] / summaries["Mix2FLD"]["total_uplink_bits"]
        said.append(f"Mix2FLD asked the uplink for {ratio:.1f} times fewer bits than FL over these rounds.")
    if "Mix2FLD" in summaries and "MixFLD" in summaries:
        said.append(hard_labels(summaries["MixFLD"]["server_accuracy"], summaries["Mix2FLD"]["server_accuracy"]))
    return [sentence for sentence in said if sentence]


def ranking(final: dict[str, float]) -> str:
    """Who ends highest, and by how much."""
    best, second, *_ = ranked = sorted(final, key=lambda name: -final[name])
    lead = [f"{100 * (final[best] - final[name]):.1f} points above {name}" for name in dict.fromkeys((second, ranked[-1]))]
    if final[best] == final[ranked[-1]]:
        return f"All of them end alike, at {percent(final[best])}."
    return f"{best} ends highest, at {percent(final[best])}: {', '.join(lead)}."


def lost_uploads(name: str, summary: dict, task: Task) -> str:
    """Why uploads of a protocol were lost."""
    protocol, link = protocol_named(name), task.uplink
    bits = protocol.uplink.bits(task.settings, task.network) + seed_bits(protocol, task.settings, task.network)
    return (
        f"{percent(summary['outage_rate'])} of {name}'s uploads were lost: its largest needs "
        f"{number(float(channel.slots_needed(link, bits)))} good slots within T_max = {link.max_slots}, at a success "
        f"probability of {channel.success_probability(link):.3f} a slot, so one in "
        f"{1 / max(1 - channel.outage_probability(link, bits), 1e-99):,.3g} gets through."
    )


def hard_labels(mixed: float | None, inverse: float | None) -> str:
    """What inverse-Mixup did for the server's model."""
    if mixed is None or inverse is None:
        return ""
    difference = 100 * (inverse - mixed)
    word = "above" if difference >= 0 else "below"
    return f"Hard labels: Mix2FLD's server model reaches {percent(inverse)}, {abs(difference):.1f} points {word} MixFLD's {percent(mixed)}."


def reminder(settings: Settings) -> str | None:
    """What has to be said about T_max."""
    if settings.max_slots == 105:
        return "T_max is 105 slots; with the printed 100, FL, which needs 101, could never deliver an upload (--max-slots 100 shows it)."
    return None


# --- the channel -----------------------------------------------------------------------------------------------------------------------


def channel_heading(settings: Settings) -> str:
    """The two links in a line each."""
    lines = [f"{settings.n_devices} devices, T_max = {settings.max_slots} slots of {1e3 * settings.slot_s:g} ms"]
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


def channel_remarks(rows: list[dict], settings: Settings) -> list[str]:
    """What a reader should notice in the table."""
    impossible = [
        f"{row['protocol']}, {row['direction']}, can never get through: {row['bits']:,} bits need {number(row['slots'])} "
        f"slots even unfaded, and T_max is {settings.max_slots}."
        for row in rows
        if row["slots"] > settings.max_slots
    ]
    return [*impossible, "Mean latency is n / p slots without a limit; mean airtime waits for the slowest device, T_max at the longest."]


# --- the data --------------------------------------------------------------------------------------------------------------------------


def data_table(rows: list[Row]) -> str:
    """What is there, and where."""
    cells = []
    for row in rows:
        count = "-" if row.n_train is None else f"{row.n_train:,}"
        count_test = "-" if row.n_test is None else f"{row.n_test:,}"
        where = row.problem or (str(row.path) if row.path else "embedded, drawn from a seed" if row.name == "digits" else "not found")
        cells.append((row.name, count, count_test, where))
    width = max(len(row.name) for row in rows)
    lines = [f"{'name':{width}}  {'training':>8}  {'test':>6}  where"]
    return "\n".join(lines + [f"{name:{width}}  {train:>8}  {test:>6}  {where}" for name, train, test, where in cells])
