"""What crosses the channel: weights, or average outputs, and how each is averaged, compared and taken in."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mix2fld_np.federation.devices import Pending
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.task import Federation, Task
from mix2fld_np.nn.losses import softmax
from mix2fld_np.nn.network import Network
from mix2fld_np.wireless import payload


@dataclass(frozen=True)
class Payload:
    """What crosses the channel: its size, its average, how a device takes it in, and its test if it is a model."""

    name: str
    bits: Callable[[Settings, Network], int]
    average: Callable[[Federation, Task, np.ndarray], np.ndarray]
    relative_change: Callable[[np.ndarray, np.ndarray], float | None]
    write: Callable[[Federation, np.ndarray, np.ndarray], Federation]
    start_test: Callable[[Task, np.ndarray, int], Pending | None]


def bits_of_weights(settings: Settings, network: Network) -> int:
    """b_mod N_mod."""
    return payload.weight_bits(network.n_weights, settings.bits_per_weight)


def bits_of_outputs(settings: Settings, network: Network) -> int:
    """b_out N_L^2."""
    return payload.output_bits(network.n_labels, settings.bits_per_output)


def average_weights(fed: Federation, task: Task, delivered: np.ndarray) -> np.ndarray:
    """G_mod (N_mod,): mean of the delivered weights, weighted by |S_d|, summed in float64  (Section II-A)."""
    total = np.zeros(fed.weights.shape[1])
    for n, weights in zip(task.n_samples[delivered], fed.weights[delivered], strict=True):
        total += n * weights.astype(np.float64)
    return (total / task.n_samples[delivered].sum()).astype(np.float32)


def average_over_devices(fed: Federation, task: Task, delivered: np.ndarray) -> np.ndarray:
    """G_out (N_L, N_L): plain mean of the delivered average outputs, of each label over the devices that drew it.

    Of logarithms, its softmax: the normalised geometric mean.
    """
    outputs = fed.outputs[delivered]
    n_known, total = (~np.isnan(outputs)).sum(axis=0), np.nansum(outputs, axis=0)
    mean = np.divide(total, n_known, out=np.full(n_known.shape, np.nan), where=n_known > 0)
    return softmax(mean) if task.settings.average_logits else mean


def weights_change(new: np.ndarray, old: np.ndarray) -> float:
    """|G_mod^p - G_mod^(p-1)| / |G_mod^(p-1)|, Euclidean  (Section II-A)."""
    new, old = new.astype(np.float64), old.astype(np.float64)  # squares of large single-precision weights overflow
    return relative(new, old)


def outputs_change(new: np.ndarray, old: np.ndarray) -> float | None:
    """The largest |G_out,n^p - G_out,n^(p-1)| / |G_out,n^(p-1)| over labels n known in both rounds  (Section II-B)."""
    known = ~np.isnan(new).any(axis=1) & ~np.isnan(old).any(axis=1)
    return max((relative(a, b) for a, b in zip(new[known], old[known], strict=True)), default=None)


def relative(new: np.ndarray, old: np.ndarray) -> float:
    """|new - old| / |old|, Euclidean; infinite from nothing. Sums are exact: BLAS's depend on its number of threads."""
    size, difference = (math.sqrt(math.fsum(x * x)) for x in (old, new - old))
    return difference / size if size else math.inf


def write_weights(fed: Federation, model: np.ndarray, delivered: np.ndarray) -> Federation:
    """Line 13: devices that got it substitute their weights with G_mod; the others keep what they have."""
    if delivered.all():
        return replace(fed, weights=np.broadcast_to(model, fed.weights.shape))  # stored once
    return replace(fed, weights=np.where(delivered[:, None], model, fed.weights))


def write_teacher(fed: Federation, teacher: np.ndarray, delivered: np.ndarray) -> Federation:
    """Devices that got it distil from the new G_out until the next one; the others keep what they have."""
    return replace(fed, teachers=np.where(delivered[:, None, None], teacher, fed.teachers))


def no_test(task: Task, teacher: np.ndarray, p: int) -> None:
    """Average outputs classify nothing."""


#                  name       size             average over devices  relative change  taken in      test
WEIGHTS = Payload("weights", bits_of_weights, average_weights,      weights_change, write_weights, Task.start_test)
OUTPUTS = Payload("outputs", bits_of_outputs, average_over_devices, outputs_change, write_teacher, no_test)
# Of nothing: no bits, an empty average that never changes, and every device keeps what it has.
NOTHING = Payload("nothing", lambda *_: 0, lambda *_: np.empty(0), lambda *_: None, lambda fed, *_: fed, no_test)
