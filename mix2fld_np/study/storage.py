"""Run directories: files that appear whole or not at all, one process at a time, and progress that survives any end of the program."""

import csv
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
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


# --- whole files -----------------------------------------------------------------------------------------------------------------------


def write_whole(path: Path, content: bytes) -> None:
    """The file appears with all its content or not at all, whatever happens meanwhile: write aside, flush, fsync, rename.

    InputError where the directory cannot be written or the disk is full; what stood there before still stands.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
        sync_directory(path.parent)
    except OSError as problem:
        raise InputError(f"{path} cannot be written ({problem.strerror or problem}); free some space or choose another --out.") from problem


def sync_directory(directory: Path) -> None:
    """Makes a rename survive a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
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
        content = json.loads(path.read_bytes())
    except OSError as problem:
        raise InputError(f"{path} cannot be read ({problem.strerror or problem}); check the path.") from problem
    except ValueError as problem:
        raise InputError(f"{path} is damaged: it holds no JSON ({problem}); delete it and run the command again.") from problem
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged: it holds {type(content).__name__}, not settings; delete it and run the command again.")
    return content


@contextmanager
def claimed(directory: Path) -> Iterator[Path]:
    """The directory, made if need be, for this process alone; a second process gets an InputError. Ends with the process, however."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = open(directory / ".lock", "w")  # noqa: SIM115  held open until the end
    except OSError as problem:
        raise InputError(f"{directory} cannot be written ({problem.strerror or problem}); choose another --out.") from problem
    with lock:
        try:
            if fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            raise InputError(f"another process is working in {directory}; wait for it or choose another --out.") from problem
        for leftover in directory.rglob(".*.part"):
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
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        head = json.loads(arrays["head"].tobytes())
        fed = Federation(**{name: arrays[name] for name in arrays.files if name != "head"})
    if head["identity"] != json.loads(json_bytes(identity)):
        raise InputError(f"checkpoint {path} belongs to a run with other settings; choose another --out or delete it to start again.")
    story = head["story"]
    curve = tuple((seconds, accuracy) for seconds, accuracy in story.pop("curve"))
    accuracies = None if story["accuracies"] is None else tuple(story["accuracies"])
    return replace(Progress(fed=fed, curve=curve, **story), rounds=tuple(story["rounds"]), accuracies=accuracies)
