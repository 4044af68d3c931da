"""Answers to the exercises of the lessons: what is right is taken, what is not is told what came instead."""

import importlib
import re

import numpy as np
import pytest
from hypothesis import given, strategies as st
from lesson_attempts import ATTEMPTS, unwritten
from lesson_books import NOTEBOOKS

checks, marking, scores, written = map(importlib.import_module, ("checks", "marking", "scores", "written"))
EXERCISES = {
    name: wanted
    for path in NOTEBOOKS
    for name, wanted in importlib.import_module(f"answers.lesson_{path.name[:2]}").EXERCISES.items()
}
ACCEPTED = ("right", "as good")  # what a check says to an answer that it takes
SLOW = {"03.4", "04.6", "06.6", "07.6", "08.5", "09.5", "11.6"}  # scores that take seconds
HINTS = ("look at the unit", "divide by the band")
TWELVE = marking.Number(12, HINTS)


class Remembered:
    """An exercise that judges each of the attempts once for all tests: scores may take seconds."""

    def __init__(self, wanted):
        self.wanted, self.verdicts = wanted, {}

    def __getattr__(self, name):
        return getattr(self.wanted, name)

    def judge(self, answer):
        if id(answer) not in self.verdicts:
            self.verdicts[id(answer)] = answer, self.wanted.judge(answer)
        return self.verdicts[id(answer)][1]


REMEMBERED = {name: Remembered(wanted) for name, wanted in EXERCISES.items() if isinstance(wanted, scores.Open)}
each_exercise = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in EXERCISES]
)


@pytest.fixture(autouse=True)
def fresh_reader(monkeypatch):
    """Every test begins with a reader who has not tried anything."""
    checks.TRIES.clear()
    find = checks.answers.find
    monkeypatch.setattr(checks.answers, "find", lambda name: REMEMBERED.get(name) or find(name))


def said(capsys, name, answer):
    """What the check of an exercise prints."""
    checks.check(name, answer)
    return capsys.readouterr().out


@pytest.fixture
def twelve(monkeypatch):
    """An exercise whose answer is twelve."""
    monkeypatch.setattr(checks.answers, "find", lambda name: TWELVE)


# ------------------------------------------------------------------------------------------------------- every exercise
def test_every_exercise_has_right_and_wrong_answers_to_be_tried():
    assert sorted(ATTEMPTS) == sorted(EXERCISES)
    assert not [name for name, tried in ATTEMPTS.items() if tried[0][1] not in ACCEPTED or len(tried) < 5]


@each_exercise
def test_an_answer_is_told_whether_it_is_right_or_what_came_instead(name, capsys):
    for answer, piece in ATTEMPTS[name]:
        printed = said(capsys, name, answer)
        assert piece in printed, (answer, printed)
        assert checks.answers.find(name).judge(answer).right == (piece in ACCEPTED)


@pytest.mark.parametrize("name", [name for name, wanted in EXERCISES.items() if isinstance(wanted, marking.Number)])
def test_no_wrong_answer_brings_out_the_right_one(name, capsys):
    wrong = [answer for answer, piece in ATTEMPTS[name] if piece not in ACCEPTED]
    printed = "".join(said(capsys, name, answer) for answer in [*wrong, *wrong, 0.5, 2.25, -7])
    right = [f"{number:.3g}" for number in np.ravel(EXERCISES[name].right).astype(float)]
    assert not [number for number in right if re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.]*\d)", printed)]


@each_exercise
def test_every_exercise_has_two_hints_that_come_one_after_the_other(name, capsys):
    wanted = checks.answers.find(name)
    assert len(wanted.hints) == 2 and len(set(wanted.hints)) == 2
    wrong = [answer for answer, piece in ATTEMPTS[name] if piece not in ACCEPTED]
    wrong = [answer for answer in wrong if wanted.judge(answer).hint]
    printed = [said(capsys, name, answer) for answer in wrong[:2]]
    assert "Hint" not in printed[0] and f"Hint: {wanted.hints[0]}" in printed[1] and wanted.hints[1] not in printed[1]


@pytest.mark.parametrize("name", [name for name, wanted in EXERCISES.items() if isinstance(wanted, written.Written)])
def test_a_function_that_is_not_right_is_replaced_by_the_library_s(name):
    right, wanted = ATTEMPTS[name][0][0], EXERCISES[name]
    assert checks.check(name, right) is right
    assert checks.check(name, unwritten) is wanted.library
    assert checks.check(name, None) is wanted.library


# ------------------------------------------------------------------------------------------------------------- numbers
@given(st.floats(1e-6, 1e6), st.sampled_from([-1, 1]))
def test_three_digits_of_a_number_are_right_and_two_units_off_are_wrong(size, sign):
    right, unit = sign * size, 10.0 ** (np.floor(np.log10(size)) - 2)
    assert marking.Number(right, HINTS).judge(float(f"{right:.3g}")).right
    assert not marking.Number(right, HINTS).judge(right + 2 * unit).right


@given(st.integers(1, 10**7))
def test_three_digits_of_a_count_are_right_and_fractions_are_not(count):
    assert marking.Number(count, HINTS).judge(float(f"{count:.3g}")).right
    assert marking.Number(count, HINTS).judge(str(count)).right
    assert not marking.Number(count, HINTS).judge(count + 0.4).right


@pytest.mark.parametrize("near", [16_332, 16_361, 16_300, 16_350, 16_370])
def test_a_count_that_is_only_near_is_wrong(near):
    assert not marking.Number(16_360, HINTS).judge(near).right
    assert marking.Number(16_360, HINTS).judge(16_400).right


@pytest.mark.parametrize("right, answer", [(11.55, 11.6), (-1.0763, -1.08), (0.88717, 0.887), (np.log(10), 2.3026),
                                           (2.7551, 2.75), (2.7551, 2.76), (-0.1429, -0.142)])
def test_a_rounded_number_is_right(right, answer):
    assert marking.Number(right, HINTS).judge(answer).right


@pytest.mark.parametrize(
    "answer, piece",
    [
        (-12, "sign is not"), (24, "twice too large"), (1200, "units"), (96, "bits are not bytes"),
        (-5, "neither is the size"), (13, "too large"), (None, "nothing (None)"), (1 + 2j, "complex"), ({}, "dict"),
    ],
)  # fmt: skip
def test_a_wrong_number_is_told_its_sign_its_factor_or_its_kind(answer, piece):
    verdict = TWELVE.judge(answer)
    assert piece in verdict.says and not verdict.right


@pytest.mark.parametrize("right", [63.353, 0.1428, -1.0763, 4.4236, 4.435e-5, 2.755])
def test_a_number_of_two_right_digits_is_no_mistake_but_too_short(right):
    wanted = marking.Number(right, HINTS, mistakes=[(float(f"{right:.2g}") * 1.0001, "that is for a single one.")])
    verdict = wanted.judge(float(f"{right:.2g}"))
    assert "give three" in verdict.says and not verdict.right and not verdict.hint
    assert "single one" in wanted.judge(float(f"{right:.2g}") * 1.0001).says


@given(st.permutations("BCE"), st.sampled_from(["", ", ", " ", ";", " and ", " & ", "-"]), st.booleans())
def test_letters_are_right_in_any_order_and_writing(letters, between, small):
    answer = between.join(letters)
    assert marking.Letters("BCE", "F", HINTS).judge(answer.lower() if small else answer).right


@pytest.mark.parametrize("words", ["FLD", "weights, outputs", ["theta"], "B, C and E, I think", "BCE2", (0.4, 0.1)])
def test_words_in_place_of_letters_are_not_counted_letter_by_letter(words):
    verdict = marking.Letters("BCE", "F", HINTS).judge(words)
    assert "letters from A to F" in verdict.says and not verdict.right and not verdict.hint


# ----------------------------------------------------------------------------------------------------------- the check
def test_hints_come_one_at_a_time_and_never_for_the_same_answer_twice(twelve, capsys):
    printed = [said(capsys, "99.1", answer) for answer in (5, 5, 6, 6, 7, 8, 12)]
    assert [next((k for k, hint in enumerate(HINTS) if hint in text), None) for text in printed] == [
        None, None, 0, 0, 1, 1, None,
    ]  # fmt: skip


def test_a_bug_is_not_answered_with_a_hint_on_the_subject(twelve, capsys):
    assert "Hint" not in "".join(said(capsys, "99.1", answer) for answer in ("x", [1], float("nan"), "y"))


def test_an_exercise_that_is_open_or_unknown_says_so_and_raises_nothing(capsys):
    assert "open" in said(capsys, "05.3", None)
    assert "no such exercise" in said(capsys, "05.99", 1)
    assert "no such exercise" in said(capsys, "77.1", 1)


class Unreadable:
    """Something that nothing can be made of."""

    def __array__(self, *arguments, **named):
        raise RuntimeError("no array")

    def __iter__(self):
        raise RuntimeError("no parts")


@pytest.mark.parametrize(
    "answer",
    [
        Unreadable(), Unreadable, object(), 10**400, b"x", [[1], [2, 3]], np.array([]), np.array("x"), {}, set(), "é",
        float("inf"), lambda: 1, lambda *given: Unreadable(), lambda *given: [[1], [2, 3]], print, len, np.nan, "",
    ],
    ids=lambda answer: type(answer).__name__,
)  # fmt: skip
def test_whatever_is_handed_in_the_check_says_something_and_raises_nothing(answer, capsys):
    for name in EXERCISES:
        if name not in SLOW:
            assert said(capsys, name, answer).startswith(f"{name}  ")


def test_an_exception_is_told_with_the_reader_s_own_line(tmp_path, capsys):
    file = tmp_path / "cell.py"
    file.write_text("def mine(n, p, T_max):\n    x = 1\n    return helper(x / 0)\n")
    scope = {}
    exec(compile(file.read_text(), str(file), "exec"), scope)
    assert "in your line 3: return helper(x / 0)" in said(capsys, "05.2", scope["mine"])


def test_a_reader_s_function_cannot_change_what_it_is_given():
    numbers = np.ones(3)

    def spoils(x):
        x *= 0
        return x

    written.Written(lambda x: x, [(numbers,)], HINTS).judge(spoils)
    assert numbers.tolist() == [1, 1, 1]


def numbers_at(difference):
    """An exercise whose library gives 1, 2, 4, and what is said of a function that gives so much more."""
    exercise = written.Written(lambda x: np.array([1.0, 2.0, 4.0]), [(0,)], HINTS)
    return exercise.judge(lambda x: np.array([1.0, 2.0, 4.0]) + difference).says


def test_what_is_off_by_the_same_everywhere_is_told_by_how_much():
    assert "all 0.5 too large" in numbers_at(0.5) and "all 1 too small" in numbers_at(-1)
    assert "in which 2 of 3" in numbers_at(np.array([0, 0, 1]))


def test_a_call_is_shown_as_a_reader_would_type_it():
    given_to_it = "weights", 0, 0.1 + 0.2, np.array([1.0, -0.777840759236088]), [[0.6, 0.4]], True
    text = written.shown(print, given_to_it)
    assert text == "print('weights', 0, 0.3, [1, -0.7778], [[0.6, 0.4]], True)"


@pytest.mark.parametrize("function", [lambda x: None, lambda x: print("42")], ids=["nothing", "printed"])
def test_a_function_without_a_return_is_told_so_whatever_the_exercise(function):
    kinds = written.Written(lambda x: x, [(1,)], HINTS), scores.Open(lambda f: f(1).score, 10, "points", HINTS)
    for one in kinds:
        says = one.judge(function).says
        assert "gives back nothing (None): is there a `return`?" in says
        assert ("return it instead" in says) == bool(function.__code__.co_names)


def test_what_a_reader_s_function_warns_of_does_not_stand_between_the_lines_of_a_check(recwarn):
    def nanmeans(x):
        np.log(np.zeros(1))
        return np.nanmean(np.full((2, 2), np.nan), axis=0)

    assert written.Written(lambda x: [np.nan] * 2, [(1,)], HINTS).judge(nanmeans).right and not recwarn.list


@pytest.mark.parametrize("function, says", [
    (lambda x: 1 / 0, "no score: ZeroDivisionError"), (lambda: 1, "no score: TypeError"),
    (lambda x: {"score": 1}, "this cannot be used (KeyError: 0)"),
])  # fmt: skip
def test_an_exception_in_the_check_is_not_told_as_if_the_reader_s_function_had_raised_it(function, says):
    score = eval("lambda f: f(1)[0]")  # its lines are none of the reader's
    assert says in scores.Open(score, 10, "points", HINTS).judge(function).says


def test_a_rule_that_was_broken_is_not_answered_with_a_hint_on_the_subject_but_a_goal_that_was_missed_is():
    def judged(error):
        def score(answer):
            raise error("so not.")

        return scores.Open(score, 10, "points", HINTS, function=False).judge(5)

    assert judged(scores.Missed) == (False, "so not.", True) and judged(scores.Refused) == (False, "so not.", False)


def test_a_score_is_told_beside_the_best_known_and_may_beat_it():
    wanted = scores.Open(lambda x: x, best=10, unit="points", hints=HINTS, function=False)
    assert "score 5 (points)" in wanted.judge(5).says and "best known is 10" in wanted.judge(5).says
    assert not wanted.judge(5).right and wanted.judge(9.99).right and wanted.judge(12).right


# --------------------------------------------------------------------------------------------------------- predictions
@pytest.mark.parametrize("guess", [None, 3, "FL", (1, 2), np.float32(2.5), lambda: 3])
def test_a_guess_is_never_marked_and_may_be_left_open(guess, capsys):
    checks.predict("how many", guess).beside(7)
    printed = capsys.readouterr().out
    assert "the result: 7" in printed and "right" not in printed


@pytest.mark.parametrize("guess, lines", [(None, 0), ("many", 0), (3, 1), (2.5, 1), (np.float32(2), 1)])
def test_a_guessed_number_is_drawn_into_the_picture(guess, lines):
    figures = importlib.import_module("figures")
    for x in (None, 4.0):
        _, axes = figures.canvas()
        checks.predict("how many", guess).draw(axes, x)
        assert len(axes.lines) == lines
