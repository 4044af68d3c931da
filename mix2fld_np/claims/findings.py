"""Each reading of each claim, measured and judged: a row each; and each statement on time over the time of a step."""

import numpy as np

from mix2fld_np.claims import step_times, verdicts
from mix2fld_np.claims.claims import CLAIMS, Claim, Reading
from mix2fld_np.claims.measures import Evidence, Results
from mix2fld_np.claims.reasons import fl_upload_slots
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.study.intervals import LEVEL, defined, middle_range, percentile_of, t_interval

EVERY = [(number, claim, reading) for number, claim in enumerate(CLAIMS, 1) for reading in claim.readings]


def findings(results: Results) -> list[dict]:
    """One row for each claim and reading: what is printed, what the runs say, the verdict, and why."""
    return [finding(*one, results) for one in EVERY]


def finding(number: int, claim: Claim, reading: Reading, results: Results) -> dict:
    """One row."""
    evidence, same = reading.measure(results), no_difference(reading)
    printed, single = claim.printed and claim.printed - same, defined(evidence.single)
    effect = evidence.interval(verdicts.TWO_TESTS if claim.printed == 0 else LEVEL)
    fl_slots = fl_upload_slots(results) if claim.fl_learns else 0
    verdict = verdicts.verdict(printed, evidence, rounding_of(claim, reading))
    as_people_read_it = np.expm1(evidence.paired) if evidence.as_log else evidence.paired
    steps = [curve["met"] for curve in curves_of(number, claim, reading, results)] or [None, None]
    middle = middle_range(single).tolist() if single.size else [None] * 3
    numbers = dict(zip(("median", "low", "high"), middle, strict=True))
    numbers |= {"effect": effect.mean, "effect_low": effect.low, "effect_high": effect.high}
    numbers["reference"] = at_reference(evidence, results)
    return {
        "claim": number,
        "where": claim.where,
        "sentence": claim.sentence,
        "reading": reading.name,
        "unit": reading.unit,
        "printed": claim.printed,
        **{name: None if value is None else same + value for name, value in numbers.items()},
        "percentile": percentile_of(printed or 0.0, single) if single.size else None,
        "n_single": single.size,
        "n_compared": evidence.n_compared if evidence.every is None else len(evidence.every),
        **comparisons(evidence),
        "verdict": verdicts.IMPOSSIBLE if fl_slots > results.two.settings.max_slots else verdict,
        "seeds_to_decide": verdicts.seeds_to_decide(printed, evidence) if verdict == verdicts.UNDECIDED else None,
        **dict(zip(("steps_us", "steps_us_no_server"), steps, strict=True)),
        "impossible_as_printed": fl_slots > PRINTED.max_slots,
        "values": [same + float(value) for value in defined(as_people_read_it)],
        "reasons": [why if isinstance(why, str) else why(results) for why in reading.reasons],
    }


def no_difference(reading: Reading) -> float:
    """What no difference is shown as: once, or nothing."""
    return 1.0 if reading.unit == "x" else 0.0


def rounding_of(claim: Claim, reading: Reading) -> float:
    """Half of the last digit that the letter prints."""
    scale = 1 if reading.unit == "x" else 100
    decimals = f"{scale * abs(claim.printed or 0):g}".partition(".")[2]
    return 0.5 / 10 ** len(decimals) / scale


def comparisons(evidence: Evidence) -> dict:
    """In how many comparisons of an order ours is certainly above and below theirs, by their intervals."""
    if evidence.every is None:
        return {"n_above": None, "n_below": None}
    found = [t_interval(one) for one in evidence.every]
    above = sum(one.low is not None and one.low > 0 for one in found)
    return {"n_above": above, "n_below": sum(one.high is not None and one.high < 0 for one in found)}


def at_reference(evidence: Evidence, results: Results) -> float | None:
    """What the reference devices alone say: the mean of the letter's statistic over seeds, of an order how often it
    holds; None where a run says one thing for all devices."""
    if evidence.single.shape[1] == 1:
        return None
    device = {seed: run.reference for (*_, seed), run in results.two.runs.items()}
    own = [row[device[seed]] for row, seed in zip(evidence.single, results.two.seeds, strict=True)]
    return float(np.mean(own if evidence.every is None else np.array(own) > 0))


def time_curves(results: Results) -> list[dict]:
    """A row for each printed time, reading and server: the letter's statistic at each of `STEPS_US`, and where met."""
    return [curve for one in EVERY for curve in curves_of(*one, results)]


def curves_of(number: int, claim: Claim, reading: Reading, results: Results) -> list[dict]:
    """Of one reading, a row for each server, with numbers as people read them; none where no time is printed."""
    if not (claim.printed and reading.of_time):
        return []
    same, rows = no_difference(reading), []
    about = {"claim": number, "sentence": claim.sentence, "printed": claim.printed, "unit": reading.unit}
    for server in step_times.SERVERS:
        single = reading.of_time(step_times.time_at_steps(results.two.settings, server))(results).single
        met = step_times.met_at(claim.printed - same, rounding_of(claim, reading), single)
        curve = same + step_times.middle_over_seeds(single)
        rows.append(about | {"reading": reading.name, "server": server, "curve": curve, "met": met})
    return rows
