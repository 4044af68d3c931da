"""`mix2fld site`: static files for any web host, or to be opened from disk."""

import argparse
from pathlib import Path

from mix2fld_np.console import options
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.runs.files import write_whole
from mix2fld_np.web import lessons
from mix2fld_np.web.playground import playground

OPTIONS = (options.Option("out", str, "directory for the site", default="results/site", word="DIR"),)


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    options.add_options(parser, OPTIONS, settings=False)


def run(args: argparse.Namespace) -> int:
    """`mix2fld site`: the playground, and the lessons where they can be made; what stands there besides stays."""
    given, _ = options.resolve_options(args, OPTIONS, PRINTED, "site")
    out, lacking = Path(given["out"]), lessons.missing()
    for name, content in ({} if lacking else lessons.pages()).items():
        write_whole(out / name, content)
    write_whole(out / "index.html", playground().encode())
    print(f"{out / 'index.html'} is the playground" + (", beside it the lessons: " if not lacking else ": ") + "open it in a browser.")
    if lacking:
        print(f"Without lessons: {lacking}")
    return 0
