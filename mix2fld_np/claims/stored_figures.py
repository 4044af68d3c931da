"""What `figure 2` and `figure 3` have stored, read again."""

from dataclasses import asdict, dataclass
from pathlib import Path

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
    jobs = {(run.panel.name, run.curve.label, run.job.seed): run.job for run in runs}
    return StoredFigure(settings, data, seeds, read_results(directory, jobs))


def read_figure_3(directory: Path) -> StoredFigure:
    """What `mix2fld figure 3` left, `runs[split, |D|, seed]`; InputError where it is not there or not whole."""
    settings, data, seeds = finished(directory, "figure 3")
    runs = figure_3_jobs(settings, Source(data), seeds)
    jobs = {(job.settings.split, job.settings.n_devices, job.seed): job for job in runs}
    return StoredFigure(settings, data, seeds, read_results(directory, jobs))


def read_results(directory: Path, jobs: dict[tuple, Job]) -> dict[tuple, RunResult]:
    """The results of finished runs, of any machine; InputError for the first that is missing, damaged or another."""
    results = {}
    for place, job in jobs.items():
        path = StoredRun(job, directory).path
        stored = read_result(path)
        wanted = {"protocol": job.protocol, "seed": job.seed, "settings": plain(asdict(job.settings))}
        if not isinstance(stored["identity"], dict) or not wanted.items() <= stored["identity"].items():
            raise InputError(f"{path} belongs to a run with other settings; run the command that wrote it again.")
        results[place] = RunResult(**stored["result"])
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
        raise InputError(f"{file} is damaged or was changed: its checksum does not fit; run mix2fld {command} again.")
    seeds = range(described["seed"], described["seed"] + described["seeds"])
    return Settings(**described["settings"]), described["data"], tuple(seeds)
