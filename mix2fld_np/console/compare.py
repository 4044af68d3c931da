"""`mix2fld compare`: the protocols side by side on one task."""

import argparse
from statistics import fmean

from mix2fld_np.console import notes, options, session
from mix2fld_np.console.text import percent, table
from mix2fld_np.federation.settings import COMPARISON
from mix2fld_np.federation.task import Task
from mix2fld_np.nn.network import Network
from mix2fld_np.pictures.canvas import render
from mix2fld_np.pictures.curves import learning_curves
from mix2fld_np.runs.jobs import dataset
from mix2fld_np.study import compare
from mix2fld_np.study.compare import Summary

OPTIONS = (*options.DATA, *options.CHANNEL, *options.LEARNING, *options.RUNNING, *options.PLACE)
FILES = ("learning_curves.png", "learning_curves.svg", "rounds.csv", "curve.csv", "summary.json")


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    options.add_options(parser, OPTIONS)
    session.add_switches(parser, resume=True)


def run(args: argparse.Namespace) -> int:
    """`mix2fld compare`: the protocols side by side on one task."""
    given, settings = options.resolve_options(args, OPTIONS, COMPARISON, "compare")
    source = session.data_source(given, args.quiet)
    jobs = compare.compare_jobs(given["protocols"], settings, source, session.seeds_of(given))
    request = session.Request("compare", given, settings, [source], jobs, FILES, args.resume, args.quiet)
    task, title = Task(settings, dataset(source)), session.picture_title(settings, source.name, given["seeds"], "n_rounds")

    def report(results):
        places = [compare.place_of(job) for job in jobs]
        summaries = compare.summaries([job.protocol for job in jobs], jobs, results)
        curves = compare.curve_rows(places, results)
        files = {
            "rounds.csv": compare.round_rows(places, results),
            "curve.csv": curves,
            "summary.json": json_of(summaries),
            **render(learning_curves(curves, title), "learning_curves"),
        }
        return session.Report(files, comparison_table(summaries), remarks(summaries, task.network))

    return session.carry_out(request, report)


def json_of(summaries: dict[str, Summary]) -> dict[str, dict]:
    """As summary.json holds it; relative bits are null where FL did not run."""
    return {name: s.as_json() | {"uplink_bits_relative_to_fl": share_of_fl(s, summaries)} for name, s in summaries.items()}


def share_of_fl(summary: Summary, summaries: dict[str, Summary]) -> float | None:
    """Uplink bits as a share of FL's over the same rounds."""
    return compare.bits_relative_to(summaries["FL"], summary) if "FL" in summaries else None


def comparison_table(summaries: dict[str, Summary]) -> str:
    """The protocols side by side."""
    head = ("protocol", "final accuracy", "server model", "best", "server samples", "uplink bits", "of FL's", "outage", "criterion met",
            "all rounds")  # fmt: skip
    rows = [
        (
            name,
            s.over("accuracy").text(),
            s.over("server_accuracy").text(),
            s.over("best_accuracy").text(),
            notes.samples_of(s),
            f"{s.over('uplink_bits').mean:,.0f}",
            percent(share_of_fl(s, summaries)),
            percent(s.outage_rate),
            s.over("criterion_s").text(1, 2, " s", spread=False),
            s.over("elapsed_s").text(1, 2, " s", spread=False),
        )
        for name, s in summaries.items()
    ]
    return table(head, rows)


def remarks(summaries: dict[str, Summary], network: Network) -> tuple[str | None, ...]:
    """What a reader should notice, from the numbers alone."""
    final = {
        name: fmean(run.accuracy for run in summary.runs) for name, summary in summaries.items() if summary.n_downloads
    }
    return (
        ranking(final),
        *(notes.never_downloaded(name, summary) for name, summary in summaries.items()),
        *(notes.lost_uploads(name, summary, network) for name, summary in summaries.items()),
        *notes.shortages(summaries.items()),
        fewer_bits(summaries),
        hard_labels(summaries),
        notes.printed_max_slots(next(iter(summaries.values())).settings, network),
    )


def ranking(final: dict[str, float]) -> str | None:
    """Who ends highest, and by how much; None where there is nobody to compare with."""
    if len(final) < 2:
        return None
    best, second, *_ = ranked = sorted(final, key=lambda name: -final[name])
    lead = [f"{100 * (final[best] - final[name]):.1f} points above {name}" for name in dict.fromkeys((second, ranked[-1]))]
    if final[best] == final[ranked[-1]]:
        return f"All of them end alike, at {percent(final[best])}."
    return f"{best} ends highest, at {percent(final[best])}: {', '.join(lead)}."


def fewer_bits(summaries: dict[str, Summary]) -> str | None:
    """How many times fewer bits Mix2FLD asked for than FL, over rounds that both played."""
    if not {"Mix2FLD", "FL"} <= set(summaries):
        return None
    ours, theirs = summaries["Mix2FLD"], summaries["FL"]
    n_rounds = min(ours.n_rounds, theirs.n_rounds)
    rounds = "the first round" if n_rounds == 1 else f"the first {n_rounds} rounds"
    return f"Mix2FLD asked the uplink for {1 / compare.bits_relative_to(theirs, ours):.1f} times fewer bits than FL over {rounds}."


def hard_labels(summaries: dict[str, Summary]) -> str | None:
    """What inverse-Mixup did for the server's model."""
    if not {"Mix2FLD", "MixFLD"} <= set(summaries):
        return None
    mixed, inverse = (summaries[name].over("server_accuracy").mean for name in ("MixFLD", "Mix2FLD"))
    if mixed is None or inverse is None:
        return None
    difference = 100 * (inverse - mixed)
    word = "above" if difference >= 0 else "below"
    return f"Hard labels: Mix2FLD's server model reaches {percent(inverse)}, {abs(difference):.1f} points {word} MixFLD's {percent(mixed)}."
