"""`mix2fld study readings`: which reading of the letter gives its numbers?"""

import argparse
from dataclasses import replace

from mix2fld_np.console import notes, options, session
from mix2fld_np.console.text import table, with_interval
from mix2fld_np.pictures import studies
from mix2fld_np.pictures.canvas import render
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study import readings as study
from mix2fld_np.study.averages import grouped
from mix2fld_np.study.claims import MOMENTS
from mix2fld_np.study.compare import summaries
from mix2fld_np.study.intervals import Interval

QUESTION = "Which reading of the letter gives its numbers? Choices where it is silent, against what it states."
FILES = ("readings.png", "readings.svg", "readings.csv", "summary.json")
SEEDS = options.between(2, 10_000)  # one has no standard error
HELD_OUT = f"further seeds, under which the best {study.N_BEST} readings are played again"
OPTIONS = (
    *(
        replace(option, kind=SEEDS, default=5) if option.name == "seeds" else option
        for option in (*options.DATA, *options.CHANNEL, *options.LEARNING, *options.RUNNING, *options.PLACE)
        if option.field not in study.OWN and option.name not in ("channel", "protocols")
    ),
    options.Option("held_out", SEEDS, HELD_OUT, default=3),
    options.Option("full", options.one_of("yes", "no"), "all factors at two values each: hours", None, "no", alone="yes"),
)
N_SHOWN = 12  # candidates in the table
WORDS = {moment: words for words, moment in MOMENTS.items()}
NUMBERED = {statement.name: f"({k})" for k, statement in enumerate(study.STATEMENTS, 1)}
AFTER_THE_FACT = (
    "Such a search is after the fact: among so many readings some fit by chance, against which seeds are held out, and "
    "one that fits need not be the letter's, against which nothing helps."
)
RANDOM = (
    "The printed reading pairs labels at random, as the letter does. Figures 2 and 3 are scheduled because N_S = 10, "
    "which is not played here, leaves too few symmetric pairs otherwise."
)


def run(args: argparse.Namespace) -> int:
    """`mix2fld study readings`; running it again goes on where it was interrupted."""
    given, settings = options.resolve_options(args, OPTIONS, study.BASE, "study readings")
    readings = study.readings_of(settings, given["full"] == "yes")
    source, seeds = session.data_source(given, args.quiet), session.seeds_of(given)
    search = study.Search(readings, settings, source, seeds)
    jobs = study.jobs_of(search)

    def confirmation(results: list[RunResult]) -> study.Search:
        ranked = study.candidates(study.rows_of(search, study.measured(search, results)))
        held_out = range(seeds.stop, seeds.stop + given["held_out"])
        return replace(search, readings=study.best(search, ranked), seeds=held_out)

    def report(results: list[RunResult]) -> session.Report:
        first, second = results[: len(jobs)], results[len(jobs) :]
        found, later = study.measured(search, first), confirmation(first)
        rows, again = study.rows_of(search, found), study.rows_of(later, study.measured(later, second), held_out=True)
        summary = {
            "question": QUESTION,
            "remark": AFTER_THE_FACT,
            "candidates": study.candidates(rows),
            "confirmed": study.candidates(again),
            "effects": study.effects(search, found),
            "never_met": [name for name in NUMBERED if not any(r["satisfied"] for r in rows if r["statement"] == name)],
        }
        title = session.picture_title(settings, source.name, len(seeds), "n_inverse_samples", "uplink_power_dbm")
        picture = render(studies.readings(rows, summary["candidates"], title), "readings")
        names = [job.name.rpartition("-")[0] for job in jobs]
        short = notes.shortages(summaries(names, jobs, first).items())
        text = "\n\n".join([QUESTION, *candidates_table(rows, summary["candidates"]), effects_table(summary["effects"])])
        made = {"readings.csv": rows + again, "summary.json": summary, **picture}
        return session.Report(made, text, (*remarks(summary, len(later.seeds)), *short))

    further = lambda results: study.jobs_of(confirmation(results))  # noqa: E731
    request = session.Request(
        "study readings", given, settings, [source], jobs, FILES, quiet=args.quiet, further=further
    )
    return session.carry_out(request, report)


def candidates_table(rows: list[dict], ranked: list[dict]) -> tuple[str, str]:
    """What the numbers are, and a line for each of the best candidates with each statement's number."""
    at = grouped(rows, "reading", "moment")
    lines = [
        [row["reading"], WORDS[row["moment"]], f"{row['n_satisfied']}{' ' if row['unbeaten'] else '-'}",
         *(cell(one) for one in at[row["reading"], row["moment"]])]
        for row in ranked[:N_SHOWN]
    ]  # fmt: skip
    legend = "\n".join(f"{number} {name}" for name, number in NUMBERED.items())
    how = "In per cent or points; = where met, else how many standard errors from what is stated. - beaten by another."
    return f"{legend}\n{how}", table(["reading", "moment", "met", *NUMBERED.values()], lines, left=(0, 1))


def cell(row: dict) -> str:
    """A statement's number, and how far it is from what is stated."""
    far = "=" if row["satisfied"] else f"({row['distance']:+.0f})"
    return "-" if row["mean"] is None else f"{100 * row['mean']:+.1f} {far}"


def effects_table(changes: list[dict]) -> str:
    """What each factor changes: after training, as downloaded."""
    lines = [
        [factor, *(", ".join(f"{100 * row['mean']:+.1f}" for row in both) for both in grouped(own, "statement").values())]
        for (factor,), own in grouped(changes, "factor").items()
    ]
    return table(["main effect: after training, as downloaded", *NUMBERED.values()], lines)


def remarks(summary: dict, n_held_out: int) -> list[str]:
    """What a reader should notice."""
    n, again = len(NUMBERED), grouped(summary["confirmed"], "reading", "moment")
    best = [own[0] for own in grouped(summary["candidates"], "reading").values()][: study.N_BEST]
    confirmed = (
        f"{row['reading']}, {WORDS[row['moment']]}: {row['n_satisfied']} of {n}, "
        f"then {again[row['reading'], row['moment']][0]['n_satisfied']}"
        for row in best
    )
    levers = [max(own, key=lambda row: abs(row["mean"])) for own in grouped(summary["effects"], "statement").values()]
    found = (
        f"{row['statement']}: {row['factor']}, "
        f"{with_interval(Interval(row['mean'], row['low'], row['high']))} {WORDS[row['moment']]}"
        for row in levers
    )
    unbeaten = sum(row["unbeaten"] for row in summary["candidates"])
    return [
        f"Statements that the best meet, and then under {n_held_out} seeds that were not used: {'; '.join(confirmed)}.",
        f"No reading meets: {', '.join(summary['never_met']) or 'none of these; each is met by some'}.",
        f"What moves a statement most, in points: {'; '.join(found)}.",
        f"{unbeaten} of {len(summary['candidates'])} readings at a moment are unbeaten: no other is as near everywhere "
        "and nearer somewhere.",
        AFTER_THE_FACT,
        RANDOM,
    ]
