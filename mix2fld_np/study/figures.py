"""The letter's Figures 2 and 3: which runs they need, and the rows that come out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from statistics import fmean, variance
from typing import Any

from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import COMPARISON, SPLITS, Settings
from mix2fld_np.runs.jobs import Job, Source
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.averages import average, grouped
from mix2fld_np.study.compare import with_channel


@dataclass(frozen=True)
class Panel:
    """One of the four pictures of Figure 2."""

    name: str
    split: str
    channel: str


@dataclass(frozen=True)
class Curve:
    """One curve of Figure 2; N_S and N_I where the protocol has them."""

    protocol: str
    n_seed: int | None = None
    n_inverse: int | None = None

    @property
    def label(self) -> str:
        """As in the legend."""
        numbers = [str(n) for n in (self.n_seed, self.n_inverse) if n]
        return f"{self.protocol} ({', '.join(numbers)})" if numbers else self.protocol


@dataclass(frozen=True)
class FigureRun:
    """A job and its place in Figure 2."""

    panel: Panel
    curve: Curve
    job: Job

    @property
    def place(self) -> dict:
        """The columns that every row of this run begins with."""
        panel, curve = self.panel, self.curve
        place = {"panel": panel.name, "split": panel.split, "channel": panel.channel, "protocol": curve.protocol}
        return place | {"N_S": curve.n_seed, "N_I": curve.n_inverse, "seed": self.job.seed}


# Misprint: Section IV calls the IID panels "Fig. 2a and Fig. 2c", and a few lines above 2a and 2c the asymmetric ones.
# The IID ones are 2a and 2b, as only then 2c and 2d, which it calls non-IID, are a pair.
PANELS = (
    Panel("a", "iid", "asymmetric"),
    Panel("b", "iid", "symmetric"),
    Panel("c", "non-iid", "asymmetric"),
    Panel("d", "non-iid", "symmetric"),
)
SEED_SAMPLES = ((10, 10), (10, 20), (50, 50), (50, 100))  # (N_S, N_I) of Section IV
CURVES = (
    Curve("FL"),
    Curve("FD"),
    *(Curve("MixFLD", n_seed) for n_seed in dict.fromkeys(n_seed for n_seed, _ in SEED_SAMPLES)),
    *(Curve("Mix2FLD", n_seed, n_inverse) for n_seed, n_inverse in SEED_SAMPLES),
)
N_DEVICES = (10, 20, 30, 40, 50)  # |D| of Figure 3

# With N_S = 10, random label pairs leave too few symmetric partners for N_I = 20: both let the server schedule.
FIGURES = replace(COMPARISON, pairing="scheduled")
# The letter is silent: which (N_S, N_I) Figure 3 uses. With 50 devices a slot carries 800 bits, so N_S = 50 would take
# 396 of the 100 slots and never arrive; N_S = 10 takes 83. N_I is 20, the larger that Figure 2 has for N_S = 10.
FIGURE_3_SEEDS: dict[str, Any] = {"n_seed_samples": 10, "n_inverse_samples": 20}


def figure_2_runs(settings: Settings, source: Source, seeds: Iterable[int]) -> list[FigureRun]:
    """Eight runs for each panel and seed; MixFLD, which makes no inverse samples, once for each N_S."""
    check_free(settings, FIGURES, "figure 2", ("split", "uplink_power_dbm", "n_seed_samples", "n_inverse_samples"))
    runs = []
    for seed, panel, curve in product(seeds, PANELS, CURVES):
        name = file_name(f"{panel.name} {curve.label} seed{seed}")
        job = Job(name, curve.protocol, placed(settings, panel, curve), source, seed)
        runs.append(FigureRun(panel, curve, job))
    return runs


def file_name(words: str) -> str:
    """Words joined by hyphens, without what has a meaning in a path; a number keeps its sign."""
    return "-".join(re.findall(r"(?<!\S)-\d[\w.+]*|[\w.+]+", words))


def placed(settings: Settings, panel: Panel, curve: Curve) -> Settings:
    """The settings of one curve in one panel."""
    settings = with_channel(replace(settings, split=panel.split), panel.channel)
    if curve.n_seed is None:
        return settings
    return replace(settings, n_seed_samples=curve.n_seed, n_inverse_samples=curve.n_inverse or curve.n_seed)


def figure_3_jobs(settings: Settings, source: Source, seeds: Iterable[int]) -> list[Job]:
    """One run of Mix2FLD for each |D|, split and seed under symmetric channels."""
    check_free(settings, FIGURES, "figure 3", ("split", "uplink_power_dbm", "n_devices", *FIGURE_3_SEEDS))
    symmetric = replace(with_channel(settings, "symmetric"), **FIGURE_3_SEEDS)
    return [
        Job(f"{split}-{n}-seed{seed}", "Mix2FLD", replace(symmetric, split=split, n_devices=n), source, seed)
        for seed, split, n in product(seeds, SPLITS, N_DEVICES)
    ]


def check_free(settings: Settings, base: Settings, what: str, own: Iterable[str]) -> None:
    """InputError where somebody chose, other than in `base`, one of its own settings that `what` goes through."""
    for name in own:
        chosen, expected = getattr(settings, name), getattr(base, name)
        if name == "n_inverse_samples":  # follows N_S where that is larger
            expected = max(expected, settings.n_seed_samples)
        if chosen != expected:
            why = f"{what} goes through values of its own"
            raise InputError(f"{name} = {chosen} cannot be chosen: {why}; leave it out.")


def place_of(job: Job) -> dict:
    """The columns that every row of a run begins with."""
    return {"split": job.settings.split, "n_devices": job.settings.n_devices, "seed": job.seed}


def device_rows(jobs: list[Job], results: list[RunResult]) -> list[dict]:
    """One row for each device of each run: its test accuracy at the end of the last round's local update."""
    return [
        {**place_of(job), "device": d, "accuracy": accuracy}
        for job, result in zip(jobs, results, strict=True)
        for d, accuracy in enumerate(result.accuracies("trained"))
    ]


def figure_3_rows(jobs: list[Job], results: list[RunResult]) -> list[dict]:
    """One row for each run: mean and sample variance of the test accuracy over devices."""
    return [
        {**place_of(job), "mean": fmean(own), "variance": variance(own), "lowest": min(own), "highest": max(own)}
        for job, result in zip(jobs, results, strict=True)
        for own in [result.accuracies("trained")]
    ]


def over_seeds(rows: list[dict]) -> list[dict]:
    """Rows of `figure_3_rows`, averaged over the seeds; a point of the figure each."""
    points = []
    for (split, n_devices), own in grouped(rows, "split", "n_devices").items():
        means = average(row["mean"] for row in own).columns("mean")
        variances = fmean(row["variance"] for row in own)
        points.append({"split": split, "n_devices": n_devices, **means, "variance": variances})
    return points
