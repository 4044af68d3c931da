"""`mix2fld data`: which data sets are there, and where; `mix2fld data fetch NAME` downloads one."""

import argparse
import shlex

from mix2fld_np.console import options, text, values
from mix2fld_np.datasets.download import fetch as fetch_data
from mix2fld_np.datasets.find import user_cache
from mix2fld_np.datasets.registry import listing
from mix2fld_np.datasets.sources import SOURCES
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import PRINTED

OPTIONS = (options.Option("data_dir", str, "folder to look in, or to download to", word="DIR"),)


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command, and `fetch` below it."""
    options.add_options(parser, OPTIONS, settings=False)
    fetching = parser.add_subparsers(metavar="fetch").add_parser("fetch", help="download a data set and check it")
    fetching.add_argument("name", metavar="NAME", type=values.one_of(*SOURCES), help=", ".join(SOURCES))
    options.add_options(fetching, OPTIONS, settings=False)
    fetching.set_defaults(run=fetch)


def run(args: argparse.Namespace) -> int:
    """`mix2fld data`: which data sets are there, and where."""
    asked = asked_folder(args)
    rows = listing(asked)
    print(text.data_table(rows))
    missing = [row.name for row in rows if row.path is None and row.name != "digits"]
    if missing:
        command = f"mix2fld data fetch {missing[0]}" + (f" --data-dir {shlex.quote(asked)}" if asked else "")
        into = asked or user_cache() or "the folder that --data-dir names"
        print(f"\n{command} downloads into {into}; no other command downloads anything.")
    return 0


def fetch(args: argparse.Namespace) -> int:
    """`mix2fld data fetch NAME`: downloads a data set and checks it."""
    if args.name == "digits":
        raise InputError("digits are drawn, not downloaded; fetch mnist, fashion-mnist, cifar-10 or cifar-100.")
    into = asked_folder(args) or user_cache()
    if into is None:
        raise InputError("this user has no home directory to download to; name a folder with --data-dir.")
    folder = fetch_data(args.name, into)
    print(f"{args.name} is in {folder}.")
    return 0


def asked_folder(args: argparse.Namespace) -> str | None:
    """--data-dir, on the command line or in a file."""
    return options.resolve_options(args, OPTIONS, PRINTED, "data")[0]["data_dir"]
