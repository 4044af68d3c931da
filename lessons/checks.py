"""What all lessons share: two ways that must agree, a guess, the check of an exercise, and data that load fast."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import answers
import numpy as np
from marking import Verdict
from numpy.typing import ArrayLike
from written import Written

from mix2fld_np.datasets.registry import Dataset, load
from mix2fld_np.runs.workers import Workers

TRIES: dict[str, list[str]] = {}  # the different wrong answers to each exercise so far

GUESS = "#56B4E9"  # the colour of a guess in a picture


def agree(name: str, by_hand: ArrayLike, library: ArrayLike, tolerance: float = 1e-6) -> None:
    """Prints the largest difference between two ways of computing one thing;
    AssertionError where it is not within the tolerance.

    Shapes must be equal: an array is never stretched to fit another, an empty one agrees with nothing,
    and neither does NaN.
    """
    a, b = np.asarray(by_hand, float), np.asarray(library, float)
    if a.shape != b.shape:
        raise AssertionError(f"{name}: by hand has shape {a.shape}, the library has {b.shape}")
    if not a.size:
        raise AssertionError(f"{name}: there is nothing to compare in arrays of shape {a.shape}")
    difference = float(np.max(np.abs(a - b)))
    within = difference <= tolerance  # False for NaN
    print(f"{name}: largest difference {difference:.1e} (tolerance {tolerance:.0e})  {'ok' if within else 'NOT OK'}")
    if not within:
        raise AssertionError(f"{name}: by hand and library differ by {difference:.3g}, more than {tolerance:g}")


@dataclass(frozen=True)
class Guess:
    """What a reader expects; never marked."""

    question: str
    guess: Any

    def beside(self, result: Any) -> None:
        """Prints the guess beside the result."""
        guess = "none" if self.guess is None else self.guess
        print(f"{self.question}\n  your guess: {guess}    the result: {result}")

    def draw(self, axes: Any, x: float | None = None) -> None:
        """Draws a guessed number into a picture: at `x` as a star of that height, else as an upright line."""
        if not isinstance(self.guess, Real):
            return
        if x is None:
            axes.axvline(self.guess, color=GUESS, linewidth=2, label="your guess")
        else:
            axes.plot(x, self.guess, "*", color=GUESS, markersize=14, label="your guess")


def predict(question: str, guess: Any) -> Guess:
    """Keeps a guess until the result is there to stand beside it."""
    if guess is None:
        print(f"{question}\n  no guess yet: put one in place of None, or go on without.")
    else:
        print(f"{question}\n  your guess: {guess}")
    return Guess(question, guess)


def on_two_threads(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """The function of each item; one after the other where there are no threads, as in a browser."""
    with Workers(2) as workers:
        return [wait() for wait in [workers.start_anew((k, False), function, item) for k, item in enumerate(items)]]


def check(name: str, answer: Any) -> Any:
    """Says whether the answer to exercise `name`, such as "05.2", is right, and what came instead where it is not.

    The second different wrong answer brings a first hint, the third a second; nothing is ever raised. For a function it
    returns the reader's where that is right and the library's where it is not, so that the lesson can go on.
    """
    try:
        wanted = answers.find(name)
    except KeyError:
        print(f"{name}  there is no such exercise.")
        return None
    if answer is None:
        print(f"{name}  open: put your answer in place of None, and run both cells.")
        return getattr(wanted, "library", None)
    try:
        verdict = wanted.judge(answer)
    except Exception as error:  # an answer may be anything
        verdict = Verdict(False, f"this answer cannot be read ({type(error).__name__}: {error}).", hint=False)
    print(f"{name}  {verdict.says}")
    if not verdict.right and verdict.hint:
        give_hint(wanted.hints, TRIES.setdefault(name, []), fingerprint(answer, verdict.says))
    if not isinstance(wanted, Written):
        return None
    if not verdict.right:
        print("      The lesson goes on with the library's function.")
    return answer if verdict.right else wanted.library


def give_hint(hints: tuple[str, str], tries: list[str], this_one: str) -> None:
    """Prints the hint that belongs to so many different wrong answers, none for the first."""
    if this_one not in tries:
        tries.append(this_one)
    for hint in hints[: len(tries) - 1][-1:]:
        print(f"      Hint: {hint}")


def fingerprint(answer: Any, says: str) -> str:
    """What tells one wrong answer from the next; of a function, its code and what was said of it."""
    code = getattr(answer, "__code__", None)
    if code is None:
        return repr(answer)
    constants = [constant for constant in code.co_consts if not hasattr(constant, "co_code")]
    return repr((says, code.co_code, code.co_names, constants))


def lesson_data(name: str, n_train: int = 6_000, n_test: int = 1_000) -> Dataset:
    """The data set `name` cut down to a size that keeps a lesson short; "digits" are drawn,
    "mnist" has to be on this machine.

    Images are bytes (N, 1, 28, 28), as `Task` wants them;
    `mix2fld_np.datasets.formats.pixels` makes floats from 0 to 1 of them.
    """
    if name == "digits":
        return load(name, n_train=n_train, n_test=n_test)
    data = load(name)
    train, test = spread(len(data.train_labels), n_train), spread(len(data.test_labels), n_test)
    images, labels = (
        (data.train_images[train], data.test_images[test]),
        (data.train_labels[train], data.test_labels[test]),
    )
    return Dataset(data.name, images[0], labels[0], images[1], labels[1], data.n_labels, data.origin)


def spread(n: int, wanted: int) -> np.ndarray:
    """`wanted` numbers spread evenly over 0 ... n - 1, or all of them where there are not so many."""
    return np.linspace(0, n - 1, min(n, wanted)).astype(int)
