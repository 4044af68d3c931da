"""What crosses the channel: weights, or average outputs; how each is rounded, averaged, compared and taken in."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from mix2fld_np.federation.devices import Pending
from mix2fld_np.federation.settings import Settings
from mix2fld_np.federation.task import Federation, Task
from mix2fld_np.mixing.mixup import quantize
from mix2fld_np.nn.losses import softmax
from mix2fld_np.nn.network import Network
from mix2fld_np.wireless import payload


@dataclass(frozen=True)
class Payload:
    """What crosses the channel: its size, its rounding, its average, how a device takes it in, its test if a model."""

    name: str
    bits: Callable[[Settings, Network], int]
    rounded: Callable[[np.ndarray, Task], np.ndarray]
    average: Callable[[Federation, Task, np.ndarray], np.ndarray]
    relative_change: Callable[[np.ndarray, np.ndarray], float | None]
    write: Callable[[Federation, np.ndarray, np.ndarray], Federation]
    start_test: Callable[[Task, np.ndarray, int], Pending | None]


def bits_of_weights(settings: Settings, network: Network) -> int:
    """b_mod N_mod; below 32 bits a weight also the range of each layer."""
    b = settings.bits_per_weight
    return payload.weight_bits(network.n_weights, b) + payload.range_bits(len(network.layer_shapes), b)


def bits_of_outputs(settings: Settings, network: Network) -> int:
    """b_out N_L^2; below 32 bits an output also their range, and a bit for each label: whether it was drawn."""
    b, N_L = settings.bits_per_output, network.n_labels
    return payload.output_bits(N_L, b) + payload.range_bits(1, b) + (N_L if b < payload.SINGLE_BITS else 0)


def rounded_weights(weights: np.ndarray, task: Task) -> np.ndarray:
    """Weights (..., N_mod) as they are received: each layer rounded to the b_mod bits that it is charged with."""
    return rounded(weights, 1, task.settings.bits_per_weight, lambda model: task.network.layers(model))


def rounded_outputs(outputs: np.ndarray, task: Task) -> np.ndarray:
    """Average outputs (..., N_L, N_L) as they are received, b_out bits each; NaN where a label was never drawn."""
    return rounded(outputs, 2, task.settings.bits_per_output, lambda table: (table,))


def rounded(values: np.ndarray, n_axes: int, bits: int, layers: Callable[..., Iterable[np.ndarray]]) -> np.ndarray:
    """Values of `n_axes` axes, each layer rounded to 2^b numbers from its smallest to its largest; at 32 bits as it is.

    Off by half a step at most, (largest - smallest) / (2^b - 1) / 2; what was rounded before stays as it is.
    """
    if bits >= payload.SINGLE_BITS:
        return values
    received = values.copy()
    for value in received.reshape(-1, *values.shape[-n_axes:]):
        for layer in layers(value):
            x = layer.astype(np.float32)
            layer[...] = quantize(x, bits, np.fmin.reduce(x, axis=None), np.fmax.reduce(x, axis=None))
    return received


def average_weights(fed: Federation, task: Task, delivered: np.ndarray) -> np.ndarray:
    """G_mod (N_mod,): mean of the delivered weights, weighted by |S_d|, summed in float64  (Section II-A)."""
    total = np.zeros(fed.weights.shape[1])
    for n, weights in zip(task.n_samples[delivered], rounded_weights(fed.weights[delivered], task), strict=True):
        total += n * weights.astype(np.float64)
    return (total / task.n_samples[delivered].sum()).astype(np.float32)


def average_over_devices(fed: Federation, task: Task, delivered: np.ndarray) -> np.ndarray:
    """G_out (N_L, N_L): plain mean of the delivered average outputs, of each label over the devices that drew it.

    Of logarithms, its softmax: the normalised geometric mean.
    """
    outputs = rounded_outputs(fed.outputs[delivered], task)
    n_known, total = (~np.isnan(outputs)).sum(axis=0), np.nansum(outputs, axis=0)
    mean = np.divide(total, n_known, out=np.full(n_known.shape, np.nan), where=n_known > 0)
    return softmax(mean) if task.settings.average_logits else mean


def every_model(fed: Federation, task: Task, delivered: np.ndarray) -> np.ndarray:
    """For an ensemble: the delivered weights themselves (D, N_mod), NaN where none came."""
    return np.where(delivered[:, None], rounded_weights(fed.weights, task), np.float32(np.nan))


def weights_change(new: np.ndarray, old: np.ndarray) -> float:
    """|G_mod^p - G_mod^(p-1)| / |G_mod^(p-1)|, Euclidean  (Section II-A)."""
    new, old = new.astype(np.float64), old.astype(np.float64)  # squares of large single-precision weights overflow
    return relative(new, old)


def models_change(new: np.ndarray, old: np.ndarray) -> float:
    """The same of the plain mean of several models (D, N_mod) each."""
    return weights_change(*(np.asarray(np.nanmean(models, axis=0, dtype=np.float64)) for models in (new, old)))


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


#                  name       size             as received      average over devices  relative change
WEIGHTS = Payload("weights", bits_of_weights, rounded_weights, average_weights,      weights_change,
                  write_weights, Task.start_test)
OUTPUTS = Payload("outputs", bits_of_outputs, rounded_outputs, average_over_devices, outputs_change,
                  write_teacher, no_test)
MODELS = replace(WEIGHTS, name="models", average=every_model, relative_change=models_change)
# Of nothing: no bits, an empty average that never changes, and every device keeps what it has.
NOTHING = Payload("nothing", lambda *_: 0, lambda nothing, *_: nothing, lambda *_: np.empty(0), lambda *_: None,
                  lambda fed, *_: fed, no_test)
