"""Answers and hints of lesson 07."""

from functools import cache

import numpy as np
from checks import lesson_data
from marking import Number
from scores import Missed, Open, Refused
from written import Written

from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.federation.task import Task
from mix2fld_np.mixing.mixup import mixup
from mix2fld_np.mixing.privacy import mixup_privacy
from mix2fld_np.randomness import stream


@cache
def suspects():
    """The samples of the first device of lesson 07, images (500, 28, 28) with pixels 0 to 255, and their labels."""
    data = lesson_data("digits")
    held = Task(PRINTED, data, seed=7).split.indices[0]
    return data.train_images[held, 0].astype(float), data.train_labels[held]


def smallest_hidden_ratio(hide):
    """The ratio of a blend whose nearest suspect is neither of its sources, as `hide(images, labels)` chooses it."""
    images, labels = suspects()
    chosen = hide(images.copy(), labels.copy())
    try:
        i, j, lam = int(chosen[0]), int(chosen[1]), float(chosen[2])
    except (TypeError, ValueError, LookupError):
        raise Refused("the function has to return three numbers: first sample, second sample, mixing ratio.") from None
    if min(i, j) < 0 or max(i, j) >= len(labels) or labels[i] == labels[j]:
        raise Refused(f"samples {i} and {j} are no two samples with different labels.")
    if not 0 < lam < 0.5:
        raise Refused(f"the mixing ratio has to lie between 0 and 0.5; it is {lam:.3g}.")
    nearest = int(((images - mixup(images[i], images[j], lam)) ** 2).sum(axis=(1, 2)).argmin())
    if nearest in (i, j):
        raise Missed(f"found: of all suspects number {nearest} is nearest, and that is one of the two.")
    return lam


pixel_rng = stream(7, "pixels to try")
PICTURES = [pixel_rng.uniform(0, 255, (2, 4, 4)).round() for _ in range(3)]
STACK = pixel_rng.uniform(0, 255, (6, 5, 5)).round()
NEAR = np.stack([STACK[0], STACK[1], mixup(STACK[0], STACK[1], 0.4) + 1])  # nearer to a blend than its sources are

EXERCISES = {
    "07.1": Written(
        mixup,
        [
            (np.array([0.0, 100.0]), np.array([200.0, 100.0]), 0.1),
            (np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0]), 0.3),
            *((one, other, lam) for (one, other), lam in zip(PICTURES, (0.01, 0.25, 0.49), strict=True)),
        ],
        hints=(
            "the two shares sum to one; which sample gets lambda?",
            "the first gets lambda, the second the rest, 1 - lambda.",
        ),
    ),
    "07.2": Written(
        mixup_privacy,
        [
            (STACK, np.array([0, 1, 2]), np.array([3, 4, 5]), 0.1),
            (STACK, np.array([0, 1, 2]), np.array([3, 4, 5]), 0.4),
            (STACK, np.array([5]), np.array([0]), 0.25),
            (STACK, np.array([5, 3]), np.array([0, 1]), 0.8),
            (NEAR, np.array([0]), np.array([1]), 0.4),
        ],
        hints=(
            "for each blend two distances, to its first and to its second source; the smallest of all of them counts.",
            "the Euclidean norm has a square root, and the logarithm of the one smallest distance is natural.",
        ),
    ),
    "07.3": Number(
        4.884 + np.log(2.5),
        hints=(
            "the distance grows 2.5 times; what does that add to its logarithm?",
            "two columns of the table differ by the logarithm of the ratio of their lambda.",
        ),
        mistakes=[
            (5.282, "that takes logarithms to base 10; the columns 0.1 and 0.2 differ by 0.693, not 0.301."),
            (4.884 * 2.5, "the distance is multiplied by 2.5; its logarithm is not."),
        ],
    ),
    "07.4": Number(
        4.465 - np.log(255),
        hints=(
            "every distance is divided by 255.",
            "the logarithm of a quotient is a difference; it may well turn negative.",
        ),
        mistakes=[
            (4.465 / 255, "all distances shrink 255 times; their logarithm does not."),
            (4.465 - np.log10(255), "the table uses natural logarithms."),
            (4.465 + np.log(255), "the distances become smaller, not larger."),
            (4.465, "distances do depend on the units of the pixels."),
        ],
    ),
    "07.5": Number(
        4.465 + np.log(3),
        hints=(
            "the two distances are lambda d and (1 - lambda) d; the smaller counts.",
            "find the column of the table whose smaller share is that of 0.7.",
        ),
        mistakes=[
            (4.465 + np.log(7), "that is the distance to the second sample; the first is nearer now."),
            (6.055, "that is the last column; it does not keep growing beyond 0.5."),
        ],
    ),
    "07.6": Open(
        smallest_hidden_ratio,
        best=0.253,
        unit="your mixing ratio",
        more_is_better=False,
        hints=(
            "a third sample hides a blend when it lies near the straight line between the two sources; look for such.",
            "write |blend - s_k|^2 < |blend - s_j|^2 as a condition on lambda, with u = s_k - s_j and v = s_i - s_j.",
        ),
    ),
}
