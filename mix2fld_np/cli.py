"""The command line: parses, calls, and turns an InputError into one line and exit code 2."""

import argparse
import sys

import mix2fld_np
from mix2fld_np.console import channel, compare, data, options
from mix2fld_np.errors import InputError

COMMANDS = {
    "compare": (compare, "Play the protocols side by side on one task."),
    "channel": (channel, "What each protocol asks of the channel, in closed form."),
    "data": (data, "Which data sets are there, and where."),
}


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    try:
        args = parser().parse_args(argv)
        return args.run(args)
    except InputError as problem:
        print(f"mix2fld: {problem}", file=sys.stderr)
        return 2
    except MemoryError:
        print("mix2fld: this needs more memory than there is; try fewer devices, samples or iterations.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mix2fld: interrupted; the same command with --resume goes on from the last finished round.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has gone
        sys.stderr.close()
        return 141


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
