"""Where an unfinished run stands, in one file: arrays, rows and a checksum; no pickle."""

import hashlib
import io
from pathlib import Path

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import Payload, protocol_named
from mix2fld_np.federation.simulation import Progress
from mix2fld_np.federation.task import Federation, Task, first_state
from mix2fld_np.runs.files import check_identity, from_json, holding_a_run, json_bytes, read_bytes, write_whole
from mix2fld_np.runs.jobs import completed
from mix2fld_np.runs.results import check_history, completed_rows, label_counts

MAGIC = b"mix2fld checkpoint 3\n"  # the number is that of the format


def save_checkpoint(path: Path, identity: dict, progress: Progress) -> None:
    """Where a run stands, with the identity of what is being run and a checksum."""
    story = {name: value for name, value in vars(progress).items() if name != "fed"}
    head = np.frombuffer(json_bytes({"identity": identity, "story": story}), np.uint8)
    body = io.BytesIO()
    np.savez(body, head=head, **{name: array for name, array in vars(progress.fed).items() if array is not None})
    with body.getbuffer() as arrays:
        write_whole(path, MAGIC + sha256(arrays) + b"\n", arrays)


def load_checkpoint(path: Path, identity: dict, task: Task) -> Progress:
    """What `save_checkpoint` wrote; InputError where it is damaged, or of another format, run or task."""
    content = read_bytes(path)
    if not content.startswith(MAGIC):
        raise InputError(f"{path} is no checkpoint of this version of mix2fld; delete it to start this run again.")
    digest, _, body = content[len(MAGIC) :].partition(b"\n")
    with holding_a_run(path, intact=digest == sha256(body)):
        head, arrays = unpack(body)
        check_identity(path, completed(head["identity"]), identity)
        progress = progress_of(head["story"], Federation(**arrays))
        check_history(progress, label_counts(task))
        check_clock(progress, task.settings.n_rounds)
        check_state(progress.fed, protocol_named(identity["protocol"]).uplink, task)
    return progress


def sha256(content: bytes | memoryview) -> bytes:
    """Checksum in hexadecimal."""
    return hashlib.sha256(content).hexdigest().encode()


def unpack(body: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """Head and arrays of a checkpoint's body."""
    with np.load(io.BytesIO(body), allow_pickle=False) as stored:
        arrays = dict(stored)
    head = from_json(arrays.pop("head").tobytes())
    if set(head) != {"identity", "story"}:
        raise ValueError(f"a head with {', '.join(head)}")
    return head, arrays


def progress_of(story: dict, fed: Federation) -> Progress:
    """Progress from what JSON made of it: lists become tuples again."""
    tuples = {
        "rounds": tuple(completed_rows(story["rounds"])),
        "curve": tuple((seconds, accuracy) for seconds, accuracy in story["curve"]),
    }
    return Progress(fed=fed, **story | tuples)


def check_clock(progress: Progress, n_rounds: int) -> None:
    """ValueError where round and time are not those of the last row."""
    last = progress.rounds[-1]
    if type(progress.p) is not int or progress.p != last["round"] or progress.p > n_rounds:
        raise ValueError(f"{len(progress.rounds)} rounds that end with round {progress.p} of {n_rounds}")
    if progress.elapsed_s != last["elapsed_s"] or progress.converged is not last["converged"]:
        raise ValueError("a time that is not that of its last round")


def check_state(fed: Federation, uplink: Payload, task: Task) -> None:
    """Any exception where the state is not such as a round of this task leaves: the arrays of the first, and a mean."""
    first = first_state(task)
    mean = uplink.average(first, task, np.ones(task.n_devices, bool))
    for name, wanted in (vars(first) | {"mean": mean}).items():
        found = getattr(fed, name)
        if not (name == "mean" and found is None) and (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
            raise ValueError(f"{name} of shape {found.shape} and type {found.dtype}")
    if fed.mean is None:
        return
    if np.isinf(fed.mean).any() or uplink.relative_change(fed.mean, fed.mean) not in (0, None):
        raise ValueError("a global average that is not finite")
