"""`mix2fld study readings`: which reading of the letter gives its numbers?"""

import argparse
from dataclasses import replace
from typing import Any

from mix2fld_np.claims import readings as study
from mix2fld_np.claims.claims import READ_AT
from mix2fld_np.console import options, session, values
from mix2fld_np.console.text import table, with_interval
from mix2fld_np.pictures import studies
from mix2fld_np.pictures.canvas import picture_title, render
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.averages import grouped
from mix2fld_np.study.intervals import Interval

QUESTION = "Which reading of the letter gives its numbers? Choices where it is silent, against what it states."
FILES = ("readings.png", "readings.svg", "readings.csv", "summary.json")
N_BEST = 3  # readings that are confirmed under seeds that were not used
N_SHOWN = 12  # lines of the table
SEEDS = values.between(2, 10_000)  # one has no standard error
OPTIONS = (
    *(
        replace(option, kind=SEEDS, default=5) if option.name == "seeds" else option
        for option in (*options.DATA, *options.CHANNEL, *options.LEARNING, *options.RUNNING, *options.PLACE)
        if option.field not in study.OWN and option.name not in ("channel", "protocols", "models")
    ),
    options.Option("held_out", SEEDS, f"further seeds for the best {N_BEST} readings", default=3, word="N"),
    options.Option("full", values.one_of("yes", "no"), "all factors at two values each", default="no", alone="yes"),
)
WORDS = {moment: words for words, moment in READ_AT.items()}
NUMBERED = {statement.name: f"({k})" for k, statement in enumerate(study.STATEMENTS, 1)}
AFTER_THE_FACT = (
    "Such a search is after the fact: among so many readings some fit by chance, against which seeds are held out, and "
    "one that fits need not be the letter's, against which nothing helps."
)


def run(args: argparse.Namespace) -> int:
    """`mix2fld study readings`; running it again goes on where it was interrupted."""
    given, settings = options.resolve_options(args, OPTIONS, study.BASE, "study readings")
    readings = study.readings_of(settings, given["full"] == "yes")
    source, seeds = session.data_source(given, args.quiet), session.seeds_of(given)
    search = study.Search(readings, settings, source, seeds)
    jobs, held_out = study.jobs_of(search), range(seeds.stop, seeds.stop + given["held_out"])

    def confirmation(results: list[RunResult]) -> study.Search:
        ranked = study.candidates(study.rows_of(search, study.measured(search, results)))
        names = list(grouped(ranked, "reading"))[:N_BEST]
        return replace(search, readings=[one for one in readings if (study.label(one),) in names], seeds=held_out)

    def report(results: list[RunResult]) -> session.Report:
        found, later = study.measured(search, results[: len(jobs)]), confirmation(results[: len(jobs)])
        rows = study.rows_of(search, found)
        again = study.rows_of(later, study.measured(later, results[len(jobs) :]), held_out=True)
        ranked, confirmed, effects = study.candidates(rows), study.candidates(again), study.effects(search, found)
        missed = [name for (name,), own in grouped(rows, "statement").items() if all(row["off"] for row in own)]
        summary = {"candidates": ranked, "confirmed": confirmed, "effects": effects, "never_met": missed}
        title = picture_title(settings, source.name, len(seeds), "n_inverse_samples", "uplink_power_dbm")
        made: dict[str, Any] = {
            "readings.csv": rows + again,
            "summary.json": {"question": QUESTION, "remark": AFTER_THE_FACT} | summary,
            **render(studies.readings(rows, ranked, title), "readings"),
        }
        notes = (best(ranked, confirmed, len(held_out)), never_met(missed), levers(effects), AFTER_THE_FACT)
        return session.Report(made, f"{QUESTION}\n\n{ranking(rows, ranked)}", notes)

    request = session.Request("study readings", given, settings, [source], jobs, FILES, args,
                              further=lambda results: study.jobs_of(confirmation(results)))  # fmt: skip
    return session.carry_out(request, report)


def ranking(rows: list[dict], ranked: list[dict]) -> str:
    """A line for each of the best readings at a moment, with the number of each statement."""
    at, lines = grouped(rows, "reading", "moment"), []
    for row in ranked[:N_SHOWN]:
        met = f"{row['n_met']}{'' if row['unbeaten'] else ' beaten'}"
        lines.append([row["reading"], WORDS[row["moment"]], met, *map(cell, at[row["reading"], row["moment"]])])
    stated = "\n".join(f"{number} {name}" for name, number in NUMBERED.items())
    how = "In per cent or points; = where met within a point, else how many standard errors above or below that."
    return f"{stated}\n{how}\n\n{table(['reading', 'moment', 'met', *NUMBERED.values()], lines, left=(0, 1, 2))}"


def cell(row: dict) -> str:
    """A statement's number, and how far it is from what is stated."""
    far = f"({row['distance']:+.1f})" if row["off"] else "="
    return "-" if row["mean"] is None else f"{100 * row['mean']:+.1f} {far}"


def best(ranked: list[dict], confirmed: list[dict], n_seeds: int) -> str:
    """How many statements the best readings meet, and whether they do under other seeds."""
    again = {(row["reading"], row["moment"]): row["n_met"] for row in confirmed}
    found = [own[0] for own in grouped(ranked, "reading").values()][:N_BEST]
    each = (f"{row['reading']}, {WORDS[row['moment']]}: {row['n_met']} and {again[row['reading'], row['moment']]}"
            for row in found)  # fmt: skip
    return f"Of {len(NUMBERED)} statements the best meet, and then under {n_seeds} unused seeds: {'; '.join(each)}."


def never_met(missed: list[str]) -> str:
    """Which statements no reading meets."""
    return f"No reading meets: {', '.join(missed)}." if missed else "Each statement is met by some reading."


def levers(effects: list[dict]) -> str:
    """Which factor moves each statement most."""
    most = [max(own, key=lambda row: abs(row["mean"] or 0)) for own in grouped(effects, "statement").values()]
    each = (f"{NUMBERED[row['statement']]} {row['factor']}, {WORDS[row['moment']]}, "
            f"{with_interval(Interval(row['mean'], row['low'], row['high']))}" for row in most)  # fmt: skip
    return f"What moves each statement most, in points: {'; '.join(each)}."
