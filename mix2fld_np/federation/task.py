"""What stays fixed while a federation learns (data, split, network, links), and the state that a round changes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mix2fld_np.datasets.formats import pixels
from mix2fld_np.datasets.partition import Split, split
from mix2fld_np.datasets.registry import Dataset
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.nn.network import Network
from mix2fld_np.randomness import stream
from mix2fld_np.wireless.channel import Link, Transmission


@dataclass(frozen=True)
class Task:
    """One experiment under one seed, below which all that is random has its address: the same for every protocol."""

    settings: Settings
    data: Dataset
    seed: int = 0
    parallel_map: Callable[..., Iterable] = field(default=map, compare=False)  # or a thread pool's
    test_every_device: bool = False  # after the local update of the last round, not only the reference device
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
    def test_images(self) -> np.ndarray:
        """Test images (N, C, H, W) float32 in [0, 1]."""
        return self.data.test_pixels

    @property
    def n_devices(self) -> int:
        """|D|."""
        return self.settings.n_devices

    @cached_property
    def uplink(self) -> Link:
        """The channel from a device to the server."""
        return self.settings.uplink

    @cached_property
    def downlink(self) -> Link:
        """The channel from the server to a device."""
        return self.settings.downlink

    def local_data(self, d: int) -> tuple[np.ndarray, np.ndarray]:
        """S_d: images (N, C, H, W) float32 in [0, 1] and labels (N,)."""
        held = self.split.indices[d]
        return pixels(self.data.train_images[held]), self.data.train_labels[held]

    def accuracy(self, weights: np.ndarray) -> float:
        """Test accuracy of a model, over all test images."""
        return self.start_evaluation(weights)()

    def start_evaluation(self, weights: np.ndarray) -> Callable[[], float]:
        """Starts an evaluation in parallel; call the result to wait for the test accuracy."""
        n_images = len(self.data.test_labels)
        slices = [slice(start, start + 1_000) for start in range(0, n_images, 1_000)]
        counts = self.parallel_map(lambda part: self.n_correct(weights, part), slices)
        return lambda: sum(counts) / n_images

    def n_correct(self, weights: np.ndarray, part: slice) -> int:
        """Correctly classified images in this slice of the test images."""
        outputs = self.network.outputs(weights, self.test_images[part])
        return int(np.sum(outputs.argmax(axis=1) == self.data.test_labels[part]))

    def check(self) -> None:
        """InputError if the settings and the data cannot go together; cheap, so that a run fails before it starts."""
        if self.settings.n_samples < self.data.n_labels:
            raise InputError(
                f"n_samples = {self.settings.n_samples} is below the {self.data.n_labels} labels of {self.data.name}: "
                f"a device could not hold one sample of each; give at least {self.data.n_labels}."
            )
        _ = self.network, self.split, self.uplink, self.downlink


@dataclass(frozen=True)
class Federation:
    """The state between two rounds: devices are an axis. A round takes one and returns another."""

    weights: np.ndarray  # (D, N_mod) float32, w_d
    outputs: np.ndarray  # (D, N_L, N_L) last local average outputs, eq. (2); NaN rows for labels never drawn
    teachers: np.ndarray  # (D, N_L, N_L) the G_out each device downloaded last; NaN before the first
    server: np.ndarray  # (N_mod,) float32, w_s
    seed_samples_arrived: np.ndarray  # (D,) bool: whose seed samples the server has
    mean: np.ndarray | None = None  # the last global average, G_mod or G_out, for the stop criterion


def first_state(task: Task) -> Federation:
    """Devices and server start from the same random weights."""
    # The letter is silent: do devices start from the same weights? They do: a mean of unrelated networks knows little.
    D, N_L = task.n_devices, task.data.n_labels
    start = task.network.initial_weights(stream(task.seed, "start"))
    unknown = np.full((D, N_L, N_L), np.nan)
    return Federation(np.tile(start, (D, 1)), unknown, unknown, start, np.zeros(D, bool))
