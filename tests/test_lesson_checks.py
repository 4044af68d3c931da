"""What lessons share in checks.py: two ways that must agree, and data."""

import importlib

import lesson_books  # noqa: F401
import numpy as np
import pytest

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


def test_lesson_data_are_as_many_as_asked_for():
    data = checks.lesson_data("digits", n_train=60, n_test=30)
    assert data.train_images.shape == (60, 1, 28, 28)
    assert data.test_labels.shape == (30,)
