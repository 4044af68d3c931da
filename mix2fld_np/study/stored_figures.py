"""What `figure 2` and `figure 3` have written, read again: runs with the few numbers that sentences are about."""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.runs.files import read_json
from mix2fld_np.study.figures import CURVES, N_DEVICES, PANELS, SPLITS

MOST_SEEDS = 10_000
WORDS = {"panel", "protocol", "split", "N_S", "N_I", "server_accuracy"}  # columns of words, or of numbers that may be missing
PLACE = ("panel", "protocol", "N_S", "N_I", "seed")  # columns of both files of Figure 2
ROUND = ("reference_accuracy", "server_accuracy", "converged", "elapsed_s", "airtime_s", "compute_s", "uplink_bits", "uplink_delivered")


@dataclass(frozen=True)
class KeptRun:
    """One curve of one panel under one seed."""

    curve: tuple[tuple[float, float], ...]  # (elapsed seconds, accuracy)
    accuracy: float  # of the reference device, at the end of the last round's local update
    model_accuracy: float  # of the last global model that was downloaded; of the device itself where none ever was
    criterion_s: float | None  # elapsed seconds when the stop criterion was met first
    elapsed_s: float  # after all rounds
    airtime_s: float
    compute_s: float
    uplink_bits: int
    uplink_delivered: int  # uploads that arrived


@dataclass(frozen=True)
class KeptFigure2:
    """All curves of Figure 2: `runs[panel, label, seed]`."""

    settings: Settings
    data: str
    seeds: tuple[int, ...]
    runs: dict[tuple[str, str, int], KeptRun]


@dataclass(frozen=True)
class KeptFigure3:
    """All points of Figure 3: `points[split, |D|, seed]` is the mean and variance of test accuracy over devices."""

    settings: Settings
    data: str
    seeds: tuple[int, ...]
    points: dict[tuple[str, int, int], tuple[float, float]]


def read_figure_2(directory: Path) -> KeptFigure2:
    """What `mix2fld figure 2` left in a directory; InputError where it is not there or not whole."""
    described = finished(directory, "figure 2")
    rounds = by_run(rows_of(directory / "rounds.csv", {*PLACE, *ROUND}))
    looks = by_run(rows_of(directory / "curve.csv", {*PLACE, "elapsed_s", "accuracy"}))
    seeds = seeds_of(described)
    wanted = [(panel.name, curve.label, seed) for panel in PANELS for curve in CURVES for seed in seeds]
    check_whole(directory / "rounds.csv", wanted, rounds)
    check_whole(directory / "curve.csv", wanted, looks)
    runs = {key: kept_run(rounds[key], looks[key]) for key in wanted}
    return KeptFigure2(settings_of(described), described["data"], seeds, runs)


def read_figure_3(directory: Path) -> KeptFigure3:
    """What `mix2fld figure 3` left in a directory; InputError where it is not there or not whole."""
    described = finished(directory, "figure 3")
    rows = rows_of(directory / "distribution.csv", {"split", "n_devices", "seed", "mean", "variance"})
    points = {(row["split"], row["n_devices"], row["seed"]): (row["mean"], row["variance"]) for row in rows}
    seeds = seeds_of(described)
    check_whole(directory / "distribution.csv", [(split, n, seed) for split in SPLITS for n in N_DEVICES for seed in seeds], points)
    return KeptFigure3(settings_of(described), described["data"], seeds, points)


def finished(directory: Path, command: str) -> dict[str, Any]:
    """The settings.json of a finished command, or an InputError that says how to get it."""
    file = directory / "settings.json"
    if not file.exists():
        option = "--" + command.replace(" ", "-")
        raise InputError(
            f"{directory} holds no finished {command}, which the claims are checked on; run mix2fld {command} first, or name its directory "
            f"with {option} DIR."
        )
    described = read_json(file)
    if described.get("command") != command:
        raise InputError(f"{directory} holds mix2fld {described.get('command')}, not mix2fld {command}; name another directory.")
    kinds = {"seed": int, "seeds": int, "data": str, "settings": dict}
    if not all(isinstance(described.get(name), kind) for name, kind in kinds.items()) or described["seeds"] > MOST_SEEDS:
        raise InputError(f"{file} is damaged: it does not hold {', '.join(kinds)} as it did; run mix2fld {command} again.")
    return described


def seeds_of(described: dict[str, Any]) -> tuple[int, ...]:
    """SEED, SEED + 1, ..."""
    return tuple(range(described["seed"], described["seed"] + described["seeds"]))


def settings_of(described: dict[str, Any]) -> Settings:
    """The settings in a settings.json."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in described["settings"].items()}
    try:
        return Settings(**values)
    except TypeError as problem:
        raise InputError(f"settings.json is damaged ({problem}); run the command that wrote it again.") from None


def kept_run(rounds: list[dict], looks: list[dict]) -> KeptRun:
    """What sentences are about, from the rows of one run."""
    last, models = rounds[-1], [row["server_accuracy"] for row in rounds if row["server_accuracy"] is not None]
    return KeptRun(
        curve=tuple((row["elapsed_s"], row["accuracy"]) for row in looks),
        accuracy=last["reference_accuracy"],
        model_accuracy=models[-1] if models else last["reference_accuracy"],
        criterion_s=next((row["elapsed_s"] for row in rounds if row["converged"]), None),
        elapsed_s=last["elapsed_s"],
        airtime_s=sum(row["airtime_s"] for row in rounds),
        compute_s=sum(row["compute_s"] for row in rounds),
        uplink_bits=sum(row["uplink_bits"] for row in rounds),
        uplink_delivered=sum(row["uplink_delivered"] for row in rounds),
    )


def by_run(rows: list[dict]) -> dict[tuple[str, str, int], list[dict]]:
    """Rows of Figure 2, collected by panel, label and seed."""
    labels = {(curve.protocol, curve.n_seed, curve.n_inverse): curve.label for curve in CURVES}
    found: dict[tuple[str, str, int], list[dict]] = {}
    for row in rows:
        label = labels.get((row["protocol"], row["N_S"], row["N_I"]), "")
        found.setdefault((row["panel"], label, row["seed"]), []).append(row)
    return found


def check_whole(path: Path, wanted: list[tuple], there: dict) -> None:
    """InputError for the first thing that is missing."""
    for key in wanted:
        if key not in there:
            raise InputError(f"{path} is damaged: it has no rows of {', '.join(map(str, key))}; run the command that wrote it again.")


def rows_of(path: Path, columns: set[str]) -> list[dict]:
    """The rows of a CSV file of ours: numbers as numbers, nothing as None. InputError where it cannot be read or lacks a column."""
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode()), strict=True))
    except (OSError, ValueError, csv.Error) as problem:
        raise InputError(f"{path} cannot be read ({problem}); run the command that wrote it again.") from None
    missing = columns - set(rows[0] if rows else ())
    if missing:
        raise InputError(f"{path} is damaged: it has no column {min(missing)}; run the command that wrote it again.")
    kept = [{name: value_of(row[name]) for name in columns} for row in rows]
    for name in columns - WORDS:
        if not all(isinstance(row[name], (int, float)) and abs(row[name]) < math.inf for row in kept):
            raise InputError(f"{path} is damaged: its column {name} holds more than numbers; run the command that wrote it again.")
    return kept


def value_of(text: str | None) -> Any:
    """One cell."""
    for kind in (int, float):
        try:
            return kind(text or "")
        except ValueError:
            continue
    return text or None
