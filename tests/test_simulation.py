"""The clock, the stop criterion and the history."""

from dataclasses import replace

import numpy as np
import pytest
from federations import CLEAR, DEAF, play, small_task

from mix2fld_np.federation.protocols import TABLE
from mix2fld_np.federation.simulation import MOMENTS, simulate

FL, FD, FLD, MIXFLD, MIX2FLD = TABLE


def test_the_clock_adds_airtime_and_compute():
    end = play(MIX2FLD, small_task())[-1]
    for row in end.rounds:
        assert row["airtime_s"] == pytest.approx(1e-3 * (row["uplink_slots"] + row["downlink_slots"]))
        assert row["compute_s"] == pytest.approx(40 * 250e-6 + 40 * 25e-6)  # K on a device, K_S at the server
    assert end.elapsed_s == pytest.approx(sum(row["airtime_s"] + row["compute_s"] for row in end.rounds))
    assert all(row["compute_s"] == pytest.approx(40 * 250e-6) for row in play(FD, small_task())[-1].rounds)


def test_the_curve_starts_a_round_where_the_last_one_ended():
    end = play(FD, small_task(n_evaluations=2))[-1]
    seconds = [at for at, _ in end.curve]
    assert seconds == sorted(seconds)
    assert seconds[:3] == pytest.approx([0, 0.005, 0.01])
    assert seconds[3] == pytest.approx(end.rounds[0]["elapsed_s"])


def test_a_lost_round_costs_all_its_slots():
    row = play(FL, small_task(**DEAF))[-1].rounds[0]
    assert row["uplink_slots"] == 105 and row["downlink_slots"] == 0 and row["relative_change"] is None


def test_a_run_that_goes_on_equals_one_that_never_stopped():
    whole = play(MIX2FLD, small_task(n_rounds=3))
    rest = list(simulate(MIX2FLD, small_task(n_rounds=3), whole[0]))
    assert rest[-1].rounds == whole[-1].rounds and rest[-1].curve == whole[-1].curve
    assert rest[-1].fed.weights.tobytes() == whole[-1].fed.weights.tobytes()


def test_the_criterion_ends_a_run_only_where_it_is_asked_to():
    loose = {"epsilon": 100.0, "n_rounds": 4, **CLEAR}
    assert len(play(FD, small_task(**loose))) == 4
    stopped = play(FD, small_task(**loose, stop_when_converged=True))
    assert len(stopped) == 2 and stopped[-1].converged  # the first change is that between rounds 1 and 2
    strict = {**loose, "epsilon": 0.0, "stop_when_converged": True}
    assert len(play(FD, small_task(**strict))) == 4


def test_a_stop_watch_measures_and_a_fixed_time_does_not():
    measured, again = (play(FD, small_task(stopwatch=True, n_rounds=1))[-1].rounds[0]["compute_s"] for _ in range(2))
    assert 0 < measured < 1 and measured != again
    fixed = small_task(n_rounds=1)
    faster = replace(fixed, settings=replace(fixed.settings, device_s_per_iteration=0.0))
    assert play(FD, faster)[-1].rounds[0]["compute_s"] == 0


def test_only_a_global_model_has_an_accuracy_of_its_own():
    assert play(FD, small_task())[-1].rounds[-1]["server_accuracy"] is None
    for protocol in (FL, FLD, MIXFLD, MIX2FLD):
        task = small_task(**CLEAR)
        end = play(protocol, task)[-1]  # everybody got the model
        assert end.rounds[-1]["server_accuracy"] == share_of_right_answers(end.fed.weights[0], task)


def share_of_right_answers(weights, task):
    """Test accuracy in one go, image by image."""
    outputs = task.network.outputs(weights, task.data.test_pixels)
    return np.mean([np.argmax(row) == label for row, label in zip(outputs, task.data.test_labels, strict=True)])


@pytest.mark.parametrize("stops", [False, True])
def test_every_device_is_tested_at_both_moments_of_the_last_round_that_is_played(stops):
    asked = {"epsilon": 100.0, "stop_when_converged": stops, "n_rounds": 4 if stops else 2, **CLEAR}
    task = small_task(**asked)
    before, end = play(FD, task)[-2:]
    assert end.p == 2 and before.devices is None
    tested = [share_of_right_answers(weights, task) for weights in end.fed.weights]
    assert accuracies(end, "trained", task) == accuracies(end, "downloaded", task) == tested  # FD downloads no weights
    last = play(FL, task)[-1]  # everybody has the model
    assert accuracies(last, "downloaded", task) == [last.rounds[-1]["server_accuracy"]] * 4
    assert [test["loss"] for test in last.devices["downloaded"]] == [last.rounds[-1]["server_loss"]] * 4
    assert last.server in last.devices["downloaded"] and last.server not in last.devices["trained"]
    for run in (end, last):
        for moment, column in zip(MOMENTS, ("reference_accuracy", "downloaded_accuracy"), strict=True):
            assert accuracies(run, moment, task)[task.reference] == run.rounds[-1][column]


def accuracies(end, moment, task):
    """Of every device."""
    return [sum(test["correct"]) / len(task.data.test_labels) for test in end.devices[moment]]


def test_the_curve_ends_with_the_last_download_and_each_round_begins_with_the_one_before():
    task = small_task(**CLEAR)
    end = play(FL, task)[-1]
    assert end.curve[-1] == (end.elapsed_s, end.rounds[-1]["downloaded_accuracy"])
    assert end.curve[3] == (end.rounds[0]["elapsed_s"], end.rounds[0]["downloaded_accuracy"])
    assert len(end.curve) == 2 * 3 + 1
