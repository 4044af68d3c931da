"""What a curious server can do with the samples that it holds: search known pictures for sources, guess pixels."""

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.mixing.privacy import CHUNK

LEVELS = 256  # of held pixels that a table of guesses tells apart
GUESSES = "held", "line", "clipped", "table"


def nearest(held, known) -> np.ndarray:
    """The known picture (M,), of (N, ...), that is nearest to each held sample (M, ...): argmin_i |x_i|^2 - 2 s x_i."""
    s, x = (np.reshape(samples, (len(samples), -1)).astype(np.float64) for samples in (held, known))
    parts = np.array_split(s, 1 + len(s) // CHUNK)
    return np.concatenate([np.argmin((x * x).sum(axis=1) - 2 * part @ x.T, axis=1) for part in parts])


def nearest_pairs(held, shares, labels, known, known_labels) -> np.ndarray:
    """The known pictures (i, j) (L, M, 2) whose blend is nearest to each held blend s, of all pairs of its two labels,

        argmin_ij |s - a x_i - b x_j|^2 = argmin_ij a^2 |x_i|^2 - 2 a s x_i + b^2 |x_j|^2 - 2 b s x_j + 2 a b x_i x_j.

    `held` (L, M, ...) are blends with `labels` (M, 2) for L `shares` (a, b), `known` (N, ...) are the pictures.
    """
    held, labels, known, known_labels = map(np.asarray, (held, labels, known, known_labels))
    if missing := np.setdiff1d(labels, known_labels).tolist():
        raise InputError(f"no known picture has a label among {missing}, so no pair can be tried; give some of each.")
    found = np.empty((*held.shape[:2], 2), int)
    for pair in np.unique(labels, axis=0):
        own, (i, j) = np.flatnonzero((labels == pair).all(axis=1)), [np.flatnonzero(known_labels == n) for n in pair]
        x_i, x_j = (known[which].reshape(len(which), -1).astype(np.float64) for which in (i, j))
        products = x_i @ x_j.T
        for k, (a, b) in enumerate(np.asarray(shares, float)):
            s = held[k, own].reshape(len(own), -1).astype(np.float64)
            of_i, of_j = (c * (c * (x * x).sum(axis=1) - 2 * s @ x.T) for c, x in ((a, x_i), (b, x_j)))
            of_both = 2 * a * b * products
            best = np.array([np.argmin(of_both + u[:, None] + v) for u, v in zip(of_i, of_j, strict=True)])
            found[k, own] = np.stack([i[best // len(j)], j[best % len(j)]], axis=1)
    return found


def guesses(held, public_held, public_raw) -> tuple[np.ndarray, ...]:
    """GUESSES of the raw pictures behind `held`, pixel by pixel, learned from public ones that were mixed up alike.

    The held samples themselves; a line, by least squares; the line clipped to [0, 1]; a table of LEVELS mean pixels.
    """
    held, x, y = np.asarray(held), np.ravel(public_held).astype(np.float64), np.ravel(public_raw).astype(np.float64)
    line = y.mean() + ((x - x.mean()) * y).mean() / x.var() * (held - x.mean())
    edges, clipped = np.linspace(x.min(), x.max(), LEVELS + 1)[1:-1], np.clip(line, 0, 1)
    level, seen = np.searchsorted(edges, held), np.searchsorted(edges, x)
    count, total = np.bincount(seen, minlength=LEVELS), np.bincount(seen, y, LEVELS)
    return held, line, clipped, np.where(count[level] > 0, total[level] / np.maximum(count[level], 1), clipped)


def decibels(guess, raw) -> float:
    """Peak signal-to-noise ratio of guesses, pixels 0..1, in dB: 10 log10(1 / mean square error). Higher is nearer.

    >>> decibels([0.5, 0.5], [0.6, 0.4])
    20.0
    """
    with np.errstate(divide="ignore"):
        return float(-10 * np.log10(np.mean(np.square(np.subtract(guess, raw, dtype=np.float64)))))
