"""Statements on time as functions of what nobody printed: how long a step of a device takes."""

import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np

from mix2fld_np.federation.settings import PRINTED, Settings
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update
from mix2fld_np.runs.results import RunResult
from mix2fld_np.study.intervals import middle_range

STEPS_US = np.geomspace(1, 1_000, 3_001)  # of a device, from a microsecond to a millisecond
SERVERS = ("server in proportion", "server in no time")


def time_at_steps(settings: Settings, server: str) -> Callable[[RunResult, int], np.ndarray]:
    """Convergence time until the end of a round at each of `STEPS_US`, from its airtimes."""
    own = settings if settings.device_s_per_iteration else PRINTED
    share = own.server_s_per_iteration / own.device_s_per_iteration if server == SERVERS[0] else 0.0

    def of_run(run: RunResult, end: int) -> np.ndarray:
        rows = run.rounds[:end]
        n_distilled = sum(bool(row["server_samples"]) for row in rows)
        n_steps = len(rows) * settings.n_local_iterations + share * n_distilled * settings.n_distill_iterations
        return sum(row["airtime_s"] for row in rows) + n_steps * 1e-6 * STEPS_US

    return of_run


def by_the_stop_watch() -> float:
    """Microseconds that a step of the letter's network takes on this machine: the median of nine local updates."""
    network, n_steps, taken = Network(filters=PRINTED.filters), 100, []
    weights, images = np.zeros(network.n_weights, np.float32), np.zeros((1, *network.image_shape), np.float32)
    targets, order = np.eye(1, network.n_labels), np.zeros(n_steps, int)
    for _ in range(10):
        started = time.perf_counter()
        local_update(network, weights, images, targets, order, PRINTED.learning_rate)
        taken.append(1e6 * (time.perf_counter() - started) / n_steps)
    return median(taken[1:])  # compiled code has been loaded by then


def middle_over_seeds(single: np.ndarray) -> np.ndarray:
    """`middle_range` (3, T) of what single runs say at each of T steps (S, T); NaN where none does."""
    known = single[~np.isnan(single).any(axis=1)]
    return middle_range(known) if len(known) else np.full((3, single.shape[1]), np.nan)


def met_at(printed: float, rounding: float, single: np.ndarray) -> list[list[float]]:
    """Ranges [from, to] of steps in microseconds at which the printed number, rounded as it is, could be a run of ours.

    `single` (S, T) is the letter's own statistic at each of `STEPS_US`.
    """
    _, low, high = middle_over_seeds(single)
    under, over = printed < low - rounding, printed > high + rounding
    inside = (~under & ~over) & ~np.isnan(low)
    inside[1:] |= (under[:-1] & over[1:]) | (over[:-1] & under[1:])  # or met between two of the steps
    met = np.concatenate([[False], inside, [False]])
    starts, ends = (np.flatnonzero(change) for change in (met[1:] & ~met[:-1], met[:-1] & ~met[1:]))
    return [[float(STEPS_US[a]), float(STEPS_US[b - 1])] for a, b in zip(starts, ends, strict=True)]


def within(ranges: Sequence[Sequence[float]]) -> np.ndarray:
    """Whether each of `STEPS_US` lies in some range."""
    return np.any([(low <= STEPS_US) & (high >= STEPS_US) for low, high in [*ranges, (0, 0)]], axis=0)


def in_all(ranges: Sequence[Sequence[Sequence[float]]]) -> list[list[float]]:
    """The steps that lie in some range of each statement."""
    met = STEPS_US[np.all([within(own) for own in ranges], axis=0)]
    return [[float(met.min()), float(met.max())]] if len(met) else []
