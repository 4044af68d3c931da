"""Statements on time as functions of what nobody printed: how long a step of a device takes."""

from collections.abc import Sequence

import numpy as np

from mix2fld_np.federation.settings import PRINTED, Settings
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.intervals import LEVEL
from mix2fld_np.study.measures import Quantity, Until

STEPS_S = np.geomspace(1e-6, 1e-3, 3_001)  # of a device, from a microsecond to a millisecond
SERVERS = ("server in proportion", "server in no time")


def seconds_at_steps(until: Until, settings: Settings, server: str) -> Quantity:
    """Convergence time until the end of a round at each of `STEPS_S`, from the airtimes of both runs."""
    share = server_share(settings) if server == SERVERS[0] else 0.0

    def of_one(run: RunResult, end: int) -> np.ndarray:
        rows = run.rounds[:end]
        n_distilled = sum(bool(row["server_samples"]) for row in rows)
        n_steps = len(rows) * settings.n_local_iterations + share * n_distilled * settings.n_distill_iterations
        return sum(row["airtime_s"] for row in rows) + n_steps * STEPS_S

    def of_both(ours: RunResult, theirs: RunResult) -> tuple[np.ndarray, np.ndarray]:
        ends = until(ours, theirs)
        if ends is None:
            return np.full(STEPS_S.shape, np.nan), np.full(STEPS_S.shape, np.nan)
        return of_one(ours, ends[0]), of_one(theirs, ends[1])

    return of_both


def server_share(settings: Settings) -> float:
    """A step of the server as a share of a device's; with a device that computes in no time, the default share."""
    for s in (settings, PRINTED):
        if s.device_s_per_iteration:
            return s.server_s_per_iteration / s.device_s_per_iteration
    raise AssertionError("the default step takes some time")


def middle_over_seeds(single: np.ndarray) -> np.ndarray:
    """Low end, median and high end (3, T) of what single runs say at each of T steps (S, T); NaN where none does."""
    known = single[~np.isnan(single).any(axis=1)]
    if not len(known):
        return np.full((3, single.shape[1]), np.nan)
    return np.quantile(known, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], axis=0)


def met_at(printed: float, rounding: float, single: np.ndarray) -> list[list[float]]:
    """Ranges [from, to] of steps in seconds at which the printed number, rounded as it is, could be a run of ours.

    `single` (S, T) is the letter's own statistic at each of `STEPS_S`.
    """
    low, _, high = middle_over_seeds(single)
    under, over = printed < low - rounding, printed > high + rounding
    inside = (~under & ~over) & ~np.isnan(low)
    inside[1:] |= (under[:-1] & over[1:]) | (over[:-1] & under[1:])  # or met between two of the steps
    met = np.concatenate([[False], inside, [False]])
    starts, ends = (np.flatnonzero(change) for change in (met[1:] & ~met[:-1], met[:-1] & ~met[1:]))
    return [[float(STEPS_S[a]), float(STEPS_S[b - 1])] for a, b in zip(starts, ends, strict=True)]


def in_all(ranges: Sequence[Sequence[Sequence[float]]]) -> list[list[float]]:
    """The steps that lie in some range of each statement."""
    met = np.ones(STEPS_S.shape, bool)
    for own in ranges:
        met &= np.any([(low <= STEPS_S) & (high >= STEPS_S) for low, high in own] or [np.zeros_like(met)], axis=0)
    return [[float(STEPS_S[met].min()), float(STEPS_S[met].max())]] if met.any() else []
