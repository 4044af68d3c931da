"""What NumPy users hold: every public function of mixing and nn takes numbers of any kind and leaves them alone."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose
from strategies import random_exercise

from mix2fld_np.mixing import attack, inverse, mixup, pairing, privacy
from mix2fld_np.nn import losses, network, training
from mix2fld_np.nn.network import Network

NETWORK, W, X, Y, G = random_exercise(Network((2, 4, 4), (3, 2), 4), np.random.default_rng(0), 3)
W, X, Y, G = (np.round(64 * a) / 64 for a in (W, X, Y, G))  # exact in single precision
F = np.array([[0.25, 0.75], [0.5, 0.5]])
SHARES, LABELS, MIRRORED, DEVICES = [0.25, 0.75], [0, 1, 2, 0], [1, 0, 0, 2], [0, 1, 0, 1]
IMAGES, PAIRS = np.arange(32).reshape(4, 1, 2, 4) ** 2 % 251, [[0, 1], [2, 3]]


def rng():
    """The same draws for every kind of argument."""
    return np.random.default_rng(5)


def mixed(images=IMAGES / 255, first=LABELS, second=MIRRORED, device=DEVICES):
    """Mixed-up samples, symmetric in their labels."""
    return mixup.mix_samples((images, first), (images[::-1], second), device, 0.25, 3)


CALLS = {  # a function and arguments that are numbers
    mixup.mixup: ([0.5, 1.0], [2.0, 4.0], 0.25),
    mixup.quantize: ([0.25, 0.5], 8, -0.5, 1.0),
    mixup.mixing_matrix: (SHARES,),
    mixup.checked_ratios: (SHARES,),
    mixup.whole_numbers: ("labels", LABELS),
    mixup.mix_samples: ((X, [0, 1, 3]), (X, [1, 0, 2]), [0, 1, 1], 0.25, 4),
    mixup.draw_pairs: (LABELS, 7, rng),
    mixup.draw_scheduled_pairs: (LABELS, [[0, 1], [2, 0]], rng),
    pairing.schedule: (4, 5, 10, 6, rng),
    pairing.check_schedule: (4, 5, 10),
    pairing.balanced_label_pairs: (6,),
    pairing.symmetric_pairs: (LABELS, MIRRORED, DEVICES),
    pairing.choose_pairs: (PAIRS, LABELS, MIRRORED, 3, rng),
    inverse.inverse_ratios: (SHARES,),
    inverse.condition_number: (SHARES,),
    inverse.inverse_ratio: (0.25, 2),
    inverse.inverse_mixup: ([[0.5, 1.0], [2.0, 4.0]], SHARES),
    inverse.inversely_mix: (mixed, PAIRS, 0.25),
    privacy.sample_privacy: (IMAGES, IMAGES[::-1]),
    privacy.mixup_privacy: (IMAGES, [0, 1], [2, 3], 0.25),
    privacy.mix2up_privacy: (IMAGES, [0, 1], [2, 3], [[0, 1]], 0.25),
    attack.nearest: (IMAGES, IMAGES[::-1]),
    attack.nearest_pairs: ([IMAGES[:2], IMAGES[2:]], [SHARES, SHARES], [[0, 1], [2, 0]], IMAGES, LABELS),
    attack.guesses: (IMAGES / 255, IMAGES / 255, IMAGES[::-1] / 255),
    attack.decibels: (IMAGES / 255, IMAGES[::-1] / 255),
    losses.softmax: ([[0, 1, 3], [2, 0, 0]],),
    losses.log_outputs: (F,),
    losses.phi: (F, [[0, 1], [1, 0]]),
    losses.phi_gradient: (F, [[0, 1], [1, 0]]),
    losses.psi: (F, F, True),
    losses.psi_gradient: (F, F, True),
    losses.distillation_target: ([[0, 1], [1, 0]], F, 0.5, True),
    losses.psi_sign: (True,),
    losses.floats: ([1, 0],),
    NETWORK.outputs: (W, X),
    NETWORK.accuracy: (W, X, [0, 3, 1]),
    NETWORK.gradient: (W, X, Y),
    NETWORK.layers: (W,),
    network.check_labels: ([0, 3, 1], 3, 4),
    training.local_update: (NETWORK, W, X, Y, [0, 2, 1, 1], 0.25),
    training.average_outputs: (F, [1, 0], 2),
    training.distil: (NETWORK, W, X, Y, G, [0, 2, 1], 0.25, 0.5, True),
    training.check_order: ([0, 2, 1], 3),
}


def read_only(a):
    """A copy that cannot be written to."""
    a = a.copy()
    a.flags.writeable = False
    return a


def narrow(a):
    """Whole numbers in the smallest type that holds them, others in single precision."""
    return a.astype(np.min_scalar_type(a.max()) if a.dtype.kind == "i" and a.min() >= 0 else np.float32)


def whole_where_whole(a):
    """Whole numbers that come as integers, where they are whole."""
    return a.astype(np.int64) if np.all(a == np.rint(a)) else a


KINDS = {
    "lists": lambda a: a.tolist(),
    "single precision and unsigned bytes": narrow,
    "integers": whole_where_whole,
    "read-only": read_only,
    "non-contiguous": lambda a: np.repeat(a[..., None], 2, axis=-1)[..., 0],
    "reversed twice": lambda a: a[::-1].copy()[::-1] if a.ndim else a,
    "column-major": lambda a: a.copy(order="F"),
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
}


def arguments(args, kind):
    """The arguments of a call as this kind of array, numbers as NumPy's own scalars; what is no number stays."""
    return [convert(arg, kind) for arg in args]


def convert(arg, kind):
    if arg is rng or arg is mixed:
        return arg()
    if isinstance(arg, tuple):
        return tuple(arguments(arg, kind))
    if isinstance(arg, (list, np.ndarray)):
        return kind(np.array(arg))
    if isinstance(arg, (int, float)) and not isinstance(arg, bool):
        return np.asarray(kind(np.asarray(arg)))[()]
    return arg


def parts(result):
    """A result as a list of arrays."""
    if result is None:
        return []
    many = (
        vars(result).values()
        if hasattr(result, "__dataclass_fields__")
        else result
        if isinstance(result, tuple)
        else [result]
    )
    return [np.asarray(part) for part in many]


def name_of(value):
    """How a test is called."""
    return value.__qualname__ if callable(value) else str(value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("function", CALLS, ids=name_of)
def test_any_kind_of_numbers_gives_what_plain_ones_give_and_none_is_changed(function, kind):
    given, plain = arguments(CALLS[function], KINDS[kind]), arguments(CALLS[function], np.array)
    before = arguments(CALLS[function], KINDS[kind])
    for mine, other in zip(parts(function(*given)), parts(function(*plain)), strict=True):
        assert_allclose(mine.astype(np.float64), other.astype(np.float64), rtol=2e-5, atol=2e-6)
    for now, then in zip(given, before, strict=True):
        if not isinstance(now, (np.random.Generator, Network, str)):
            for a, b in zip(parts(now), parts(then), strict=True):
                np.testing.assert_array_equal(a, b)


ROOMS = [attack, mixup, pairing, inverse, privacy, losses, training]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_no_public_function_is_left_out(room):
    own = {
        f
        for name, f in inspect.getmembers(room, inspect.isfunction)
        if not name.startswith("_") and f.__module__ == room.__name__
    }
    assert own <= set(CALLS)
