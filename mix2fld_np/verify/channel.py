"""Eq. (4), payloads, slots, latency law and printed numbers of the channel, against loops, fractions, simulation."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np

from mix2fld_np.federation.protocols import PROTOCOLS, Protocol, seed_bits
from mix2fld_np.federation.settings import CHANNELS, COMPARISON, PRINTED, Settings
from mix2fld_np.nn.network import Network
from mix2fld_np.randomness import stream
from mix2fld_np.verify import by_hand
from mix2fld_np.verify.by_hand import FIVE
from mix2fld_np.verify.check import EXACT, FIVE_ERRORS, HALF_DIGIT, ROUNDING, SUMS, Check
from mix2fld_np.wireless import channel
from mix2fld_np.wireless.channel import Link, success_probability
from mix2fld_np.wireless.payload import uplink_reduction

FL_BITS, TEN_SEEDS, FIFTY_SEEDS, OUTPUT_BITS = 401_408, 65_920, 316_800, 3_200
SYMMETRIC = replace(COMPARISON, uplink_power_dbm=CHANNELS["symmetric"])
FIFTY_DEVICES = replace(PRINTED, n_devices=50)


def eq_4_bits(received_bits: Callable) -> Iterator[tuple]:
    """B_RX(T) for T = 1 ... 60, slot by slot."""
    for k, link in enumerate(links()):
        fading = stream(0, "verify eq. (4)", k).standard_exponential(60)
        good = [h >= by_hand.strain(link) for h in fading]
        yield received_bits(link, fading), [float(by_hand.bits_of_slot(link) * sum(good[:T])) for T in range(1, 61)]


def eq_4_latency(transmit: Callable) -> Iterator[tuple]:
    """Who gets through and after how many slots, under the same fading, for payloads from one slot to over T_max."""
    for k, link in enumerate(links()):
        payloads = [int(by_hand.bits_of_slot(link) * n) for n in (1, 5, 30, 60, 90, 200)]
        got = transmit(link, np.array(payloads), len(payloads), stream(0, "verify latency", k))
        fading = stream(0, "verify latency", k).standard_exponential((link.max_slots, len(payloads)))
        by_loop = [by_hand.latency(link, bits, fading[:, d]) for d, bits in enumerate(payloads)]
        yield np.stack([got.delivered, got.slots], axis=1), by_loop


def success(success_probability: Callable) -> Iterator[tuple]:
    """How often an exponential power gain is enough, in standard errors."""
    fading = stream(0, "verify success").standard_exponential(400_000)
    for link in links():
        share = np.mean(fading >= by_hand.strain(link))
        error = math.sqrt(share * (1 - share) / fading.size)
        yield success_probability(link) / error, share / error


def cdf(latency_cdf: Callable) -> Iterator[tuple]:
    """Pr[at least n of t slots are good], summed in fractions."""
    for link, bits, n in uploads():
        t = [n - 1, n, n + 1, n + 5, n + 20]
        yield latency_cdf(link, bits, np.array(t)), [float(1 - missing(link, n, k)) for k in t]


def outage(outage_probability: Callable) -> Iterator[tuple]:
    """Pr[fewer than n of T_max slots are good], summed in fractions, however small."""
    for link, bits, n in uploads():
        for T in (n, n + 4, n + 30):
            yield outage_probability(replace(link, max_slots=T), bits), float(missing(link, n, T))


def missing(link: Link, n: int, t: int) -> Fraction:
    """Pr[fewer than n of t slots are good], exactly: q is a whole number over a power of two, and so is p = 1 - q."""
    q, whole = Fraction(-math.expm1(-by_hand.strain(link))).as_integer_ratio()
    p = whole - q
    return Fraction(sum(math.comb(t, k) * p**k * q ** (t - k) for k in range(min(n, t + 1))), whole**t)


def payload(library_bits: Callable, name: str) -> Iterator[tuple]:
    """B_up in round 1 and later and B_dn of one protocol, for the letter's numbers and for others."""
    other = replace(PRINTED, bits_per_weight=16, bits_per_output=24, bits_per_pixel=5, n_seed_samples=7, filters=(8, 3))
    for settings, image_shape, N_L in ((PRINTED, (1, 28, 28), 10), (other, (3, 32, 32), 100)):
        sizes = by_hand.layer_sizes((image_shape, settings.filters, N_L))
        weights, outputs = settings.bits_per_weight * sum(sizes), settings.bits_per_output * N_L**2
        if settings is other:  # below 32 bits: two numbers of 32 a layer or table, and a bit a label
            weights, outputs = weights + 64 * len(sizes), outputs + 64 + N_L
        seeds = settings.bits_per_pixel * math.prod(image_shape) * settings.n_seed_samples
        alone = {"FL": (weights, weights, weights), "FD": (outputs, outputs, outputs)}  # without seed samples
        expected = alone.get(name, (outputs + seeds, outputs, weights))
        yield library_bits(PROTOCOLS[name], settings, Network(image_shape, settings.filters, N_L)), expected


def slot_counts(slots_needed: Callable) -> Iterator[tuple]:
    """Printed payloads up, down, and up with 50 devices; and, of any payload, what whole numbers say."""
    yield slots_needed(PRINTED.uplink, [FL_BITS, FIFTY_SEEDS, TEN_SEEDS, OUTPUT_BITS]), [101, 80, 17, 1]
    yield slots_needed(PRINTED.downlink, [FL_BITS, OUTPUT_BITS]), [21, 1]
    yield slots_needed(FIFTY_DEVICES.uplink, [TEN_SEEDS, FIFTY_SEEDS]), [83, 396]
    payloads = [*range(3_995, 4_006), *stream(0, "verify slots").integers(1, 10**7, size=50).tolist()]
    yield slots_needed(PRINTED.uplink, payloads), [-(-bits // 4_000) for bits in payloads]


def printed(quantity: Callable, numbers: Iterable[tuple]) -> Iterator[tuple]:
    """Printed numbers, each (arguments, number, its last digit), in units of that digit."""
    for arguments, number, digit in numbers:
        yield quantity(*arguments) / digit, number / digit


def links() -> list[Link]:
    """The letter's links, one so weak that it mostly fails, and one with numbers of its own."""
    weak = replace(FIFTY_DEVICES.uplink, power_dbm=10.0)
    odd = Link(11.5, 3e5, 700.0, 3.6, noise_dbm_per_hz=-165.0, threshold=1.7, slot_s=2e-3, max_slots=80)
    return [COMPARISON.uplink, SYMMETRIC.uplink, PRINTED.downlink, weak, odd]


def uploads() -> Iterator[tuple[Link, int, int]]:
    """Links with a payload that fills n slots to the last bit but one, and n."""
    for link in links():
        for n in (1, 17, 101):
            yield link, int(by_hand.bits_of_slot(link) * n) - 1, n


def protocol_bits(protocol: Protocol, settings: Settings, network: Network) -> tuple[int, int, int]:
    """The library's B_up in round 1, B_up later, and B_dn."""
    up = protocol.uplink.bits(settings, network)
    return up + seed_bits(protocol, settings, network), up, protocol.downlink.bits(settings, network)


CLOSED, BINOMIAL = "closed form | these numbers", "ratios of neighbours | sum of fractions"
REDUCTION = partial(printed, numbers=[((10, FL_BITS, OUTPUT_BITS, TEN_SEEDS - OUTPUT_BITS), 42.4, 0.1)])
CHANCES = partial(printed, numbers=[
    ((PRINTED.uplink,), 0.88717, 1e-5), ((SYMMETRIC.uplink,), 0.99761, 1e-5), ((PRINTED.downlink,), 0.98813, 1e-5),
])
OUTAGES = partial(printed, numbers=[
    ((COMPARISON.uplink, FL_BITS), 1 - 0.006, 1e-3), ((SYMMETRIC.uplink, FL_BITS), 1 - 0.999994, 1e-6),
])
NEVER = partial(printed, numbers=[
    ((PRINTED.uplink, FL_BITS), 1, 1), ((replace(SYMMETRIC, max_slots=100).uplink, FL_BITS), 1, 1),
])
ROWS = (
    Check("Section II-C: Pr[SNR >= theta]", "closed form | 400,000 slots", success_probability, success, FIVE_ERRORS),
    Check("eq. (4): received bits", "NumPy | slot by slot", channel.received_bits, eq_4_bits, ROUNDING),
    Check("eq. (4): latency and outage", "NumPy | slot by slot, fractions", channel.transmit, eq_4_latency, EXACT),
    *(
        Check(f"B_up and B_dn: {name}", "protocols | formula", protocol_bits, partial(payload, name=name), EXACT)
        for name in FIVE
    ),
    Check("Section IV: 42.4x", "P = 10, N_S = 10 | printed", uplink_reduction, REDUCTION, HALF_DIGIT),
    Check("slots: 101 80 17 1, 21 1, 83 396", "floats | whole numbers", channel.slots_needed, slot_counts, EXACT),
    Check("0.88717, 0.99761, 0.98813", CLOSED, success_probability, CHANCES, HALF_DIGIT),
    Check("0.006, 0.999994 at T_max = 105", CLOSED, channel.outage_probability, OUTAGES, HALF_DIGIT),
    Check("FL never at T_max = 100", "closed form | certain outage", channel.outage_probability, NEVER, EXACT),
    Check("latency law: cdf", BINOMIAL, channel.latency_cdf, cdf, SUMS),
    Check("latency law: outage", BINOMIAL, channel.outage_probability, outage, SUMS),
)
