"""Run directories: files that appear whole or not at all, one process at a time, and progress that survives any end of the program."""

import csv
import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.federation.simulation import Progress
from mix2fld_np.federation.task import Federation

try:
    import fcntl
except ImportError:  # on Windows a directory is not guarded against a second process
    fcntl = None  # type: ignore[assignment]

CHECKPOINT = b"mix2fld checkpoint 1\n"  # the number is that of the format
LOCK = ".lock"  # whoever has locked this file works in its directory


# --- whole files -----------------------------------------------------------------------------------------------------------------------


def write_whole(path: Path, content: bytes) -> None:
    """The file appears with all its content or not at all, whatever happens meanwhile: write aside, flush, fsync, rename.

    InputError where the directory cannot be written or the disk is full; what stood there before still stands. Nobody else writes to
    the same file meanwhile (see `claimed`).
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")  # what a killed process leaves of it, `claimed` clears away
    with can_be_written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(aside, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)


@contextmanager
def can_be_written(path: Path) -> Iterator[None]:
    """InputError where the system says that it cannot, or that there can be no such path."""
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


def read_json(path: Path) -> dict:
    """The object in a JSON file, or an InputError that names the file."""
    try:
        content = json.loads(path.read_bytes(), parse_constant=no_number)
    except OSError as problem:
        raise InputError(f"{path} cannot be read ({problem.strerror or problem}); check the path.") from problem
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{path} is damaged: it holds no JSON ({problem}); delete it and run the command again.") from problem
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged: it holds {type(content).__name__}, not settings; delete it and run the command again.")
    return content


def no_number(word: str) -> None:
    """Raises ValueError: JSON has no NaN and no infinity, and neither has any file of ours."""
    raise ValueError(f"{word} is no number")


@contextmanager
def claimed(directory: Path) -> Iterator[Path]:
    """The directory, made if need be, for this process alone; a second process gets an InputError. Ends with the process, however."""
    with can_be_written(directory):
        directory.mkdir(parents=True, exist_ok=True)
        lock = open(directory / LOCK, "a")  # noqa: SIM115  held open until the end
    with lock:
        try:
            if fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another process is working in {directory}; wait for it or choose another --out.") from None
        except OSError as problem:
            raise InputError(f"{directory} cannot be guarded against a second process ({problem}); choose another --out.") from problem
        for leftover in (*directory.glob(".*.part"), *directory.glob("*/.*.part")):
            if re.search(r"\.\d+\.part$", leftover.name):
                leftover.unlink(missing_ok=True)
        yield directory


# --- checkpoints -----------------------------------------------------------------------------------------------------------------------


def save_checkpoint(path: Path, identity: dict, progress: Progress) -> None:
    """Where a run stands, with the identity of what is being run and a checksum; no pickle."""
    arrays = {field.name: getattr(progress.fed, field.name) for field in fields(Federation)}
    arrays = {name: value for name, value in arrays.items() if value is not None}
    story = {field.name: getattr(progress, field.name) for field in fields(Progress) if field.name != "fed"}
    head = json_bytes({"identity": identity, "story": story})
    body = io.BytesIO()
    np.savez(body, head=np.frombuffer(head, np.uint8), **arrays)  # type: ignore[arg-type]
    content = body.getvalue()
    write_whole(path, CHECKPOINT + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def load_checkpoint(path: Path, identity: dict) -> Progress:
    """What `save_checkpoint` wrote; InputError where it is damaged, of another format or of another run."""
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise InputError(f"checkpoint {path} cannot be read ({problem.strerror or problem}); check the path.") from problem
    if not content.startswith(CHECKPOINT):
        raise InputError(f"{path} is no checkpoint of this version of mix2fld; delete it to start this run again.")
    checksum, _, body = content[len(CHECKPOINT) :].partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        raise InputError(f"checkpoint {path} is damaged: its checksum does not fit; delete it to start this run again.")
    try:
        head, fed = unpacked(body)
        belongs_to, progress = head["identity"], told_again(head["story"], fed)
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as problem:
        raise InputError(f"checkpoint {path} holds something else than a run ({problem}); delete it to start this run again.") from problem
    if belongs_to != json.loads(json_bytes(identity)):
        raise InputError(f"checkpoint {path} belongs to a run with other settings; choose another --out or delete it to start again.")
    return progress


def unpacked(body: bytes) -> tuple[dict, Federation]:
    """Head and state of a checkpoint's body."""
    with zipfile.ZipFile(io.BytesIO(body)), np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        head = json.loads(arrays["head"].tobytes())
        return head, Federation(**{name: arrays[name] for name in arrays.files if name != "head"})


def told_again(story: dict, fed: Federation) -> Progress:
    """Progress from what JSON made of it: lists become tuples again."""
    curve = tuple((seconds, accuracy) for seconds, accuracy in story.pop("curve"))
    rounds, accuracies = tuple(story.pop("rounds")), story.pop("accuracies")
    return Progress(fed=fed, rounds=rounds, curve=curve, accuracies=None if accuracies is None else tuple(accuracies), **story)
