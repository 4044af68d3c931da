"""Statements on time over the time of a step: where printed numbers are met, and what the verdict says."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from made_up import made_up_result, made_up_results, made_up_rows, of_claim
from strategies import patient

from mix2fld_np.claims import findings, measures, step_times
from mix2fld_np.claims.claims import AGAINST_FL
from mix2fld_np.console.claims import judged
from mix2fld_np.pictures.studies import claims_time


def on_air(air, server_samples=None, n_rounds=10, **more):
    """A run with so much airtime in each round, in which the server distils or not."""
    rows = made_up_rows({"airtime_s": [air] * n_rounds, "server_samples": [server_samples] * n_rounds,
                         "elapsed_s": list(range(1, 1 + n_rounds)), **more})  # fmt: skip
    curve = [[float(p), 0.09 * p] for p in range(1 + n_rounds)]
    return made_up_result(rows, curve)


@patient
@given(st.floats(1.05, 8), st.floats(0.2, 2), st.floats(0.001, 0.02), st.sampled_from(step_times.SERVERS))
def test_a_printed_ratio_is_met_at_the_step_that_solves_the_equation(ratio, theirs_air, our_air, server):
    world = made_up_results(lambda panel, label, seed: on_air(theirs_air if label == "FL" else our_air,
                                                              None if label in ("FL", "FD") else 500))  # fmt: skip
    quantity = measures.times(measures.all_rounds, step_times.time_at_steps(world.two.settings, server))
    single = measures.mean(quantity, measures.times_less, "bd", AGAINST_FL)(world).single
    found = step_times.met_at(ratio - 1, 0.0005, single)
    ours_steps = 64_000 + (32_000 * 0.1 if server == step_times.SERVERS[0] else 0)
    # 10 theirs_air + 64,000 x = ratio (10 our_air + ours_steps x)
    x = 1e6 * 10 * (theirs_air - ratio * our_air) / (ratio * ours_steps - 64_000)
    if 1.01 < x < 990:
        ((low, high),) = found
        assert low / 1.01 <= x <= high * 1.01
    elif x < 0.99 or x > 1_010:  # where it may come near enough at an end
        assert not found or found[0][0] == step_times.STEPS_US[0] or found[0][1] == step_times.STEPS_US[-1]


def test_at_the_default_step_the_curve_passes_through_the_stored_times():
    def run(panel, label, seed):
        distils = label not in ("FL", "FD")
        second = 0.1 + 6_400 * 250e-6 + distils * 3_200 * 25e-6
        return on_air(0.1, 500 if distils else None, elapsed_s=[second * p for p in range(1, 11)],
                      converged=[p >= 4 for p in range(10)])  # fmt: skip

    world = made_up_results(run)
    at = np.argmin(np.abs(np.log(step_times.STEPS_US / 250)))
    for until in (measures.all_rounds, measures.criterion_met):
        ours, theirs = world.two.runs["a", "Mix2FLD (10, 10)", 0], world.two.runs["a", "FL", 0]
        stored = measures.times(until)(ours, theirs)
        time_of = step_times.time_at_steps(world.two.settings, step_times.SERVERS[0])
        curves = measures.times(until, time_of)(ours, theirs)
        assert [curve[at] for curve in curves] == pytest.approx(np.concatenate(stored), rel=2e-3)


def test_a_number_is_met_where_it_lies_among_single_runs_and_ranges_of_several_statements_intersect():
    rising = np.log10(step_times.STEPS_US)[None] + np.array([[0.0], [0.2]])  # 0 to 3, and 0.2 above
    ((low, high),) = step_times.met_at(2.0, 0.0, rising)
    assert (low, high) == pytest.approx((10**1.8, 100), rel=0.02)
    assert step_times.met_at(9.0, 0.0, rising) == step_times.met_at(2.0, 0.0, np.full((2, 3_001), np.nan)) == []
    both = step_times.in_all([[[1, 10], [50, 200]], [[80, 1_000]]])
    assert both[0] == pytest.approx([80, 200], rel=3e-3)
    assert step_times.in_all([[[1, 10]], []]) == []


def test_the_verdict_on_a_time_names_the_steps_at_which_it_is_met_or_says_what_it_is():
    def world(theirs_air):
        return made_up_results(lambda panel, label, seed: on_air(theirs_air if label == "FL" else 0.01))

    def words(results):
        return judged(next(row for row in of_claim("1.2x faster", results) if row["reading"] == "of all rounds"))

    assert words(world(0.1)).startswith("met at 5") and words(world(0.1)).endswith(" us")
    assert words(world(0.01)) == "contradicted"


def test_the_picture_marks_the_default_step_and_that_of_this_machine(monkeypatch):
    clock = iter(1e-3 * np.arange(100))  # a millisecond for each reading, so for the 100 steps of an update
    monkeypatch.setattr(step_times.time, "perf_counter", lambda: next(clock))
    step_us = step_times.by_the_stop_watch()
    assert step_us == pytest.approx(10)
    world = made_up_results(lambda panel, label, seed: on_air(0.1, None if label in ("FL", "FD") else 500))
    figure = claims_time(findings.time_curves(world), {"default": 250.0, "this machine": step_us, "nobody's": 0.0})
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"default, 250 us", "this machine, 10 us"} < set(named) and not any("nobody" in name for name in named)
