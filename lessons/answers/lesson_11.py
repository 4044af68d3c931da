"""Answers and hints of lesson 11."""

from functools import cache

import numpy as np
from checks import lesson_data
from marking import Number
from scores import Missed, Open, Refused
from written import Written

from mix2fld_np.randomness import stream

RATIO, N_VICTIMS, N_OWN = 0.4, 100, 3_000


def attack(upload, mean_a, mean_b, lam):
    """Guess of the second sample of an upload, linear in the residual, with the smallest variance of its error."""
    return mean_b + shared_attack([upload - lam * mean_a - (1 - lam) * mean_b], lam)


def shared_attack(residuals, lam):
    """Guess (pixels,) of the deviation that n residuals (n, pixels) share."""
    n = len(residuals)
    return (1 - lam) / (lam**2 + n * (1 - lam) ** 2) * np.sum(residuals, axis=0)


def reused_samples(draw):
    """How many samples of a device `draw(labels, n, rng)` uses more than once, on average over a hundred streams."""
    labels = np.repeat(np.arange(10), [62, 2, 62, 62, 62, 62, 2, 62, 62, 62])
    drawn = [pairs_of(draw(labels.copy(), 50, stream(11, "draw", k)), labels) for k in range(100)]
    if not np.array_equal(pairs_of(draw(labels.copy(), 50, stream(11, "draw", 0)), labels), drawn[0]):
        raise Refused("the same generator gave other pairs the second time: draw with rng, and with nothing else.")
    if len({pairs.tobytes() for pairs in drawn}) < len(drawn):
        raise Refused("two different generators gave the same pairs: draw with rng.")
    common = [n for n in np.unique(labels) if np.sum(labels == n) > 2]
    never = np.isin(labels, common) & ~np.isin(np.arange(len(labels)), drawn)
    if never.any():
        raise Missed(f"in {len(drawn)} draws {never.sum()} samples never came up: each must have its chance.")
    return float(np.mean([np.sum(np.bincount(pairs.ravel()) > 1) for pairs in drawn]))


def pairs_of(answer, labels):
    """The pairs (50, 2) that were drawn, or Refused."""
    pairs = np.array(answer).T
    if pairs.shape != (50, 2) or pairs.dtype.kind not in "iu" or pairs.min() < 0 or pairs.max() >= len(labels):
        raise Refused(f"two arrays of n = 50 sample numbers are wanted, from 0 to {len(labels) - 1}.")
    if np.any(labels[pairs[:, 0]] == labels[pairs[:, 1]]):
        raise Missed("some pairs have one label twice: such a blend has a hard label.")
    return pairs


@cache
def victims():
    """Uploads (M, 784) at 0.4 with their labels, their main samples, and a server's own digits with labels."""
    data = lesson_data("digits", n_train=8_000)
    rng = stream(11, "victims")
    order, raw = rng.permutation(8_000), data.train_images.reshape(8_000, -1) / 255
    own, others = order[:N_OWN], order[N_OWN:]
    couples = others.reshape(-1, 2)
    couples = couples[data.train_labels[couples[:, 0]] != data.train_labels[couples[:, 1]]][:N_VICTIMS]
    i, j = couples.T
    uploads = np.rint(255 * (RATIO * raw[i] + (1 - RATIO) * raw[j])) / 255
    return (uploads, data.train_labels[i], data.train_labels[j], RATIO, raw[own], data.train_labels[own]), raw[j]


def relative_error(guess):
    """Mean distance of guesses to the main samples over that of the means of their labels."""
    given, samples = victims()
    guesses = np.asarray(guess(*(np.copy(part) for part in given)), float)
    if guesses.shape != samples.shape:
        raise Refused(f"guesses have shape {guesses.shape}; {samples.shape} is wanted.")
    if not np.all(np.isfinite(guesses)):
        raise Refused("not every pixel of the guesses is a finite number.")
    _, _, b, _, own, own_labels = given
    means = np.stack([own[own_labels == n].mean(axis=0) for n in range(10)])
    errors, yardsticks = (np.linalg.norm(part - samples, axis=1) for part in (guesses, means[b]))
    return float(np.mean(errors / yardsticks))


pixel_rng = stream(11, "pixels to try")
VECTORS = [tuple(pixel_rng.uniform(0, 1, (3, 6)).round(2)) for _ in range(3)]
STACKS = [pixel_rng.normal(size=(n, 5)).round(2) for n in (1, 2, 4, 7)]

EXERCISES = {
    "11.1": Written(
        attack,
        [
            (np.array([1.0, 0.0]), np.zeros(2), np.zeros(2), 0.25),
            (np.array([0.5, 0.2]), np.array([0.5, 0.0]), np.array([0.5, 0.4]), 0.4),
            *((*vectors, lam) for vectors, lam in zip(VECTORS, (0.01, 0.1, 0.45), strict=True)),
        ],
        hints=(
            "the error has two independent parts, whose variances add: (w (1 - lam) - 1)^2 and w^2 lam^2.",
            "set the derivative with respect to w to zero: (1 - lam) (w (1 - lam) - 1) + w lam^2 = 0.",
        ),
    ),
    "11.2": Written(
        shared_attack,
        [(stack, lam) for stack, lam in zip(STACKS, (0.3, 0.1, 0.3, 0.45), strict=True)],
        hints=(
            "in the sum of n residuals the shared deviation comes n times, and n others once each.",
            "minimise (n w (1 - lam) - 1)^2 + n w^2 lam^2; for n = 1 it is the w of before.",
        ),
    ),
    "11.3": Number(
        0.2 / np.sqrt(0.04 + 3 * 0.64),
        hints=(
            "the error is lambda over a root in which n stands once.",
            "n multiplies (1 - lambda)^2, the share of the sample that is shared.",
        ),
        mistakes=[
            (0.2 / np.hypot(0.2, 0.8), "that is for a single upload."),
            (0.2 / np.hypot(0.2, 0.8) / 3, "errors shrink like a root of n, and then not quite."),
            (0.2 / np.hypot(0.2, 0.8) / np.sqrt(3), "nearly: n multiplies only one of the two terms under the root."),
            (0.8 / np.sqrt(0.64 + 3 * 0.04), "the shared sample is the main one: its share is 1 - lambda."),
            (0.04 / (0.04 + 3 * 0.64), "that is its square, a share of the variance."),
        ],
    ),
    "11.4": Number(
        250,
        hints=("how many samples does one blend use up?", "two; and it must use none of them again."),
        mistakes=[
            (500, "a blend takes two samples."),
            (50, "that is what the letter uploads; it could afford more."),
            (124_750, "so many pairs exist, but they share samples."),
        ],
    ),
    "11.5": Open(
        reused_samples,
        best=0,
        unit="samples that are used twice or more",
        more_is_better=False,
        hints=(
            "a random permutation of all samples, rng.permutation(len(labels)), repeats none.",
            "take it in neighbouring couples, drop those of one label, and keep the first n.",
        ),
    ),
    "11.6": Open(
        relative_error,
        best=0.388,
        unit="the error over that of the mean",
        more_is_better=False,
        margin=0.01,
        hints=(
            "pixels lie in [0, 1], those of the other sample as well: between which bounds does that leave s_j?",
            "deviations of neighbouring pixels go together: their covariances, label by label, make w a matrix.",
        ),
    ),
}
