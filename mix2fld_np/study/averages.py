"""Over seeds: one rule for means, spreads and missing values, and one for curves; and rows in groups."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np


@dataclass(frozen=True)
class Average:
    """A number over seeds: mean and sample standard deviation over those that have one, and how many these are."""

    mean: float | None  # None where no seed has one, or where two are infinite and of different sign
    spread: float | None  # None where fewer than two have one, or one is infinite
    n_known: int
    n_seeds: int

    def text(self, scale: float = 100, digits: int = 1, unit: str = " %", spread: bool = True) -> str:
        """As tables show it: a dash where nothing is known; of how many seeds where some have none."""
        if self.mean is None:
            return "-"
        plus_minus = "" if self.spread is None or not spread else f" +- {scale * self.spread:.{digits}f}"
        missing = "" if self.n_known == self.n_seeds else f" ({self.n_known} of {self.n_seeds} seeds)"
        return f"{scale * self.mean:,.{digits}f}{plus_minus}{unit}{missing}"

    def columns(self, name: str) -> dict[str, float | int | None]:
        """As files hold it."""
        return {name: self.mean, f"{name}_spread": self.spread, f"{name}_n_seeds": self.n_known}


def average_in(row: dict, name: str) -> Average:
    """The average that `columns` put into a row; the row says its `n_seeds` where not all of them have a value."""
    n_known = row[f"{name}_n_seeds"]
    return Average(row[name], row[f"{name}_spread"], n_known, row.get("n_seeds", n_known))


def average(values: Iterable[float | None]) -> Average:
    """The average over seeds, of which some may have no value."""
    every = list(values)
    known = [value for value in every if value is not None]
    if -math.inf in known and math.inf in known:
        return Average(None, None, len(known), len(every))
    has_spread = len(known) > 1 and all(map(math.isfinite, known))
    return Average(fmean(known) if known else None, stdev(known) if has_spread else None, len(known), len(every))


def mean_curve(curves: Sequence[Sequence[Sequence[float]]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times (T,) of all curves [(seconds, value), ...], mean and sample standard deviation (T,) over seeds.

    A run that stopped keeps its last value: nothing changes any more.
    """
    seconds = [np.array(curve, float).T for curve in curves]
    at = np.unique(np.concatenate([times for times, _ in seconds]))
    values = np.stack([np.interp(at, times, accuracies) for times, accuracies in seconds])
    return at, values.mean(axis=0), values.std(axis=0, ddof=1) if len(curves) > 1 else np.zeros_like(at)


def grouped(rows: Iterable[dict], *columns: str) -> dict[tuple, list[dict]]:
    """Rows by what stands in these columns, groups and rows in the order in which they come."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in columns), []).append(row)
    return groups


def seeds_in_words(n_seeds: int) -> str:
    """Over how many seeds a mean is taken."""
    return "one seed" if n_seeds == 1 else f"{n_seeds} seeds"
