"""`mix2fld site`: static files for any web host, or to be opened from disk."""

import argparse
import os
from pathlib import Path

from mix2fld_np.console import options
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.runs.files import write_whole
from mix2fld_np.web import lessons
from mix2fld_np.web.playground import playground

OPTIONS = (
    options.Option("out", str, "directory for the site", default="results/site", word="DIR"),
    options.Option("pyodide", str, "a folder of Pyodide for --live (default: $MIX2FLD_PYODIDE)", word="DIR"),
)
TITLE = b"<title>Mix2FLD, live</title>"
LINKS = '<a href="lessons/index.html">lessons</a> <a href="api/mix2fld_np.html">API</a>'


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    options.add_options(parser, OPTIONS, settings=False)
    parser.add_argument("--live", action="store_true", help="also the lessons in JupyterLite, which run in the browser")


def run(args: argparse.Namespace) -> int:
    """`mix2fld site`: the playground, and beside it lessons and API reference where they can be made."""
    given, _ = options.resolve_options(args, OPTIONS, PRINTED, "site")
    out, lacking = Path(given["out"]), lessons.missing()
    check_ours(out)
    if args.live:
        from mix2fld_np.web import live  # and with it Numba

        live.build(out / "live", given["pyodide"] or os.environ.get("MIX2FLD_PYODIDE"))
    write_whole(out / "index.html", playground("" if lacking else LINKS).encode())
    for name, content in ({} if lacking else lessons.pages(args.live)).items():
        write_whole(out / name, content)
    if lacking:
        print(f"The playground stands alone: {lacking}")
    else:
        lessons.write_reference(out / "api")
    print(f"Open {out / 'index.html'} in a browser.")
    return 0


def check_ours(out: Path) -> None:
    """InputError where something else than an earlier site, which is known by its title, would be replaced."""
    index, in_the_way = out / "index.html", [out / name for name in ("index.html", "lessons", "api", "live")]
    earlier = index.is_file() and TITLE in index.read_bytes()
    if not earlier and (any(map(os.path.lexists, in_the_way)) or os.path.lexists(out) and not out.is_dir()):
        raise InputError(f"{out} holds what mix2fld site did not write and would replace; choose another --out.")
