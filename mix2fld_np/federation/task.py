"""What stays fixed while a federation learns (data, split, network, links), and the state that a round changes."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, reduce
from itertools import islice
from operator import add
from typing import Any

import numpy as np

from mix2fld_np.datasets.formats import pixels
from mix2fld_np.datasets.partition import Split, split
from mix2fld_np.datasets.registry import Dataset
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.nn.evaluation import Evaluation, evaluate
from mix2fld_np.nn.network import Network
from mix2fld_np.randomness import stream
from mix2fld_np.wireless.channel import Link, Transmission

Rank = tuple[int, bool]  # (round, whether it is a test): what is to be done first
AHEAD = 64  # calls of one kind that a round has under way at once, which bounds the memory of a thousand devices
PART = 2_048  # test images that are evaluated in one call


def at_once(rank: Rank, function: Callable, *arguments: Any) -> Callable[[], Any]:
    """Computes here and now; what a `start` returns is called to wait for the result."""
    result = function(*arguments)
    return lambda: result


@dataclass(frozen=True)
class Task:
    """One experiment under one seed, below which all that is random has its address: the same for every protocol."""

    settings: Settings
    data: Dataset
    seed: int = 0
    start: Callable[..., Callable[[], Any]] = field(default=at_once, compare=False)  # or that of many workers
    channel: Callable[..., Transmission] | None = field(default=None, compare=False)  # your own instead of `transmit`

    @cached_property
    def network(self) -> Network:
        """The model that devices and server train, shaped by the data."""
        return Network(self.data.train_images.shape[1:], self.settings.filters, self.data.n_labels)

    @cached_property
    def split(self) -> Split:
        """Who holds which training samples."""
        s, rng = self.settings, stream(self.seed, "split")
        return split(self.data.train_labels, s.n_devices, s.n_samples, rng, s.split, self.data.n_labels)

    @cached_property
    def n_samples(self) -> np.ndarray:
        """|S_d|, shape (D,)."""
        return np.full(self.n_devices, self.settings.n_samples)

    @cached_property
    def reference(self) -> int:
        """The randomly selected device whose test accuracy is the learning curve."""
        return int(stream(self.seed, "reference device").integers(self.n_devices))

    @property
    def n_devices(self) -> int:
        """|D|."""
        return self.settings.n_devices

    def takes_part(self, p: int) -> np.ndarray:
        """Which devices train and communicate in round p, (D,): drawn anew each round, the same for every protocol."""
        chosen = stream(self.seed, "participation", p).permutation(self.n_devices)[: self.settings.n_taking_part]
        return np.isin(np.arange(self.n_devices), chosen)

    @cached_property
    def uplink(self) -> Link:
        """The channel from a device to the server."""
        return self.settings.links(self.seed)[0]

    @cached_property
    def downlink(self) -> Link:
        """The channel from the server to a device."""
        return self.settings.links(self.seed)[1]

    def initial_weights(self, purpose: str, *index: int) -> np.ndarray:
        """Random weights (N_mod,) for a network that starts."""
        return self.network.initial_weights(stream(self.seed, purpose, *index), self.settings.initialisation)

    def local_data(self, d: int) -> tuple[np.ndarray, np.ndarray]:
        """S_d: images (N, C, H, W) float32 in [0, 1] and labels (N,)."""
        held = self.split.indices[d]
        return pixels(self.data.train_images[held]), self.data.train_labels[held]

    def each(self, rank: Rank, function: Callable, calls: Iterable[tuple]) -> Iterator[Any]:
        """The results of many calls, in their order; some of them are under way at once."""
        under_way: deque[Callable[[], Any]] = deque()
        for arguments in calls:
            if len(under_way) == AHEAD:
                yield under_way.popleft()()
            under_way.append(self.start(rank, function, *arguments))
        while under_way:
            yield under_way.popleft()()

    def accuracy(self, weights: np.ndarray) -> float:
        """Test accuracy of a model, over all test images."""
        return self.start_test(weights)().accuracy

    def start_test(self, weights: np.ndarray, p: int = 0) -> Callable[[], Evaluation]:
        """Starts an evaluation on all test images, in round p; call the result to wait for it."""
        parts = [self.start((p, True), evaluate_part, *call) for call in self.test_parts(weights)]
        return lambda: reduce(add, (part() for part in parts))

    def evaluations(self, models: np.ndarray, p: int) -> list[Evaluation]:
        """Evaluations of many models (M, N_mod) on all test images."""
        calls = [call for weights in models for call in self.test_parts(weights)]
        parts = self.each((p, True), evaluate_part, calls)
        return [reduce(add, islice(parts, len(calls) // len(models))) for _ in models]

    def test_parts(self, weights: np.ndarray) -> list[tuple]:
        """The calls that evaluate a model on all test images, PART at a time."""
        starts, standardised = range(0, len(self.data.test_labels), PART), self.settings.standardised
        return [(self.network, self.data, weights, start, start + PART, standardised) for start in starts]

    @property
    def state_bytes(self) -> int:
        """About what a run keeps in memory while it is played, besides the data: its state, fading and split."""
        s, N_L = self.settings, self.data.n_labels
        return self.n_devices * (12 * self.network.n_weights + 32 * N_L**2 + 24 * s.n_samples + 24 * s.max_slots)

    @property
    def work_bytes(self) -> int:
        """About what the longest piece of its work needs: the order of samples, targets, and the server's samples."""
        s = self.settings
        steps = (16 + 8 * self.data.n_labels) * max(s.n_local_iterations, s.n_distill_iterations)
        return steps + 4 * math.prod(self.network.image_shape) * s.n_distill_iterations

    def check(self) -> None:
        """InputError if the settings and the data cannot go together; cheap, so that a run fails before it starts."""
        if self.settings.n_samples < self.data.n_labels:
            raise InputError(
                f"n_samples = {self.settings.n_samples} is below the {self.data.n_labels} labels of {self.data.name}: "
                f"a device could not hold one sample of each; give at least {self.data.n_labels}."
            )
        _ = self.network, self.split, self.uplink, self.downlink


def evaluate_part(
    network: Network, data: Dataset, weights: np.ndarray, start: int, stop: int, standardised: bool
) -> Evaluation:
    """A model on some of the test images."""
    images = data.network_inputs(data.test_pixels[start:stop], standardised)
    return evaluate(network, weights, images, data.test_labels[start:stop])


@dataclass(frozen=True)
class Federation:
    """The state between two rounds: devices are an axis. A round takes one and returns another."""

    weights: np.ndarray  # (D, N_mod) float32, w_d
    outputs: np.ndarray  # (D, N_L, N_L) last local average outputs, eq. (2); NaN rows for labels never drawn
    teachers: np.ndarray  # (D, N_L, N_L) the G_out each device downloaded last; NaN before the first
    server: np.ndarray  # (N_mod,) float32, w_s
    seed_samples_arrived: np.ndarray  # (D,) bool: whose seed samples the server has
    mean: np.ndarray | None = None  # the last global average, for the stop criterion: G_mod or G_out, or all models


def first_state(task: Task) -> Federation:
    """Devices and server start from the same random weights, or each from its own."""
    D, N_L = task.n_devices, task.data.n_labels
    start, unknown = task.initial_weights("start"), np.full((D, N_L, N_L), np.nan)
    weights = np.broadcast_to(start, (D, start.size))  # stored once
    if task.settings.own_start:
        weights = np.stack([task.initial_weights("start", d) for d in range(D)])
    return Federation(weights, unknown, unknown, start, np.zeros(D, bool))
