"""The only files written: each appears whole or not at all, in a directory that one process at a time works in."""

import csv
import hashlib
import io
import json
import math
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from mix2fld_np.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"  # the process that has locked this file works in its directory
AGAIN = "again (compare: with --resume)"  # how to go on with what has been stored


def write_whole(path: Path, *content: bytes | memoryview) -> None:
    """Writes a file that appears with all its content or not at all: write aside, flush, fsync, rename.

    InputError where the directory cannot be written or the disk is full; what stood there before still stands then.
    A link is replaced, never written through.
    """
    aside = path.with_name(f".mix2fld-{path.name}.{os.getpid()}.part")  # `remove_leftovers` knows it again
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            aside.unlink(missing_ok=True)
            with open(aside, "xb") as file:
                file.writelines(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """InputError where the system says that a path cannot be written, or that there can be no such path."""
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or problem
        raise InputError(f"{path} cannot be written ({why}); free some space or choose another --out.") from problem


def sync_directory(directory: Path) -> None:
    """Makes a rename survive a power cut, where the system can."""
    with suppress(OSError):  # Windows and some network file systems cannot
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def locked(directory: Path) -> Iterator[bool]:
    """A directory, made if need be, for this process alone, until it ends; InputError for a second process.

    False, after a warning, where the system has no locks.
    """
    with writable(directory):
        directory.mkdir(parents=True, exist_ok=True)
        lock = open(directory / LOCK, "a")  # noqa: SIM115  held open until the end
    with lock:
        yield is_taken(lock, directory)


def is_taken(lock: TextIO, directory: Path) -> bool:
    """Locks a file for this process; InputError where another has it, False where the system has no locks."""
    try:
        if fcntl is None:
            raise OSError("this system has no flock")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"another process is working in {directory}; wait for it or choose another --out.") from None
    except OSError as problem:
        warnings.warn(f"{directory} cannot be locked ({problem}): start no second run in it meanwhile.", stacklevel=5)
        return False
    return True


def remove_leftovers(folder: Path) -> None:
    """Takes away what killed processes left half-written in a folder of which this process is the only user."""
    with writable(folder):
        for path in folder.glob(".mix2fld-*.part"):
            if re.fullmatch(r"\.mix2fld-.+\.\d+\.part", path.name) and path.is_file() and not path.is_symlink():
                path.unlink()


def content_bytes(content: Any) -> bytes:
    """Rows as CSV, a dict as JSON, bytes as they are. JSON knows no infinity: there it is the word "inf" or "-inf"."""
    if isinstance(content, bytes):
        return content
    return csv_bytes(content) if isinstance(content, list) else json_bytes(spell_infinity(content))


def spell_infinity(content: Any) -> Any:
    """The content with infinite numbers as words, which float() reads back."""
    if isinstance(content, dict):
        return {key: spell_infinity(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [spell_infinity(value) for value in content]
    return str(content) if isinstance(content, float) and math.isinf(content) else content


def csv_bytes(rows: list[dict]) -> bytes:
    """Rows as CSV, one column for each key of the first row; None is empty, True and False are 1 and 0."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: int(value) if isinstance(value, bool) else value for key, value in row.items()})
    return text.getvalue().encode()


def json_bytes(content: object) -> bytes:
    """Content as JSON for people and machines; NaN and infinity are refused."""
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def plain(content: Any) -> Any:
    """Content as it comes back from a JSON file."""
    return json.loads(json_bytes(content))


def checksum(content: object) -> str:
    """SHA-256 of plain content."""
    return hashlib.sha256(json_bytes(content)).hexdigest()


def from_json(content: bytes) -> Any:
    """What `json_bytes` wrote; ValueError or RecursionError where it cannot have written that."""
    found = json.loads(content)
    json_bytes(found)
    return found


def read_bytes(path: Path) -> bytes:
    """The content of a file, or an InputError that names it."""
    try:
        return path.read_bytes()
    except OSError as problem:
        raise InputError(f"{path} cannot be read ({problem.strerror or problem}); check the path.") from problem


def read_json(path: Path) -> dict:
    """The object in a JSON file, or an InputError that names the file."""
    try:
        content = from_json(read_bytes(path))
        if not isinstance(content, dict):
            raise ValueError(f"a {type(content).__name__} and no table")
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{path} is damaged: {problem}; delete it and run the command again.") from problem
    return content


@contextmanager
def holding_a_run(path: Path, intact: bool) -> Iterator[None]:
    """InputError unless a file is intact, and whatever goes wrong within: a right checksum may stand over anything."""
    if not intact:
        raise InputError(f"{path} is damaged: its checksum does not fit; delete it to start this run again.")
    try:
        yield
    except InputError:
        raise
    except Exception as problem:
        raise InputError(f"{path} holds something else than a run ({problem}); delete it to start again.") from problem


def check_identity(path: Path, found: object, wanted: dict) -> None:
    """InputError where a file is not of the run that is wanted."""
    if found != plain(wanted):
        raise InputError(f"{path} belongs to a run with other settings; choose another --out or delete it.")


def check_there(*paths: Path) -> None:
    """InputError where a file that was written is gone."""
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} was removed while this command was running; run it {AGAIN}.")
