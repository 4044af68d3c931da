"""One experiment in its directory: begun, gone on with, or refused; and what is written there.

A file is ours where it says so itself: a settings.json with its checksum, of the same command, and the results that it
lists; a stored run and a checkpoint by their first bytes. Nothing else is ever changed or deleted.
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
from mix2fld_np.runs import files
from mix2fld_np.runs.checkpoint import MAGIC
from mix2fld_np.runs.jobs import completed
from mix2fld_np.runs.store import RUNS, UNFINISHED, StoredRun

SEAL = "settings.json"  # in UNFINISHED from the beginning, beside the results once all of them are there


def description(
    command: str, options: dict[str, Any], settings: Settings, numbers: dict, data: object, results: Iterable[str]
) -> dict[str, Any]:
    """All that is needed to repeat an experiment: what settings.json holds and --config takes.

    `numbers` is what results depend on besides; `data` says where the data came from; `results` are names of files.
    """
    versions = {"mix2fld_np": mix2fld_np.__version__, "python": platform.python_version()}
    versions |= {name: numbers.get(name) or version(name) for name in ("numpy", "numba", "matplotlib")}
    about = {"data": data, "numbers": numbers, "versions": versions, "files": sorted(results)}
    described = files.plain({"command": command, **options, "settings": asdict(settings), "about": about})
    described["about"]["checksum"] = files.checksum(described)
    return described


@contextmanager
def experiment(
    directory: Path, described: dict[str, Any], runs: list[StoredRun], resume: bool
) -> Iterator[Callable[[str, object], None]]:
    """Locks a directory for one experiment; gives back a function that writes a result: rows as CSV, a dict as JSON.

    With `resume` it goes on with the same experiment, and refuses another; without, it begins anew. settings.json comes
    last: where it stands, the results beside it are complete and belong to it.
    """
    check_ours(directory, described, runs)
    begun_seal, seal = seals(directory)
    with files.locked(directory) as alone:
        begun = sealed_in(directory, described["command"]) if resume else None
        if begun:
            check_same(directory, begun, described)
        for folder in (directory, directory / RUNS, directory / UNFINISHED) if alone else ():
            files.remove_leftovers(folder)
        if not begun:
            clear(directory)
            files.write_whole(begun_seal, files.json_bytes(described))
        needed = [seal if seal.exists() else begun_seal, *(run.path for run in runs)]

        def write(name: str, content: object) -> None:
            files.check_there(*needed)
            files.write_whole(directory / name, files.content_bytes(content))
            needed.append(directory / name)

        yield write
        files.check_there(*needed)
        files.write_whole(seal, files.json_bytes(described))
        with files.writable(directory), suppress(OSError):  # a folder with files of others stays
            for path in filter(is_checkpoint, (run.checkpoint for run in runs)):
                path.unlink()  # a kill came between the result and this
            begun_seal.unlink(missing_ok=True)
            (directory / UNFINISHED).rmdir()


def seals(directory: Path) -> tuple[Path, Path]:
    """Where a settings.json stands: first that of what is being done, then that of what was done."""
    return directory / UNFINISHED / SEAL, directory / SEAL


def sealed_in(directory: Path, command: str) -> dict[str, Any] | None:
    """The settings.json of what this command is doing in a directory, or else of what it did there."""
    return next((found for path in seals(directory) if (found := sealed_by(path, command))), None)


def sealed_by(path: Path, command: str) -> dict[str, Any] | None:
    """The content of a settings.json that says itself that this command wrote it; InputError where it is damaged."""
    described = files.read_json(path) if path.is_file() else {}
    return completed(described) if is_sealed(described) and described["command"] == command else None


def is_sealed(described: dict[str, Any]) -> bool:
    """Whether the content of a settings.json says itself that this software wrote it."""
    about, settings = described.get("about"), described.get("settings")
    if not (isinstance(about, dict) and isinstance(settings, dict) and "command" in described):
        return False
    if not (isinstance(about.get("numbers"), dict) and isinstance(about.get("files"), list)):
        return False
    sealed = {**described, "about": {key: value for key, value in about.items() if key != "checksum"}}
    return about.get("checksum") == files.checksum(sealed)


def check_ours(directory: Path, described: dict[str, Any], runs: list[StoredRun]) -> None:
    """InputError where something stands in the way that this command did not write and would replace."""
    with files.writable(directory):
        found = next(filter(os.path.lexists, not_ours(directory, described, runs)), None)
    if found:
        raise InputError(
            f"{directory} holds {found.relative_to(directory)}, which mix2fld {described['command']} did not write "
            "and would replace; choose another --out, or move that file away."
        )


def not_ours(directory: Path, described: dict[str, Any], runs: list[StoredRun]) -> Iterator[Path]:
    """Where this command would write although what stands there, if anything, is not its own."""
    begun = sealed_in(directory, described["command"])
    listed = begun["about"]["files"] if begun else []
    folders, lock = {directory / UNFINISHED, *(run.path.parent for run in runs)}, directory / files.LOCK
    yield from (folder for folder in folders if not folder.is_dir())
    yield from [lock] if lock.is_symlink() or not lock.is_file() else []
    yield from (path for path in seals(directory) if not sealed_by(path, described["command"]))
    for name in described["about"]["files"]:
        yield from [directory / name] if name not in listed or (directory / name).is_dir() else []
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
    """Makes an earlier experiment an unfinished one first; then its runs and checkpoints go."""
    begun_seal, seal = seals(directory)
    with files.writable(directory):
        if seal.exists():
            files.write_whole(begun_seal, seal.read_bytes())  # a rename does not reach another disk
            seal.unlink()
        for path in filter(is_result, (directory / RUNS).glob("*.json")):
            path.unlink()
        for path in filter(is_checkpoint, (directory / UNFINISHED).glob("*")):
            path.unlink()


def check_same(directory: Path, begun: dict[str, Any], described: dict[str, Any]) -> None:
    """InputError unless the experiment that was begun is the one that is asked for; names the first difference."""
    theirs, ours = what_counts(begun), what_counts(described)
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
