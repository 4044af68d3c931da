"""One experiment in its directory: begun, gone on with, or refused; and what is written there."""

import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib
import numba
import numpy as np

import mix2fld_np
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.study.jobs import plain
from mix2fld_np.study.storage import claimed, csv_bytes, json_bytes, read_json, write_whole

WORK = ("runs", "unfinished")  # folders of results and checkpoints of single runs


def description(command: str, options: dict[str, Any], settings: Settings, about: dict[str, Any]) -> dict[str, Any]:
    """All that is needed to repeat an experiment: what settings.json holds and --config takes."""
    versions = {
        "mix2fld_np": mix2fld_np.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "matplotlib": matplotlib.__version__,
    }
    return plain({"command": command, **options, "settings": asdict(settings), "about": {**about, "versions": versions}})


@contextmanager
def experiment(directory: Path, described: dict[str, Any], resume: bool) -> Iterator[Callable[[str, object], Path]]:
    """Claims a directory for one experiment and gives back a function that writes a file there: rows as CSV, a dict as JSON.

    Goes on with what stands there where `resume` is set and it is the same experiment; InputError where it is another one. Without
    `resume` it begins anew.
    """
    with claimed(directory):
        file = directory / "settings.json"
        if resume and file.exists() and read_json(file) != described:
            raise InputError(f"{directory} holds an experiment with other settings or versions; choose another --out, or delete {file}.")
        if not (resume and file.exists()):
            for folder in WORK:
                shutil.rmtree(directory / folder, ignore_errors=True)
        write_whole(file, json_bytes(described))

        def write(name: str, content: object) -> Path:
            data = content if isinstance(content, bytes) else csv_bytes(content) if isinstance(content, list) else json_bytes(content)
            write_whole(directory / name, data)
            return directory / name

        yield write
        shutil.rmtree(directory / "unfinished", ignore_errors=True)
