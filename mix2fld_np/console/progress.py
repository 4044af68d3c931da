"""The progress bar over the rounds of all runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def rounds_bar(total: int, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """A bar of `total` rounds on a terminal; what it yields moves it, and hears of the rounds played so far, in all.

    Rounds come one by one when they are played. A leap of several is what an earlier call had played: it moves the
    bar, but says nothing of the time that the others will take.
    """
    with tqdm(total=total, unit="round", disable=quiet or None, leave=False, dynamic_ncols=True) as bar:
        yield lambda rounds: move(bar, rounds)


def move(bar: tqdm, rounds: int) -> None:
    """Moves a bar to a number of rounds; it is drawn as often as tqdm likes."""
    if bar.disable:
        return
    step = rounds - bar.n
    if step > 1:
        bar.initial, bar.n, bar.last_print_n = bar.initial + step, rounds, bar.last_print_n + step
    elif step:
        bar.update(step)
