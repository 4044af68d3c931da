"""The devices' part of a round: local updates, average outputs, and the tests of the reference device on the way."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mix2fld_np.datasets.formats import pixels
from mix2fld_np.datasets.registry import Dataset
from mix2fld_np.errors import InputError
from mix2fld_np.federation.task import Federation, Task
from mix2fld_np.nn.evaluation import Evaluation
from mix2fld_np.nn.losses import distillation_target, log_outputs
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import average_outputs, local_update
from mix2fld_np.process import thread_time
from mix2fld_np.randomness import stream

Pending = Callable[[], Evaluation]  # an evaluation that is under way; call it to wait


@dataclass(frozen=True)
class Training:
    """What is measured in the devices' part of a round."""

    tests: tuple[Evaluation, ...]  # of the reference device: as the round began, then n_evaluations until the upload
    weights: np.ndarray  # (D, N_mod) of every device before the upload
    device_s: float  # compute of one device; they work side by side

    @property
    def test_accuracies(self) -> tuple[float, ...]:
        """Of the reference device at each of its tests."""
        return tuple(test.accuracy for test in self.tests)


def train_devices(fed: Federation, task: Task, p: int) -> tuple[Federation, Training, list[Pending]]:
    """K iterations of eq. (1), or of (3) with a teacher, on every device, and their average outputs, eq. (2).

    The evaluations of the reference device have been started; call them to wait for them.
    """
    s, weights, outputs, seconds = task.settings, fed.weights.copy(), fed.outputs.copy(), 0.0
    devices = sorted(np.flatnonzero(task.takes_part(p)).tolist(), key=lambda d: d != task.reference)  # tested meanwhile
    tested = [fed.weights[task.reference]] * (1 + s.n_evaluations)  # where the reference device does not take part
    updates = task.each((p, False), train, (local_work(d, fed, task, p) for d in devices))
    for d, (models, outputs[d], seconds_d) in zip(devices, updates, strict=True):
        weights[d], seconds = models[-1], max(seconds, seconds_d)
        check_finite(weights[d], f"device {d}", p, s.learning_rate)
        if d == task.reference:
            tested[1:] = models
    pending = [task.start_test(model, p) for model in tested]
    device_s = seconds if s.stopwatch else s.n_local_iterations * s.device_s_per_iteration
    return replace(fed, weights=weights, outputs=outputs), Training((), weights, device_s), pending


def local_work(d: int, fed: Federation, task: Task, p: int) -> tuple:
    """All that the local update of device d depends on, for `train`."""
    s, held = task.settings, task.split.indices[d]
    labels = np.eye(task.data.n_labels)[task.data.train_labels[held]]
    targets = distillation_target(labels, fed.teachers[d], s.beta, s.printed_sign)
    order = stream(task.seed, "batches", p, d).integers(held.size, size=s.n_local_iterations)
    n_parts = s.n_evaluations if d == task.reference else 1
    how = s.learning_rate, s.standardised, s.average_logits
    return task.network, task.data, held, fed.weights[d], targets, order, n_parts, *how


def train(
    network: Network, data: Dataset, held: np.ndarray, weights: np.ndarray, targets: np.ndarray, order: np.ndarray,
    n_parts: int, learning_rate: float, standardised: bool, average_logits: bool,
) -> tuple[list[np.ndarray], np.ndarray, float]:
    """A local update on the training samples `held`: the weights after each part, average outputs, and seconds.

    With `average_logits` it is the logarithms of outputs that are averaged, zero counting as the smallest number.
    """
    labels, images = data.train_labels[held], data.network_inputs(pixels(data.train_images[held]), standardised)
    models, seen, seconds = [weights], [], 0.0
    for part in np.array_split(order, n_parts):
        started = thread_time()
        after, outputs = local_update(network, models[-1], images, targets, part, learning_rate)
        seconds += thread_time() - started
        models.append(after)
        seen.append(outputs)
    F = np.concatenate(seen)
    averaged = log_outputs(F) if average_logits else F
    return models[1:], average_outputs(averaged, labels[order], network.n_labels), seconds


def check_finite(weights: np.ndarray, whose: str, p: int, learning_rate: float) -> None:
    """InputError if training has diverged, at the end of the round in which it did."""
    if not np.isfinite(weights).all():
        raise InputError(
            f"training diverged: the weights of {whose} are not finite at the end of round {p}, with a learning rate "
            f"of {learning_rate:g}; try a smaller one, the letter's is 0.01, or a beta or mixing ratio closer to its."
        )
