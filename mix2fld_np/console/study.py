"""`mix2fld study NAME`: one setting goes through many values; questions that the letter leaves open."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from mix2fld_np.console import models, notes, options, readings, session, vary
from mix2fld_np.console.text import percent, table, table_of, with_interval
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.task import Task
from mix2fld_np.pictures import studies
from mix2fld_np.pictures.canvas import picture_title, render
from mix2fld_np.runs.jobs import dataset
from mix2fld_np.study import sweeps
from mix2fld_np.study.averages import average_in, grouped
from mix2fld_np.study.compare import summaries
from mix2fld_np.study.sweeps import Sweep, as_typed

N_SEEDS = 3  # by default: a study asks for differences of a point, which is what two seeds differ by
CHOICES = tuple(
    replace(option, default=N_SEEDS) if option.name == "seeds" else option
    for option in (*options.DATA, *options.CHANNEL, *options.LEARNING, *options.RUNNING, *options.PLACE)
)


def options_of(sweep: Sweep) -> tuple[options.Option, ...]:
    """What can be chosen in a study: all that it does not go through by itself."""
    own = sweep.own_settings
    left_out = {"pairing", "protocols"} | ({"channel"} if "uplink_power_dbm" in own else set())
    return tuple(option for option in CHOICES if option.field not in own and option.name not in left_out)


def add(parser: argparse.ArgumentParser) -> None:
    """One command for each study, with its options."""
    names = parser.add_subparsers(title="studies", dest="study", required=True, metavar="NAME")
    every = {name: (sweep.question, options_of(sweep)) for name, sweep in sweeps.SWEEPS.items()}
    every |= {"readings": (readings.QUESTION, readings.OPTIONS), "vary": (vary.QUESTION, CHOICES)}
    for name, (question, own) in every.items():
        study = names.add_parser(name, help=question, description=question)
        options.add_options(study, own)
        session.add_switches(study)
        if name == "vary":
            study.add_argument("vary", metavar="NAME=V1,V2,...", type=options.filled, help=vary.WORDS)


def run(args: argparse.Namespace) -> int:
    """`mix2fld study NAME`; running it again goes on where it was interrupted."""
    if args.study == "readings":
        return readings.run(args)
    if args.study == "vary":
        sweep, command, given, settings = vary.asked(args, CHOICES)
    else:
        sweep, command = sweeps.SWEEPS[args.study], f"study {args.study}"
        given, settings = options.resolve_options(args, options_of(sweep), sweep.base, command)
    over_values = partial(studies.devices_and_server, field=sweep.field, below=f"{sweep.field} (not to scale)")
    draw = studies.PICTURES.get(args.study, over_values)
    stem = args.study.replace("-", "_")
    source = session.data_source(given, args.quiet)
    points = sweeps.points_of(sweep, settings, source, session.seeds_of(given))
    jobs, more = models.asked_for([point.job for point in points], given)
    files = (f"{stem}.png", f"{stem}.svg", "rows.csv", "summary.json", *more)
    request = session.Request(command, given, settings, [source], jobs, files, args)
    title = picture_title(settings, source.name, given["seeds"], *sweep.own_settings)

    def report(results):
        tasks = [Task(job.settings, dataset(job.source), job.seed) for job in jobs]
        rows = sweeps.rows_of(sweep, points, tasks, results)
        means = sweeps.over_seeds(sweep, rows)
        names = [f"{point.series.name} at {sweep.symbol} = {as_typed(point.value)}" for point in points]
        short = notes.shortages(summaries(names, jobs, results).items())
        made = {
            "rows.csv": rows,
            "summary.json": {"question": sweep.question, "points": means},
            **render(draw(means, title), stem),
        }
        text = f"{sweep.question}\n\n{points_table(sweep, means)}{differences_table(sweep, rows)}"
        return session.Report(made, text, (*remarks(args.study, sweep, means, settings), *short))

    return session.carry_out(request, report)


def points_table(sweep: Sweep, means: list[dict]) -> str:
    """A line for each point, by series."""
    shared = {"series", "protocol", sweep.field, "n_seeds", "elapsed_s", "server_samples", "server_samples_wanted"}
    columns = {
        "series": lambda point: point["series"],
        sweep.symbol: lambda point: as_typed(point[sweep.field]),
        "downloaded": lambda point: average_in(point, "downloaded").text(),
        "trained": lambda point: average_in(point, "trained").text(),
        "reference": lambda point: average_in(point, "accuracy").text(),
        "global model": lambda point: average_in(point, "server_accuracy").text(),
        "server samples": lambda point: notes.samples(point["server_samples"], point["server_samples_wanted"]),
    }
    besides = [name for name in means[0] if name not in shared and not name.startswith(sweeps.ACCURACIES)]
    return table_of(means, columns | {name.replace("_", " "): cell_of(name) for name in besides})


SHARES = {"delivered", "chance_of_upload", "chance_of_first_upload"}


def cell_of(name: str) -> Callable[[dict], str]:
    """What is shown of a point in a column of the study's own."""
    shown = percent if name in SHARES else four_digits
    return lambda point: shown(point[name])


def four_digits(value: float | None) -> str:
    """A number to four digits or all of its whole ones, or a dash."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def remarks(name: str, sweep: Sweep, means: list[dict], settings: Settings) -> list[str | None]:
    """What a reader should notice, from the numbers alone."""
    say = across_the_cliff if name == "slots" else where_highest
    lines = [f"{line}: {say(sweep, own)}" for (line,), own in grouped(means, "series").items()]
    planned = PLANNED.get(name) if settings.pairing == "scheduled" else None
    return [*lines, NOTES.get(name), planned]


def where_highest(sweep: Sweep, points: list[dict]) -> str:
    """Where one line is highest, and where it is less than half as high."""
    best = max(points, key=lambda point: point["trained"])
    if all(point["trained"] == best["trained"] for point in points):
        return f"{percent(best['trained'])} at every {sweep.symbol}."
    fallen = ", ".join(as_typed(point[sweep.field]) for point in points if point["trained"] < best["trained"] / 2)
    worse = f" At {fallen} it is less than half of that." if fallen else ""
    return f"highest at {sweep.symbol} = {as_typed(best[sweep.field])}, {percent(best['trained'])}.{worse}"


def across_the_cliff(sweep: Sweep, points: list[dict]) -> str:
    """From which T_max on uploads arrive on one line, and what that does to its accuracy."""
    arrive = next((point["max_slots"] for point in points if point["delivered"] > 0.5), None)
    begin = "no upload arrives" if arrive is None else f"most uploads arrive from T_max = {arrive} on"
    (low, at), (high, end) = ((percent(point["trained"]), point["max_slots"]) for point in (points[0], points[-1]))
    return f"{begin}; {low} at T_max = {at}, {high} at {end}."


def differences_table(sweep: Sweep, rows: list[dict]) -> str:
    """What the study compares, in pairs of one seed; nothing where it does not."""
    lines = [
        [" less ".join(f"{line} at {sweep.symbol} = {as_typed(value)}" for line, value in couple), with_interval(found)]
        for couple, found in sweeps.differences(sweep, rows)
    ]
    return f"\n\n{table(['points, mean of all devices after training', '95 % interval'], lines)}" if lines else ""


NOTES = {
    "beta": "A teacher's part is what is left at the same step: the target of eq. (3) sums to 1 + beta, which alone "
    "lengthens every step. Where a line without a teacher collapses, it is the step that is too long.",
    "ratio": "Both protocols upload the same kind of mixed-up samples, so the privacy of what leaves a device is that "
    "of Table II in both.",
    "inverse-samples": "Memory is that of all inverse samples in single precision; a server that makes each when it is "
    "drawn needs the uploads only. A gain of N_I that comes where more uploads are used, and not where all of them "
    "are used anyway, is no augmentation.",
    "bits": "Each number is rounded within the range of its layer, which is sent along below 32 bits. Slots and chance "
    "are those of the first upload, with all seed samples (of FedDF ten at most).",
    "alpha": "The smaller alpha, the fewer labels a device holds. One that holds a single label mixes up nothing, and "
    "where the schedule asks for a label that a device lacks, chance picks another pair.",
}
PLANNED = {  # where the server schedules label pairs
    "ratio": "Label pairs are scheduled by the server.",
    "inverse-samples": "The schedule plans for N_I: more of them from the same uploads means fewer and larger groups "
    "of one label pair each, until some labels are left out (n labels).",
}
