"""`mix2fld table 2` and `mix2fld table 3`: sample privacy over the letter's mixing ratios, beside the printed values."""

import argparse
from dataclasses import replace
from statistics import fmean

from tqdm import tqdm

from mix2fld_np.console import options, session
from mix2fld_np.console.text import table
from mix2fld_np.datasets.find import find
from mix2fld_np.datasets.sources import title_of
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.pictures import letter
from mix2fld_np.pictures.canvas import render
from mix2fld_np.runs.jobs import Source, dataset
from mix2fld_np.study import tables

OPTIONS = (
    next(option for option in options.DATA if option.name == "data_dir"),
    *(replace(option, default=3) for option in options.RUNNING if option.name == "seeds"),
    *(option for option in options.RUNNING if option.name == "seed"),
    *(option for option in options.PLACE if option.name == "out"),
)
TITLES = {"2": "Table II: sample privacy of Mixup", "3": "Table III: sample privacy of Mix2up"}
REMARKS = {
    "2": "Mixup shifts the logarithm of a distance by log(lambda), so the differences between columns are exact, whatever was drawn.",
    "3": "As lambda falls, an inversely mixed-up sample nears a raw one that another device mixed up, of the label that it ends with.",
}


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("number", metavar="NUMBER", type=options.one_of("1", "2", "3"), help="2 (Mixup) or 3 (Mix2up), as in the letter")
    options.add_options(parser, OPTIONS)
    session.add_switches(parser)


def run(args: argparse.Namespace) -> int:
    """`mix2fld table NUMBER`."""
    if args.number == "1":
        raise InputError("Table I lists the notation and holds no result; tables 2 and 3 can be measured, as in mix2fld table 2.")
    command, stem = f"table {args.number}", f"table_{args.number}"
    given, settings = options.resolve_options(args, OPTIONS, tables.TABLES, command)
    sources, seeds = found(given["data_dir"], args.quiet), session.seeds_of(given)
    files = (f"{stem}.png", f"{stem}.svg", "table.csv", "table.json", "measures.csv")
    request = session.Request(command, given, settings, sources, [], files, quiet=args.quiet)

    def report(_):
        measures = measured(args.number, sources, settings, seeds, args.quiet)
        rows = tables.beside_printed(args.number, measures)
        title = heading(args.number, settings, len(seeds))
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
        print(f"Not found: {', '.join(missing)} (mix2fld data fetch {missing[0]} gets it). The embedded digits are shown too.")
    return [Source(name, data_dir) for name in there] + ([Source("digits")] if missing else [])


def measured(number: str, sources: list[Source], settings: Settings, seeds: range, quiet: bool) -> list[dict]:
    """All measures, under a progress bar."""
    total = len(sources) * len(seeds) * len(tables.DEFINITIONS[number]) * len(tables.COLUMNS)
    with tqdm(total=total, unit="cell", disable=quiet or None, leave=False, dynamic_ncols=True) as bar:
        rows = []
        for source in sources:
            for seed in seeds:
                for row in tables.measured(number, dataset(source), settings, seed):
                    rows.append(row)
                    bar.update()
        return rows


def heading(number: str, settings: Settings, n_seeds: int) -> str:
    """What was measured, in a line."""
    seeds = "one seed" if n_seeds == 1 else f"mean of {n_seeds} seeds"
    return f"{TITLES[number]}, {settings.n_devices} devices with N_S = {settings.n_seed_samples} uploads each, {seeds}"


def privacy_table(rows: list[dict]) -> str:
    """Printed, measured and their difference, a block for each data set; a head in question has a column for each of its readings."""
    head = ["data set, definition", *(f"{ratio:g}" + ("" if ratio == head else f" (head {head:g})") for head, ratio in tables.COLUMNS)]
    lines = []
    for name in dict.fromkeys(row["data"] for row in rows):
        own = [row for row in rows if row["data"] == name]
        first = own[: len(tables.COLUMNS)]
        lines.append([title_of(name), *("" for _ in first)])
        if first[0]["printed"] is not None:
            lines.append(["  printed", *(f"{row['printed']:.3f}" for row in first)])
        for start in range(0, len(own), len(tables.COLUMNS)):
            cells = own[start : start + len(tables.COLUMNS)]
            lines.append([f"  {cells[0]['definition']}", *(decimals(row["measured"], ".3f") for row in cells)])
            if cells[0]["printed"] is not None:
                lines.append(["    difference", *(decimals(row["difference"], "+.3f") for row in cells)])
    return table(head, lines)


def decimals(value: float | None, form: str) -> str:
    """A number as `form` says, or a dash."""
    return "-" if value is None else format(value, form)


def readings(rows: list[dict]) -> list[str]:
    """Which reading of each column head fits, over all data sets and definitions."""
    sentences = []
    for head, ratios in tables.READINGS.items():
        votes = {ratio: sum(row["fits"] is True for row in rows if row["lambda"] == ratio and row["head"] == head) for ratio in ratios}
        if any(votes.values()):
            best = max(votes, key=lambda ratio: votes[ratio])
            verdict = "as printed" if best == head else f"not {head:g}"
            sentences.append(
                f"The column headed {head:g} holds the values of lambda = {best:g}, {verdict}: the step to its neighbour, "
                f"{tables.NEIGHBOURS[head]:g}, fits in {votes[best]} of {sum(votes.values())} rows."
            )
    return sentences


def distances(rows: list[dict]) -> list[str]:
    """How far each definition stays from the printed values, in the columns that fit."""
    off: dict[str, list[float]] = {}
    for row in rows:
        if row["difference"] is not None and row["fits"] is not False:
            off.setdefault(row["definition"], []).append(row["difference"])
    return [
        f"Definition '{definition}' is {fmean(map(abs, values)):.2f} from the printed values on average, {min(values):+.2f} to "
        f"{max(values):+.2f}."
        for definition, values in off.items()
    ]


def counted(measures: list[dict], settings: Settings) -> str:
    """How many samples the smallest distance was looked for among."""
    pairs = [row["n_pairs"] for row in measures]
    return (
        f"{measures[0]['n_uploads']:,} mixed-up samples of {settings.pairing} label pairs for each data set and seed; "
        f"{min(pairs):,} to {max(pairs):,} pairs of them are symmetric and make two inversely mixed-up samples each."
    )
