"""How an open exercise is judged: by a score, beside the best one known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from marking import Verdict, kind
from written import NOT_WRITTEN, call, line_of, name_of, nothing


class Refused(Exception):  # noqa: N818
    """What was handed in has no score: it has another form than is wanted, or breaks a rule, as the message says."""


class Missed(Refused):
    """It has the form that is wanted, but does not do what it should: here a hint on the subject may help."""


class Nothing(Exception):  # noqa: N818
    """A reader's function gave nothing back."""


@dataclass(frozen=True)
class Open:
    """The exercise has no right answer: `score` makes a number of what is handed in, or raises Refused."""

    score: Callable[[Any], float]
    best: float  # the best score known
    unit: str
    hints: tuple[str, str]
    more_is_better: bool = True
    margin: float = 0.005  # how far from the best, relatively, counts as equal
    function: bool = True  # whether a function is wanted, and not a value

    def judge(self, answer: Any) -> Verdict:
        """The score beside the best one known; right where it is as good."""
        if callable(answer) != self.function:
            wanted = "a function" if self.function else "a value"
            return Verdict(False, f"that is {kind(answer)}; {wanted} is wanted.", hint=False)
        watched = Watched(answer)
        outcome = call(lambda: self.score(watched if self.function else answer), ())
        if isinstance(outcome.error, NotImplementedError):
            return Verdict(False, NOT_WRITTEN.format(name_of(answer)), hint=False)
        if isinstance(outcome.error, Nothing):
            return Verdict(False, f"{name_of(answer)} {nothing(outcome.printed)}", hint=False)
        if isinstance(outcome.error, Refused):
            return Verdict(False, str(outcome.error), hint=isinstance(outcome.error, Missed))
        if outcome.error is not None:
            said, line = f"{type(outcome.error).__name__}: {outcome.error}", line_of(answer, outcome.error)
            says = f"no score: {said}{line}" if watched.running or line else f"this cannot be used ({said})."
            return Verdict(False, says, hint=False)
        score, better = float(outcome.value), "more" if self.more_is_better else "less"
        as_good = (score - self.best) * (1 if self.more_is_better else -1) >= -self.margin * abs(self.best)
        words = "as good as the best known" if as_good else f"{better} is better; the best known is {self.best:.3g}"
        return Verdict(as_good, f"score {float(f'{score:.3g}'):,.10g} ({self.unit}): {words}.")


class Watched:
    """The reader's function, which knows whether it is running, and is stopped where it gives nothing back."""

    def __init__(self, function: Any):
        self.function, self.running = function, False

    def __call__(self, *arguments: Any) -> Any:
        self.running = True
        value = self.function(*arguments)
        self.running = False
        if value is None:
            raise Nothing
        return value
