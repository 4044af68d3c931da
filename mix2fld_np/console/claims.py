"""`mix2fld claims`: the letter's sentences with a number, what was measured, and a verdict on each."""

import argparse
import textwrap
from collections import Counter
from pathlib import Path

from mix2fld_np import process
from mix2fld_np.claims import findings, step_times, verdicts
from mix2fld_np.claims.measures import Results
from mix2fld_np.claims.stored_figures import read_figure_2, read_figure_3
from mix2fld_np.console import options, session
from mix2fld_np.console.text import table
from mix2fld_np.datasets.sources import source_of
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.pictures.canvas import render
from mix2fld_np.pictures.studies import claims_time
from mix2fld_np.study.averages import grouped, seeds_in_words

FILES = ("claims.csv", "claims.json", "claims_time.png", "claims_time.svg")
OPTIONS = tuple(
    options.Option(name, str, explanation, default=f"results/{default}", word="DIR")
    for name, explanation, default in (
        ("figure_2", "what mix2fld figure 2 wrote", "figure-2"),
        ("figure_3", "what mix2fld figure 3 wrote", "figure-3"),
        ("out", "directory for results", "claims"),
    )
)


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    options.add_options(parser, OPTIONS, settings=False)
    session.add_switches(parser, "claims.json")


def run(args: argparse.Namespace) -> int:
    """`mix2fld claims`: nothing is played, stored figures are read."""
    given, _ = options.resolve_options(args, OPTIONS, PRINTED, "claims")
    results = Results(read_figure_2(Path(given["figure_2"])), read_figure_3(Path(given["figure_3"])))
    request = session.Request("claims", given, results.two.settings, [], [], FILES, args)

    def report(_):
        rows, curves, s = findings.findings(results), findings.time_curves(results), results.two.settings
        with process.announced("Compiling the letter's network, once on this machine ..."):
            marked = {"default": 1e6 * s.device_s_per_iteration, "this machine": step_times.by_the_stop_watch()}
        files = {
            "claims.csv": [flat(row) for row in rows],
            "claims.json": {"rule": verdicts.RULE, "claims": rows},
            **render(claims_time(curves, marked), "claims_time"),
        }
        text = "\n\n".join((heading(results), claims_table(rows), steps_table(curves), reasons(rows)))
        return session.Report(files, text, (verdicts.RULE, one_step(curves), ruled_out(rows), count(rows)))

    return session.carry_out(request, report)


def heading(results: Results) -> str:
    """On which results."""
    parts = []
    ranks = "rank: per cent of single runs and devices that are below the printed number"
    for number, figure in ((2, results.two), (3, results.three)):
        seeds = seeds_in_words(len(figure.seeds))
        parts.append(f"Figure {number} ({source_of(figure.data).title}, {seeds}, T_max = {figure.settings.max_slots})")
    return f"The letter's claims on {' and '.join(parts)}\n{ranks}"


def claims_table(rows: list[dict]) -> str:
    """A line for each reading, below its sentence."""
    head = ("how it is read", "printed", "one run, one device", "rank", "means, paired", "verdict")
    cells = [[f"   {row['reading']}", *shown(row)] for row in rows]
    titles, rule, *lines = table(head, cells, left=(0, 5)).splitlines()
    text = [titles, rule]
    for (number, sentence), readings in grouped(rows, "claim", "sentence").items():
        text += [f"{number}. {sentence}", *lines[: len(readings)]]
        lines = lines[len(readings) :]
    return "\n".join(text)


def number_of(row: dict, value: float) -> str:
    """A number of a row: "1.23" times, or "+12.3" per cent or points; with fewer digits where it is large."""
    shown, digits = (value, 2) if row["unit"] == "x" else (100 * value, 1)
    text = f"{shown:.{digits}f}" if abs(shown) < 100 else f"{shown:.0f}" if abs(shown) < 10_000 else f"{shown:.0e}"
    return text if row["unit"] == "x" or shown < 0 else f"+{text}"


def with_range(row: dict, *names: str) -> str:
    """A number and its range, from three columns; "never" where it is not defined."""
    value, low, high = (row[name] for name in names)
    if value is None:
        return "never"
    ends = "one seed" if low is None else f"{number_of(row, low)} to {number_of(row, high)}"
    return f"{number_of(row, value)} ({ends})"


def shown(row: dict) -> list[str]:
    """Printed, the letter's own statistic, the percentile of the printed number in it, the paired effect, verdict."""
    effect = with_range(row, "effect", "effect_low", "effect_high")
    if row["unit"] == "holds":
        n, share = row["n_compared"], row["percentile"]
        single = "never" if share is None else f"{row['n_above']} of {n}; all in {100 - share:.0f} %"
        return [f"all {n}", single, "", effect, judged(row)]
    printed = number_of(row, row["printed"]) if row["printed"] else "equal"
    place = "" if row["percentile"] is None else f"{row['percentile']:.0f}"
    return [printed, with_range(row, "median", "low", "high"), place, effect, judged(row)]


def at_reference(row: dict) -> str:
    """What the reference devices alone say."""
    return f"in {100 * row['reference']:.0f} % of seeds" if row["unit"] == "holds" else number_of(row, row["reference"])


def judged(row: dict) -> str:
    """A row's verdict and what must not be overlooked: seeds that are missing, steps, a printed T_max against it."""
    text = row["verdict"]
    if text == verdicts.UNDECIDED:
        needed = row["seeds_to_decide"]
        many = "one seed" if row["effect_low"] is None else f"{needed} seeds" if needed else "> 1,000 seeds"
        text = f"{text} ({'never' if row['effect'] is None else many})"
    elif text != verdicts.IMPOSSIBLE and (row["steps_us"] or row["steps_us_no_server"]):
        begin = "reproduced," if text == verdicts.REPRODUCED else "met at" if row["steps_us"] else "no server,"
        text = f"{begin} {ranges(row['steps_us'] or row['steps_us_no_server'])} us"
    ruled_out = row["impossible_as_printed"] and row["verdict"] != verdicts.IMPOSSIBLE
    return f"{text} *" if ruled_out else text


def ranges(found: list[list[float]]) -> str:
    """Ranges of steps to two digits, or of one that is narrower than that."""
    texts = ([f"{float(f'{end:.2g}'):g}" for end in one] for one in found)
    return " or ".join(low if low == high else f"{low} to {high}" for low, high in texts)


def flat(row: dict) -> dict:
    """A row for a table of plain cells."""
    steps = {name: None if row[name] is None else ranges(row[name]) for name in ("steps_us", "steps_us_no_server")}
    values = " ".join(f"{value:.6g}" for value in row["values"])
    return row | steps | {"values": values, "reasons": " ".join(row["reasons"])}


def steps_table(curves: list[dict]) -> str:
    """At which time of a device's step each number on time is met."""
    head = ("step of a device at which the printed time is met, us", "printed", *step_times.SERVERS)
    lines = []
    for (number, reading), servers in grouped(curves, "claim", "reading").items():
        met = [ranges(row["met"]) or "nowhere" for row in servers]
        lines.append([f"{number}. {reading}", number_of(servers[0], servers[0]["printed"]), *met])
    return table(head, lines)


def one_step(curves: list[dict]) -> str:
    """Whether one time of a step serves all statements on time."""
    n, found = len({row["claim"] for row in curves}), []
    for (reading, server), own in grouped(curves, "reading", "server").items():
        if common := step_times.in_all([row["met"] for row in own]):
            found.append(f"{ranges(common)} us ({reading}, {server})")
    if not found:
        return f"No time of a step meets all {n} numbers on time, however they are read."
    return f"A step that meets all {n} numbers on time: {', '.join(found)}."


def ruled_out(rows: list[dict]) -> str | None:
    """What the star means, where there is one."""
    starred = any(row["impossible_as_printed"] and row["verdict"] != verdicts.IMPOSSIBLE for row in rows)
    sentence = f"Marked *: {verdicts.IMPOSSIBLE}; with T_max = {PRINTED.max_slots} no upload of FL arrives."
    return sentence if starred else None


def reasons(rows: list[dict]) -> str:
    """What the numbers depend on, each sentence once for a claim; and what the reference device says."""
    lines = []
    for (number,), own in grouped(rows, "claim").items():
        sentences = dict.fromkeys(sentence for row in own for sentence in row["reasons"])
        alone = [f"{row['reading']} {at_reference(row)}" for row in own if row["reference"] is not None]
        reference = [f"The reference device alone: {'; '.join(alone)}."] if alone else []
        lines.append(textwrap.fill(" ".join((f"{number}.", *sentences, *reference)), 118, subsequent_indent="   "))
    return "\n".join(lines)


def count(rows: list[dict]) -> str:
    """How many readings came to which verdict."""
    counts = Counter(row["verdict"] for row in rows)
    verdicts_counted = ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common())
    return f"{len(rows)} readings of {rows[-1]['claim']} sentences: {verdicts_counted}."
