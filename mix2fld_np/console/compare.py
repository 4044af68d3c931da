"""`mix2fld compare`: the protocols side by side on one task."""

import argparse
from dataclasses import replace
from statistics import fmean

from mix2fld_np.console import models, notes, options, session
from mix2fld_np.console.text import counted, percent, table_of
from mix2fld_np.federation.settings import COMPARISON
from mix2fld_np.federation.task import Task
from mix2fld_np.nn.network import Network
from mix2fld_np.pictures.canvas import picture_title, render
from mix2fld_np.pictures.curves import learning_curves
from mix2fld_np.pictures.labels import label_table
from mix2fld_np.runs.jobs import dataset
from mix2fld_np.study import compare
from mix2fld_np.study.compare import Summary

OPTIONS = tuple(
    replace(option, default="auto") if option.name == "models" else option
    for option in (*options.DATA, *options.CHANNEL, *options.LEARNING, *options.RUNNING, *options.PLACE)
)
PICTURES = ("learning_curves.png", "learning_curves.svg", "labels.png", "labels.svg")
FILES = (*PICTURES, "rounds.csv", "curve.csv", "per_label.csv", "summary.json")


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    options.add_options(parser, OPTIONS)
    session.add_switches(parser, resume=True)


def run(args: argparse.Namespace) -> int:
    """`mix2fld compare`."""
    given, settings = options.resolve_options(args, OPTIONS, COMPARISON, "compare")
    source = session.data_source(given, args.quiet)
    jobs = compare.compare_jobs(given["protocols"], settings, source, session.seeds_of(given))
    jobs, more = models.asked_for(jobs, given)
    request = session.Request("compare", given, settings, [source], jobs, (*FILES, *more), args)
    network = Task(settings, dataset(source)).network
    title = picture_title(settings, source.name, given["seeds"], "n_rounds")

    def report(results):
        places = [{"protocol": job.protocol, "seed": job.seed} for job in jobs]
        summaries = compare.summaries([job.protocol for job in jobs], jobs, results)
        curves, labels = compare.curve_rows(places, results), compare.label_rows(places, results)
        task = Task(settings, dataset(source), given["seed"])
        device = [row for row in labels if (row["seed"], row["device"]) == (task.seed, task.reference)]
        about = f"{title.rpartition(', ')[0]}: device {task.reference} under seed {task.seed}"
        files = {
            "per_label.csv": labels,
            **render(label_table(device, task.split.rare_on(task.reference), about), "labels"),
            "rounds.csv": compare.round_rows(places, results),
            "curve.csv": curves,
            "summary.json": {
                name: summary.as_json() | {"uplink_bits_relative_to_fl": share_of_fl(summary, summaries)}
                for name, summary in summaries.items()
            },
            **render(learning_curves(curves, title), "learning_curves"),
        }
        return session.Report(files, comparison_table(summaries), remarks(summaries, network))

    return session.carry_out(request, report)


def share_of_fl(summary: Summary, summaries: dict[str, Summary]) -> float | None:
    """Uplink bits as a share of FL's over the same rounds; None where FL did not run."""
    return compare.bits_relative_to(summaries["FL"], summary) if "FL" in summaries else None


def comparison_table(summaries: dict[str, Summary]) -> str:
    """The protocols side by side."""
    columns = {
        "protocol": lambda s: s.protocol,
        "global model": lambda s: s.over("server_accuracy").text(),
        "downloaded": lambda s: s.over("downloaded").text(),
        "trained": lambda s: s.over("trained").text(),
        "reference": lambda s: s.over("accuracy").text(),
        "server samples": notes.samples_of,
        "uplink bits": lambda s: f"{s.over('uplink_bits').mean:,.0f}",
        "of FL's": lambda s: percent(share_of_fl(s, summaries)),
        "uplink energy": lambda s: s.over("uplink_energy_j").text(1, 3, " J", spread=False),
        "outage": lambda s: percent(s.outage_rate),
        "criterion met": lambda s: s.over("criterion_s").text(1, 2, " s", spread=False),
        "all rounds": lambda s: s.over("elapsed_s").text(1, 2, " s", spread=False),
    }
    return table_of(summaries.values(), columns)


def remarks(summaries: dict[str, Summary], network: Network) -> tuple[str | None, ...]:
    """What a reader should notice, from the numbers alone."""
    learned = [summary for summary in summaries.values() if summary.n_downloads]
    return (
        *moments(learned),
        *(notes.never_downloaded(name, summary) for name, summary in summaries.items()),
        *(notes.lost_uploads(name, summary, network) for name, summary in summaries.items()),
        *notes.shortages(summaries.items()),
        fewer_bits(summaries),
        f"{notes.ENERGY} uplink energy is that of all devices; rounds.csv has the server's as well.",
        hard_labels(summaries),
        notes.printed_max_slots(next(iter(summaries.values())).settings, network),
    )


COLUMNS_MEAN = (
    "Accuracy of the last global model that the server sent; of all devices, a mean, as downloaded at the end and as "
    "trained just before, by the last local update; and of the reference device, trained."
)


def moments(learned: list[Summary]) -> list[str]:
    """What the columns mean, and who ends highest at either moment; nothing where there is nothing to compare with."""
    if len(learned) < 2:
        return [COLUMNS_MEAN]
    when = {"downloaded": "After the last download", "trained": "After the last local update"}
    return [COLUMNS_MEAN, *(ranking(name, words, learned) for name, words in when.items())]


def ranking(moment: str, when: str, learned: list[Summary]) -> str:
    """Which protocol ends highest on the mean of all devices, and by how much."""
    final = {summary.protocol: fmean(getattr(run, moment) for run in summary.runs) for summary in learned}
    best, second, *_ = ranked = sorted(final, key=lambda name: -final[name])
    if final[best] == final[ranked[-1]]:
        return f"{when}, all of them are alike, at {percent(final[best])}."
    others = dict.fromkeys((second, ranked[-1]))
    lead = ", ".join(f"{100 * (final[best] - final[name]):.1f} points above {name}" for name in others)
    return f"{when}, {best} is highest, at {percent(final[best])}: {lead}."


def fewer_bits(summaries: dict[str, Summary]) -> str | None:
    """How many times fewer bits Mix2FLD asked for than FL, over rounds that both played."""
    if not {"Mix2FLD", "FL"} <= set(summaries):
        return None
    ours, theirs = summaries["Mix2FLD"], summaries["FL"]
    n_rounds = min(ours.n_rounds, theirs.n_rounds)
    rounds = "round" if n_rounds == 1 else counted(n_rounds, "round")
    share = compare.bits_relative_to(theirs, ours)
    times = f"{1 / share:.1f} times fewer bits than" if share <= 1 else f"{share:.1f} times as many bits as"
    return f"Mix2FLD asked the uplink for {times} FL over the first {rounds}."


def hard_labels(summaries: dict[str, Summary]) -> str | None:
    """What inverse-Mixup did for the server's model."""
    means = [summaries[name].over("server_accuracy").mean for name in ("MixFLD", "Mix2FLD") if name in summaries]
    known = [mean for mean in means if mean is not None]
    if len(known) < 2:
        return None
    mixed, inverse = known
    gain = f"{100 * abs(inverse - mixed):.1f} points {'above' if inverse >= mixed else 'below'}"
    return f"Hard labels: Mix2FLD's server model reaches {percent(inverse)}, {gain} MixFLD's {percent(mixed)}."
