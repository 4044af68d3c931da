"""`mix2fld verify`: every row agrees, and every row can fail, for the reason it is there for."""

import dataclasses
import inspect
import json
import math
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mix2fld_np.cli import main
from mix2fld_np.federation import devices, protocols
from mix2fld_np.federation.protocols import PROTOCOLS
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.mixing import inverse, mixup
from mix2fld_np.nn import losses, training
from mix2fld_np.verify import by_hand, rows as equations
from mix2fld_np.verify.by_hand import FIVE
from mix2fld_np.verify.check import Check, Tolerance, judge
from mix2fld_np.verify.rounds_by_hand import rounds_by_hand
from mix2fld_np.verify.rows import CHECKS
from mix2fld_np.wireless import channel

ROWS = {check.equation: check for check in CHECKS}


# --- all rows, as they are and with a wrong quantity ------------------------------------------------------------------


@pytest.mark.parametrize("name", ROWS)
def test_every_row_agrees(name):
    verdict = judge(ROWS[name])
    assert verdict.passed and verdict.n_cases > 0, verdict


@pytest.mark.parametrize("name", ROWS)
def test_a_row_fails_when_its_quantity_is_a_little_off(name):
    check = ROWS[name]
    verdict = judge(replace(check, quantity=OTHERWISE_OFF.get(name, off)(check.quantity, how_far(check))))
    assert not verdict.passed
    assert not verdict.problem  # it failed by comparison, not by accident


def how_far(check):
    """A relative error that a row must notice: a thousandth, or what its simulation or printed digits tell apart."""
    if check.tolerance.unit == "standard errors":
        return 0.1
    return 0.01 if check.tolerance.unit == "last digit" else 1e-3


def off(quantity, far):
    """A quantity all of whose numbers are off: by a share, whole numbers by one; truth is negated, generators go on."""

    def wrong(*args, **kwargs):
        return shifted(quantity(*args, **kwargs), far)

    return wrong


def shifted(value, far):
    """The same result with every number in it a little wrong."""
    if inspect.isgenerator(value):
        return (shifted(item, far) for items in [list(value)] for item in (*items, items[-1]))
    if dataclasses.is_dataclass(value):
        return replace(value, **{name: shifted(part, far) for name, part in vars(value).items()})
    if isinstance(value, tuple | list):
        parts = [shifted(part, far) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: shifted(part, far) for key, part in value.items()}
    if value is None or isinstance(value, str):
        return value
    if callable(value):
        return off(value, far)
    array = np.asarray(value)
    if array.dtype == bool:
        return ~array
    return array + 1 if array.dtype.kind in "iu" else (1 + far) * array + far * (array == 0)


def same_sample_twice(mixed, far):
    """Recipes that blend a sample with itself: numbers one higher would be samples of nobody."""
    return lambda task: replace(mixed(task), second=mixed(task).first)


def samples_off(prepare, far):
    """As many samples for the server as there should be, but not quite these: more would be samples of nobody."""

    def wrong(*args):
        material = prepare(*args)
        return replace(material, render=off(material.render, far))

    return wrong


OTHERWISE_OFF = {
    "Algorithm 1, line 8: inverse samples": samples_off,
    "Algorithm 1, line 4: mixed-up samples": same_sample_twice,
}


# --- defects as they happen, deep in the library, and the rows that are there to find them ----------------------------


def put_in(patch, where, name, wrong):
    """Puts wrong(right, ...) in the place of a function of a module, or of a payload such as "uplink.average"."""
    if where is not PROTOCOLS:
        patch.setattr(where, name, partial(wrong, getattr(where, name)))
        return
    side, cell = name.split(".")
    for protocol, row in PROTOCOLS.items():
        load = getattr(row, side)
        broken = replace(load, **{cell: partial(wrong, getattr(load, cell))})
        patch.setitem(PROTOCOLS, protocol, replace(row, **{side: broken}))


def with_link(**changes):
    """Calls a function with another link."""
    return lambda right, link, *rest: right(replace(link, **{name: f(link) for name, f in changes.items()}), *rest)


def with_arrived(arrived):
    """Calls `upload_bits` with another opinion on whose seed samples have arrived."""
    return lambda right, row, fed, task: right(row, replace(fed, seed_samples_arrived=arrived(fed)), task)


def untaught(right, labels, *teaching):
    """Targets without a teacher."""
    return labels


def everybody(right, fed, what, delivered):
    """Calls `average` or `write` as if everything had been delivered."""
    return right(fed, what, np.ones_like(delivered))


def of_eq_3(sign):
    """The rows of eq. (3) with one sign."""
    return [f"eq. (3): {row}, {sign}" for row in ("psi", "by weights", "12 updates")]


ALIKE = SimpleNamespace(n_samples=np.ones(4), settings=PRINTED)  # |S_d| of four devices
DEFECTS = {
    "psi as printed, always": (
        losses, "psi_sign", lambda right, printed: -1,
        *of_eq_3("cross-entropy"), "eq. (5)",
    ),
    "psi as cross-entropy, always": (
        losses, "psi_sign", lambda right, printed: 1, *of_eq_3("as printed"), "eq. (5)",
    ),
    "a server that ignores the teacher": (training, "distillation_target", untaught, "eq. (5)", "Algorithm 1, line 10"),
    "bits by the natural logarithm": (
        channel, "bits_per_slot", lambda right, link: right(link) * math.log(2),
        "eq. (4): received bits", "eq. (4): latency", "slots: 101",
    ),
    "theta in decibel": (
        channel, "_odds", with_link(threshold=lambda link: 10 ** (link.threshold / 10)),
        "latency law: cdf", "latency law: outage", "0.006",
    ),
    "path loss a little too small": (
        channel, "mean_snr", with_link(path_loss_exponent=lambda link: 0.98 * link.path_loss_exponent),
        "Section II-C", "eq. (4): received bits", "eq. (4): latency", "latency law: cdf", "Algorithm 1, line 6: who",
    ),
    "a last slot, begun but not full, left out": (
        channel, "slots_needed", lambda right, link, bits: right(link, bits) - 1,
        "eq. (4): latency", "latency law: cdf", "latency law: outage",
    ),
    "inverse labels exchanged": (
        inverse, "inverse_ratios", lambda right, ratios: right(ratios)[::-1],
        "eq. (7)", "Proposition 1", "Algorithm 1, line 8",
    ),
    "a matrix that turns the other way": (
        inverse, "mixing_matrix", lambda right, lam: np.stack([np.roll(lam, r) for r in range(len(lam))]),
        "eq. (8): inverse", "Proposition 1",
    ),
    "lambda and 1 - lambda exchanged": (
        mixup, "mixup", lambda right, first, second, ratio: right(second, first, ratio),
        "Algorithm 1, line 8", "Algorithm 1, line 10",
    ),
    "seeds in every round": (
        protocols, "upload_bits", with_arrived(lambda fed: np.zeros(4, bool)), "Algorithm 1, line 6: seeds",
    ),
    "lost seeds never sent again": (
        protocols, "upload_bits", with_arrived(lambda fed: np.full(4, fed.mean is not None)),
        "Algorithm 1, line 6: seeds",
    ),
    "T_max one slot longer": (
        protocols, "transmit", with_link(max_slots=lambda link: link.max_slots + 1),
        "Algorithm 1, line 6: who", "Algorithm 1, line 11", "Algorithm 1, line 13",
    ),
    "a label never drawn counted as zeros": (
        devices, "average_outputs", lambda right, *args: np.nan_to_num(right(*args)),
        "Algorithm 1, line 5", "Algorithm 1, line 9",
    ),
    "devices that forget their teacher": (devices, "distillation_target", untaught, "Algorithm 1, line 5"),
    "a student that starts afresh": (
        protocols, "distil", lambda right, network, weights, *rest: right(network, 0 * weights + 0.1, *rest),
        "Algorithm 1, line 10",
    ),
    "lost uploads averaged all the same": (
        PROTOCOLS, "uplink.average", everybody, "Algorithm 1, line 9", "Algorithm 1 under FL",
    ),
    "G_mod without weights": (
        PROTOCOLS, "uplink.average", lambda right, fed, task, there: right(fed, ALIKE, there), "Algorithm 1 under FL",
    ),
    "change relative to the new mean": (
        PROTOCOLS, "uplink.relative_change", lambda right, new, old: right(old, new),
        "Algorithm 1, line 2: relative change",
    ),
    "the download written to everybody": (PROTOCOLS, "downlink.write", everybody, "Algorithm 1, line 13"),
    "the download written to nobody": (
        PROTOCOLS, "downlink.write", lambda right, fed, reply, delivered: fed, "Algorithm 1, line 13",
    ),
    "sixteen bits a weight": (
        PROTOCOLS, "downlink.bits", lambda right, *args: right(*args) // 2, "B_up and B_dn", "Algorithm 1, line 11",
    ),
    "compute not on the clock": (protocols, "server_seconds", lambda right, *args: 0.0, "Section IV: convergence time"),
}


@pytest.fixture(scope="module", autouse=True)
def played_before_anything_is_broken():
    """By-hand rounds are remembered; they must not be played while the library has a defect."""
    return [rounds_by_hand(name, **changes) for name in FIVE for changes in ({}, {"max_slots": 1, "n_rounds": 1})]


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_defect_deep_in_the_library_is_found_by_every_row_that_is_there_for_it(defect, monkeypatch):
    where, name, wrong, *rows = DEFECTS[defect]
    put_in(monkeypatch, where, name, wrong)
    for row in rows:
        suspects = [check for check in CHECKS if check.equation.startswith(row)]
        assert suspects
        for check in suspects:
            verdict = judge(check)
            assert not verdict.passed and not verdict.problem, verdict


def test_a_row_for_each_of_the_ten_equations():
    for number in range(1, 11):
        assert any(name.startswith(f"eq. ({number})") for name in ROWS)
    assert len(ROWS) == len(CHECKS)


# --- what by-hand routes are worth ------------------------------------------------------------------------------------


def test_the_second_route_calls_nothing_of_the_package():
    lines = inspect.getsource(by_hand).splitlines()
    imported = [line.split()[1] for line in lines if line.startswith(("import", "from"))]
    assert "numpy" in imported and not any(name.startswith("mix2fld") for name in imported)


@pytest.mark.parametrize("name", FIVE)
def test_the_federation_played_by_hand_loses_some_uploads_and_not_others(name):
    delivered = [sum(played.up.delivered) for played in rounds_by_hand(name)]
    assert min(delivered) >= 1 and any(0 < n < 4 for n in delivered)


@pytest.mark.parametrize("name", FIVE[1:])
def test_the_federation_played_by_hand_loses_some_downloads_and_leaves_labels_undrawn(name):
    assert any(0 < sum(played.down.delivered) < 4 for played in rounds_by_hand(name))
    assert any(np.isnan(played.fed.outputs).any() for played in rounds_by_hand(name))


def test_a_label_that_nobody_knows_and_seeds_that_come_late_are_among_what_is_played():
    assert np.isnan(rounds_by_hand("FD")[0].fed.mean).any()
    assert [sum(played.fed.seed_samples_arrived) for played in rounds_by_hand("Mix2FLD")] == [3, 3, 4]


# --- judging ----------------------------------------------------------------------------------------------------------


def row(*cases, tolerance=1e-6, unit="absolute"):
    """A row with these cases."""
    return Check("made up", "this | that", lambda: None, lambda quantity: iter(cases), Tolerance(tolerance, unit))


@given(st.floats(-2, 2), st.floats(0.01, 1))
def test_a_row_passes_exactly_up_to_its_tolerance(error, tolerance):
    assert judge(row((error, 0), (0, 0), tolerance=tolerance)).passed == (abs(error) <= tolerance)


@given(st.floats(1e-200, 1e200), st.floats(1e-3, 1))
def test_a_relative_error_is_the_same_whatever_the_size_of_the_numbers(size, far):
    verdict = judge(row(([size * (1 + far), 0], [size, 0]), unit="relative"))
    assert verdict.largest_error == pytest.approx(far, rel=1e-9) and verdict.n_cases == 2


@pytest.mark.parametrize(
    "cases",
    [
        [(math.nan, 0.0)],
        [(0.0, math.nan)],
        [([0.0, math.nan], [0.0, math.nan])],
        [(math.nan, 0.0), (0.0, 0.0)],
        [(math.inf, math.inf)],
        [(np.zeros(3), np.zeros((3, 1)))],
        [(0.0, [0.0])],
        [],
        [(np.zeros(0), np.zeros(0))],
    ],
)
@pytest.mark.parametrize("unit", ["absolute", "relative"])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_row_with_nan_or_infinity_or_other_shapes_or_nothing_at_all_fails(cases, unit):
    assert judge(row((0.0, 0.0), unit=unit)).passed
    assert not judge(row(*cases, unit=unit)).passed


def test_a_row_that_breaks_has_failed_and_says_why():
    broken = replace(row(), quantity=lambda: 1 / 0, cases=lambda quantity: iter([(1, 1), (quantity(), 1)]))
    verdict = judge(broken)
    assert not verdict.passed and verdict.problem == "ZeroDivisionError: division by zero"


# --- the command ------------------------------------------------------------------------------------------------------


def verify(tmp_path, *options):
    return main(["verify", "--quiet", "--out", str(tmp_path), *options])


def test_the_command_prints_a_line_a_row_and_writes_them(tmp_path, capsys):
    assert verify(tmp_path, "--only", "eq. (9)") == 0
    said = capsys.readouterr().out
    line = next(line for line in said.splitlines() if line.startswith("eq. (9)"))
    assert "right side with lambda_hat | 1" in line and "1e-11" in line and line.endswith("agree")
    assert "The row agrees, over " in said and str(tmp_path) in said
    head, kept = (tmp_path / "equations.csv").read_text().splitlines()
    assert head == "equation,routes,n_cases,largest_error,tolerance,unit,passed,problem" and kept.startswith("eq. (9),")


def test_other_rows_replace_those_that_stand_in_the_directory(tmp_path, capsys):
    assert verify(tmp_path, "--only", "eq. (9)") == 0
    assert verify(tmp_path, "--only", "EQ. (1") == 0
    _, *rows = (tmp_path / "equations.csv").read_text().splitlines()
    assert f"All {len(rows)} rows agree" in capsys.readouterr().out and not any("eq. (9)" in row for row in rows)


def test_json_is_all_that_goes_to_stdout(tmp_path, capsys):
    assert verify(tmp_path, "--json", "--only", "EQ. (1") == 0  # eqs. (1) and (10)
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((tmp_path / "equations.json").read_text())
    assert report["passed"] and {row["equation"].partition(":")[0] for row in report["rows"]} == {"eq. (1)", "eq. (10)"}


@pytest.mark.parametrize("wrong", [0.3, math.nan])
def test_a_failing_row_ends_with_exit_code_1(wrong, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(equations, "CHECKS", (row((0.0, 0.0)), replace(row((wrong, 0.0)), equation="eq. (0)")))
    assert verify(tmp_path) == 1
    assert "1 of 2 rows do not agree: eq. (0)" in capsys.readouterr().out
    kept = json.loads((tmp_path / "equations.json").read_text())
    assert not kept["passed"] and kept["rows"][1]["largest_error"] == (None if math.isnan(wrong) else wrong)


def test_a_row_that_does_not_exist_is_named_and_the_others_offered(tmp_path, capsys):
    assert verify(tmp_path, "--only", "eq. (11)") == 2
    said = capsys.readouterr().err
    assert "eq. (11)" in said and "eq. (10)" in said and said.count("\n") == 1
