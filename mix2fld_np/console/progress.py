"""The progress bar over the rounds of all runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

tqdm.monitor_interval = 0  # bars of a command need no thread that watches them, and the system may allow none


@contextmanager
def progress_bar(total: int, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar over `total` rounds; yields a function of how many are there, and how many were before this call."""
    with tqdm(total=total, unit="round", disable=quiet or None, leave=False, dynamic_ncols=True) as bar:
        yield lambda rounds, before: move(bar, rounds, before)


def move(bar: tqdm, rounds: int, before: int) -> None:
    """Moves a bar to a number of rounds; those from before say nothing of the time that the others will take."""
    if not bar.disable:
        step = before - bar.initial
        bar.initial, bar.n, bar.last_print_n = before, bar.n + step, bar.last_print_n + step
        bar.update(rounds - bar.n)
