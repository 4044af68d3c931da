"""Shell completion, generated from the commands' own options: `python -m mix2fld_np.completion bash` prints that of
bash; also of zsh and fish. It needs shtab, the extra [completion], which mix2fld itself does without."""

import argparse
import sys
from collections.abc import Iterable
from functools import partial
from importlib.util import find_spec
from typing import Any

from mix2fld_np.cli import parser
from mix2fld_np.console import options
from mix2fld_np.datasets.sources import SOURCES
from mix2fld_np.federation.settings import SPLITS, check_split

SHELLS = ("bash", "zsh", "fish")
PATHS = {"DIR": "directory", "FILE": "file"}  # as the usage has it: as shtab has it
WORDS: dict[Any, Iterable[str]] = {  # by what reads a value
    options.names: options.EVERY, options.data_name: ("auto", *SOURCES), check_split: SPLITS,
}  # fmt: skip


def marked(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The command and those below it, each option with the values that a shell can offer, as shtab looks for them."""
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                marked(below)
        elif action.metavar in PATHS:
            action.complete = PATHS[action.metavar]  # type: ignore[attr-defined, index]
        else:
            reader = getattr(action.type, "__self__", None)  # an Option
            kind = reader.kind if isinstance(reader, options.Option) else action.type
            action.choices = kind.args[0] if isinstance(kind, partial) else WORDS.get(kind)
    return command


def shtab_file(shell: str) -> str:
    """The file for a shell."""
    import shtab

    return shtab.complete(marked(parser()), shell)


def main(arguments: list[str]) -> int:
    """Prints the file for a shell; exit code 2 where it cannot."""
    if len(arguments) != 1 or arguments[0] not in SHELLS or not find_spec("shtab"):
        print(f"{__doc__}\n\nThat is, pip install shtab, and one of: {', '.join(SHELLS)}.", file=sys.stderr)
        return 2
    print(shtab_file(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
