"""The numerical check of the letter: each equation, algorithm and printed number by two routes that share no code."""

from collections.abc import Iterable

from mix2fld_np.errors import InputError
from mix2fld_np.nn import training
from mix2fld_np.verify import algorithm, channel, learning, mixing
from mix2fld_np.verify.by_hand import LETTER, SMALL
from mix2fld_np.verify.check import Check

CHECKS = (*learning.ROWS, *channel.ROWS, *learning.CONVERSION_ROWS, *mixing.ROWS, *algorithm.ROWS)


def chosen(text: str | None) -> list[Check]:
    """The rows whose name contains a text, whatever blanks and case; all for None; InputError where none does."""

    def letters(text: str) -> str:
        return "".join(text.lower().split())

    found = [check for check in CHECKS if letters(text or "") in letters(check.equation)]
    if not found:
        names = dict.fromkeys(check.equation.partition(":")[0] for check in CHECKS)
        raise InputError(f"--only {text!r} names no row; try one of these: {'; '.join(names)}.")
    return found


def compile_networks(checks: Iterable[Check]) -> None:
    """Has the kernels compiled that the rows call: single precision as in training, double precision for gradients."""
    if not any(check in (*learning.ROWS, *learning.CONVERSION_ROWS, *algorithm.ROWS) for check in checks):
        return
    for shape in (SMALL, LETTER):
        network, weights, images, labels, _ = learning.exercise(shape, 1)
        network.compile()
        network.gradient(weights, images, labels)
    network, weights, images, labels, _ = learning.exercise(SMALL, 1)
    training.local_update(network, weights, images, labels, [0], 0.1)
