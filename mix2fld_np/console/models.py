"""models.npz: the weights with which the runs of a command ended."""

import io
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from mix2fld_np.federation.task import Task
from mix2fld_np.runs.jobs import Job, dataset
from mix2fld_np.runs.results import RunResult

FILE = "models.npz"
MOST_UNASKED_BYTES = 100e6  # beyond which devices' models are kept on request only


def asked_for(jobs: list[Job], options: dict[str, Any]) -> tuple[list[Job], tuple[str, ...]]:
    """The jobs with the models that are to be kept of them, and the file for these, if any; says where it is large.

    `auto` keeps all that take no more than MOST_UNASKED_BYTES, and else those of the server.
    """
    which = options["models"]
    tasks = [Task(job.settings, dataset(job.source)) for job in jobs]
    n_bytes = sum(4 * task.network.n_weights * task.n_devices for task in tasks)
    if which == "auto":
        which = "all" if n_bytes <= MOST_UNASKED_BYTES else "server"
    if which == "all" and n_bytes > MOST_UNASKED_BYTES:
        print(f"{FILE} will take {n_bytes / 1e6:,.0f} MB; --models server keeps global models only.", file=sys.stderr)
    return [replace(job, models=which) for job in jobs], () if which == "none" else (FILE,)


def packed(jobs: list[Job], results: list[RunResult]) -> bytes:
    """An .npz of NAME/devices (D, N_mod) and NAME/server (N_mod,) for each run, as they are after its last round."""
    content, arrays = io.BytesIO(), dict[str, Any]()
    for job, result in zip(jobs, results, strict=True):
        arrays |= {f"{job.name}/{whose}": result.weights(whose) for whose in result.models or {}}
    np.savez(content, **arrays)
    return content.getvalue()
