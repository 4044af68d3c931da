"""`mix2fld channel`: what each protocol asks of the channel, in closed form."""

import argparse

from mix2fld_np.console import options, reports
from mix2fld_np.federation.settings import COMPARISON
from mix2fld_np.study import compare as experiments

SEED_SAMPLES = (10, 50)  # the letter's N_S


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    options.add_options(parser, options.CHANNEL)


def run(args: argparse.Namespace) -> int:
    """`mix2fld channel`: what each protocol asks of the channel, in closed form."""
    asked, settings = options.asked(args, options.CHANNEL, COMPARISON, "channel")
    rows = experiments.channel_rows(settings, sorted({*SEED_SAMPLES, settings.n_seed_samples}))
    print(reports.channel_heading(settings))
    print(reports.channel_table(rows))
    print()
    for sentence in (*reports.channel_remarks(rows, settings), reports.reminder(settings)):
        if sentence:
            print("*", sentence)
    return 0
