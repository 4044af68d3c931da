"""`mix2fld table 2` and `table 3`: sample privacy over the letter's mixing ratios, beside the printed values."""

import argparse
from dataclasses import replace
from itertools import product
from statistics import fmean

from tqdm import tqdm

from mix2fld_np.console import options, session, values
from mix2fld_np.console.text import table
from mix2fld_np.datasets.find import find
from mix2fld_np.datasets.sources import source_of
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.pictures import letter
from mix2fld_np.pictures.canvas import render
from mix2fld_np.runs.jobs import Source, dataset
from mix2fld_np.study import tables
from mix2fld_np.study.averages import grouped

OPTIONS = tuple(
    replace(option, default=3) if option.name == "seeds" else option
    for option in (*options.DATA, *options.RUNNING, *options.PLACE)
    if option.name in ("data_dir", "seeds", "seed", "out")
)
TITLES = {"2": "Table II: sample privacy of Mixup", "3": "Table III: sample privacy of Mix2up"}
REMARKS = {
    "2": "Mixup shifts the logarithm of a distance by log(lambda), so the differences between columns are exact, "
    "whatever was drawn.",
    "3": "As lambda falls, an inversely mixed-up sample nears a raw one that another device mixed up, of the label "
    "that it ends with.",
}


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    which = "2 (Mixup) or 3 (Mix2up), as in the letter"
    parser.add_argument("number", metavar="NUMBER", type=values.one_of("1", "2", "3"), help=which)
    options.add_options(parser, OPTIONS)
    session.add_switches(parser, "table.json")


def run(args: argparse.Namespace) -> int:
    """`mix2fld table NUMBER`."""
    if args.number == "1":
        listed = "Table I lists the notation and holds no result"
        raise InputError(f"{listed}; tables 2 and 3 can be measured, as in mix2fld table 2.")
    command, stem = f"table {args.number}", f"table_{args.number}"
    given, settings = options.resolve_options(args, OPTIONS, tables.TABLES, command)
    sources, seeds = found(given["data_dir"], args.quiet), session.seeds_of(given)
    files = (f"{stem}.png", f"{stem}.svg", "table.csv", "table.json", "measures.csv")
    request = session.Request(command, given, settings, sources, [], files, args)

    def report(_):
        measures = measured(args.number, sources, settings, seeds, args.quiet)
        rows = tables.beside_printed(args.number, measures)
        over = "one seed" if len(seeds) == 1 else f"mean of {len(seeds)} seeds"
        n_each = f"{settings.n_devices} devices with N_S = {settings.n_seed_samples} uploads each"
        title = f"{TITLES[args.number]}, {n_each}, {over}"
        made = {
            "measures.csv": measures,
            "table.csv": rows,
            "table.json": {"rows": rows},
            **render(letter.privacy_table(rows, title), stem),
        }
        notes = (*readings(rows), *distances(rows), REMARKS[args.number], counted(measures, settings))
        return session.Report(made, f"{title}\n\n{privacy_table(rows)}", notes)

    return session.carry_out(request, report)


def found(data_dir: str | None, quiet: bool) -> list[Source]:
    """The data sets of the tables that are there; and the embedded digits, where one is missing."""
    names = list(tables.PRINTED_VALUES["2"])
    there = [name for name in names if find(name, data_dir)]
    missing = [name for name in names if name not in there]
    if missing and not quiet:
        get = f"mix2fld data fetch {missing[0]} gets it"
        print(f"Not found: {', '.join(missing)} ({get}). The embedded digits are shown too.")
    return [Source(name, data_dir) for name in there] + ([Source("digits")] if missing else [])


def measured(number: str, sources: list[Source], settings: Settings, seeds: range, quiet: bool) -> list[dict]:
    """All measures, under a progress bar."""
    rows = []
    total = len(sources) * len(seeds) * len(tables.DEFINITIONS[number]) * len(tables.COLUMNS)
    with tqdm(total=total, unit="cell", disable=quiet or None, leave=False, dynamic_ncols=True) as bar:
        for source, seed in product(sources, seeds):
            for row in tables.measured(number, dataset(source), settings, seed):
                rows.append(row)
                bar.update()
    return rows


def privacy_table(rows: list[dict]) -> str:
    """Printed, measured and their difference, a block for each data set; a head has a column for each reading."""
    heads = [f"{ratio:g}" + ("" if ratio == head else f" (head {head:g})") for head, ratio in tables.COLUMNS]
    lines = []
    for (name,), block in grouped(rows, "data").items():
        lines.append([source_of(name).title, *("" for _ in heads)])
        first = block[: len(heads)]
        known = first[0]["printed"] is not None
        lines += [numbers("  printed", first, "printed", ".3f")] if known else []
        for (definition,), own in grouped(block, "definition").items():
            lines.append(numbers(f"  {definition}", own, "measured", ".3f"))
            lines += [numbers("    difference", own, "difference", "+.3f")] if known else []
    return table(["data set, definition", *heads], lines)


def numbers(name: str, rows: list[dict], column: str, form: str) -> list[str]:
    """One line of the table; a dash where there is no number."""
    return [name, *("-" if row[column] is None else format(row[column], form) for row in rows)]


def readings(rows: list[dict]) -> list[str]:
    """Which reading of each column head fits, over all data sets and definitions."""
    sentences = []
    for head, ratios in tables.READINGS.items():
        fitting = [row["lambda"] for row in rows if row["fits"] is True and row["head"] == head]
        if fitting:
            best = max(ratios, key=fitting.count)
            verdict = "as printed" if best == head else f"not {head:g}"
            sentences.append(
                f"The column headed {head:g} holds the values of lambda = {best:g}, {verdict}: the step to its "
                f"neighbour, {tables.NEIGHBOURS[head]:g}, fits in {fitting.count(best)} of {len(fitting)} rows."
            )
    return sentences


def distances(rows: list[dict]) -> list[str]:
    """How far each definition stays from the printed values, in the columns that fit."""
    compared = [row for row in rows if row["difference"] is not None and row["fits"] is not False]
    sentences = []
    for (definition,), own in grouped(compared, "definition").items():
        off = [row["difference"] for row in own]
        mean, span = f"{fmean(map(abs, off)):.2f}", f"{min(off):+.2f} to {max(off):+.2f}"
        sentences.append(f"Definition '{definition}' is {mean} from the printed values on average, {span}.")
    return sentences


def counted(measures: list[dict], settings: Settings) -> str:
    """How many samples the smallest distance was looked for among."""
    pairs = [row["n_pairs"] for row in measures]
    return (
        f"{measures[0]['n_uploads']:,} mixed-up samples of {settings.pairing} label pairs for each data set and seed; "
        f"{min(pairs):,} to {max(pairs):,} pairs of them are symmetric and make two inversely mixed-up samples each."
    )
