"""One experiment in its directory: begun, gone on with, or refused; and what is written there.

A file is ours where it says so itself: a settings.json with its checksum, of the same command, and the results that it lists; a stored
run with its checksum; a checkpoint with its first line. Nothing else is ever changed or deleted.
"""

import os
import platform
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mix2fld_np
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.runs.checkpoint import MAGIC
from mix2fld_np.runs.files import (
    LOCK,
    checksum,
    content_bytes,
    json_bytes,
    locked,
    plain,
    read_json,
    remove_leftovers,
    writable,
    write_whole,
)
from mix2fld_np.runs.store import RUNS, UNFINISHED, StoredRun

SEAL = "settings.json"  # in UNFINISHED from the beginning, beside the results once all of them are there


def description(
    command: str, options: dict[str, Any], settings: Settings, numbers: dict[str, Any], data: object, files: Iterable[str]
) -> dict[str, Any]:
    """All that is needed to repeat an experiment: what settings.json holds and --config takes.

    `numbers` is what the results depend on besides; `data` says for people where the data came from; `files` lists the results.
    """
    versions = {"mix2fld_np": mix2fld_np.__version__, "python": platform.python_version()}
    versions |= {name: version(name) for name in ("numpy", "numba", "matplotlib")}
    about = {"data": data, "numbers": numbers, "versions": versions, "files": sorted(files)}
    described = plain({"command": command, **options, "settings": asdict(settings), "about": about})
    described["about"]["checksum"] = checksum(described)
    return described


@contextmanager
def experiment(
    directory: Path, described: dict[str, Any], runs: Iterable[StoredRun], resume: bool
) -> Iterator[Callable[[str, object], None]]:
    """Locks a directory for one experiment and gives back a function that writes a result there: rows as CSV, a dict as JSON.

    Goes on with what stands there where `resume` is set and it is the same experiment; InputError where it is another one. Without
    `resume` it begins anew. settings.json comes last: where it stands, the results beside it are complete and belong to it.
    """
    stored = list(runs)
    check_ours(directory, described, stored)
    with locked(directory) as alone:
        begun = sealed_in(directory, described["command"])
        if resume and begun:
            check_same(directory, begun, described)
        for folder in (directory, directory / RUNS, directory / UNFINISHED) if alone else ():
            remove_leftovers(folder)
        if not (resume and begun):
            clear(directory)
            write_whole(directory / UNFINISHED / SEAL, json_bytes(described))
        needed = [directory / (SEAL if (directory / SEAL).exists() else f"{UNFINISHED}/{SEAL}"), *(run.path for run in stored)]

        def write(name: str, content: object) -> None:
            check_there(needed)
            write_whole(directory / name, content_bytes(content))
            needed.append(directory / name)

        yield write
        check_there(needed)
        write_whole(directory / SEAL, json_bytes(described))
        with writable(directory), suppress(OSError):  # a folder with files of others stays
            for path in (run.checkpoint for run in stored if is_checkpoint(run.checkpoint)):
                path.unlink()  # a kill came between the result and this
            (directory / UNFINISHED / SEAL).unlink(missing_ok=True)
            (directory / UNFINISHED).rmdir()


def check_there(paths: Iterable[Path]) -> None:
    """InputError where a file that was written is gone."""
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} was removed while this command was running; run it again (compare: with --resume).")


def seals(directory: Path) -> tuple[Path, Path]:
    """Where a settings.json stands: first that of what is being done in a directory, then that of what was done there."""
    return directory / UNFINISHED / SEAL, directory / SEAL


def sealed_in(directory: Path, command: str) -> dict[str, Any] | None:
    """The settings.json of what is being done in a directory, or else of what was done there; None where none is of this command."""
    return next((found for path in seals(directory) if (found := sealed_by(path, command))), None)


def sealed_by(path: Path, command: str) -> dict[str, Any] | None:
    """The content of a settings.json that says itself that this command wrote it; None for any other, InputError where it is damaged."""
    described = read_json(path) if path.is_file() else {}
    return described if is_sealed(described) and described["command"] == command else None


def is_sealed(described: dict[str, Any]) -> bool:
    """Whether the content of a settings.json says itself that this software wrote it."""
    about, settings = described.get("about"), described.get("settings")
    if not (isinstance(about, dict) and isinstance(settings, dict) and "command" in described):
        return False
    if not (isinstance(about.get("numbers"), dict) and isinstance(about.get("files"), list)):
        return False
    return about.get("checksum") == checksum({**described, "about": {key: about[key] for key in about if key != "checksum"}})


def check_ours(directory: Path, described: dict[str, Any], runs: list[StoredRun]) -> None:
    """InputError where something stands in the way that this command did not write and would replace."""
    with writable(directory):
        found = next((path for path in in_the_way(directory, described, runs) if os.path.lexists(path)), None)
    if found:
        raise InputError(
            f"{directory} holds {found.relative_to(directory)}, which mix2fld {described['command']} did not write and would replace; "
            "choose another --out, or move that file away."
        )


def in_the_way(directory: Path, described: dict[str, Any], runs: list[StoredRun]) -> Iterator[Path]:
    """Where this command would write although what stands there, if anything, is not its own."""
    begun = sealed_in(directory, described["command"])
    listed = begun["about"]["files"] if begun else []
    folders = (directory / UNFINISHED, *({run.path.parent for run in runs}))
    yield from (folder for folder in folders if not folder.is_dir())
    yield from (path for path in (directory / LOCK,) if path.is_symlink() or not path.is_file())
    yield from (path for path in seals(directory) if not sealed_by(path, described["command"]))
    results = {name: directory / name for name in described["about"]["files"]}
    yield from (path for name, path in results.items() if name not in listed or path.is_dir())
    yield from (run.path for run in runs if not is_result(run.path))
    yield from (run.checkpoint for run in runs if not is_checkpoint(run.checkpoint))


def is_result(path: Path) -> bool:
    """Whether a file is the result of a finished run, damaged or not."""
    return begins_with(path, b'{\n  "identity": {')


def is_checkpoint(path: Path) -> bool:
    """Whether a file is a checkpoint of some version, damaged or not."""
    return begins_with(path, MAGIC[: len(b"mix2fld checkpoint ")])


def begins_with(path: Path, start: bytes) -> bool:
    """Whether these are the first bytes of a file; False where there is none that can be read."""
    with suppress(OSError):
        if path.is_file():
            with open(path, "rb") as file:
                return file.read(len(start)) == start
    return False


def clear(directory: Path) -> None:
    """Takes away what an earlier experiment left: it becomes an unfinished one first, then its runs and checkpoints go."""
    with writable(directory):
        if (directory / SEAL).exists():
            write_whole(directory / UNFINISHED / SEAL, (directory / SEAL).read_bytes())  # a rename does not reach another disk
            (directory / SEAL).unlink()
        for path in (directory / RUNS).glob("*.json"):
            if is_result(path):
                path.unlink()
        for path in (directory / UNFINISHED).glob("*"):
            if is_checkpoint(path):
                path.unlink()


def check_same(directory: Path, begun: dict[str, Any], described: dict[str, Any]) -> None:
    """InputError unless the experiment that was begun is the one that is asked for; names the first difference."""
    theirs, ours = (what_counts(one) for one in (begun, described))
    for name in ours | theirs:
        if ours.get(name) != theirs.get(name):
            raise InputError(
                f"{directory} holds another experiment, with {name} = {theirs.get(name)} instead of {ours.get(name)}; "
                "choose another --out, or delete that directory to begin anew."
            )


def what_counts(described: dict[str, Any]) -> dict[str, Any]:
    """What an experiment's numbers depend on: not where its data lie, nor versions of what computes nothing."""
    options = {name: value for name, value in described.items() if name not in ("about", "settings", "data_dir")}
    return {**options, **described["settings"], **described["about"]["numbers"]}
