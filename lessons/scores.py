"""How an open exercise is judged: by a score, beside the best one known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from marking import Verdict
from written import NOT_WRITTEN, call, line_of, name_of


class Refused(Exception):  # noqa: N818
    """What was handed in has no score; the message says why, in a sentence."""


@dataclass(frozen=True)
class Open:
    """The exercise has no right answer: `score` makes a number of what is handed in, or raises Refused."""

    score: Callable[[Any], float]
    best: float  # the best score known
    unit: str
    hints: tuple[str, str]
    more_is_better: bool = True
    margin: float = 0.005  # how far from the best, relatively, counts as equal

    def judge(self, answer: Any) -> Verdict:
        """The score beside the best one known; right where it is as good."""
        outcome = call(self.score, (answer,))
        if isinstance(outcome.error, NotImplementedError):
            return Verdict(False, NOT_WRITTEN.format(name_of(answer)), hint=False)
        if isinstance(outcome.error, Refused):
            return Verdict(False, str(outcome.error))
        if outcome.error is not None:
            line = line_of(answer, outcome.error)
            return Verdict(False, f"no score: {type(outcome.error).__name__}: {outcome.error}{line}", hint=False)
        score, better = float(outcome.value), "more" if self.more_is_better else "less"
        as_good = (score - self.best) * (1 if self.more_is_better else -1) >= -self.margin * abs(self.best)
        words = "as good as the best known" if as_good else f"{better} is better; the best known is {self.best:.3g}"
        return Verdict(as_good, f"score {score:.3g} {self.unit}: {words}.")
