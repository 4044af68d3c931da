"""Each reading of each claim, measured and judged: a row each."""

from statistics import fmean

from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.study import verdicts
from mix2fld_np.study.averages import average
from mix2fld_np.study.claims import CLAIMS, Claim, Reading
from mix2fld_np.study.measures import Results
from mix2fld_np.study.reasons import fl_cannot_upload


def findings(results: Results) -> list[dict]:
    """One row for each claim and reading: what is printed, what was measured under each seed, the verdict, and why."""
    return [finding(number, claim, reading, results) for number, claim in enumerate(CLAIMS, 1) for reading in claim.readings]


def finding(number: int, claim: Claim, reading: Reading, results: Results) -> dict:
    """One row."""
    effects = reading.measure(results)
    same = 1.0 if reading.unit == "x" else 0.0  # what no difference is shown as
    printed = claim.printed and claim.printed - same
    values = [same + effect for effect in effects]
    judgement = verdict(claim, printed, effects, results)
    return {
        "claim": number,
        "where": claim.where,
        "sentence": claim.sentence,
        "reading": reading.name,
        "unit": reading.unit,
        "printed": claim.printed,
        "measured": fmean(values) if values else None,
        "spread": average(values).spread or 0.0,
        "values": values,
        "verdict": judgement,
        "by_spread_alone": judgement == verdicts.REPRODUCED and verdicts.near_by_spread_alone(printed, effects),
        "impossible_as_printed": claim.fl_learns and fl_cannot_upload(results, PRINTED.max_slots),
        "reasons": [why if isinstance(why, str) else why(results) for why in reading.reasons],
    }


def verdict(claim: Claim, printed: float | None, effects: list[float], results: Results) -> str:
    """By the rule for what the claim prints; where no upload of FL could arrive, a claim on a learning FL cannot be checked."""
    if claim.fl_learns and fl_cannot_upload(results, results.two.settings.max_slots):
        return verdicts.IMPOSSIBLE
    if printed is None:
        return verdicts.verdict_of_order(effects)
    if printed == 0:
        return verdicts.verdict_of_equality(effects)
    return verdicts.verdict_of_effect(printed, effects)


def shown(row: dict, number: str) -> str:
    """A row's "printed" or "measured", as people write it."""
    unit, value = row["unit"], row[number]
    if unit == "holds":
        return "all" if number == "printed" else f"{sum(value > 0 for value in row['values'])} of {len(row['values'])}"
    if value is None:
        return "never"
    if number == "printed" and value == 0:
        return "equal"
    text = f"{value:.2f}x" if unit == "x" else f"{100 * value:+.1f} {unit}"
    if number == "measured" and len(row["values"]) > 1:
        text += f" +- {row['spread'] if unit == 'x' else 100 * row['spread']:.{2 if unit == 'x' else 1}f}"
    return text


def judged(row: dict) -> str:
    """A row's verdict, with what must not be overlooked: a wide spread that allows it, or a printed T_max that rules the claim out."""
    text = row["verdict"] + (", by a wide spread alone" if row["by_spread_alone"] else "")
    if row["impossible_as_printed"] and row["verdict"] != verdicts.IMPOSSIBLE:
        text += f" ({verdicts.IMPOSSIBLE})"
    return text


def flat(row: dict) -> dict:
    """A row for a table of plain cells."""
    return row | {"values": " ".join(f"{value:.6g}" for value in row["values"]), "reasons": " ".join(row["reasons"])}
