"""The latency law in closed form: the library against exact sums of binomials, and against simulation.

Each function takes the quantity of the library that it checks and yields pairs (the library's value, the value of the
other route), those from simulation in units of its standard error.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.randomness import stream
from mix2fld_np.verify import by_hand
from mix2fld_np.verify.channel import RUNS, TEN_SEEDS, in_errors, links
from mix2fld_np.verify.check import FIVE_ERRORS, SIMULATED, SUMS, Check
from mix2fld_np.wireless import channel
from mix2fld_np.wireless.channel import Link

N = 17  # slots that an upload of Mix2FLD with ten seed samples takes


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


def cdf_simulated(latency_cdf: Callable) -> Iterator[tuple]:
    """How often 17 ... 26 slots were enough, in standard errors."""
    latencies = simulated(PRINTED.uplink)
    for t in range(N, N + 10):
        share = float(np.mean(latencies <= t))
        yield in_errors(latency_cdf(PRINTED.uplink, TEN_SEEDS, t), share, share * (1 - share))


# --- what they are tried on -------------------------------------------------------------------------------------------


def uploads() -> Iterator[tuple[Link, int, int]]:
    """Links with a payload that fills n slots to the last bit but one, and n."""
    for link in links():
        for n in (1, 17, 101):
            yield link, int(by_hand.bits_of_slot(link) * n) - 1, n


def missing(link: Link, n: int, t: int) -> Fraction:
    """Pr[fewer than n of t slots are good], exactly: q is a whole number over a power of two, and so is p = 1 - q."""
    q, whole = Fraction(-math.expm1(-by_hand.strain(link))).as_integer_ratio()
    p = whole - q
    return Fraction(sum(math.comb(t, k) * p**k * q ** (t - k) for k in range(min(n, t + 1))), whole**t)


def simulated(link: Link) -> np.ndarray:
    """Latencies (RUNS,) of an upload of N slots, each the place of the N-th slot whose power gain was enough."""
    latencies = []
    for part in range(20):
        fading = stream(0, "verify latency law", part).standard_exponential((RUNS // 20, 50))
        latencies.append(np.argmax(np.cumsum(fading >= by_hand.strain(link), axis=1) == N, axis=1) + 1)
    return np.concatenate(latencies)


# --- the rows --------------------------------------------------------------------------------------------------------

ROWS = (
    Check("latency law: cdf", "ratios of neighbours | sum of fractions", channel.latency_cdf, cdf_exact, SUMS),
    Check("latency law: outage", "ratios of neighbours | sum of fractions", channel.outage_probability, outage_exact, SUMS),
    Check("latency law: cdf, simulated", f"closed form | {SIMULATED}", channel.latency_cdf, cdf_simulated, FIVE_ERRORS),
)
