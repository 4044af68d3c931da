"""Answers and hints of lesson 04."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
from checks import lesson_data
from marking import Number
from scores import Open, Refused
from written import Written

from mix2fld_np.federation.payloads import average_over_devices
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.federation.task import Task
from mix2fld_np.nn.losses import softmax
from mix2fld_np.nn.training import average_outputs, local_update
from mix2fld_np.randomness import stream

STEPS = 1_500


def mean_of_delivered(uploads, delivered):
    """G_out, by the library: uploads (D, N_L, N_L), delivered (D,)."""
    return average_over_devices(SimpleNamespace(outputs=uploads), SimpleNamespace(settings=PRINTED), delivered)


@cache
def world():
    """Ten devices' drawn digits, those of device d without label d; G_out of a first round; the task; its start."""
    task = Task(replace(PRINTED, split="iid"), lesson_data("digits"), seed=4)
    start, held, uploads = task.network.initial_weights(stream(4, "start")), [], []
    for d in range(10):
        images, labels = task.local_data(d)
        images, labels = images[labels != d], labels[labels != d]
        order = stream(4, "batches", 1, d).integers(len(labels), size=1_000)
        said = local_update(task.network, start, images, np.eye(10)[labels], order, 0.01).outputs
        held.append((images, labels))
        uploads.append(average_outputs(said, labels[order], 10))
    return held, mean_of_delivered(np.array(uploads), np.ones(10, bool)), task, start


def accuracy_on_the_weakest_label(material):
    """Mean over ten devices of the accuracy on each one's weakest label, after training on what `material` returns."""
    held, G, task, start = world()
    models = []
    for d, own in enumerate(held):
        images, targets = usable(material(*(part.copy() for part in own), G.copy(), d))
        order = stream(4, "order", d).integers(len(images), size=STEPS)
        models.append(local_update(task.network, start, images, targets, order, 0.01).weights)
    tests = task.evaluations(np.array(models), 1)
    return float(np.mean([np.divide(test.correct, test.n_images).min() for test in tests]))


def usable(material):
    """Images and targets to train on; Refused where they are none."""
    try:
        images, targets = (np.asarray(part, np.float32) for part in material)
    except (TypeError, ValueError):
        raise Refused("the function has to return two arrays, images and targets.") from None
    if images.shape[1:] != (1, 28, 28) or targets.shape != (len(images), 10) or not len(images):
        raise Refused(f"images have shape {images.shape}, targets {targets.shape}; (M, 1, 28, 28) and (M, 10) fit.")
    if not (np.isfinite(images).all() and np.isfinite(targets).all() and np.all(np.abs(targets.sum(axis=1)) <= 2)):
        raise Refused("every pixel and target has to be a finite number, and the targets of a sample sum to 2 at most.")
    return images, targets


rng = stream(4, "outputs to try")
OUTPUTS = [softmax(2 * rng.normal(size=(K, N_L))) for K, N_L in ((8, 4), (3, 2), (40, 10))]
LABELS = [np.array([0, 1, 0, 2, 1, 0, 0, 2]), np.array([1, 1, 1]), rng.integers(10, size=40)]
UPLOADS = softmax(rng.normal(size=(4, 3, 3)))
UPLOADS[1, 2] = UPLOADS[0, 1] = UPLOADS[2:, 1] = np.nan

EXERCISES = {
    "04.1": Written(
        average_outputs,
        [(F, labels, F.shape[1]) for F, labels in zip(OUTPUTS, LABELS, strict=True)],
        hints=(
            "row n is the mean of those outputs whose label is n; how many are there?",
            "start with np.full((n_labels, n_labels), np.nan) and fill only the rows of labels that were drawn.",
        ),
    ),
    "04.2": Written(
        mean_of_delivered,
        [
            (UPLOADS, np.array([True, True, True, True])),
            (UPLOADS, np.array([True, False, True, False])),
            (UPLOADS, np.array([False, True, True, True])),
        ],
        hints=(
            "one lost upload counts for no row, and one unknown row only for that row.",
            "divide the sum of row n by the number of uploads that arrived *and* know it; if none does, leave np.nan.",
        ),
    ),
    "04.3": Number(
        0.008,
        hints=(
            "by which factor is the step of eq. (3) longer?",
            "the targets sum to 1 + beta, and so many times longer is the step.",
        ),
        mistakes=[
            (0.0125, "that makes the step longer still."),
            (0.01, "then it would be 1.25 times as long."),
            (0.0075, "the step grows by the factor 1 + beta; divide by it."),
            (0.04, "without a teacher the step has length one, not zero."),
        ],
    ),
    "04.4": Number(
        0.9,
        hints=(
            "t_n = l_n + beta G_n, with l_n = 1.",
            "an output cannot exceed one: divide by the sum of the target.",
        ),
        mistakes=[
            (1.35, "that is the target; outputs sum to one, and the target does not."),
            (1.3, "that is the printed sign, and no output."),
            (0.65, "that is the target with the printed sign."),
            (0.85, "that is the mean of label and teacher, which belongs to beta = 1."),
            (0.7, "that is the teacher alone; the label says 1."),
            (1.0, "that is the label alone; beta is 0.5, not 0."),
        ],
    ),
    "04.5": Number(
        113,
        hints=("N_L vectors have N_L numbers each.", "solve N_L^2 > 12,544 for the smallest whole number."),
        mistakes=[
            (112, "then both upload the same."),
            (12_545, "one number a label; each label has a whole vector."),
            (12_544, "one number a label; each label has a whole vector."),
        ],
    ),
    "04.6": Open(
        accuracy_on_the_weakest_label,
        best=0.423,
        unit="the accuracy on the weakest label",
        margin=0.02,
        hints=(
            "row `missing` of G says which labels the missing one looks like; FD never reads it.",
            "give samples of these labels a share of the missing label in their targets: much where they look alike.",
        ),
    ),
}
