"""One experiment in its directory: begun, gone on with, or refused; and what is written there."""

import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mix2fld_np
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.runs.files import LOCK, can_be_written, claimed, csv_bytes, json_bytes, read_json, write_whole
from mix2fld_np.runs.jobs import RUNS, UNFINISHED, plain

SEAL = "settings.json"  # in UNFINISHED from the beginning, beside the results once all of them are there


def description(command: str, options: dict[str, Any], settings: Settings, about: dict[str, Any]) -> dict[str, Any]:
    """All that is needed to repeat an experiment: what settings.json holds and --config takes."""
    versions = {"mix2fld_np": mix2fld_np.__version__, "python": platform.python_version()}
    versions |= {name: version(name) for name in ("numpy", "numba", "matplotlib")}
    return plain({"command": command, **options, "settings": asdict(settings), "about": {**about, "versions": versions}})


@contextmanager
def experiment(directory: Path, described: dict[str, Any], resume: bool) -> Iterator[Callable[[str, object], Path]]:
    """Claims a directory for one experiment and gives back a function that writes a file there: rows as CSV, a dict as JSON.

    Goes on with what stands there where `resume` is set and it is the same experiment; InputError where it is another one. Without
    `resume` it begins anew. settings.json comes last: where it stands, the results beside it are complete and belong to it.
    """
    check_ours(directory)
    with claimed(directory):
        begun = described_in(directory) if resume else None
        if begun is None:
            clear(directory)
            write_whole(directory / UNFINISHED / SEAL, json_bytes(described))
        else:
            check_same(directory, begun, described)

        def write(name: str, content: object) -> Path:
            data = content if isinstance(content, bytes) else csv_bytes(content) if isinstance(content, list) else json_bytes(content)
            write_whole(directory / name, data)
            return directory / name

        yield write
        write_whole(directory / SEAL, json_bytes(described))
        shutil.rmtree(directory / UNFINISHED, ignore_errors=True)


def described_in(directory: Path) -> dict[str, Any] | None:
    """What is being done in a directory, or else what was done there, or None."""
    found = next((path for path in (directory / UNFINISHED / SEAL, directory / SEAL) if path.exists()), None)
    return read_json(found) if found else None


def clear(directory: Path) -> None:
    """Takes away what an earlier experiment left; its results lose their settings.json first."""
    with can_be_written(directory):
        (directory / SEAL).unlink(missing_ok=True)
        for folder in (UNFINISHED, RUNS):
            if (directory / folder).exists():
                shutil.rmtree(directory / folder)


def check_ours(directory: Path) -> None:
    """InputError where files under our names stand in a directory in which mix2fld has never worked: `clear` would take them away."""
    with can_be_written(directory):
        taken = [name for name in (SEAL, RUNS, UNFINISHED) if (directory / name).exists()]
        if not taken or (directory / LOCK).exists():
            return
    if "about" not in (described_in(directory) or {}):
        raise InputError(f"{directory} holds {taken[0]}, which mix2fld did not write and would replace; choose another --out.")


def check_same(directory: Path, begun: dict[str, Any], described: dict[str, Any]) -> None:
    """InputError unless the experiment that was begun is the one that is asked for; names the first difference."""
    for name in described | begun:
        ours, theirs = described.get(name), begun.get(name)
        if isinstance(ours, dict) and isinstance(theirs, dict) and ours != theirs:
            check_same(directory, theirs, ours)
        elif ours != theirs:
            raise InputError(
                f"{directory} holds another experiment, with {name} = {theirs} instead of {ours}; "
                "choose another --out, or delete that directory to begin anew."
            )
