"""Many workers: all runs share them, so that none is idle while there is work. Sleeps stand in place of kernels."""

import time
from dataclasses import replace

import pytest
from small_runs import write_digits

from mix2fld_np.federation import devices, protocols, task
from mix2fld_np.federation.settings import COMPARISON
from mix2fld_np.nn.evaluation import Evaluation
from mix2fld_np.runs.jobs import Source
from mix2fld_np.runs.play import play_all
from mix2fld_np.study.compare import compare_jobs
from mix2fld_np.study.figures import FIGURES, figure_2_runs

STEP_S, IMAGE_S = 20e-6, 5e-6  # of a kernel on one core
N_TEST = 10_000  # as many images as MNIST has, whatever the file holds


@pytest.fixture
def asleep(monkeypatch):
    """Kernels that only take their time; the list of the times that they took."""
    taken = []

    def sleep(seconds):
        taken.append(seconds)
        time.sleep(seconds)

    def train(network, data, held, weights, targets, order, n_parts, *how):
        sleep(STEP_S * order.size)
        return [weights] * n_parts, targets[: network.n_labels], 0.0

    def learn(network, start, images, labels, mean, order, *how):
        sleep(STEP_S * order.size)
        return start, 0.0

    def evaluate_part(network, data, weights, start, stop, standardised):
        sleep(IMAGE_S * N_TEST)
        return Evaluation((1,) * 10, (2,) * 10, 1.0)

    monkeypatch.setattr(devices, "train", train)
    monkeypatch.setattr(protocols, "learn", learn)
    monkeypatch.setattr(task, "evaluate_part", evaluate_part)
    return taken


def compare(source):
    return compare_jobs([row.name for row in protocols.TABLE], COMPARISON, source, [0])


def figure_2(source):
    return [run.job for run in figure_2_runs(replace(FIGURES, n_rounds=3), source, [0])]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("jobs", "n_workers", "at_least"), [(compare, 8, 7.4), (compare, 16, 14), (figure_2, 8, 7.6), (figure_2, 16, 14.5)]
)
def test_many_workers_are_that_many_times_faster(asleep, tmp_path, jobs, n_workers, at_least):
    data = write_digits(tmp_path / "data", n_train=6_000)
    started = time.perf_counter()
    play_all(jobs(Source("mnist", str(data))), tmp_path / "out", n_workers, reuse=False)
    speedup = sum(asleep) / (time.perf_counter() - started)
    print(f"{jobs.__name__} with {n_workers} workers: {speedup:.2f} times as fast as one")
    assert speedup >= at_least
