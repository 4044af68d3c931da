"""Where an unfinished run stands, in one file: arrays, rows and a checksum; no pickle."""

import dataclasses
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import Payload, protocol_named
from mix2fld_np.federation.simulation import Progress
from mix2fld_np.federation.task import Federation, Task, first_state
from mix2fld_np.runs.files import from_json, json_bytes, plain, write_whole
from mix2fld_np.runs.results import check_rounds

MAGIC = b"mix2fld checkpoint 2\n"  # the number is that of the format


def save_checkpoint(path: Path, identity: dict, progress: Progress) -> None:
    """Where a run stands, with the identity of what is being run and a checksum."""
    arrays = {field.name: getattr(progress.fed, field.name) for field in dataclasses.fields(Federation)}
    arrays = {name: value for name, value in arrays.items() if value is not None}
    story = {field.name: getattr(progress, field.name) for field in dataclasses.fields(Progress) if field.name != "fed"}
    head = json_bytes({"identity": identity, "story": story})
    body = io.BytesIO()
    np.savez(body, head=np.frombuffer(head, np.uint8), **arrays)  # type: ignore[arg-type]
    content = body.getvalue()
    write_whole(path, MAGIC + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def load_checkpoint(path: Path, identity: dict, task: Task) -> Progress:
    """What `save_checkpoint` wrote; InputError where it is damaged, of another format, of another run, or does not fit the task."""
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise InputError(f"checkpoint {path} cannot be read ({problem.strerror or problem}); check the path.") from problem
    if not content.startswith(MAGIC):
        raise InputError(f"{path} is no checkpoint of this version of mix2fld; delete it to start this run again.")
    digest, _, body = content[len(MAGIC) :].partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise InputError(f"checkpoint {path} is damaged: its checksum does not fit; delete it to start this run again.")
    with holding_a_run(path):
        head, arrays = unpack(body)
    if head["identity"] != plain(identity):
        raise InputError(f"checkpoint {path} belongs to a run with other settings; choose another --out or delete it to start again.")
    with holding_a_run(path):
        progress = progress_of(head["story"], Federation(**arrays))
        check_fits(progress, protocol_named(identity["protocol"]).uplink, task)
    return progress


@contextmanager
def holding_a_run(path: Path) -> Iterator[None]:
    """InputError whatever goes wrong within: a file with a right checksum may still hold anything."""
    try:
        yield
    except Exception as problem:
        raise InputError(f"checkpoint {path} holds something else than a run ({problem}); delete it to start this run again.") from problem


def unpack(body: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """Head and arrays of a checkpoint's body."""
    with np.load(io.BytesIO(body), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    head = from_json(arrays.pop("head").tobytes())
    if set(head) != {"identity", "story"}:
        raise ValueError(f"a head with {', '.join(head)}")
    return head, arrays


def progress_of(story: dict, fed: Federation) -> Progress:
    """Progress from what JSON made of it: lists become tuples again."""
    curve = tuple((seconds, accuracy) for seconds, accuracy in story.pop("curve"))
    rounds, accuracies = tuple(story.pop("rounds")), story.pop("device_accuracies")
    return Progress(fed=fed, rounds=rounds, curve=curve, device_accuracies=None if accuracies is None else tuple(accuracies), **story)


def check_fits(progress: Progress, uplink: Payload, task: Task) -> None:
    """ValueError, KeyError or TypeError where the state is not such as a round of this task leaves."""
    D, N_L, N_mod = task.n_devices, task.data.n_labels, task.network.n_weights
    fed, outputs = progress.fed, ((D, N_L, N_L), np.float64)
    mean = uplink.average(first_state(task), task, np.ones(D, bool))
    wanted: dict[str, tuple] = {"weights": ((D, N_mod), np.float32), "server": ((N_mod,), np.float32)}
    wanted |= {"seed_samples_arrived": ((D,), np.bool_), "mean": (mean.shape, mean.dtype)}
    wanted |= {"outputs": outputs, "teachers": outputs}
    for name, (shape, kind) in wanted.items():
        found = getattr(fed, name)
        if not (name == "mean" and found is None) and (found.shape != shape or found.dtype != kind):
            raise ValueError(f"{name} of shape {found.shape} and type {found.dtype}")
    if fed.mean is not None and (np.isinf(fed.mean).any() or uplink.relative_change(fed.mean, fed.mean) not in (0, None)):
        raise ValueError("a global average that is not finite")
    check_rounds(progress.rounds, progress.curve, D, progress.device_accuracies)
    if type(progress.p) is not int or progress.p != len(progress.rounds) or progress.p > task.settings.n_rounds:
        raise ValueError(f"{len(progress.rounds)} rounds that end with round {progress.p} of {task.settings.n_rounds}")
    last = progress.rounds[-1]
    if progress.elapsed_s != last["elapsed_s"] or progress.converged is not last["converged"]:
        raise ValueError("a time that is not that of its last round")
