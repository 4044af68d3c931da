"""What lessons share in checks.py: two ways that must agree, exercises that say right or hint, and data."""

import importlib

import lesson_books  # noqa: F401
import numpy as np
import pytest
from hypothesis import given, strategies as st

checks = importlib.import_module("checks")


@pytest.mark.parametrize(
    "by_hand, library",
    [
        (1.0, 1.1), (np.nan, np.nan), (np.inf, np.inf), ([1.0, 2.0], [1.0]), ([], []), (1.0, [1.0]),
        ([1.0, np.nan], [1.0, 2.0]),
    ],
)
def test_a_check_fails_for_what_differs_is_no_number_has_another_shape_or_is_nothing(by_hand, library):
    with pytest.raises(AssertionError, match="a sum"), np.errstate(invalid="ignore"):
        checks.agree("a sum", by_hand, library)


def test_a_check_that_passes_says_by_how_much(capsys):
    checks.agree("a sum", [1.0, 2.0], [1.0, 2.0 + 1e-9])
    assert capsys.readouterr().out == "a sum: largest difference 1.0e-09 (tolerance 1e-06)  ok\n"


@pytest.mark.parametrize("answer, says", [(None, "not answered yet"), (0.8872, "right"), (0.88717, "right")])
def test_an_exercise_takes_rounded_numbers_and_waits_for_an_answer(answer, says, capsys):
    checks.exercise("1", answer, right=0.88717)
    assert capsys.readouterr().out == f"exercise 1: {says}\n"


@given(st.floats(1e-6, 1e6), st.sampled_from([-1, 1]))
def test_three_digits_of_a_number_are_right_and_two_units_off_are_wrong(size, sign):
    right, unit = sign * size, 10.0 ** (np.floor(np.log10(size)) - 2)
    assert checks.fits(float(f"{right:.3g}"), right)
    assert not checks.fits(right + 2 * unit, right)


@pytest.mark.parametrize(
    "answer, hint", [(-0.5, "the sign"), (5.0, "a ratio"), ("x", "start over"), ([0.5, 0.5], "start over")]
)
def test_a_wrong_answer_gets_the_first_hint_that_fits(answer, hint):
    hints = [(lambda a: a < 0, "the sign"), (5, "a ratio"), (checks.otherwise, "start over")]
    with pytest.raises(AssertionError, match=hint):
        checks.exercise("1", answer, 0.5, hints)


@pytest.mark.parametrize("nearly", [101.01, 100, 101.4])
def test_a_whole_number_has_to_be_hit_exactly(nearly):
    with pytest.raises(AssertionError):
        checks.exercise("1", nearly, 101)


def test_a_function_is_judged_by_what_it_does_and_may_raise_anything():
    def doubles(function):
        return function(2) == 4

    checks.exercise("1", lambda x: 2 * x, doubles)
    with pytest.raises(AssertionError):
        checks.exercise("1", lambda x: 1 / 0, doubles)


def test_lesson_data_are_as_many_as_asked_for():
    data = checks.lesson_data("digits", n_train=60, n_test=30)
    assert data.train_images.shape == (60, 1, 28, 28)
    assert data.test_labels.shape == (30,)
