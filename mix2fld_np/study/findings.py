"""Each reading of each claim, measured and judged: a row each."""

from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.study import verdicts
from mix2fld_np.study.averages import average
from mix2fld_np.study.claims import CLAIMS, Claim, Reading
from mix2fld_np.study.measures import Results
from mix2fld_np.study.reasons import fl_upload_slots


def findings(results: Results) -> list[dict]:
    """One row for each claim and reading: what is printed, what was measured under each seed, the verdict, and why."""
    return [
        finding(number, claim, reading, results)
        for number, claim in enumerate(CLAIMS, 1)
        for reading in claim.readings
    ]


def finding(number: int, claim: Claim, reading: Reading, results: Results) -> dict:
    """One row."""
    effects = reading.measure(results)
    same = 1.0 if reading.unit == "x" else 0.0  # what no difference is shown as
    printed = claim.printed and claim.printed - same
    values = [same + effect for effect in effects]
    measured = average(values)
    fl_slots = fl_upload_slots(results) if claim.fl_learns else 0
    impossible = fl_slots > results.two.settings.max_slots
    verdict = verdicts.IMPOSSIBLE if impossible else verdicts.verdict(printed, effects)
    return {
        "claim": number,
        "where": claim.where,
        "sentence": claim.sentence,
        "reading": reading.name,
        "unit": reading.unit,
        "printed": claim.printed,
        "measured": measured.mean,
        "spread": measured.spread or 0.0,
        "values": values,
        "verdict": verdict,
        "by_spread_alone": verdict == verdicts.REPRODUCED and verdicts.near_by_spread_alone(printed, effects),
        "impossible_as_printed": fl_slots > PRINTED.max_slots,
        "reasons": [why if isinstance(why, str) else why(results) for why in reading.reasons],
    }


def shown(row: dict, number: str) -> str:
    """A row's "printed" or "measured", as people write it."""
    unit, value = row["unit"], row[number]
    if unit == "holds":
        return "all" if number == "printed" else f"{sum(value > 0 for value in row['values'])} of {len(row['values'])}"
    if value is None:
        return "never"
    if number == "printed" and value == 0:
        return "equal"
    scale, digits = (1, 2) if unit == "x" else (100, 1)
    text = f"{value:.2f}x" if unit == "x" else f"{100 * value:+.1f} {unit}"
    has_spread = number == "measured" and len(row["values"]) > 1
    return f"{text} +- {scale * row['spread']:.{digits}f}" if has_spread else text


def judged(row: dict) -> str:
    """A row's verdict, and what must not be overlooked: a wide spread that allows it, a printed T_max that does not."""
    text = row["verdict"] + (", by a wide spread alone" if row["by_spread_alone"] else "")
    ruled_out = row["impossible_as_printed"] and row["verdict"] != verdicts.IMPOSSIBLE
    return f"{text} ({verdicts.IMPOSSIBLE})" if ruled_out else text


def flat(row: dict) -> dict:
    """A row for a table of plain cells."""
    return row | {
        "values": " ".join(f"{value:.6g}" for value in row["values"]),
        "reasons": " ".join(row["reasons"]),
    }
