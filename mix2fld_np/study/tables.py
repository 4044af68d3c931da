"""Tables II and III: sample privacy over the letter's mixing ratios, beside the printed values."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import isfinite

import numpy as np

from mix2fld_np.datasets.registry import Dataset
from mix2fld_np.federation import seed_samples
from mix2fld_np.federation.settings import PRINTED, Settings
from mix2fld_np.federation.task import Task
from mix2fld_np.mixing import mixup, pairing, privacy
from mix2fld_np.mixing.inverse import inverse_mixup
from mix2fld_np.study.averages import average, grouped

# The letter is silent: how samples are split over devices in Tables II and III, and whose uploads count. IID, all ten.
TABLES = replace(PRINTED, split="iid", n_seed_samples=100, n_inverse_samples=100)  # N_S of both tables

HEADS = (0.001, 0.1, 0.2, 0.3, 0.4, 0.499)  # of the columns, as printed
# Misprint: Tables II and III, first and last column. Differences between columns show that 0.01 and 0.49 were used.
READINGS = {0.001: (0.001, 0.01), 0.499: (0.49, 0.499)}
NEIGHBOURS = {0.001: 0.1, 0.499: 0.4}  # the column that a head in question is compared with
COLUMNS = tuple((head, ratio) for head in HEADS for ratio in READINGS.get(head, (head,)))  # eight (head, lambda)

PRINTED_VALUES = {
    "2": {
        "mnist": (2.163, 4.465, 5.158, 5.564, 5.852, 6.055),
        "fashion-mnist": (1.825, 4.127, 4.821, 5.226, 5.514, 5.717),
        "cifar-10": (2.582, 4.884, 5.577, 5.983, 6.270, 6.473),
        "cifar-100": (2.442, 4.744, 5.438, 5.843, 6.131, 6.334),
    },
    "3": {
        "mnist": (2.557, 4.639, 5.469, 6.140, 7.007, 9.366),
        "fashion-mnist": (2.196, 4.568, 5.410, 6.143, 6.925, 9.273),
        "cifar-10": (2.824, 5.228, 6.076, 6.766, 7.662, 10.143),
        "cifar-100": (2.737, 5.151, 6.050, 6.782, 7.652, 10.104),
    },
}


@dataclass(frozen=True)
class Uploads:
    """What ten devices upload."""

    images: np.ndarray  # (N, ...) with pixels 0..255
    labels: np.ndarray  # (N,)
    first: np.ndarray  # (M,), the two samples that each upload is made of
    second: np.ndarray
    pairs: np.ndarray  # (P, 2), uploads with symmetric labels


def uploads_of(task: Task) -> Uploads:
    """N_S mixed-up samples of each device, as MixFLD and Mix2FLD draw them, and all symmetric pairs of them."""
    drawn, labels = seed_samples.mixed(task), task.data.train_labels
    pairs = pairing.symmetric_pairs(labels[drawn.first], labels[drawn.second], drawn.device)
    return Uploads(task.data.train_images, labels, drawn.first, drawn.second, pairs)


def as_uploaded(up: Uploads, ratio: float) -> float:
    """Table II: each upload against the two raw samples that it is made of."""
    return privacy.mixup_privacy(up.images, up.first, up.second, ratio)


def any_two(up: Uploads, ratio: float) -> float:
    """Table II: any two samples of different labels, among those, about 1,000, that some upload begins with."""
    pair = nearest_of_different_labels(up.images, up.labels, np.unique(up.first))
    return privacy.mixup_privacy(up.images, pair[:1], pair[1:], ratio)


def to_raw(up: Uploads, ratio: float) -> float:
    """Table III: each inversely mixed-up sample against the four raw samples that went into it."""
    return privacy.mix2up_privacy(up.images, up.first, up.second, up.pairs, ratio)


def to_mixed(up: Uploads, ratio: float) -> float:
    """Table III: each inversely mixed-up sample against the two mixed-up samples that it is made of."""

    def smallest(pairs: np.ndarray) -> float:
        one, other = up.images[up.first[pairs]].astype(float), up.images[up.second[pairs]].astype(float)
        both = [mixup.mixup(one[:, k], other[:, k], ratio) for k in (0, 1)]
        return min(privacy.sample_privacy(made, *both) for made in inverse_mixup(np.stack(both), [ratio, 1 - ratio]))

    parts = range(0, len(up.pairs), privacy.CHUNK)
    return min((smallest(up.pairs[start : start + privacy.CHUNK]) for start in parts), default=np.inf)


def nearest_of_different_labels(images: np.ndarray, labels: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The two samples (2,), of those numbered `among`, with different labels and the smallest Euclidean distance."""
    x, label = images[among].reshape(len(among), -1).astype(np.float64), labels[among]
    squares = (x * x).sum(axis=1)
    distances = squares[:, None] + squares - 2 * x @ x.T
    distances[label[:, None] == label] = np.inf
    return among[list(np.unravel_index(distances.argmin(), distances.shape))]


DEFINITIONS: dict[str, dict[str, Callable[[Uploads, float], float]]] = {  # ways to understand the measure of a table
    "2": {"uploads, as drawn": as_uploaded, "any two samples": any_two},
    "3": {"to the nearest raw sample": to_raw, "to the nearer upload": to_mixed},
}


def measured(table: str, data: Dataset, settings: Settings, seed: int) -> Iterator[dict]:
    """One row for each definition and lambda of a table under one seed, as they come."""
    task = Task(settings, data, seed)
    task.check()
    up = uploads_of(task)
    for (definition, measure), (_, ratio) in product(DEFINITIONS[table].items(), COLUMNS):
        row = {"data": data.name, "definition": definition, "seed": seed, "lambda": ratio}
        yield row | {"n_uploads": len(up.first), "n_pairs": len(up.pairs), "privacy": measure(up, ratio)}


def beside_printed(table: str, rows: list[dict]) -> list[dict]:
    """One row for each data set, definition, lambda: mean over seeds, printed value (none for digits), difference."""
    found = []
    for (name, definition), own in grouped(rows, "data", "definition").items():
        over = {ratio: average(row["privacy"] for row in cell) for (ratio,), cell in grouped(own, "lambda").items()}
        means = {ratio: one.mean for ratio, one in over.items()}
        for head, ratio in COLUMNS:
            printed, mean = printed_value(table, name, head), means[ratio]
            row = {"data": name, "definition": definition, "head": head, "lambda": ratio, "printed": printed}
            row |= {"measured": mean, "spread": over[ratio].spread}
            row["difference"] = None if printed is None or mean is None else mean - printed
            found.append(row | {"fits": fits(table, name, head, ratio, means.get)})
    return found


def printed_value(table: str, name: str, head: float) -> float | None:
    """The number in the letter, or None."""
    values = PRINTED_VALUES[table].get(name)
    return None if values is None else values[HEADS.index(head)]


def fits(table: str, name: str, head: float, ratio: float, measure: Callable[[float], float | None]) -> bool | None:
    """Whether `ratio` is the reading of a column head that fits best; None without a choice or a distance.

    The step from the neighbouring column is compared: unlike the numbers, it does not depend on the samples drawn.
    """
    printed = printed_value(table, name, head)
    if head not in READINGS or printed is None:
        return None
    neighbour = NEIGHBOURS[head]
    step = printed - PRINTED_VALUES[table][name][HEADS.index(neighbour)]
    found = {reading: measure(reading) for reading in (neighbour, *READINGS[head])}
    known = {reading: value for reading, value in found.items() if value is not None and isfinite(value)}
    if len(known) < len(found):
        return None
    return ratio == min(READINGS[head], key=lambda reading: abs(known[reading] - known[neighbour] - step))
