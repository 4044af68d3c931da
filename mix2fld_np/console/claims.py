"""`mix2fld claims`: the letter's sentences with a number, what was measured, and a verdict on each."""

import argparse
from collections import Counter
from pathlib import Path

from mix2fld_np.console import options, session
from mix2fld_np.console.text import table
from mix2fld_np.datasets.sources import source_of
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.study import findings, verdicts
from mix2fld_np.study.averages import grouped
from mix2fld_np.study.measures import Results
from mix2fld_np.study.stored_figures import read_figure_2, read_figure_3

RULE = (
    f"Reproduced: the printed sign, and within {verdicts.CLOSE:.0%} of the printed effect or {verdicts.SPREADS:g} "
    "standard deviations over the seeds. In the same direction: the printed sign, more than "
    f"{verdicts.SPREADS:g} standard errors from zero. An order is reproduced where it holds in all comparisons, in the "
    "same direction where it holds in most. 'As high as' allows a point."
)
OPTIONS = tuple(
    options.Option(name, str, explanation, default=f"results/{default}", word="DIR")
    for name, explanation, default in (
        ("figure_2", "what mix2fld figure 2 wrote", "figure-2"),
        ("figure_3", "what mix2fld figure 3 wrote", "figure-3"),
        ("out", "directory for results", "claims"),
    )
)


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    options.add_options(parser, OPTIONS, settings=False)


def run(args: argparse.Namespace) -> int:
    """`mix2fld claims`: nothing is played, stored figures are read."""
    given, _ = options.resolve_options(args, OPTIONS, PRINTED, "claims")
    results = Results(read_figure_2(Path(given["figure_2"])), read_figure_3(Path(given["figure_3"])))
    request = session.Request("claims", given, results.two.settings, [], [], ("claims.csv", "claims.json"))

    def report(_):
        rows = findings.findings(results)
        files = {"claims.csv": [findings.flat(row) for row in rows], "claims.json": {"rule": RULE, "claims": rows}}
        text = f"{heading(results)}\n\n{claims_table(rows)}\n\n{reasons(rows)}"
        return session.Report(files, text, (RULE, count(rows)))

    return session.carry_out(request, report)


def heading(results: Results) -> str:
    """On which results."""
    parts = []
    for number, figure in ((2, results.two), (3, results.three)):
        seeds = session.seeds_in_words(len(figure.seeds))
        parts.append(f"Figure {number} ({source_of(figure.data).title}, {seeds}, T_max = {figure.settings.max_slots})")
    return "The letter's claims on " + " and ".join(parts)


def claims_table(rows: list[dict]) -> str:
    """A line for each reading, below its sentence."""
    lines = []
    for (number, sentence), readings in grouped(rows, "claim", "sentence").items():
        lines.append([f"{number}. {sentence}", "", "", ""])
        for row in readings:
            numbers = [findings.shown(row, which) for which in ("printed", "measured")]
            lines.append([f"     {row['reading']}", *numbers, findings.judged(row)])
    return table(("claim, and what is compared", "printed", "measured", "verdict"), lines)


def reasons(rows: list[dict]) -> str:
    """What the numbers depend on, each sentence once for a claim."""
    said = {
        number: dict.fromkeys(sentence for row in own for sentence in row["reasons"])
        for (number,), own in grouped(rows, "claim").items()
    }
    return "\n".join(f"{number}. {' '.join(sentences)}" for number, sentences in said.items())


def count(rows: list[dict]) -> str:
    """How many readings came to which verdict."""
    counts = Counter(findings.judged(row) for row in rows)
    verdicts_counted = ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common())
    return f"{len(rows)} readings of {rows[-1]['claim']} sentences: {verdicts_counted}."
