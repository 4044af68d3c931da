"""`mix2fld study vary NAME=V1,V2,...`: any setting goes through values of one's own."""

import argparse
import re
from dataclasses import replace

from mix2fld_np.console import options
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import COMPARISON, Settings
from mix2fld_np.study.sweeps import Sweep, as_typed, varied

QUESTION = "Any setting through values of your own: accuracy at each, and what it differs by from that at the first."
WORDS = "the setting, as --set names it, and its values, such as beta=0.01,0.1,1 or pairing=random,scheduled"


def asked(args: argparse.Namespace, choices: tuple[options.Option, ...]) -> tuple[Sweep, str, dict, Settings]:
    """The study, the command with its values, options, settings at the first value; InputError if they cannot be."""
    name, _, typed = args.vary.partition("=")
    texts = [f"{name}={text}" for text in re.split(r",(?![^\[]*\])", typed)]  # not at the comma of a pair
    values = [options.parsed_set([text], "vary")[name] for text in texts]
    check_alone(args, choices, name)
    command = f"study vary {name}={','.join(map(as_typed, values))}"
    at = [argparse.Namespace(**vars(args) | {"set": [*(args.set or []), text]}) for text in texts]
    every = [options.resolve_options(one, choices, COMPARISON, command) for one in at]
    given, settings = every[0]
    if name == "n_seed_samples":  # nothing else changes with it: N_I is at all values what the largest asks for
        settings = replace(settings, n_inverse_samples=max(own.n_inverse_samples for _, own in every))
    return varied(name, tuple(values), given["protocols"], settings), command, given, settings


def check_alone(args: argparse.Namespace, choices: tuple[options.Option, ...], name: str) -> None:
    """InputError where the command line sets what is varied as well."""
    own, free = vars(args), [text.partition("=")[0] for text in args.set or []]
    flags = [option.flag for option in choices if option.name in own and name in option.changes(own[option.name])]
    for flag in [*flags, f"--set {name}"] if name in free else flags:
        raise InputError(f"{flag} and vary {name} set the same; give one of them.")
