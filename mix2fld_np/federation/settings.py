"""The letter's numbers, once. Everything else is `replace(PRINTED, ...)`."""

from dataclasses import dataclass, fields, replace

import numpy as np

from mix2fld_np.datasets.partition import alpha_of
from mix2fld_np.errors import InputError, number, numbers
from mix2fld_np.randomness import stream
from mix2fld_np.wireless.channel import Link

SPLITS = {"iid": "IID", "non-iid": "non-IID"}  # the letter's: as typed, and as people write it
PAIRINGS = ("random", "scheduled")
INITIALISATIONS = ("uniform", "glorot")
Distance = float | tuple[float, ...] | str  # of all devices; of each; or "uniform:R", drawn over a disc of radius R
UNIFORM = "uniform:"
CHANNELS = {"asymmetric": 23.0, "symmetric": 40.0}  # uplink power in dBm; the downlink has 40 dBm in both


@dataclass(frozen=True)
class Settings:
    """One experiment of Section IV; the defaults are the printed numbers.

    Numbers may be NumPy's and are kept as Python's: np.float32(0.1) is 0.1, the shortest decimal that it stands for.
    """

    n_devices: int = 10  # |D|
    n_samples: int = 500  # |S_d|
    split: str = "non-iid"  # or "iid"; or, beyond the letter, "dirichlet:0.3" with any alpha
    filters: tuple[int, int] = (12, 6)  # of the two convolutions; gives N_mod = 12,544

    # The letter is silent: does K count per device and round, or for all devices together? Per device and round.
    n_local_iterations: int = 6_400  # K
    # The letter is silent: K_KD = 3,200 of Section IV is the K_S of Algorithm 1 and Table I.
    n_distill_iterations: int = 3_200  # K_S
    learning_rate: float = 0.01  # eta
    beta: float = 0.01
    printed_sign: bool = False  # psi of eq. (3) as printed, without its minus sign
    # The letter is silent: does the student continue from its last weights or start anew each round? It continues.
    fresh_student: bool = False
    # The letter is silent: do devices start from the same weights? They do: a mean of unrelated networks knows little.
    own_start: bool = False
    # The letter is silent: how do weights start? Uniform in +-1/sqrt(fan_in); or Glorot's way, with biases of zero.
    initialisation: str = "uniform"
    # The letter is silent: are pixels standardised where a network sees them? They go from 0 to 1, as they are sent.
    standardised: bool = False
    # The letter is silent: is it outputs that are averaged, or their logarithms, which is a geometric mean? Outputs.
    average_logits: bool = False

    # The letter is silent: N_S and N_I count per device; the server aims at |D| N_I samples.
    n_seed_samples: int = 50  # N_S
    n_inverse_samples: int = 100  # N_I
    mixing_ratio: float = 0.1  # lambda
    # The letter is silent: random label pairs rarely meet. "scheduled": the server assigns pairs, so partners exist.
    pairing: str = "random"

    bits_per_weight: int = 32  # b_mod
    bits_per_output: int = 32  # b_out
    bits_per_pixel: int = 8  # b_s = 8 * 28 * 28 = 6,272 for MNIST

    bandwidth_hz: float = 10e6  # W
    n_uplink_channels: int = 2  # N_ch
    uplink_power_dbm: float = 23.0  # P^up: 23 asymmetric, 40 symmetric
    downlink_power_dbm: float = 40.0  # P^dn
    distance_m: Distance = 1_000.0  # r_d
    path_loss_exponent: float = 4.0  # alpha
    noise_dbm_per_hz: float = -174.0  # N_0
    threshold: float = 3.0  # theta, a ratio, not dB
    slot_s: float = 1e-3  # tau
    # The letter is silent: do uplink and downlink share T_max? Each has T_max slots in every round.
    max_slots: int = 100  # T_max

    participation: float = 1.0  # share of the devices that train and communicate in a round; in the letter, all
    n_rounds: int = 10  # P; with N_S = 10, 42.4x is true for P = 10 alone (with N_S = P it would be for any P)
    epsilon: float = 0.05
    stop_when_converged: bool = False  # or play all rounds and note when the criterion was met

    # The letter is silent: compute was measured "using tic-toc" on unstated machines. A fixed time per iteration
    # repeats to the bit: about that of an eager framework on a laptop core, and a server ten times as fast.
    device_s_per_iteration: float = 250e-6
    server_s_per_iteration: float = 25e-6
    stopwatch: bool = False  # measure this machine instead
    # The letter is silent: is accuracy measured before or after the local update? Before, after and in between.
    n_evaluations: int = 4  # how often the reference device is tested in a round, besides right after the download

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, as_python(field.name, field.type, getattr(self, field.name)))
        for name, (least, most, why) in LIMITS.items():
            for value in numbers_in(getattr(self, name)):
                if not least <= value <= most:
                    limits = f"choose a value from {least:g} to {most:g}."
                    raise InputError(f"{name} = {value} is out of range: {why}; {limits}")
        if isinstance(self.distance_m, tuple) and (n := len(self.distance_m)) != self.n_devices:
            it_must = "it must be one number for all, or one for each"
            raise InputError(f"distance_m = {n} numbers do not fit {self.n_devices} devices: {it_must}.")
        check_split(self.split)
        check_choice("pairing", self.pairing, PAIRINGS)
        check_choice("initialisation", self.initialisation, INITIALISATIONS)
        if len(self.filters) != 2 or not 1 <= min(self.filters) <= max(self.filters) <= MOST_FILTERS:
            raise InputError(
                f"filters = {self.filters} describes no network: it has two convolutions; give two numbers from 1 to "
                f"{MOST_FILTERS}, such as (12, 6)."
            )
        if self.mixing_ratio == 0.5:
            raise InputError(
                "mixing_ratio = 0.5 cannot be inverted: both devices would upload the same blend of labels, so "
                "inverse-Mixup has nothing to tell them apart by; any ratio but 0.5 works, try 0.1."
            )
        if self.n_inverse_samples < self.n_seed_samples:
            raise InputError(
                f"n_inverse_samples = {self.n_inverse_samples} is below n_seed_samples = {self.n_seed_samples}: "
                "inverse-Mixup makes at least as many samples as were uploaded (N_I >= N_S); "
                f"try {2 * self.n_seed_samples}."
            )

    @property
    def n_taking_part(self) -> int:
        """How many devices train and communicate in a round, at least one."""
        return max(1, round(self.participation * self.n_devices))

    def links(self, seed: int) -> tuple[Link, Link]:
        """Uplink and downlink with the distances of all devices: over a disc R sqrt(u), with u uniform under `seed`."""
        r = self.distance_m
        if isinstance(r, str):
            u = 1 - stream(seed, "distances").random(self.n_devices)  # never zero
            r = tuple((numbers_in(r)[0] * np.sqrt(u)).tolist())
        return replace(self.uplink, distance_m=r), replace(self.downlink, distance_m=r)

    @property
    def uplink(self) -> Link:
        """A device's own share of the band, W^up = W N_ch / |D|, divided among those who take part  (Section II-C)."""
        return self.link(self.uplink_power_dbm, self.bandwidth_hz * self.n_uplink_channels / self.n_taking_part)

    @property
    def downlink(self) -> Link:
        """The multicast over the whole band, W^dn = W  (Section II-C)."""
        return self.link(self.downlink_power_dbm, self.bandwidth_hz)

    def link(self, power_dbm: float, bandwidth_hz: float) -> Link:
        """A link of this cell with the given power and bandwidth, of the farthest device or at the edge of the disc."""
        return Link(
            power_dbm=power_dbm,
            bandwidth_hz=bandwidth_hz,
            distance_m=max(numbers_in(self.distance_m)),
            path_loss_exponent=self.path_loss_exponent,
            noise_dbm_per_hz=self.noise_dbm_per_hz,
            threshold=self.threshold,
            slot_s=self.slot_s,
            max_slots=self.max_slots,
        )


MOST_FILTERS = 1_000
LIMITS: dict[str, tuple[float, float, str]] = {
    "n_devices": (1, 10_000, "at least one device has to train"),
    "n_samples": (1, 1_000_000, "a device without samples cannot train"),
    "n_local_iterations": (1, 10_000_000, "K = 0 iterations would leave every model as it is"),
    "n_distill_iterations": (1, 10_000_000, "K_S = 0 iterations would leave the server's model as it is"),
    "learning_rate": (1e-12, 10, "SGD needs a positive step that does not overshoot"),
    "beta": (0, 1e3, "the distillation regulariser has a weight of zero or more"),
    "n_seed_samples": (1, 100_000, "the server needs seed samples to distil on"),
    "n_inverse_samples": (1, 1_000_000, "inverse-Mixup makes at least one sample and has to hold them all"),
    "mixing_ratio": (1e-6, 1 - 1e-6, "lambda is the share of the first of two samples"),
    "bits_per_weight": (1, 64, "a number needs a bit at least"),
    "bits_per_output": (1, 64, "a number needs a bit at least"),
    "bits_per_pixel": (1, 64, "a pixel needs a bit at least"),
    "bandwidth_hz": (1, 1e15, "nothing can be sent without bandwidth"),
    "n_uplink_channels": (1, 100_000, "devices need a channel to upload on"),
    "uplink_power_dbm": (-200, 200, "this is no transmission power in dBm"),
    "downlink_power_dbm": (-200, 200, "this is no transmission power in dBm"),
    "distance_m": (1e-3, 1e9, "this is no distance between a device and its server in metres"),
    "path_loss_exponent": (2, 10, "power falls at least with the square of the distance (alpha >= 2)"),
    "noise_dbm_per_hz": (-300, 100, "this is no noise density in dBm/Hz"),
    "threshold": (1e-9, 1e9, "theta is a positive ratio, not dB"),
    "slot_s": (1e-9, 1e3, "a slot lasts a positive time"),
    "max_slots": (1, 100_000, "at least one slot is needed to send"),
    "participation": (0, 1, "it is a share of the devices; at least one always takes part"),
    "n_rounds": (1, 1_000_000, "at least one round has to be played"),
    "epsilon": (0, 1e3, "the stop criterion compares a relative change"),
    "device_s_per_iteration": (0, 1e3, "an iteration takes zero or more seconds"),
    "server_s_per_iteration": (0, 1e3, "an iteration takes zero or more seconds"),
    "n_evaluations": (1, 1_000, "the reference device is tested at least at the end of its round"),
}


def as_python(name: str, kind: object, value: object):
    """The value, Python's or NumPy's, as the kind of the field `name`; InputError if it is of another."""
    if kind in (int, float):
        return number(name, kind, value)  # type: ignore[arg-type]
    if kind == Distance:
        return distance(str(value)) if isinstance(value, str) else numbers(name, value)
    if kind is bool and isinstance(value, (bool, np.bool_)):
        return bool(value)
    if kind is str and isinstance(value, str):
        return str(value)
    if kind == tuple[int, int] and isinstance(value, (tuple, list, np.ndarray)) and np.ndim(value) == 1:
        return tuple(number(name, int, part) for part in value)
    wanted = {bool: "true or false", str: "a word"}.get(kind, "a pair of whole numbers")  # type: ignore[call-overload]
    raise InputError(f"{name} = {value!r} cannot be used: it must be {wanted}.")


def distance(text: str) -> Distance:
    """Distances as they are typed: a number, one for each device with commas between, or uniform:RADIUS."""
    try:
        if text.startswith(UNIFORM):
            return f"{UNIFORM}{float(text.removeprefix(UNIFORM))}"
        each = tuple(map(float, text.split(",")))
        return each if len(each) > 1 else each[0]
    except ValueError:
        kinds = f"a number, one for each device as in 50,80, or {UNIFORM}RADIUS"
        raise InputError(f"distance_m = {text!r} cannot be used: it must be {kinds}.") from None


def numbers_in(value: Distance) -> tuple[float, ...]:
    """The numbers in a setting that is one: itself, the distance of each device, or the radius of a disc."""
    if isinstance(value, str):
        return (float(value.removeprefix(UNIFORM)),)
    return value if isinstance(value, tuple) else (value,)


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """InputError unless value is one of the choices."""
    if value not in choices:
        raise InputError(f"{name} = {value!r} is not known; choose one of {', '.join(choices)}.")


def check_split(name: str) -> str:
    """The name; InputError unless it is one of the letter's splits, or a Dirichlet law with its alpha."""
    if alpha_of(name) is None:
        check_choice("split", name, (*SPLITS, "dirichlet:ALPHA"))
    return name


PRINTED = Settings()

# Misprint: with T_max = 100 a device of FL, which needs 401,408 / 4,000 bits = 101 slots, never delivers an upload,
# while the letter finds FL best under symmetric channels. With 105 slots an upload gets through with probability 0.006
# (asymmetric) and 0.999994 (symmetric), which makes both of its statements true; so does any T_max from 103 to 107.
COMPARISON = Settings(max_slots=105)
