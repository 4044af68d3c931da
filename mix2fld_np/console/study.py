"""`mix2fld study NAME`: one setting goes through many values; questions that the letter leaves open."""

import argparse
from dataclasses import replace
from pathlib import Path

from mix2fld_np.console import options, playing, reports
from mix2fld_np.datasets.sources import source_of
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.task import Task
from mix2fld_np.study import figures, sweep_figures, sweeps
from mix2fld_np.study.directory import description, experiment
from mix2fld_np.study.jobs import dataset
from mix2fld_np.study.sweeps import Sweep

N_SEEDS = 3  # by default: a study asks for differences of a point, which is what two seeds differ by
FROM_RUNNING = ("seeds", "seed")


def options_of(sweep: Sweep) -> tuple[options.Option, ...]:
    """What can be chosen in a study: all that it does not go through by itself."""
    own = {sweep.field, *(name for line in sweep.series for name, _ in line.changes)}
    channel = [option for option in options.CHANNEL if not (option.name == "channel" and "uplink_power_dbm" in own)]
    running = [option for option in options.RUNNING if option.name in FROM_RUNNING]
    chosen = (*options.DATA, *channel, *options.LEARNING, *running, *options.PLACE)
    return tuple(
        replace(option, default=N_SEEDS) if option.name == "seeds" else option
        for option in chosen
        if option.field not in own and option.name != "pairing"
    )


def add(parser: argparse.ArgumentParser) -> None:
    """One command for each study, with its options."""
    names = parser.add_subparsers(title="studies", dest="study", required=True, metavar="NAME")
    for name, sweep in sweeps.SWEEPS.items():
        study = names.add_parser(name, help=sweep.question, description=sweep.question)
        options.add_options(study, options_of(sweep))
        study.add_argument("--quiet", action="store_true", help="no progress bar and no word about the data")


def run(args: argparse.Namespace) -> int:
    """`mix2fld study NAME`; running it again goes on where it was interrupted."""
    sweep, command = sweeps.SWEEPS[args.study], f"study {args.study}"
    asked, settings = options.asked(args, options_of(sweep), sweep.base, command)
    source = playing.chosen_data(asked, args.quiet)
    points = sweeps.points_of(sweep, settings, source, range(asked["seed"], asked["seed"] + asked["seeds"]))
    jobs = [point.job for point in points]
    task = playing.ready(jobs)
    kept = {"data": source.name, "data_dir": source.data_dir, **{name: asked[name] for name in FROM_RUNNING}}
    out, name = Path(asked["out"] or f"results/study-{args.study}"), args.study.replace("-", "_")
    with experiment(out, description(command, kept, settings, {"data": task.data.origin}), True) as write:
        results = playing.played(jobs, out, asked["workers"], args.quiet, asked["dask"])
        tasks = [Task(job.settings, dataset(job.source), job.seed) for job in jobs]
        rows = sweeps.rows_of(sweep, points, tasks, results)
        means = sweeps.over_seeds(sweep, rows)
        write("rows.csv", rows)
        write("summary.json", {"question": sweep.question, "points": means})
        figures.save(sweep_figures.PICTURES[args.study](means, title(sweep, settings, task, asked["seeds"])), out / name)
    print(f"{sweep.question}\n\n{points_table(sweep, means)}\n")
    for sentence in remarks(args.study, sweep, means):
        print("*", sentence)
    print(f"\nWritten to {out}: {name}.png and .svg, rows.csv, summary.json, settings.json")
    return 0


def title(sweep: Sweep, settings: Settings, task: Task, n_seeds: int) -> str:
    """What all points share, in a line."""
    own = {sweep.field, *(name for line in sweep.series for name, _ in line.changes)}
    parts = [source_of(task.data.name).title, f"{settings.n_devices} devices"]
    parts += [] if "split" in own else [{"iid": "IID", "non-iid": "non-IID"}[settings.split]]
    parts += [] if "uplink_power_dbm" in own else [f"uplink {settings.uplink_power_dbm:g} dBm"]
    parts += [f"$N_S$ = {settings.n_seed_samples}"]
    parts += [] if "n_inverse_samples" in own else [f"$N_I$ = {settings.n_inverse_samples}"]
    parts += [] if "max_slots" in own else [f"$T_{{max}}$ = {settings.max_slots}"]
    return ", ".join([*parts, f"{settings.n_rounds} rounds", "one seed" if n_seeds == 1 else f"mean of {n_seeds} seeds"])


def points_table(sweep: Sweep, means: list[dict]) -> str:
    """A line for each point, by series."""
    shared = {"series", "protocol", sweep.field, "n_seeds", "elapsed_s", "accuracy", "accuracy_spread", "server_accuracy"}
    besides = [name for name in means[0] if name not in {*shared, "server_accuracy_spread"}]
    head = ("series", sweep.symbol, "final accuracy", "server model", *(name.replace("_", " ") for name in besides))
    cells = [
        (
            point["series"],
            f"{point[sweep.field]:g}",
            with_spread(point, "accuracy"),
            with_spread(point, "server_accuracy"),
            *(reports.percent(point[name]) if name in SHARES else plain(point[name]) for name in besides),
        )
        for point in means
    ]
    return reports.table(head, cells)


SHARES = {"delivered", "chance_of_upload"}


def with_spread(point: dict, column: str) -> str:
    """A share in per cent, with its spread over the seeds where there are several."""
    if point[column] is None or point["n_seeds"] == 1:
        return reports.percent(point[column])
    return f"{reports.percent(point[column])} +- {100 * point[f'{column}_spread']:.1f}"


def plain(value: float | None) -> str:
    """A number to four digits, or a dash."""
    return "-" if value is None else f"{value:.4g}"


def remarks(name: str, sweep: Sweep, means: list[dict]) -> list[str]:
    """What a reader should notice, from the numbers alone."""
    lines: dict[str, list[dict]] = {}
    for point in means:
        lines.setdefault(point["series"], []).append(point)
    say = across_the_cliff if name == "slots" else where_highest
    return [*(f"{line}: {say(sweep, own)}" for line, own in lines.items()), *NOTES.get(name, ())]


def where_highest(sweep: Sweep, points: list[dict]) -> str:
    """Where one line is highest, and where more stops paying."""
    best, enough = max(points, key=lambda point: point["accuracy"]), sweeps.stops_paying(sweep, points)
    where = f"highest at {sweep.symbol} = {best[sweep.field]:g}, {reports.percent(best['accuracy'])}"
    return f"{where}; {enough:g} is enough to come within a standard error of that."


def across_the_cliff(sweep: Sweep, points: list[dict]) -> str:
    """From which T_max on uploads arrive on one line, and what that does to its accuracy."""
    first, last = points[0], points[-1]
    arrive = next((point["max_slots"] for point in points if point["delivered"] > 0.5), None)
    begin = "no upload arrives" if arrive is None else f"most uploads arrive from T_max = {arrive} on"
    return (
        f"{begin}; {reports.percent(first['accuracy'])} at T_max = {first['max_slots']}, {reports.percent(last['accuracy'])} at "
        f"{last['max_slots']}."
    )


NOTES = {
    "ratio": (
        "Both protocols upload the same kind of mixed-up samples, so the privacy of what leaves a device is that of Table II in both.",
        "Label pairs are scheduled by the server.",
    ),
    "inverse-samples": (
        "The schedule plans for N_I: more of them from the same uploads means fewer and larger groups of one label pair each, until some "
        "labels are left out (n labels).",
        "Memory is that of all inverse samples in single precision; a server that makes each when it is drawn needs the uploads only.",
    ),
}
