"""Answers and hints of lesson 10."""

import numpy as np
from marking import Number
from scores import Missed, Open, Refused
from written import Written

from mix2fld_np.claims.measures import relative
from mix2fld_np.randomness import stream
from mix2fld_np.study.intervals import t_interval

# MNIST as downloaded, ten seeds: mean and spread in % over runs and devices of FL and of Mix2FLD in both splits, and
# the 5, 25, 50, 75 and 95 % points of what a hundred runs and devices say on "up to 16.7 %".
FL = np.array([[90.12, 1.45], [78.91, 3.53]])
MIX2FLD = np.array([[[75.82, 1.74], [77.69, 1.97], [87.63, 0.75], [88.99, 0.82]],
                    [[75.17, 2.47], [77.20, 2.18], [86.94, 1.26], [88.56, 0.65]]])  # fmt: skip
POINTS, FOUND = (0.05, 0.25, 0.5, 0.75, 0.95), np.array([5.00, 8.36, 13.24, 16.19, 19.12])
LARGEST_OF_EIGHT = 1.4236  # mean of the largest of eight standard normal numbers


def paired_interval(ours, theirs, level):
    """Mean of paired differences and the ends of its Student interval, (3,)."""
    found = t_interval(np.subtract(ours, theirs), level)
    return np.array([found.mean, found.low, found.high])


def up_to(ours, theirs):
    """The largest gain in per cent over splits and pairs (N_S, N_I), of each run on each device, (S, D)."""
    return 100 * relative(ours, theirs[:, None]).max(axis=(0, 1))


def distance_to_the_found(printed_numbers):
    """Largest distance, in per cent, between five points of the invented numbers and of those that were found."""
    invented = np.asarray(printed_numbers(FL.copy(), MIX2FLD.copy(), stream(10, "score")), float)
    if invented.ndim != 1 or len(invented) < 1_000:
        raise Refused(f"shape {invented.shape} came back; 10,000 numbers in one row are wanted, a thousand at least.")
    if not np.isfinite(invented).all():
        raise Refused("not every number is finite.")
    higher = np.asarray(printed_numbers(FL.copy(), MIX2FLD + [10, 0], stream(10, "score")), float)
    if not np.median(higher) > np.median(invented) + 5:
        raise Missed("it does not ask the table: with Mix2FLD ten points higher, it invents much the same numbers.")
    return float(np.abs(np.quantile(invented, POINTS) - FOUND).max())


rng = stream(10, "numbers to try")
COUPLES = [rng.normal(80, 3, (2, S)).round(2) for S in (5, 10, 3)]
ACCURACIES = [(rng.uniform(0.6, 0.9, (P, C, S, D)), rng.uniform(0.6, 0.9, (P, S, D)))
              for P, C, S, D in ((2, 4, 3, 5), (1, 2, 2, 3), (3, 1, 4, 2))]  # fmt: skip

EXERCISES = {
    "10.1": Written(
        paired_interval,
        [(np.array([71.0, 75.0, 70.0]), np.array([70.0, 71.0, 69.0]), 0.95),
         *((*couple, level) for couple, level in zip(COUPLES, (0.95, 0.95, 0.8), strict=True))],
        hints=(
            "first the differences seed by seed; their mean, and their standard deviation with divisor S - 1.",
            "half of the interval is t_quantile(level, S - 1) standard errors, and one of those is s / sqrt(S).",
        ),
    ),
    "10.2": Written(
        up_to,
        ACCURACIES,
        hints=(
            "a gain is ours / theirs - 1; theirs has no axis for the pairs (N_S, N_I), so give it one.",
            "theirs[:, None] has shape (P, 1, S, D); the largest goes over the first two axes, and counts in per cent.",
        ),
    ),
    "10.3": Number(
        paired_interval([1, 3, 2, 5, -1], [0] * 5, 0.95)[1],
        hints=(
            "mean 2; the squared deviations are 1, 1, 0, 9 and 9. What is s, and what is the standard error?",
            "divide their sum by 4, take the root, divide by the root of five; so many times 2.776 below the mean.",
        ),
        mistakes=[
            (4.776, "that is the upper end."),
            (0.04, "1.96 belongs to very many seeds, not to five."),
            (1.0, "that is one standard error below the mean; how many does the interval hold?"),
            (-0.571, "five differences leave four degrees of freedom, not five."),
            (-4.207, "that is for one difference; the mean of five strays less."),
            (-0.483, "the squares are divided by S - 1, as the mean was fitted to the same numbers."),
            (2.776, "that is half of the interval, or t itself."),
        ],
    ),
    "10.4": Number(
        3 + LARGEST_OF_EIGHT,
        hints=(
            "what would be the largest of eight numbers around zero with standard deviation one?",
            "section 4 has thrown the dice; the true three points come on top.",
        ),
        mistakes=[
            (3, "that is what the mean would show; the largest of eight lies above it."),
            (1.42, "that is what chance adds; the true 3 points are there as well."),
            (4.03, "that is the largest of four."),
            (3.57, "that is the largest of two."),
            (11, "eight chances do not add up: look at the dice again."),
        ],
    ),
    "10.5": Number(
        (1.050 - 1.2 * 0.260) / (10 * (1.2 * 6_720 - 6_400)),
        hints=(
            "write both times as airtime plus ten rounds of computing, and set one to 1.2 times the other.",
            "1.050 + 64,000 c = 1.2 (0.260 + 67,200 c); bring c to one side.",
        ),
        mistakes=[
            (44.35, "that is in microseconds; seconds are wanted."),
            (0.738 / 12_800, "Mix2FLD's server computes as well."),
            (0.738 / (12 * 9_600 - 64_000), "the server takes c / 10 for an iteration."),
            (0.738 / 1_664, "that is the computing time of ten iterations: there are ten rounds."),
            (250e-6, "that is what the library assumes; then FL takes hardly longer, or even less."),
        ],
    ),
    "10.6": Open(
        distance_to_the_found,
        best=0.7,
        unit="the largest distance, in per cent",
        more_is_better=False,
        margin=0.1,
        hints=(
            "all four pairs of a split are compared with *one* FL: draw its accuracy once a run, not four times.",
            "FL does not scatter like a normal number: an upload that does arrive (lesson 05: 6 of 1,000) lifts all "
            "devices of its run at once: two levels, with it and without.",
        ),
    ),
}
