"""`mix2fld figure 2` and `mix2fld figure 3`: the letter's figures, run and drawn."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from mix2fld_np.console import options, playing, reports
from mix2fld_np.datasets.sources import source_of
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import PRINTED, Settings
from mix2fld_np.federation.task import Task
from mix2fld_np.study import figures, letter, letter_figures
from mix2fld_np.study.directory import description, experiment
from mix2fld_np.study.jobs import Source

FROM_LEARNING = ("rounds", "iterations", "distill_iterations")
FROM_RUNNING = ("seeds", "seed")
OPTIONS = (
    *options.DATA,
    *(option for option in options.LEARNING if option.name in FROM_LEARNING),
    *(option for option in options.RUNNING if option.name in FROM_RUNNING),
    *options.PLACE,
)
SCHEDULED = (
    "The server schedules the label pairs that devices mix up; drawn at random, too few would be symmetric to reach N_I = 20 with N_S = 10."
)


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("number", metavar="NUMBER", type=options.one_of("1", "2", "3"), help="2 or 3, as in the letter")
    options.add_options(parser, OPTIONS)
    parser.add_argument("--printed", action="store_true", help="T_max = 100 as printed, with which FL never delivers an upload, not 105")
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no word about the data")


def run(args: argparse.Namespace) -> int:
    """`mix2fld figure NUMBER`; running it again goes on where it was interrupted."""
    if args.number == "1":
        raise InputError("Figure 1 is a drawing of the idea and holds no result; figures 2 and 3 can be run, as in mix2fld figure 2.")
    command = f"figure {args.number}"
    asked, settings = options.asked(args, OPTIONS, letter.FIGURES, command)
    if args.printed:
        settings = replace(settings, max_slots=PRINTED.max_slots)
    source = playing.chosen_data(asked, args.quiet)
    kept = {"data": source.name, "data_dir": source.data_dir, **{name: asked[name] for name in FROM_RUNNING}}
    out = Path(asked["out"] or f"results/figure-{args.number}")
    return {"2": figure_2, "3": figure_3}[args.number](asked, settings, source, kept, out, args.quiet)


def figure_2(asked: dict[str, Any], settings: Settings, source: Source, kept: dict, out: Path, quiet: bool) -> int:
    """Learning curves in four panels."""
    runs = letter.figure_2_runs(settings, source, seeds_of(asked))
    jobs = [run.job for run in runs]
    task = playing.ready(jobs)
    with experiment(out, description("figure 2", kept, settings, {"data": task.data.origin}), True) as write:
        results = playing.played(jobs, out, asked["workers"], quiet, asked["dask"])
        curves, summary = letter.curve_rows(runs, results), letter.figure_2_summary(runs, results)
        write("rounds.csv", letter.round_rows(runs, results))
        write("curve.csv", curves)
        write("summary.json", summary)
        figures.save(letter_figures.figure_2(curves, title(settings, task, asked["seeds"], "mean")), out / "figure_2")
    print(accuracy_table(summary))
    print()
    print(time_table(summary))
    print()
    tell(SCHEDULED, misprint(settings), *lost_uploads(summary))
    print(f"\nWritten to {out}: figure_2.png and .svg, rounds.csv, curve.csv, summary.json, settings.json")
    return 0


def figure_3(asked: dict[str, Any], settings: Settings, source: Source, kept: dict, out: Path, quiet: bool) -> int:
    """Accuracy over devices."""
    jobs = letter.figure_3_jobs(settings, source, seeds_of(asked))
    task = playing.ready(jobs)
    with experiment(out, description("figure 3", kept, settings, {"data": task.data.origin}), True) as write:
        results = playing.played(jobs, out, asked["workers"], quiet, asked["dask"])
        devices, rows = letter.device_rows(jobs, results), letter.figure_3_rows(jobs, results)
        points = letter.over_seeds(rows)
        write("devices.csv", devices)
        write("distribution.csv", rows)
        write("summary.json", {"points": points})
        seeds = f"$N_S$ = {jobs[0].settings.n_seed_samples}, $N_I$ = {jobs[0].settings.n_inverse_samples}"
        heading = f"Mix2FLD, {seeds}, symmetric channel, {title(settings, task, asked['seeds'], 'devices')}"
        figures.save(letter_figures.figure_3(devices, points, heading), out / "figure_3")
    print(distribution_table(points, asked["seeds"]))
    print()
    tell("N_S is 10: with 50 devices an upload of N_S = 50 would need 396 slots, so Figure 3 is only possible with 10.", SCHEDULED)
    print(f"\nWritten to {out}: figure_3.png and .svg, devices.csv, distribution.csv, summary.json, settings.json")
    return 0


def seeds_of(asked: dict[str, Any]) -> range:
    """SEED, SEED + 1, ..."""
    return range(asked["seed"], asked["seed"] + asked["seeds"])


def title(settings: Settings, task: Task, n_seeds: int, drawn: str) -> str:
    """What all panels share, in a line; `drawn` says what is shown of several seeds."""
    seeds = "one seed" if n_seeds == 1 else f"{drawn} of {n_seeds} seeds"
    return f"{source_of(task.data.name).title}, K = {settings.n_local_iterations:,}, $T_{{max}}$ = {settings.max_slots}, {seeds}"


def tell(*sentences: str | None) -> None:
    """What a reader should notice, a bullet each."""
    for sentence in sentences:
        if sentence:
            print("*", sentence)


def misprint(settings: Settings) -> str:
    """What has to be said about T_max."""
    if settings.max_slots == PRINTED.max_slots:
        return "T_max is 100 slots as printed: FL, which needs 101, can never deliver an upload; without --printed it is 105."
    return f"T_max is {settings.max_slots} slots; with the printed 100, FL, which needs 101, never delivers an upload (--printed shows it)."


def lost_uploads(summary: dict[str, dict[str, dict]]) -> list[str]:
    """Which curves lost uploads, by panel."""
    sentences = []
    for panel in letter.PANELS:
        names = [f"{label} {reports.percent(s['outage_rate'])}" for label, s in summary[panel.name].items() if s["outage_rate"] >= 0.005]
        if names:
            sentences.append(f"Uploads lost in panel {panel.name}: {', '.join(names)}.")
    return sentences


def accuracy_table(summary: dict[str, dict[str, dict]]) -> str:
    """Final accuracy of each curve in each panel, over its seeds."""

    def cell(s: dict) -> str:
        spread = f" +- {100 * s['final_accuracy_spread']:.1f}" if len(s["final_accuracies"]) > 1 else ""
        return reports.percent(s["final_accuracy_mean"]) + spread

    return panel_table("final accuracy", summary, cell)


def time_table(summary: dict[str, dict[str, dict]]) -> str:
    """Convergence time to the stop criterion, or a dash, and to the end of the last round."""

    def cell(s: dict) -> str:
        met = "-" if s["time_to_criterion_s"] is None else f"{s['time_to_criterion_s']:.1f} s"
        return f"{met} / {s['elapsed_s']:.2f} s"

    return panel_table("criterion met / all rounds", summary, cell)


def panel_table(corner: str, summary: dict[str, dict[str, dict]], cell) -> str:
    """Curves down, panels across."""
    head = [corner, *(f"{p.name}: {p.split}, {p.channel}" for p in letter.PANELS)]
    rows = [[curve.label, *(cell(summary[p.name][curve.label]) for p in letter.PANELS)] for curve in letter.CURVES]
    return reports.table(head, rows)


def distribution_table(points: list[dict], n_seeds: int) -> str:
    """Mean and variance over devices of each point of Figure 3."""
    head = ["devices", *(f"{split}: {word}" for split in letter.SPLITS for word in ("mean", "variance (points^2)"))]
    by_place = {(point["split"], point["n_devices"]): point for point in points}
    rows = []
    for n in letter.N_DEVICES:
        cells = [str(n)]
        for split in letter.SPLITS:
            point = by_place[split, n]
            spread = f" +- {100 * point['mean_spread']:.1f}" if n_seeds > 1 else ""
            cells += [reports.percent(point["mean"]) + spread, f"{1e4 * point['variance']:.2f}"]
        rows.append(cells)
    return reports.table(head, rows)
