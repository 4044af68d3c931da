"""What all lessons share: two ways that must agree, a guess, the check of an exercise, and data that load fast."""

from collections.abc import Callable, Iterable, Sequence
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

DPI = 80  # keeps a picture below some 40 kB inside a notebook
GUESS = "#56B4E9"  # the colour of a guess in a picture
CLOSE = 1e-3  # how far, relatively, a number may be from the right one; three digits may take it farther


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


def exercise(
    name: str, answer: Any, right: Any, hints: Sequence[tuple[Any, str]] = (), tolerance: float = CLOSE
) -> None:
    """Says whether the answer to an exercise is right; AssertionError with the most fitting hint where it is not.

    `right` is the right answer or a function that says whether an answer is right. Each of the `hints` is a pair: a
    wrong answer (or a function that recognises it) and what to say to whoever gave it; the first that fits is shown, so
    the general ones, such as (otherwise, "..."), go last. Numbers may be rounded to three digits, or differ by
    `tolerance`, relatively; whole numbers have to be hit.
    """
    if answer is None:
        print(f"exercise {name}: not answered yet")
        return
    if fits(answer, right, tolerance):
        print(f"exercise {name}: right")
        return
    hint = next((text for wrong, text in hints if fits(answer, wrong, tolerance)), "look at the last section again")
    raise AssertionError(f"exercise {name}: not yet. Hint: {hint}")


def otherwise(answer: Any) -> bool:
    """Recognises every answer: for the last hint of an exercise."""
    return True


def fits(answer: Any, wanted: Any, tolerance: float = CLOSE) -> bool:
    """Whether an answer is the wanted one, or pleases it where `wanted` is a function;
    what cannot be compared does not fit."""
    try:
        if callable(wanted):
            return bool(wanted(answer))
        if isinstance(wanted, str) or isinstance(answer, str):
            return str(answer).strip().lower() == str(wanted).strip().lower()
        a, b = np.asarray(answer, float), np.asarray(wanted, float)
        exact = np.asarray(wanted).dtype.kind in "iub"
        return a.shape == b.shape and bool(np.all(np.abs(a - b) <= (0 if exact else allowed(b, tolerance))))
    except Exception:  # a learner's function may raise anything
        return False


def allowed(right: np.ndarray, tolerance: float) -> np.ndarray:
    """How far a number may be from the right one: half a unit of its third digit,
    or `tolerance` of it where that is more."""
    size = np.maximum(np.abs(right), 1e-9)
    third_digit = 10.0 ** (np.floor(np.log10(size)) - 2)
    return np.maximum(tolerance * size, 0.5 * third_digit) * (1 + 1e-9) + 1e-9


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


def show_digits(
    images: ArrayLike,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    scale: tuple[float, float] = (0.0, 1.0),
    size: float = 1.1,
) -> None:
    """A grid of pictures, images (N, H, W) or (N, 1, H, W): white is scale[0], black is scale[1],
    the same for all of them."""
    pictures = np.asarray(images, float)
    pictures = pictures.reshape(-1, *pictures.shape[-2:])
    columns = min(len(pictures), columns or 10)
    rows = -(-len(pictures) // columns)
    _, grid = canvas(rows, columns, size, size * (1.25 if titles else 1.0))
    for k, axes in enumerate(np.atleast_1d(grid).ravel()):
        axes.axis("off")
        if k < len(pictures):
            axes.imshow(pictures[k], cmap="Greys", vmin=scale[0], vmax=scale[1])
            axes.set_title(titles[k] if titles else "", fontsize=9)


def canvas(rows: int = 1, columns: int = 1, width: float = 4.2, height: float = 3.0) -> tuple[Any, Any]:
    """Figure and axes (as `plt.subplots` returns them) in the style of the lessons;
    width and height of one panel in inches."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(rows, columns, figsize=(columns * width, rows * height), dpi=DPI, layout="constrained")
    for one in np.atleast_1d(axes).ravel():
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes
