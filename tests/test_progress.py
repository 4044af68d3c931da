"""The progress bar moves with the rounds, is drawn as often as tqdm is told to,
and takes no credit for what was there before."""

import io
import re

import pytest
from tqdm import tqdm

from mix2fld_np.console.progress import move, progress_bar


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on when it is told to."""
    now = [1_000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    return now


def bar_of(total, **options):
    return tqdm(total=total, file=io.StringIO(), disable=False, ascii=True, ncols=100, **options)


def test_what_an_earlier_call_played_says_nothing_of_the_time_that_is_left(clock):
    with bar_of(100) as bar:
        move(bar, 0, 0)
        move(bar, 90, 90)  # from a checkpoint
        for rounds in range(91, 96):
            clock[0] += 2.0
            move(bar, rounds, 90)
        assert bar.n == 95
        assert bar.format_dict["rate"] == pytest.approx(0.5, rel=0.01)
        assert re.search(r"95/100 \[00:10<00:10", str(bar))


def test_runs_that_go_on_in_the_middle_are_not_counted_either(clock):
    with bar_of(60) as bar:
        for rounds, before in ((1, 0), (2, 0), (22, 20), (23, 20), (24, 20), (44, 40), (45, 40)):
            clock[0] += 1.0
            move(bar, rounds, before)
        assert bar.n == 45
        assert bar.format_dict["rate"] == pytest.approx(1.0, rel=0.35)


@pytest.mark.parametrize(("interval_s", "frames"), [(30.0, range(2, 5)), (0.5, range(58, 64))])
def test_it_is_drawn_no_more_often_than_asked_for(clock, interval_s, frames):
    with bar_of(60, mininterval=interval_s, leave=True) as bar:
        for rounds in range(1, 61):
            clock[0] += 1.0
            move(bar, rounds, 0)
    assert bar.fp.getvalue().count("\r") in frames


def test_a_quiet_bar_says_nothing(capsys):
    with progress_bar(3, quiet=True) as on_progress:
        for rounds in (0, 1, 3):
            on_progress(rounds, 0)
    assert capsys.readouterr() == ("", "")
