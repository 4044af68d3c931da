"""A progress bar over the rounds of all runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def progress_bar(total: int, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar over `total` rounds; gives back a function that is told how many are there, and how many were before this call."""
    with tqdm(total=total, unit="round", disable=quiet or None, leave=False, dynamic_ncols=True) as bar:

        def on_progress(rounds: int, before: int) -> None:
            if bar.disable:
                return
            bar.n += before - bar.initial  # what was there before this call says nothing about its speed
            bar.last_print_n, bar.initial = max(bar.last_print_n, before), before
            bar.update(rounds - bar.n)

        yield on_progress
