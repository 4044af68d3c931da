"""The only files written: each appears whole or not at all, in a directory that one process at a time works in."""

import csv
import hashlib
import io
import json
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mix2fld_np.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"  # the process that has locked this file works in its directory
ASIDE = ".mix2fld-"  # how the names of files begin that are not complete yet


def write_whole(path: Path, content: bytes) -> None:
    """The file appears with all its content or not at all, whatever happens meanwhile: write aside, flush, fsync, rename.

    InputError where the directory cannot be written or the disk is full; what stood there before still stands. A link is replaced, never
    written through.
    """
    aside = path.with_name(f"{ASIDE}{path.name}.{os.getpid()}.part")  # what a killed process leaves of it, `locked` clears away
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            aside.unlink(missing_ok=True)
            with open(aside, "xb") as file:
                file.write(content)
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
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or problem
        raise InputError(f"{path} cannot be written ({why}); free some space or choose another --out.") from problem


def sync_directory(directory: Path) -> None:
    """Makes a rename survive a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(directory: Path) -> Iterator[Path]:
    """The directory, made if need be, for this process alone; a second process gets an InputError. Ends with the process, however."""
    with writable(directory):
        directory.mkdir(parents=True, exist_ok=True)
        lock = open(directory / LOCK, "a")  # noqa: SIM115  held open until the end
    with lock:
        try:
            if fcntl is None:
                raise OSError("this system has no flock")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another process is working in {directory}; wait for it or choose another --out.") from None
        except OSError as problem:
            warnings.warn(f"{directory} cannot be locked ({problem}): start no second run in it meanwhile.", stacklevel=3)
        for leftover in (*directory.glob(f"{ASIDE}*.part"), *directory.glob(f"*/{ASIDE}*.part")):
            leftover.unlink(missing_ok=True)
        yield directory


# --- content ---------------------------------------------------------------------------------------------------------


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
    writer.writerows([{key: int(value) if isinstance(value, bool) else value for key, value in row.items()} for row in rows])
    return text.getvalue().encode()


def json_bytes(content: object) -> bytes:
    """Content as JSON for people and machines; NaN and infinity are refused."""
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def plain(content: dict) -> dict:
    """Content as it comes back from a JSON file."""
    return json.loads(json_bytes(content))


def checksum(content: object) -> str:
    """SHA-256 of plain content."""
    return hashlib.sha256(json_bytes(content)).hexdigest()


def read_json(path: Path) -> dict:
    """The object in a JSON file, or an InputError that names the file."""
    try:
        content = json.loads(path.read_bytes(), parse_constant=refuse_constant, parse_float=finite)
    except OSError as problem:
        raise InputError(f"{path} cannot be read ({problem.strerror or problem}); check the path.") from problem
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{path} is damaged: it holds no JSON ({problem}); delete it and run the command again.") from problem
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged: it holds {type(content).__name__}, not settings; delete it and run the command again.")
    return content


def finite(word: str) -> float:
    """The number that a word of JSON means; ValueError where it is too large for one."""
    value = float(word)
    if math.isinf(value):
        raise ValueError(f"{word} is too large for a number")
    return value


def refuse_constant(word: str) -> None:
    """Raises ValueError: JSON has no NaN and no infinity."""
    raise ValueError(f"{word} is no number")
