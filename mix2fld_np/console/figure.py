"""`mix2fld figure 2` and `mix2fld figure 3`: the letter's figures, run and drawn."""

import argparse
from collections.abc import Callable
from dataclasses import replace

from mix2fld_np.console import models, notes, options, session, values
from mix2fld_np.console.text import number, percent, table
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import COMPARISON, PRINTED, SPLITS, Settings
from mix2fld_np.federation.task import Task
from mix2fld_np.pictures import letter
from mix2fld_np.pictures.canvas import picture_title, render
from mix2fld_np.runs.jobs import Job, dataset
from mix2fld_np.study import compare, figures
from mix2fld_np.study.averages import average_in
from mix2fld_np.study.compare import Summary
from mix2fld_np.wireless.channel import slots_needed

CHOICES = (*options.DATA, *options.LEARNING, *options.RUNNING, *options.PLACE)
GONE_THROUGH = ("split", "inverse_samples", "ratio", "beta", "pairing", "protocols", "participation")  # or by --set
OPTIONS = tuple(option for option in CHOICES if option.name not in GONE_THROUGH)
FILES = {
    "2": ("figure_2.png", "figure_2.svg", "rounds.csv", "curve.csv", "summary.json"),
    "3": ("figure_3.png", "figure_3.svg", "devices.csv", "distribution.csv", "summary.json"),
}


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("number", metavar="NUMBER", type=values.one_of("1", "2", "3"), help="2 or 3, as in the letter")
    options.add_options(parser, OPTIONS)
    printed, words = f"max_slots={PRINTED.max_slots}", f"T_max as printed, instead of {COMPARISON.max_slots}"
    parser.add_argument("--printed", action="append_const", dest="set", const=printed, help=f"--set {printed}: {words}")
    session.add_switches(parser)


def run(args: argparse.Namespace) -> int:
    """`mix2fld figure NUMBER`; running it again goes on where it was interrupted."""
    if args.number == "1":
        drawn = "Figure 1 is a drawing of the idea and holds no result"
        raise InputError(f"{drawn}; figures 2 and 3 can be run, as in mix2fld figure 2.")
    command = f"figure {args.number}"
    given, settings = options.resolve_options(args, OPTIONS, figures.FIGURES, command)
    source, seeds = session.data_source(given, args.quiet), session.seeds_of(given)
    task = Task(settings, dataset(source))
    if args.number == "2":
        runs = figures.figure_2_runs(settings, source, seeds)
        jobs, report = [run.job for run in runs], figure_2(runs, task)
    else:
        jobs = figures.figure_3_jobs(settings, source, seeds)
        report = figure_3(jobs, task)
    jobs, more = models.asked_for(jobs, given)
    files = (*FILES[args.number], *more)
    request = session.Request(command, given, settings, [source], jobs, files, args)
    return session.carry_out(request, report)


def figure_2(runs: list[figures.FigureRun], task: Task) -> Callable:
    """The report on learning curves in four panels."""
    n_seeds, settings = len({run.job.seed for run in runs}), task.settings
    own = ("split", "uplink_power_dbm", "n_seed_samples", "n_inverse_samples")
    title = picture_title(settings, task.data.name, n_seeds, *own)

    def report(results):
        places = [run.place for run in runs]
        curves = compare.curve_rows(places, results)
        names = [(run.panel.name, run.curve.label) for run in runs]
        by_place = compare.summaries(names, [run.job for run in runs], results)
        files = {
            "rounds.csv": compare.round_rows(places, results),
            "curve.csv": curves,
            "summary.json": {
                panel.name: {curve.label: by_place[panel.name, curve.label].as_json() for curve in figures.CURVES}
                for panel in figures.PANELS
            },
            **render(letter.figure_2(curves, title), "figure_2"),
        }
        said = (
            scheduled(settings),
            notes.printed_max_slots(settings, task.network, "--printed"),
            lost_uploads(by_place),
            *notes.shortages((f"{label} in panel {panel}", summary) for (panel, label), summary in by_place.items()),
        )
        return session.Report(files, f"{accuracy_table(by_place)}\n\n{time_table(by_place)}", said)

    return report


def scheduled(settings: Settings) -> str | None:
    """That the server decides which labels are mixed up; None where chance does."""
    if settings.pairing != "scheduled":
        return None
    only = "of random ones, only those that are symmetric count"
    return f"The server schedules the label pairs that devices mix up; {only}."


def figure_3(jobs: list[Job], task: Task) -> Callable:
    """The report on accuracy over devices."""
    n_seeds = len({job.seed for job in jobs})
    shared = picture_title(jobs[0].settings, task.data.name, n_seeds, "n_devices", "split", "uplink_power_dbm")

    def report(results):
        devices, rows = figures.device_rows(jobs, results), figures.figure_3_rows(jobs, results)
        points = figures.over_seeds(rows)
        files = {
            "devices.csv": devices,
            "distribution.csv": rows,
            "summary.json": {"points": points},
            **render(letter.figure_3(devices, points, f"Mix2FLD, symmetric channel, {shared}"), "figure_3"),
        }
        names = [f"{SPLITS[job.settings.split]} with {job.settings.n_devices} devices" for job in jobs]
        short = notes.shortages(compare.summaries(names, jobs, results).items())
        said = (only_few(jobs, task), scheduled(task.settings), *short)
        return session.Report(files, distribution_table(points), said)

    return report


def only_few(jobs: list[Job], task: Task) -> str | None:
    """Why N_S is the smaller one of Figure 2; None where the larger one would do as well."""
    most, larger = max((job.settings for job in jobs), key=lambda s: s.n_devices), max(figures.SEED_SAMPLES)[0]
    with_larger = replace(most, n_seed_samples=larger, n_inverse_samples=larger)
    needed = float(slots_needed(most.uplink, notes.first_upload_bits("Mix2FLD", with_larger, task.network)))
    if needed <= most.max_slots:
        return None
    return (
        f"N_S is {most.n_seed_samples}: with {most.n_devices} devices an upload of N_S = {larger} would need "
        f"{number(needed)} slots of at most {most.max_slots}, so it could never arrive."
    )


Summaries = dict[tuple[str, str], Summary]  # by panel and label


def lost_uploads(summaries: Summaries) -> str | None:
    """How many uploads of FL were lost, panel by panel."""
    rates = {panel: summary.outage_rate for (panel, label), summary in summaries.items() if label == "FL"}
    lost = [f"{percent(rate)} in panel {panel}" for panel, rate in rates.items() if rate >= 0.01]
    return f"Uploads of FL were lost: {', '.join(lost)}." if lost else None


def accuracy_table(summaries: Summaries) -> str:
    """Accuracy of each curve in each panel, over its seeds, at both moments of the last round."""

    def cell(s: Summary) -> str:
        return f"{s.over('downloaded').text(unit='')} / {s.over('trained').text()}"

    return panel_table("all devices: downloaded / trained", summaries, cell)


def time_table(summaries: Summaries) -> str:
    """Convergence time to the stop criterion, or a dash, and to the end of the last round."""

    def cell(s: Summary) -> str:
        met, all_rounds = s.over("criterion_s"), s.over("elapsed_s")
        return f"{met.text(1, 1, ' s', spread=False)} / {all_rounds.text(1, 2, ' s', spread=False)}"

    return panel_table("criterion met / all rounds", summaries, cell)


def panel_table(corner: str, summaries: Summaries, cell: Callable[[Summary], str]) -> str:
    """Curves down, panels across."""
    head = [corner, *(f"{panel.name}: {panel.split}, {panel.channel}" for panel in figures.PANELS)]
    labels = [curve.label for curve in figures.CURVES]
    return table(head, [[label, *(cell(summaries[p.name, label]) for p in figures.PANELS)] for label in labels])


def distribution_table(points: list[dict]) -> str:
    """Mean and variance over devices of each point of Figure 3."""
    found = {(point["split"], point["n_devices"]): point for point in points}
    head = ["devices", *(f"{title}: {word}" for title in SPLITS.values() for word in ("mean", "variance (points^2)"))]
    lines = []
    for n in figures.N_DEVICES:
        lines.append([str(n)])
        for point in (found[split, n] for split in SPLITS):
            lines[-1] += [average_in(point, "mean").text(), f"{1e4 * point['variance']:.2f}"]
    return table(head, lines)
