"""`mix2fld attack`: what a curious server learns from the samples that it holds."""

import argparse
from dataclasses import replace

from mix2fld_np.console import options, session, values
from mix2fld_np.console.text import percent, table
from mix2fld_np.federation.settings import PAIRINGS, PRINTED
from mix2fld_np.federation.task import Task
from mix2fld_np.mixing.attack import GUESSES
from mix2fld_np.pictures.canvas import picture_title, render
from mix2fld_np.pictures.studies import digits_over_lambda
from mix2fld_np.process import announced
from mix2fld_np.runs.jobs import dataset
from mix2fld_np.study import attack
from mix2fld_np.study.figures import check_free

KNOWN = options.Option("candidates", values.between(2, 10**7), "N, pictures that the server knows", default=5_000)
CHOICES = (*options.DATA, *options.CHANNEL, *options.LEARNING, *options.RUNNING, *options.PLACE, KNOWN)
NAMES = "data data_dir devices seed_samples split inverse_samples seed out candidates".split()
OPTIONS = tuple(option for option in CHOICES if option.name in NAMES)
SHOWN = {"pairing": "", "held": "", "lambda": "g", "privacy": ".3f", "nearest_found": ".1%", "sources_found": ".1%"}
SHOWN |= {f"{guess}_db": ".1f" for guess in GUESSES}


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    options.add_options(parser, OPTIONS)
    session.add_switches(parser, "attack.json")


def run(args: argparse.Namespace) -> int:
    """`mix2fld attack`: nothing is trained."""
    given, settings = options.resolve_options(args, OPTIONS, PRINTED, "attack")
    check_free(settings, PRINTED, "this command", ("pairing", "mixing_ratio"))
    source = session.data_source(given, args.quiet)
    tasks = [Task(replace(settings, pairing=pairing), dataset(source), given["seed"]) for pairing in PAIRINGS[::-1]]
    scenes = [attack.scene_of(task, given["candidates"]) for task in tasks]
    files = ("attack.csv", "attack.json", "attack.png", "attack.svg")
    request = session.Request("attack", given, settings, [source], [], files, args)
    title = picture_title(settings, source.name, 1, "uplink_power_dbm", "max_slots", "n_rounds")

    def report(_):
        with announced("Searching all pairs of known pictures, which takes about a minute ..."):
            found = [list(attack.rows_of(scene)) for scene in scenes]
        rows = [{name: row[name] for name in row if name != "digits"} for own in found for row in own]
        cells = [[format(row[name], form).replace("%", " %") for name, form in SHOWN.items()] for row in rows]
        drawn = render(digits_over_lambda(found[0], title), "attack")
        text = table([name.replace("_", " ") for name in SHOWN], cells, left=(0, 1))
        return session.Report({"attack.csv": rows, "attack.json": {"rows": rows}, **drawn}, text, remarks(rows))

    return session.carry_out(request, report)


def remarks(rows: list[dict]) -> tuple[str, ...]:
    """What the columns mean, and what a reader should notice."""
    most = {row["pairing"]: f"{row['most_uploads']} times ({row['pairing']})" for row in rows}
    low, high = ([row for row in rows if row["lambda"] == ratio][0] for ratio in (0.01, 0.49))
    found = " and of ".join(percent(row["sources_found"], 0) for row in (low, high))
    return (
        "Nearest found: the nearest known picture is the main raw sample. Sources found: of all pairs of known ones "
        "with the labels of an upload, the true one fits best; of an inverse sample, that of both its uploads. In dB: "
        "peak signal-to-noise ratio of guesses of the main raw picture; higher is nearer.",
        f"One raw sample is part of up to so many uploads: {', '.join(most.values())}.",
        f"A larger log-distance is no privacy guarantee: from lambda = 0.01 to 0.49 it grows from {low['privacy']:.2f} "
        f"to {high['privacy']:.2f}, and all sources are found of {found} of the uploads.",
    )
