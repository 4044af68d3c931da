"""What `figure 2` and `figure 3` have stored, read again."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.runs.directory import SEAL, is_sealed
from mix2fld_np.runs.files import plain, read_json
from mix2fld_np.runs.jobs import Job, Source
from mix2fld_np.runs.results import RunResult
from mix2fld_np.runs.store import StoredRun, read_result
from mix2fld_np.study.figures import figure_2_runs, figure_3_jobs


@dataclass(frozen=True)
class StoredFigure:
    """All runs of a figure, by place and seed."""

    settings: Settings
    data: str
    seeds: tuple[int, ...]
    runs: dict[tuple, RunResult]


def read_figure_2(directory: Path) -> StoredFigure:
    """What `mix2fld figure 2` left, `runs[panel, label, seed]`; InputError where it is not there or not whole."""
    settings, data, seeds = finished(directory, "figure 2")
    runs = figure_2_runs(settings, Source(data), seeds)
    places = [(run.panel.name, run.curve.label, run.job.seed) for run in runs]
    results = read_results(directory, (run.job for run in runs))
    return StoredFigure(settings, data, seeds, dict(zip(places, results, strict=True)))


def read_figure_3(directory: Path) -> StoredFigure:
    """What `mix2fld figure 3` left, `runs[split, |D|, seed]`; InputError where it is not there or not whole."""
    settings, data, seeds = finished(directory, "figure 3")
    jobs = figure_3_jobs(settings, Source(data), seeds)
    places = [(job.settings.split, job.settings.n_devices, job.seed) for job in jobs]
    return StoredFigure(settings, data, seeds, dict(zip(places, read_results(directory, jobs), strict=True)))


def read_results(directory: Path, jobs: Iterable[Job]) -> list[RunResult]:
    """The results of finished runs, of any machine; InputError for the first that is missing, damaged or another."""
    results = []
    for job in jobs:
        path = StoredRun(job, directory).path
        stored = read_result(path)
        wanted = {"protocol": job.protocol, "seed": job.seed, "settings": plain(asdict(job.settings))}
        if not isinstance(stored["identity"], dict) or not wanted.items() <= stored["identity"].items():
            raise InputError(f"{path} belongs to a run with other settings; run the command that wrote it again.")
        results.append(RunResult(**stored["result"]))
    return results


def finished(directory: Path, command: str) -> tuple[Settings, str, tuple[int, ...]]:
    """Settings, data set and seeds of a finished command, from its settings.json; else an InputError how to get it."""
    file = directory / SEAL
    if not file.exists():
        raise InputError(
            f"{directory} holds no finished {command}, which the claims are checked on; run mix2fld {command} first, "
            f"or name its directory with --{command.replace(' ', '-')} DIR."
        )
    described = read_json(file)
    if (found := described.get("command")) != command:
        raise InputError(f"{directory} holds mix2fld {found}, not mix2fld {command}; name another directory.")
    if not is_sealed(described):
        raise InputError(
            f"{file} is damaged or was changed: its checksum does not fit; run mix2fld {command} again."
        )
    first, stored = described["seed"], described["settings"].items()
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in stored}
    return Settings(**values), described["data"], tuple(range(first, first + described["seeds"]))
