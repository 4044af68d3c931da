"""`mix2fld compare`: the protocols side by side on one task."""

import argparse
from pathlib import Path

from mix2fld_np.console import options, playing, reports
from mix2fld_np.federation.settings import COMPARISON
from mix2fld_np.pictures import canvas as figures
from mix2fld_np.runs.directory import description, experiment
from mix2fld_np.study import compare as experiments

OPTIONS = (*options.DATA, *options.CHANNEL, *options.LEARNING, *options.RUNNING, *options.PLACE)


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    options.add_options(parser, OPTIONS)
    playing.add_switches(parser)


def run(args: argparse.Namespace) -> int:
    """`mix2fld compare`: the protocols side by side on one task."""
    asked, settings = options.asked(args, OPTIONS, COMPARISON, "compare")
    source = playing.chosen_data(asked, args.quiet)
    seeds = list(range(asked["seed"], asked["seed"] + asked["seeds"]))
    jobs = experiments.compare_jobs(asked["protocols"], settings, source, seeds)
    task = playing.ready(jobs)
    out = Path(asked["out"] or "results/compare")
    kept = {"data": source.name, "data_dir": source.data_dir, **{name: asked[name] for name in ("protocols", "seeds", "seed")}}
    with experiment(out, description("compare", kept, settings, {"data": task.data.origin}), args.resume) as write:
        results = playing.played(jobs, out, asked["workers"], args.quiet, asked["dask"])
        summaries = experiments.summaries(jobs, results)
        curves = experiments.curve_rows(jobs, results)
        write("rounds.csv", experiments.round_rows(jobs, results))
        write("curve.csv", curves)
        write("summary.json", summaries)
        figures.save(figures.learning_curves(curves, playing.task_title(settings, task)), out / "learning_curves")
    print(reports.comparison_table(summaries))
    print()
    for sentence in (*reports.remarks(summaries, task), reports.reminder(settings)):
        if sentence:
            print("*", sentence)
    print(f"\nWritten to {out}: learning_curves.png and .svg, rounds.csv, curve.csv, summary.json, settings.json")
    return 0
