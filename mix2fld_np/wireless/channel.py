"""A slotted link under Rayleigh block fading (Section II-C): eq. (4), the latency law in closed form, simulation."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from mix2fld_np.errors import InputError, number, numbers
from mix2fld_np.wireless.units import dbm_to_watt, ratio_to_db

MOST_SLOTS = 10_000_000  # up to which a latency law is computed, slot by slot


@dataclass(frozen=True)
class Link:
    """What decides one direction of the channel, the same for every device but distances; `threshold` is no dB."""

    power_dbm: float
    bandwidth_hz: float
    distance_m: float | tuple[float, ...]  # of every device, or of each (D,)
    path_loss_exponent: float
    noise_dbm_per_hz: float
    threshold: float
    slot_s: float
    max_slots: int

    def __post_init__(self) -> None:
        for field in fields(self):
            name, kind, given = field.name, field.type, getattr(self, field.name)
            value = numbers(name, given) if name == "distance_m" else number(name, kind, given)  # type: ignore
            object.__setattr__(self, name, value)
            if np.min(value) <= 0 and name not in ("power_dbm", "noise_dbm_per_hz"):
                raise InputError(f"{name} = {value} lets nothing through; give a number above zero.")
        alpha = self.path_loss_exponent
        if alpha < 2:
            raise InputError(f"path_loss_exponent = {alpha} is less than free space loses; give 2 or more.")
        loss_db = alpha * np.max(np.abs(ratio_to_db(self.distance_m)))
        ratios = (ratio_to_db(value) for value in (self.bandwidth_hz, self.threshold, self.slot_s))
        if max(map(abs, (self.power_dbm, self.noise_dbm_per_hz, loss_db, *ratios))) > 500:
            raise InputError(f"{str(self)[:400]} differs from a watt, metre, hertz or second by more than 500 dB; "
                             "check the units: dBm, dBm/Hz, metres, hertz, seconds.")

    @cached_property
    def each(self) -> list["Link"]:
        """The link of every device (D,) where each has its own distance, or else this one alone."""
        r = self.distance_m
        return [replace(self, distance_m=own) for own in r] if isinstance(r, tuple) else [self]


@dataclass(frozen=True)
class Transmission:
    """What one upload or multicast came to, arrays (D,): `delivered`, `slots` (T_max in outage) and `payload_bits`."""

    delivered: np.ndarray
    slots: np.ndarray
    payload_bits: np.ndarray

    @property
    def airtime_slots(self) -> int:
        """Slots until the slowest device is through or has given up; everybody waits for it."""
        return int(self.slots.max())


def mean_snr(link: Link) -> float:
    """Signal-to-noise ratio at a power gain of one, P r^-alpha / (W N_0), a plain ratio  (Section II-C)."""
    P, N_0 = dbm_to_watt(link.power_dbm), dbm_to_watt(link.noise_dbm_per_hz)
    W, r, alpha = link.bandwidth_hz, link.distance_m, link.path_loss_exponent
    if isinstance(r, tuple):
        raise InputError(f"{len(r)} distances have a law each, and this asks for one; ask singly, of link.each.")
    return float(P * r**-alpha / (W * N_0))


def snr(link: Link, fading: ArrayLike) -> np.ndarray:
    """Received SNR = P h r^-alpha / (W N_0), a plain ratio, for power gains h of any shape; D distances: (..., D)."""
    return np.squeeze([mean_snr(one) for one in link.each]) * np.asarray(fading, float)


def success_probability(link: Link) -> float:
    """Chance that one slot gets through, Pr[SNR >= theta]  (Section II-C).

    Rayleigh fading makes the power gain h exponential with mean one, hence

        SNR = P h r^-alpha / (W N_0)    and    Pr[SNR >= theta] = exp(-theta W N_0 r^alpha / P).

    >>> round(success_probability(Link(23, 2e6, 1_000, 4, -174, 3, 1e-3, 100)), 5)
    0.88717
    """
    return math.exp(-link.threshold / mean_snr(link))


def bits_per_slot(link: Link) -> float:
    """Bits one successful slot carries, tau W log2(1 + theta), as in eq. (4). Not necessarily whole.

    >>> bits_per_slot(Link(23, 2e6, 1_000, 4, -174, 3, 1e-3, 100))
    4000.0
    """
    tau, W, theta = link.slot_s, link.bandwidth_hz, link.threshold
    log2 = math.log2(1 + theta) if theta > 1e-3 else math.log1p(theta) / math.log(2)  # 1 + theta would lose digits
    return tau * W * log2


def received_bits(link: Link, fading: ArrayLike) -> np.ndarray:
    """Bits received until slot T = 1, 2, ..., for power gains (..., T): shape (..., T), never decreasing,

        B_RX(T) = tau sum_{t <= T} 1(SNR_t >= theta) W log2(1 + theta)    (4)
    """
    return bits_per_slot(link) * np.cumsum(snr(link, fading) >= link.threshold, axis=-1)


def slots_needed(link: Link, payload_bits: ArrayLike) -> np.ndarray:
    """Successful slots that B bits take, n = ceil(B / (tau W log2(1 + theta))), whole numbers of the shape of B.

    They are float64, as a slow link takes more slots than integer types can count. A last slot that is exactly full
    does not spill over by rounding.

    >>> int(slots_needed(Link(23, 2e6, 1_000, 4, -174, 3, 1e-3, 100), 401_408))
    101
    """
    bits = np.asarray(payload_bits)
    if bits.dtype.kind not in "iu" or np.any(bits < 0) or np.any(bits > np.iinfo(np.int64).max):
        raise InputError(f"payload_bits = {payload_bits!r} is no payload; give whole numbers from 0 to 2^63 - 1.")
    slots = bits / bits_per_slot(link)
    return np.where(np.abs(slots - np.rint(slots)) <= 1e-14 * slots, np.rint(slots), np.ceil(slots))[()]


def latency_pmf(link: Link, payload_bits: int, t: ArrayLike) -> np.ndarray:
    """Chance that B bits take exactly t slots, C(t-1, n-1) p^n (1-p)^(t-n): negative binomial. Shape of t."""
    t, whole = _slots(t)
    return np.where(t == whole, _law(link, payload_bits, whole)[0][whole], 0.0)[()]


def latency_cdf(link: Link, payload_bits: int, t: ArrayLike) -> np.ndarray:
    """Chance that B bits are there after t slots, Pr[T <= t] = Pr[Binomial(t, p) >= n]. Shape of t."""
    t, whole = _slots(t)
    return np.where(t >= 0, np.minimum(np.cumsum(_law(link, payload_bits, whole)[0])[whole], 1.0), 0.0)[()]


def outage_probability(link: Link, payload_bits: int) -> float:
    """Chance of a latency outage, Pr[T > T_max] = Pr[Binomial(T_max, p) < n], with all its digits even at 1e-200.

    >>> outage_probability(Link(23, 2e6, 1_000, 4, -174, 3, 1e-3, 100), 401_408)
    1.0
    """
    return float(_law(link, payload_bits, link.max_slots)[1][-1])


def mean_latency_slots(link: Link, payload_bits: int) -> float:
    """Mean latency E[T] = n / p in slots, were there no T_max; infinite when a slot never gets through."""
    n, p = _one_payload(link, payload_bits), success_probability(link)
    return n / p if p > 0 else (math.inf if n else 0.0)


def slowest_cdf(link: Link, payload_bits: int, t: ArrayLike, n_devices: int) -> np.ndarray:
    """Chance that all of D devices have their B bits after t slots: the product of their laws, F(t)^D. Shape of t."""
    return np.prod([latency_cdf(one, payload_bits, t) ** n for one, n in _alike(link, n_devices).items()], axis=0)


def slowest_outage_probability(link: Link, payload_bits: int, n_devices: int) -> float:
    """Chance that at least one of D devices is in outage, 1 - F_1(T_max) ... F_D(T_max), right even when tiny."""
    return float(_any_missing((outage_probability(one, payload_bits), n) for one, n in _alike(link, n_devices).items()))


def mean_airtime_slots(link: Link, payload_bits: int, n_devices: int) -> float:
    """Mean airtime of an upload, E[min(T_slowest, T_max)] = sum_{t < T_max} (1 - F_1(t) ... F_D(t)) slots."""
    laws = ((_law(one, payload_bits, link.max_slots)[1][:-1], n) for one, n in _alike(link, n_devices).items())
    return float(_any_missing(laws).sum())


def energy_j(link: Link, slots: ArrayLike) -> np.ndarray:
    """Energy that is radiated in so many slots, P tau T in joules: transmit power times airtime. Shape of T.

    >>> float(energy_j(Link(30, 2e6, 1_000, 4, -174, 3, 1e-3, 100), 100))
    0.1
    """
    return (dbm_to_watt(link.power_dbm) * link.slot_s * np.asarray(slots, float))[()]


def transmit(link: Link, payload_bits: ArrayLike, n_devices: int, rng: np.random.Generator) -> Transmission:
    """Send `payload_bits` (one number, or (D,)) to or from each of D devices, slot by slot up to T_max.

    Fading is drawn in full, one slot of all devices after the other. So, for the same D, one `rng` gives the same
    channel for every payload and its beginning for every shorter T_max: neither a smaller payload nor a larger T_max
    makes an upload arrive later. In the downlink multicast, too, every device has its own fading.
    """
    D = _alike(link, n_devices).total()
    n = np.broadcast_to(slots_needed(link, payload_bits), (D,))
    fading = rng.standard_exponential((link.max_slots, D))
    count = np.cumsum(snr(link, fading) >= link.threshold, axis=0)
    slots = (count < n).sum(axis=0) + (n > 0)  # the slots that did not suffice, and the one that did
    bits = np.broadcast_to(payload_bits, (D,)).astype(np.int64)
    return Transmission(count[-1] >= n, np.minimum(slots, link.max_slots), bits)


def _one_payload(link: Link, payload_bits: int) -> float:
    """Slots needed for one payload; the closed forms take one at a time."""
    if np.ndim(payload_bits):
        raise InputError(f"payload_bits = {payload_bits} are several, but a latency law belongs to one; ask singly.")
    return float(slots_needed(link, payload_bits))


def _alike(link: Link, n_devices: int) -> Counter[Link]:
    """The links among D devices that differ, and how many have each."""
    D = number("n_devices", int, n_devices)
    if D < 1:
        raise InputError(f"n_devices = {D} leaves nobody to send; give a whole number of at least 1.")
    each = link.each if isinstance(link.distance_m, tuple) else link.each * D
    if len(each) != D:
        raise InputError(f"{len(each)} distances do not fit {D} devices; give one for all, or one for each.")
    return Counter(each)


def _slots(t: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Times t as they are, and as places in a law, rounded down to whole slots."""
    times = np.asarray(t, float)
    if not np.all(times <= MOST_SLOTS):
        raise InputError(f"t = {t!r} is too far to compute slot by slot; give numbers of slots up to {MOST_SLOTS:,}.")
    return times, np.maximum(times, 0).astype(np.int64)


def _any_missing(laws: Iterable[tuple]):
    """1 - the product of (1 - missing)^n over all (missing, n), without taking a tiny number from one."""
    with np.errstate(divide="ignore"):
        return np.abs(np.expm1(sum(n * np.log1p(-missing) for missing, n in laws)))


def _odds(link: Link) -> tuple[float, float]:
    """Success p and failure q = 1 - p of a slot, both right to the last digits however small."""
    return success_probability(link), -math.expm1(-link.threshold / mean_snr(link))


def _law(link: Link, payload_bits: int, t: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Pr[T = t] and Pr[T > t] for 0, 1, ... up to the largest t, right to their last digits even when tiny.

    From its largest chance outwards, the law follows from the ratio of neighbours,

        Pr[T = t + 1] / Pr[T = t] = q t / (t - n + 1).
    """
    end, needed, (p, q) = int(np.max(t, initial=0)), _one_payload(link, payload_bits), _odds(link)
    law, missing = np.zeros(end + 1), np.ones(end + 1)
    if needed == 0:
        law[0] = 1
        return law, np.zeros(end + 1)
    if needed > end or p == 0:
        return law, missing
    n = int(needed)
    top = int(min(end, 1 + (n - 1) / p))
    earlier, later = np.split(q * np.arange(n, end) / np.arange(1, end - n + 1), [top - n])
    exactly, _ = _binomial(n, top, p, q)
    law[top] = n / top * exactly
    law[top + 1 :] = law[top] * np.cumprod(later)
    law[n:top] = law[top] * np.cumprod(1 / earlier[::-1])[::-1]
    _, missing[-1] = _binomial(n, end, p, q)
    missing[n:-1] = np.minimum(missing[-1] + np.cumsum(law[:n:-1])[::-1], 1)
    return law, missing


def _binomial(n: int, t: int, p: float, q: float) -> tuple[float, float]:
    """Pr[Binomial(t, p) = n] and Pr[Binomial(t, p) < n]: all chances in units of that of n, known from their sum."""
    up, down = np.arange(n, t), np.arange(n, 0, -1)
    with np.errstate(divide="ignore", over="ignore"):
        above = 1 + np.cumprod((t - up) * p / ((up + 1) * q)).sum()
        below = np.cumprod(down * q / ((t - down + 1) * p)).sum()
        return 1 / (above + below), 1 / (1 + above / below)
