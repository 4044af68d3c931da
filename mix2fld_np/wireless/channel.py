"""One slotted link under Rayleigh block fading (Section II-C): eq. (4), the latency law in closed form, and the simulation."""

import math
from dataclasses import dataclass, fields

import numpy as np

from mix2fld_np.errors import InputError
from mix2fld_np.wireless.units import dbm_to_watt, ratio_to_db


@dataclass(frozen=True)
class Link:
    """What decides one direction of the channel, the same for every device; `threshold` is a plain ratio, not dB."""

    power_dbm: float
    bandwidth_hz: float
    distance_m: float
    path_loss_exponent: float
    noise_dbm_per_hz: float
    threshold: float
    slot_s: float
    max_slots: int

    def __post_init__(self):
        for name, value in ((field.name, getattr(self, field.name)) for field in fields(self)):
            if not math.isfinite(value) or (value <= 0 and name not in ("power_dbm", "noise_dbm_per_hz")):
                raise InputError(f"{name} = {value} describes no link: nothing would ever be sent; give a finite number above zero.")
        if self.path_loss_exponent < 2:
            raise InputError(f"path_loss_exponent = {self.path_loss_exponent} is less than free space loses; give 2 or more.")
        if self.max_slots != int(self.max_slots):
            raise InputError(f"max_slots = {self.max_slots} ends in the middle of a slot; give a whole number.")
        loss_db = self.path_loss_exponent * ratio_to_db(self.distance_m)
        ratios = (ratio_to_db(value) for value in (self.bandwidth_hz, self.threshold, self.slot_s))
        if max(map(abs, (self.power_dbm, self.noise_dbm_per_hz, loss_db, *ratios))) > 500:
            raise InputError(
                f"{self} differs from a watt, metre, hertz or second by more than 500 dB; check the units: dBm, dBm/Hz, metres, "
                "hertz, seconds."
            )


@dataclass(frozen=True)
class Transmission:
    """What one upload or multicast came to: `delivered` (D,) bool, `slots` (D,) int (T_max in outage), `payload_bits` (D,) int."""

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
    return P * r**-alpha / (W * N_0)


def snr(link: Link, fading: np.ndarray) -> np.ndarray:
    """Received SNR = P h r^-alpha / (W N_0) for power gains h of any shape, a plain ratio  (Section II-C)."""
    return mean_snr(link) * np.asarray(fading)


def success_probability(link: Link) -> float:
    """Chance that one slot gets through, Pr[SNR >= theta]  (Section II-C).

    Rayleigh fading makes the power gain h exponential with mean one, hence

        SNR = P h r^-alpha / (W N_0)    and    Pr[SNR >= theta] = exp(-theta W N_0 r^alpha / P).
    """
    P, N_0 = dbm_to_watt(link.power_dbm), dbm_to_watt(link.noise_dbm_per_hz)
    W, r, alpha, theta = link.bandwidth_hz, link.distance_m, link.path_loss_exponent, link.threshold
    return math.exp(-theta * W * N_0 * r**alpha / P)


def bits_per_slot(link: Link) -> float:
    """Bits one successful slot carries, tau W log2(1 + theta), as in eq. (4). Not necessarily whole."""
    tau, W, theta = link.slot_s, link.bandwidth_hz, link.threshold
    return tau * W * (math.log2(1 + theta) if theta > 1e-3 else math.log1p(theta) / math.log(2))  # the same, to the last digit


def received_bits(link: Link, fading: np.ndarray) -> np.ndarray:
    """Bits received until slot T = 1, 2, ..., for power gains (..., T): shape (..., T), never decreasing,

        B_RX(T) = tau sum_{t <= T} 1(SNR_t >= theta) W log2(1 + theta)    (4)
    """
    return bits_per_slot(link) * np.cumsum(snr(link, fading) >= link.threshold, axis=-1)


def slots_needed(link: Link, payload_bits) -> np.ndarray:
    """Successful slots that B bits take, n = ceil(B / (tau W log2(1 + theta))), whole numbers of the shape of B.

    They are float64, since a slow link takes more slots than any integer type can count. A last slot that is exactly full does not
    spill over by rounding.
    """
    bits = np.asarray(payload_bits)
    if bits.dtype.kind not in "iu" or np.any(bits < 0):
        raise InputError(f"payload_bits = {payload_bits} is no payload: bits come in whole numbers; give integers from 0 to 2^63 - 1.")
    slots = bits / bits_per_slot(link)
    return np.where(np.abs(slots - np.rint(slots)) <= 1e-14 * slots, np.rint(slots), np.ceil(slots))[()]


def latency_pmf(link: Link, payload_bits: int, t) -> np.ndarray:
    """Chance that B bits take exactly t slots, C(t-1, n-1) p^n (1-p)^(t-n): negative binomial; for no bits it is all at t = 0."""
    n, t = _one_payload(link, payload_bits), np.asarray(t, dtype=float)
    if n == 0:
        return np.where(t == 0, 1.0, 0.0)[()]
    possible = (t >= n) & (t == np.floor(t))
    slots = np.where(possible, t, n)
    return np.where(possible, n / slots * _binomial_pmf(np.full_like(slots, n), slots, *_odds(link)), 0.0)[()]


def latency_cdf(link: Link, payload_bits: int, t) -> np.ndarray:
    """Chance that B bits are there after t slots, Pr[T <= t] = Pr[Binomial(t, p) >= n]; right to its own last digits even when tiny."""
    return _arrived_and_missing(link, payload_bits, t)[0][()]


def outage_probability(link: Link, payload_bits: int) -> float:
    """Chance of a latency outage, Pr[T > T_max] = Pr[Binomial(T_max, p) < n], summed from its own tail and so right even at 1e-200."""
    return float(_arrived_and_missing(link, payload_bits, link.max_slots)[1])


def mean_latency_slots(link: Link, payload_bits: int) -> float:
    """Mean latency E[T] = n / p in slots, were there no T_max; infinite when a slot never gets through."""
    n, p = _one_payload(link, payload_bits), success_probability(link)
    return n / p if p > 0 else (math.inf if n else 0.0)


def latency_quantile(link: Link, payload_bits: int, q) -> np.ndarray:
    """Smallest t with Pr[T <= t] >= q: after t slots a share q of uploads is through. Integers of the shape of q, 0 < q < 1."""
    n, q = _one_payload(link, payload_bits), np.asarray(q, dtype=float)
    if not np.all((q > 0) & (q < 1)):
        raise InputError(f"q = {q} is no share of uploads that a number of slots can promise; give numbers strictly between 0 and 1.")
    if not mean_latency_slots(link, payload_bits) < 2.0**50:
        raise InputError(f"a slot gets through with chance {success_probability(link)}, far too rarely for a quantile; give more power.")
    below, above = np.full_like(q, n - 1.0), np.full_like(q, max(n, 1.0))
    while np.any(late := latency_cdf(link, payload_bits, above) < q):
        above = np.where(late, 2 * above, above)
    while np.any(above - below > 1):
        middle = np.floor((below + above) / 2)
        enough = latency_cdf(link, payload_bits, middle) >= q
        below, above = np.where(enough, below, middle), np.where(enough, middle, above)
    return above.astype(np.int64)[()]


def slowest_cdf(link: Link, payload_bits: int, t, n_devices: int) -> np.ndarray:
    """Chance that all of D devices have their B bits after t slots, F(t)^D. Shape of t."""
    return latency_cdf(link, payload_bits, t) ** _devices(n_devices)


def slowest_outage_probability(link: Link, payload_bits: int, n_devices: int) -> float:
    """Chance that at least one of D devices is in outage, 1 - F(T_max)^D, right even when tiny."""
    return float(_any_missing(outage_probability(link, payload_bits), _devices(n_devices)))


def mean_airtime_slots(link: Link, payload_bits: int, n_devices: int) -> float:
    """Mean airtime of a round, E[min(T_slowest, T_max)] = sum_{t < T_max} (1 - F(t)^D) slots: an outage costs T_max slots."""
    missing = _arrived_and_missing(link, payload_bits, np.arange(link.max_slots))[1]
    return float(_any_missing(missing, _devices(n_devices)).sum())


def mean_slowest_latency_slots(link: Link, payload_bits: int, n_devices: int) -> float:
    """Mean latency of the slowest of D devices, sum_{t >= 0} (1 - F(t)^D) slots, were there no T_max.

    Once the law spreads over 40,000 slots or more, one slot stands for its neighbours: seven digits are left of sixteen.
    """
    n, D = _one_payload(link, payload_bits), _devices(n_devices)
    if n == 0:
        return 0.0
    end = int(latency_quantile(link, payload_bits, 1 - 1e-15))
    stride = 1 + 2 * ((end - n) // 40_000)
    t = np.arange(n, end + stride, stride) + stride // 2
    return float(n + stride * _any_missing(_arrived_and_missing(link, payload_bits, t)[1], D).sum())


def transmit(link: Link, payload_bits, n_devices: int, rng: np.random.Generator) -> Transmission:
    """Send `payload_bits` (one number, or (D,)) to or from each of D devices, slot by slot up to T_max.

    Fading is drawn in full, one slot of all devices after the other. So, for the same D, one `rng` gives the first slots of every
    longer T_max and the same channel for every payload: neither a smaller payload nor a larger T_max makes an upload arrive later.
    Another D meets other fading. Uploads and the downlink multicast alike: every device has its own fading. No bits arrive at once.
    """
    bits = np.broadcast_to(payload_bits, (_devices(n_devices),)).copy()
    n = slots_needed(link, bits)
    fading = rng.standard_exponential((int(link.max_slots), n_devices))
    count = np.cumsum(snr(link, fading) >= link.threshold, axis=0)
    slots = (count < n).sum(axis=0) + (n > 0)  # the slots that did not suffice, and the one that did
    return Transmission(count[-1] >= n, np.minimum(slots, int(link.max_slots)), bits)


def _one_payload(link: Link, payload_bits: int) -> float:
    """Slots needed for one payload; the closed forms take one at a time."""
    if np.ndim(payload_bits):
        raise InputError(f"payload_bits = {payload_bits} are several payloads, but a latency law belongs to one; ask for each in turn.")
    return float(slots_needed(link, payload_bits))


def _devices(n_devices: int) -> int:
    if n_devices != int(n_devices) or n_devices < 1:
        raise InputError(f"n_devices = {n_devices} leaves nobody to send; give a whole number of at least 1.")
    return int(n_devices)


def _odds(link: Link) -> tuple[float, float]:
    """Success p and failure q = 1 - p of a slot, both right to the last digits however small."""
    return success_probability(link), -math.expm1(-link.threshold / mean_snr(link))


def _any_missing(missing, n_devices: int):
    """1 - (1 - missing)^D, without taking a tiny number from one."""
    with np.errstate(divide="ignore"):
        return -np.expm1(n_devices * np.log1p(-missing))


def _arrived_and_missing(link: Link, payload_bits: int, t) -> tuple[np.ndarray, np.ndarray]:
    """Pr[T <= t] and Pr[T > t], shape of t: whichever is smaller is summed, from its largest term outwards, the other is its rest."""
    n, t, (p, q) = _one_payload(link, payload_bits), np.floor(np.asarray(t, dtype=float)), _odds(link)
    slots = np.maximum(t, n)
    rising = slots * p < n
    k = np.where(rising, n, n - 1.0)
    term = _binomial_pmf(k, slots, p, q)
    total = term.copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        while np.any(term > 1e-17 * total):
            term = term * np.where(rising, (slots - k) * p / ((k + 1) * q), k * q / ((slots - k + 1) * p))
            total, k = total + term, np.where(rising, k + 1, k - 1)
    arrived, missing = np.where(rising, total, 1 - total), np.where(rising, 1 - total, total)
    return np.where(t < n, 0.0, arrived), np.where(t < n, 1.0, missing)


def _binomial_pmf(k: np.ndarray, t: np.ndarray, p: float, q: float) -> np.ndarray:
    """Pr[Binomial(t, p) = k] for float arrays of whole numbers, 0 at k = -1.

    Factorials would lose all digits at t = 10^9. With m! = (m/e)^m s(m) the large parts cancel against p^k q^(t-k), and what is left is
    k log(t p / k) + (t-k) log(t q / (t-k)) + log s(t) - log s(k) - log s(t-k).
    """
    gap = k - t * p if p < q else t * q - (t - k)  # how far k is above its mean, from the side that does not cancel
    with np.errstate(divide="ignore", invalid="ignore"):
        log_main = _x_log_ratio(k, t * p, -gap) + _x_log_ratio(t - k, t * q, gap)
    return np.where(k < 0, 0.0, np.exp(log_main + _log_stirling(t) - _log_stirling(k) - _log_stirling(t - k)))


def _x_log_ratio(x: np.ndarray, y: np.ndarray, y_minus_x: np.ndarray) -> np.ndarray:
    """x log(y / x), through the difference where the two are close; 0 at x = 0."""
    return np.where(x == 0, 0.0, x * np.where(np.abs(y_minus_x) < x / 2, np.log1p(y_minus_x / x), np.log(y / x)))


def _log_stirling(m: np.ndarray) -> np.ndarray:
    """log(m! / (m/e)^m): tabulated below 16, from there Stirling's series."""
    x = 1 / np.maximum(m, 16)
    series = x / 12 - x**3 / 360 + x**5 / 1260 - x**7 / 1680 + x**9 / 1188 + 0.5 * np.log(2 * np.pi / x)
    return np.where(m < 16, _LOG_STIRLING_BELOW_16[np.clip(m, 0, 15).astype(int)], series)


_LOG_STIRLING_BELOW_16 = np.array([0.0] + [math.lgamma(m + 1) - m * math.log(m) + m for m in range(1, 16)])
