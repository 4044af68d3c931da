"""The latency law in closed form: the library against binomials as they are written, exact sums, and simulation.

Each function takes the quantity of the library that it checks and yields pairs (the library's value, the value of the other route), those
from simulation in units of its standard error.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

import numpy as np

from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.randomness import stream
from mix2fld_np.verify import by_hand
from mix2fld_np.verify.channel import RUNS, TEN_SEEDS, in_errors, links
from mix2fld_np.wireless.channel import Link

N, D, T_MAX = 17, 10, 22  # what is simulated: an upload of Mix2FLD with ten seeds, at 23 dBm, by ten devices
LINK = replace(PRINTED.uplink, max_slots=T_MAX)

def pmf_exact(latency_pmf: Callable) -> Iterator[tuple]:
    """C(t-1, n-1) p^n (1-p)^(t-n), as it is written."""
    for link, bits, n in uploads():
        yield latency_pmf(link, bits, np.arange(n, n + 60)), [chance(link, n, t) for t in range(n, n + 60)]


def cdf_exact(latency_cdf: Callable) -> Iterator[tuple]:
    """Pr[at least n of t slots are good], summed in fractions."""
    for link, bits, n in uploads():
        t = [n - 1, n, n + 1, n + 5, n + 20]
        yield latency_cdf(link, bits, np.array(t)), [float(1 - missing(link, n, k)) for k in t]


def outage_exact(outage_probability: Callable) -> Iterator[tuple]:
    """Pr[fewer than n of T_max slots are good], summed in fractions, however small."""
    for link, bits, n in uploads():
        for T in (n, n + 4, n + 30):
            yield outage_probability(replace(link, max_slots=T), bits), float(missing(link, n, T))


def quantile_exact(latency_quantile: Callable) -> Iterator[tuple]:
    """The first t up to which the chances, added slot by slot, are enough."""
    for link, bits, n in uploads():
        for q in (0.01, 0.5, 0.9, 0.999):
            t, arrived = n, chance(link, n, n)
            while arrived < q:
                t, arrived = t + 1, arrived + chance(link, n, t + 1)
            yield latency_quantile(link, bits, q), t


def pmf_simulated(latency_pmf: Callable) -> Iterator[tuple]:
    """How often an upload took 17 ... 26 slots, in standard errors."""
    for t in range(N, N + 10):
        share = float(np.mean(simulated() == t))
        yield in_errors(latency_pmf(LINK, TEN_SEEDS, t), share, share * (1 - share))


def cdf_simulated(latency_cdf: Callable) -> Iterator[tuple]:
    """How often 17 ... 26 slots were enough, in standard errors."""
    for t in range(N, N + 10):
        share = float(np.mean(simulated() <= t))
        yield in_errors(latency_cdf(LINK, TEN_SEEDS, t), share, share * (1 - share))


def mean_simulated(mean_latency_slots: Callable) -> Iterator[tuple]:
    """The mean latency, in standard errors."""
    yield in_errors(mean_latency_slots(LINK, TEN_SEEDS), simulated().mean(), simulated().var())


def quantile_simulated(latency_quantile: Callable) -> Iterator[tuple]:
    """After t slots a share q was through, and one slot earlier it was not: by how many standard errors either is missed."""
    for q in (0.05, 0.25, 0.5, 0.75, 0.95, 0.99):
        t, error = latency_quantile(LINK, TEN_SEEDS, q), math.sqrt(q * (1 - q) / RUNS)
        yield [max(q - np.mean(simulated() <= t), 0) / error, max(np.mean(simulated() <= t - 1) - q, 0) / error], [0, 0]


def slowest_simulated(slowest_cdf: Callable) -> Iterator[tuple]:
    """How often 18 ... 27 slots were enough for all of ten devices, in standard errors."""
    for t in range(N + 1, N + 11):
        share = float(np.mean(slowest() <= t))
        yield in_errors(slowest_cdf(LINK, TEN_SEEDS, t, D), share, share * (1 - share), RUNS // D)


def slowest_outage_simulated(slowest_outage_probability: Callable) -> Iterator[tuple]:
    """How often T_max = 22 slots were too few for one of ten devices, in standard errors."""
    share = float(np.mean(slowest() > T_MAX))
    yield in_errors(slowest_outage_probability(LINK, TEN_SEEDS, D), share, share * (1 - share), RUNS // D)


def slowest_mean_simulated(mean_slowest_latency_slots: Callable) -> Iterator[tuple]:
    """The mean latency of the slowest of ten devices, in standard errors."""
    yield in_errors(mean_slowest_latency_slots(LINK, TEN_SEEDS, D), slowest().mean(), slowest().var(), RUNS // D)


def airtime_simulated(mean_airtime_slots: Callable) -> Iterator[tuple]:
    """The mean airtime, in which nobody waits longer than T_max = 22 slots, in standard errors."""
    airtime = np.minimum(slowest(), T_MAX)
    yield in_errors(mean_airtime_slots(LINK, TEN_SEEDS, D), airtime.mean(), airtime.var(), RUNS // D)


# --- what they are tried on ------------------------------------------------------------------------------------------------------------


def uploads() -> Iterator[tuple[Link, int, int]]:
    """Links with a payload that fills n slots to the last bit but one, and n."""
    for link in links():
        for n in (1, 17, 101):
            yield link, int(by_hand.bits_of_slot(link) * n) - 1, n


def chance(link: Link, n: int, t: int) -> float:
    """C(t-1, n-1) p^n (1-p)^(t-n), as it is written."""
    return math.comb(t - 1, n - 1) * math.exp(-n * by_hand.strain(link)) * (-math.expm1(-by_hand.strain(link))) ** (t - n)


def missing(link: Link, n: int, t: int) -> Fraction:
    """Pr[fewer than n of t slots are good], exactly: q is a whole number over a power of two, and so is p = 1 - q."""
    q, whole = Fraction(-math.expm1(-by_hand.strain(link))).as_integer_ratio()
    p = whole - q
    return Fraction(sum(math.comb(t, k) * p**k * q ** (t - k) for k in range(min(n, t + 1))), whole**t)


@lru_cache(maxsize=1)
def simulated() -> np.ndarray:
    """Latencies (RUNS,) of an upload of N slots, each the place of the N-th slot whose power gain was enough."""
    latencies = []
    for part in range(20):
        fading = stream(0, "verify latency law", part).standard_exponential((RUNS // 20, 50))
        latencies.append(np.argmax(np.cumsum(fading >= by_hand.strain(LINK), axis=1) == N, axis=1) + 1)
    return np.concatenate(latencies)


def slowest() -> np.ndarray:
    """The largest of every D latencies, (RUNS / D,)."""
    return simulated().reshape(-1, D).max(axis=1)
