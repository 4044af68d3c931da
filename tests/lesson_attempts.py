"""What readers may answer: for each exercise, answers and a piece of what the check must say to each.

Right, half right and wrong ones; "right" and "as good" only where the check accepts it.
"""

import math


def chance(P, W, N_0, r, alpha, theta):
    return math.exp(-theta * W * N_0 * r**alpha / P)


def outage(n, p, T_max):
    return sum(math.comb(T_max, k) * p**k * (1 - p) ** (T_max - k) for k in range(min(n, T_max + 1)))


def printed_outage(n, p, T_max):
    print(outage(n, p, T_max))


def divided_outage(n, p, T_max):
    return outage(n, p, T_max) / (n - n)


def unwritten(*arguments):
    raise NotImplementedError


def wrapped(function, change):
    """A function that does something else with what another one gives back."""
    return lambda *arguments: change(function(*arguments))


ATTEMPTS = {
    "05.1": [
        (chance, "right"),
        (unwritten, "not written yet"),
        (wrapped(chance, lambda p: 1 - p), "times what it should"),
        (wrapped(chance, lambda p: -p), "wrong sign"),
        (lambda P, W, N_0, r, alpha, theta: math.exp(-(10 ** (theta / 10)) * W * N_0 * r**alpha / P), "times"),
        (wrapped(chance, lambda p: [p]), "shape (1,)"),
        (wrapped(chance, str), "text"),
        (0.887, "a function is wanted"),
    ],
    "05.2": [
        (outage, "right"),
        (unwritten, "not written yet"),
        (printed_outage, "return it instead"),
        (divided_outage, "ZeroDivisionError"),
        (lambda n, p, T_max: None, "nothing (None)"),
        (wrapped(outage, lambda q: 1 - q), "times what it should"),
        (lambda n, p, T_max: outage(n + 1, p, T_max), "times what it should"),
        (lambda n, p, T_max: p**n, "times what it should"),
        (lambda n, p, T_max: float("nan"), "no finite number"),
    ],
    "05.3": [
        (83, "right"), ("83", "right"), (83.0, "right"), (17, "ten devices"), (82, "left over"), (82.4, "whole"),
        (396, "50 seed samples"), (8300, "units"), ("many", "text"), ([83], "one number is wanted"), (90, "too large"),
        (-83, "the sign is not"), (math.nan, "finite"),
    ],
    "05.4": [
        ("ABDF", "right"), ("FDBA", "right"), ("a, b, d, f", "right"), (" f b a d ", "right"), (list("ABDF"), "right"),
        ("A", "0 too many, 3 missing"), ("ABCDF", "1 too many, 0 missing"), ("C, E", "2 too many, 4 missing"),
        (4, "letters are wanted"),
    ],
    "05.5": [
        (127, "right"), (124, "one device"), (126, "a little less"), (104, "40 dBm"), (114, "the mean"),
        (130, "too large"), (outage, "one number is wanted"),
    ],
    "05.6": [
        ((21.35, 7.25), "as good"), ((30, 3.2), "less is better"), ((23, 3), "101 of 100 slots"), ((10, 7), "arrive"),
        ((23, -1), "above zero"), (23, "two numbers"), ("23 dBm", "two numbers"),
    ],
}  # fmt: skip
