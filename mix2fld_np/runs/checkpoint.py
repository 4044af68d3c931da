"""Where an unfinished run stands, in one file: arrays, rows and a checksum; no pickle."""

import dataclasses
import hashlib
import io
import json
import math
import zipfile
from pathlib import Path

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.federation.simulation import Progress
from mix2fld_np.federation.task import Federation, Task
from mix2fld_np.runs.files import json_bytes, plain, write_whole

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
    try:
        head, fed = unpack(body)
        belongs_to, progress = head["identity"], progress_of(head["story"], fed)
        check_fits(progress, task)
    except (KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as problem:
        raise InputError(f"checkpoint {path} holds something else than a run ({problem}); delete it to start this run again.") from problem
    if belongs_to != plain(identity):
        raise InputError(f"checkpoint {path} belongs to a run with other settings; choose another --out or delete it to start again.")
    return progress


def unpack(body: bytes) -> tuple[dict, Federation]:
    """Head and state of a checkpoint's body."""
    with zipfile.ZipFile(io.BytesIO(body)), np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        head = json.loads(arrays["head"].tobytes())
        return head, Federation(**{name: arrays[name] for name in arrays.files if name != "head"})


def progress_of(story: dict, fed: Federation) -> Progress:
    """Progress from what JSON made of it: lists become tuples again."""
    curve = tuple((seconds, accuracy) for seconds, accuracy in story.pop("curve"))
    rounds, accuracies = tuple(story.pop("rounds")), story.pop("device_accuracies")
    return Progress(fed=fed, rounds=rounds, curve=curve, device_accuracies=None if accuracies is None else tuple(accuracies), **story)


def check_fits(progress: Progress, task: Task) -> None:
    """ValueError where the state has shapes or types that this task never has, or rounds that it never plays."""
    D, N_L, N_mod = task.n_devices, task.data.n_labels, task.network.n_weights
    fed, outputs = progress.fed, (D, N_L, N_L)
    wanted = {"weights": (D, N_mod), "outputs": outputs, "teachers": outputs, "server": (N_mod,), "seed_samples_arrived": (D,)}
    for name, shape in wanted.items():
        if getattr(fed, name).shape != shape:
            raise ValueError(f"{name} of shape {getattr(fed, name).shape}, not {shape}")
    if fed.mean is not None and fed.mean.shape not in ((N_mod,), (N_L, N_L)):
        raise ValueError(f"a global average of shape {fed.mean.shape}")
    kinds = {"weights": np.float32, "server": np.float32, "outputs": np.float64, "teachers": np.float64, "seed_samples_arrived": np.bool_}
    for name, kind in kinds.items():
        if getattr(fed, name).dtype != kind:
            raise ValueError(f"{name} of type {getattr(fed, name).dtype}")
    numbers = (progress.elapsed_s, *(value for point in progress.curve for value in point))
    if not all(isinstance(value, float) and math.isfinite(value) for value in numbers):
        raise ValueError("a time or an accuracy that is no number")
    if not 1 <= progress.p <= task.settings.n_rounds or [row["round"] for row in progress.rounds] != list(range(1, progress.p + 1)):
        raise ValueError(f"{len(progress.rounds)} rounds that end with round {progress.p} of {task.settings.n_rounds}")
