"""The command line: parses, calls, and turns an InputError into one line and exit code 2."""

import argparse
import os
import sys
from contextlib import suppress

import mix2fld_np
from mix2fld_np.console import channel, claims, compare, data, figure, options, study, table, verify
from mix2fld_np.errors import InputError

COMMANDS = {
    "compare": (compare, "Play the protocols side by side on one task."),
    "figure": (figure, "Figure 2 or 3 of the letter: run, drawn and tabulated."),
    "table": (table, "Table II or III of the letter: sample privacy, beside the printed values."),
    "claims": (claims, "The letter's sentences with a number, measured on figures 2 and 3 that were run before, and judged."),
    "study": (study, "Beyond the letter: one setting goes through many values."),
    "verify": (verify, "Every equation of the letter by two routes, one row each."),
    "channel": (channel, "What each protocol asks of the channel, in closed form."),
    "data": (data, "Which data sets are there, and where."),
}
LONGEST = 1_000  # characters of a message


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may hold what this terminal cannot show
    try:
        args = parser().parse_args(argv)
        code = args.run(args)
        sys.stdout.flush()
        return code
    except InputError as problem:
        print("mix2fld:", one_line(str(problem)), file=sys.stderr)
        return 2
    except MemoryError:
        print("mix2fld: this needs more memory than there is; try fewer devices, samples or iterations.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mix2fld: interrupted; the same command (compare: with --resume) goes on from the last finished round.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has gone
        discard_output()
        return 141
    except OSError as problem:  # a full disk, most likely
        discard_output()
        refusal = f"the system refused ({problem}); free some space and look at the permissions, then try again."
        print("mix2fld:", one_line(refusal), file=sys.stderr)
        return 2


def one_line(message: str) -> str:
    """A message without line breaks and without the middle of a value that goes on and on."""
    text = " ".join(message.splitlines())
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"


def discard_output() -> None:
    """Nothing more is said, so that nothing fails when Python empties its buffer at the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = options.Parser(prog="mix2fld", description=mix2fld_np.__doc__)
    top.add_argument("--version", action="version", version=f"mix2fld_np {mix2fld_np.__version__}")
    subparsers = top.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    for name, (module, explanation) in COMMANDS.items():
        command = subparsers.add_parser(name, help=explanation, description=explanation)
        command.set_defaults(run=module.run)
        module.add(command)
    return top
