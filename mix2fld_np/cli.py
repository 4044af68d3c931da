"""The command line: parses, calls, and turns what cannot work into one line and exit code 2."""

import gc
import math
import os
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING

import mix2fld_np
from mix2fld_np import process
from mix2fld_np.errors import InputError

if TYPE_CHECKING:
    import argparse

EXPLANATIONS = {
    "compare": "Play the protocols side by side on one task.",
    "figure": "Figure 2 or 3 of the letter: run, drawn and tabulated.",
    "table": "Table II or III of the letter: sample privacy, beside the printed values.",
    "claims": "The letter's sentences with a number, measured on figures 2 and 3 that were run before, and judged.",
    "study": "Beyond the letter: settings go through many values.",
    "attack": "Beyond the letter: what a curious server learns from uploads and inverse samples.",
    "verify": "Every equation of the letter by two routes, one row each.",
    "channel": "What each protocol asks of the channel, in closed form.",
    "data": "Which data sets are there, and where.",
    "site": "Static files for a web host, or to be opened from disk: playground, lessons, API reference.",
}
AFTER_CTRL_C = {
    "compare": "the same command with --resume goes on from the last finished round.",
    "figure": "the same command goes on from the last finished round.",
    "study": "the same command goes on from the last finished round.",
    "data": "files that had arrived whole are kept; the same command fetches the others.",
}


def main(argv: list[str] | None = None) -> int:
    """Runs one command, the process's own where `argv` is None; returns its exit code. Defects have a traceback."""
    process.open_streams()
    with warnings.catch_warnings():
        warnings.showwarning = process.warn
        try:
            return ended(argv)
        finally:
            process.write(sys.stdout)
            if argv is None:
                gc.freeze()  # an end without a search for cycles among all that was loaded, which takes 0.15 s


def ended(argv: list[str] | None) -> int:
    """The exit code, when a command is done or what ended it has been said."""
    command, as_program = "", argv is None
    try:
        if as_program:
            process.on_ctrl_c(process.leave)  # a module cannot be loaded by half
        args = loaded(as_program, argv).parse_args(argv)
        command = args.command
        if as_program:
            process.on_ctrl_c(process.interrupt)
        code = args.run(args)
        sys.stdout.flush()
        return code
    except SystemExit as end:  # after --help or --version
        return int(end.code or 0)
    except BrokenPipeError:  # the reader of the output has gone
        return 141
    except KeyboardInterrupt:
        process.say(f"interrupted; {AFTER_CTRL_C.get(command, 'nothing was kept; the same command begins anew.')}")
        if as_program:
            process.write(sys.stdout)
            os._exit(process.INTERRUPTED)  # and waits for no thread
        return process.INTERRUPTED
    except Exception as problem:
        sentence = in_words(problem)
        if sentence is None:
            raise
        process.say(sentence)
        return 2


def in_words(problem: Exception) -> str | None:
    """What a user should know of an exception, or None where it is a defect."""
    limit = process.memory_limit()
    if isinstance(problem, InputError):
        return str(problem)
    if "can't start new thread" in str(problem):
        return "the system allows no further thread; try --workers 1, or raise the limits (ulimit -u, ulimit -v)."
    if isinstance(problem, MemoryError) or (limit < math.inf and isinstance(problem, (ImportError, SystemError))):
        more = "" if limit == math.inf else f", or raise the limit of {limit / 1e6:,.0f} MB (ulimit -v)"
        return f"this needs more memory than there is; try fewer devices, samples or iterations{more}."
    if isinstance(problem, OSError):  # a full disk, most likely
        return f"the system refused ({problem}); free some space and look at the permissions, then try again."
    return None


def loaded(as_program: bool, argv: list[str] | None) -> "argparse.ArgumentParser":
    """The parser, when its modules are there; InputError for an environment in which they cannot be loaded."""
    if as_program:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the work is shared out by threads of our own
    if process.memory_limit() < process.NEEDED_BYTES:
        raise MemoryError
    suspects = [name for name in os.environ if name.startswith("TQDM_")]  # read when libraries are loaded
    try:
        return parser(*(sys.argv[1:] if argv is None else argv)[:1])
    except ValueError as problem:
        if not suspects:
            raise
        raise InputError(f"libraries cannot be loaded ({problem}); change or unset {', '.join(suspects)}.") from None


def parser(asked: str = "") -> "argparse.ArgumentParser":
    """All commands; with the options of the one that is asked for, or of all where that is none of them."""
    from mix2fld_np.console import options

    top = options.Parser(prog="mix2fld", description=mix2fld_np.__doc__)
    top.add_argument("--version", action="version", version=f"mix2fld_np {mix2fld_np.__version__}")
    subparsers = top.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    for name, explanation in EXPLANATIONS.items():
        command = subparsers.add_parser(name, help=explanation, description=explanation)
        if asked not in EXPLANATIONS or asked == name:
            module = import_module(f"mix2fld_np.console.{name}")
            command.set_defaults(run=module.run)
            module.add(command)
    return top


if __name__ == "__main__":
    sys.exit(main())
