"""Answers and hints of lesson 08."""

from dataclasses import replace
from functools import cache

import numpy as np
from checks import lesson_data
from marking import Letters, Number
from scores import Open, Refused
from written import Written

from mix2fld_np.federation import payloads, protocols, seed_samples
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.federation.task import Task, first_state
from mix2fld_np.mixing import pairing
from mix2fld_np.mixing.inverse import inverse_ratios
from mix2fld_np.nn.training import distil
from mix2fld_np.randomness import stream

RATIO, STARTS, STEPS = 0.49, 8, 3_200
SHARES = {
    "A": (0.4, 0.3, 0.2, 0.1), "B": (0.4, 0.1, 0.1, 0.4), "C": (0.4, 0.1, 0.4, 0.1), "D": (0.6, 0.2, 0.1, 0.1),
    "E": (0.4, 0.4, 0.1, 0.1),
}  # fmt: skip


@cache
def uploads():
    """Pairs of mixed-up samples at 0.49 as the server holds them, their two labels, the teacher and the task."""
    task = Task(replace(PRINTED, mixing_ratio=RATIO), lesson_data("digits", n_train=8_000), seed=8)
    fed = protocols.train_devices(first_state(task), task, 1)[0]
    teacher = payloads.average_over_devices(fed, task, np.ones(task.n_devices, bool))
    sent = seed_samples.mixed(task)
    mixed = seed_samples.blend(sent, np.arange(len(sent.first)), task)
    a, b = mixed.first_label, mixed.second_label
    pairs = pairing.symmetric_pairs(a, b, sent.device, 16)
    pairs = pairing.choose_pairs(pairs, a, b, 1_000, stream(8, "pairs of seed samples"))[:500]  # 1,000 new samples
    return mixed.images[pairs], np.stack([a[pairs[:, 0]], b[pairs[:, 0]]], axis=1), teacher, task


def accuracy_of_students(recombine):
    """Mean accuracy of eight students on samples recombined as `recombine(lam)` says: weights and labels (2, 2)."""
    try:
        weights, labels = (np.asarray(part, float) for part in recombine(RATIO))
    except (TypeError, ValueError):
        raise Refused("the function has to return two arrays, weights and labels.") from None
    if weights.shape != (2, 2) or labels.shape != (2, 2):
        raise Refused(f"weights have shape {weights.shape} and labels {labels.shape}; both have to be (2, 2).")
    if not np.all(np.isfinite(weights) & np.isfinite(labels)):
        raise Refused("not every weight and label is a finite number.")
    images, label_pairs, teacher, task = uploads()
    samples = np.einsum("nm,pmchw->pnchw", weights, images).reshape(-1, *images.shape[2:]).astype(np.float32)
    targets = np.einsum("nk,pkl->pnl", labels, np.eye(10)[label_pairs]).reshape(-1, 10)
    found = []
    for k in range(STARTS):
        start = task.network.initial_weights(stream(8, "start", k))
        order = stream(8, "order", k).integers(len(samples), size=STEPS)
        found.append(task.accuracy(distil(task.network, start, samples, targets, teacher, order, 0.01, 0.01)))
    return float(np.mean(found))


def ratios_of_two(lam):
    """Inverse mixing ratios of two mixed-up samples."""
    return inverse_ratios([lam, 1 - lam])


EXERCISES = {
    "08.1": Written(
        ratios_of_two,
        [(0.1,), (0.3,), (0.01,), (0.49,), (0.25,)],
        hints=(
            "solve eq. (10) for lambda-hat: collect what has lambda-hat on one side.",
            "row n = 1 is (-lambda, 1 - lambda) over 1 - 2 lambda; for n = 2 the two weights change places.",
        ),
    ),
    "08.2": Written(
        inverse_ratios,
        [([0.1, 0.9],), ([0.6, 0.3, 0.1],), ([0.2, 0.5, 0.3],), ([0.7, 0.1, 0.1, 0.1],), ([0.05, 0.6, 0.15, 0.2],)],
        hints=(
            "first build M: row r, column c holds the share number r + c, counted from 0 and going round.",
            "(r + c) % N is that number; NumPy inverts a matrix with np.linalg.inv.",
        ),
    ),
    "08.3": Number(
        3 / 8,
        hints=(
            "the worst noise grows by the condition number, 1 / (1 - 2 lambda).",
            "set 1 / (1 - 2 lambda) = 4 and solve for lambda.",
        ),
        mistakes=[
            (5 / 8, "that is as far from 0.5, on the other side; the letter takes lambda below 0.5."),
            (0.25, "that multiplies the worst noise by 2."),
            (0.3989, "that is for independent noise; the worst is equal and opposite."),
        ],
    ),
    "08.4": Letters(
        "".join(name for name, shares in SHARES.items() if np.abs(np.fft.fft(shares)).min() < 1e-12),
        last="E",
        hints=(
            "four shares a, b, c, d have three sums to test: k = 1 and 3 together, and k = 2.",
            "k = 2 asks whether a + c = b + d; k = 1 whether a = c and b = d.",
        ),
    ),
    "08.5": Open(
        accuracy_of_students,
        best=0.822,
        unit="the accuracy of your students",
        margin=0.015,
        hints=(
            "weights near those of eq. (8) magnify ghosts 25 times; try smaller ones, and look what labels they make.",
            "a regularised inverse, inv(M'M + eps I) M', undoes less; labels have to say what is then in them.",
        ),
    ),
}
