"""Chance has an address: every random draw is named by its purpose, not by its place in the program."""

import zlib

import numpy as np

UP, DOWN = 0, 1  # the two directions of the channel, as the last part of an address


def stream(seed: int, purpose: str, *index: int) -> np.random.Generator:
    """The generator that belongs to `purpose` (and round, device, direction ...) under `seed`.

    `stream(seed, "channel", p, UP)` gives the fading of round p's uplink wherever it is asked for. So under one seed
    all protocols meet the same split, the same start, the same batches and the same fading; a resumed run repeats an
    uninterrupted one to the bit, and so does a run on more workers.

    The surprise: `default_rng([seed, a])` would collide with `default_rng([seed, a, 0])`; spawn keys do not.
    """
    address = (zlib.crc32(purpose.encode()), *index)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=address))
