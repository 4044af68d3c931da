"""Each reading of each claim, measured and judged: a row each; and each statement on time over the time of a step."""

import numpy as np

from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.study import step_times, verdicts
from mix2fld_np.study.claims import CLAIMS, Claim, Reading
from mix2fld_np.study.intervals import LEVEL, middle_range, percentile_of, t_interval
from mix2fld_np.study.measures import Evidence, Results
from mix2fld_np.study.reasons import fl_upload_slots


def findings(results: Results) -> list[dict]:
    """One row for each claim and reading: what is printed, what the runs say, the verdict, and why."""
    return [
        finding(number, claim, reading, results)
        for number, claim in enumerate(CLAIMS, 1)
        for reading in claim.readings
    ]


def finding(number: int, claim: Claim, reading: Reading, results: Results) -> dict:
    """One row."""
    evidence, same = reading.measure(results), no_difference(reading)
    printed, single = claim.printed and claim.printed - same, verdicts.defined(evidence.single)
    effect = evidence.interval(verdicts.TWO_TESTS if claim.printed == 0 else LEVEL)
    fl_slots = fl_upload_slots(results) if claim.fl_learns else 0
    verdict = verdicts.verdict(printed, evidence, rounding_of(claim, reading))
    numbers = {
        **dict(zip(("median", "low", "high"), middle_range(single) if single.size else [None] * 3, strict=True)),
        "effect": effect.mean,
        "effect_low": effect.low,
        "effect_high": effect.high,
        "reference": at_reference(evidence, results),
    }
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
        **steps_us(claim, reading, results),
        "impossible_as_printed": fl_slots > PRINTED.max_slots,
        "values": [same + float(value) for value in verdicts.defined(evidence.values)],
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


# --- time -------------------------------------------------------------------------------------------------------------


def time_curves(results: Results) -> list[dict]:
    """A row for each number on time, reading and server: the letter's statistic at each of `STEPS_S`, and where met."""
    return [
        time_curve(number, claim, reading, server, results)
        for number, claim in enumerate(CLAIMS, 1)
        for reading in claim.readings
        for server in step_times.SERVERS
        if claim.printed and reading.until
    ]


def time_curve(number: int, claim: Claim, reading: Reading, server: str, results: Results) -> dict:
    """One row; its numbers are as people read them."""
    assert claim.printed and reading.until and reading.of_time
    quantity = step_times.seconds_at_steps(reading.until, results.two.settings, server)
    same, single = no_difference(reading), reading.of_time(quantity)(results).single
    met = step_times.met_at(claim.printed - same, rounding_of(claim, reading), single)
    curve = same + step_times.middle_over_seeds(single)
    about = {"claim": number, "sentence": claim.sentence, "printed": claim.printed, "unit": reading.unit}
    return {**about, "reading": reading.name, "server": server, "curve": curve, "met": met}


def steps_us(claim: Claim, reading: Reading, results: Results) -> dict:
    """Ranges of a step, in microseconds, at which a printed time could be ours; None for what is no printed time."""
    columns = ("steps_us", "steps_us_no_server")
    if not (claim.printed and reading.until):
        return dict.fromkeys(columns)
    found = (time_curve(0, claim, reading, server, results)["met"] for server in step_times.SERVERS)
    return {name: in_us(met) for name, met in zip(columns, found, strict=True)}


def in_us(found: list[list[float]]) -> list[list[float]]:
    """Ranges in microseconds."""
    return [[1e6 * end for end in one] for one in found]


# --- as people write it -----------------------------------------------------------------------------------------------


def number_of(row: dict, value: float) -> str:
    """A number of a row: "1.23" times, or "+12.3" per cent or points; with fewer digits where it is large."""
    shown, digits = (value, 2) if row["unit"] == "x" else (100 * value, 1)
    text = f"{shown:.{digits}f}" if abs(shown) < 100 else f"{shown:.0f}" if abs(shown) < 10_000 else f"{shown:.0e}"
    return text if row["unit"] == "x" or shown < 0 else f"+{text}"


def with_range(row: dict, *names: str) -> str:
    """A number and its range, from three columns; "never" where it is not defined."""
    value, low, high = (row[name] for name in names)
    if value is None:
        return "never"
    ends = "one seed" if low is None else f"{number_of(row, low)} to {number_of(row, high)}"
    return f"{number_of(row, value)} ({ends})"


def shown(row: dict) -> list[str]:
    """Printed, the letter's own statistic, the percentile of the printed number in it, the paired effect, verdict."""
    effect = with_range(row, "effect", "effect_low", "effect_high")
    if row["unit"] == "holds":
        n, share = row["n_compared"], row["percentile"]
        single = "never" if share is None else f"{row['n_above']} of {n}; all in {100 - share:.0f} %"
        return [f"all {n}", single, "", effect, judged(row)]
    printed = number_of(row, row["printed"]) if row["printed"] else "equal"
    place = "" if row["percentile"] is None else f"{row['percentile']:.0f}"
    return [printed, with_range(row, "median", "low", "high"), place, effect, judged(row)]


def reference(row: dict) -> str:
    """What the reference devices alone say."""
    return f"in {100 * row['reference']:.0f} % of seeds" if row["unit"] == "holds" else number_of(row, row["reference"])


def judged(row: dict) -> str:
    """A row's verdict and what must not be overlooked: seeds that are missing, steps, a printed T_max against it."""
    text = row["verdict"]
    if text == verdicts.UNDECIDED:
        needed = row["seeds_to_decide"]
        many = "one seed" if row["effect_low"] is None else f"{needed} seeds" if needed else "> 1,000 seeds"
        text = f"{text} ({'never' if row['effect'] is None else many})"
    elif row["steps_us"] or row["steps_us_no_server"]:
        begin = "reproduced," if text == verdicts.REPRODUCED else "met at" if row["steps_us"] else "no server,"
        text = f"{begin} {ranges(row['steps_us'] or row['steps_us_no_server'])} us"
    ruled_out = row["impossible_as_printed"] and row["verdict"] != verdicts.IMPOSSIBLE
    return f"{text} *" if ruled_out else text


def ranges(found: list[list[float]]) -> str:
    """Ranges of steps to two digits, or of one that is narrower than that."""
    texts = ([f"{float(f'{end:.2g}'):g}" for end in one] for one in found)
    return " or ".join(low if low == high else f"{low} to {high}" for low, high in texts)


def flat(row: dict) -> dict:
    """A row for a table of plain cells."""
    steps = {name: None if row[name] is None else ranges(row[name]) for name in ("steps_us", "steps_us_no_server")}
    values = " ".join(f"{value:.6g}" for value in row["values"])
    return row | steps | {"values": values, "reasons": " ".join(row["reasons"])}
