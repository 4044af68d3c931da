"""`mix2fld verify`: every equation of the letter by two routes, one row each."""

import argparse
import math
from dataclasses import asdict

from tqdm import tqdm

from mix2fld_np import process
from mix2fld_np.console import options, session
from mix2fld_np.console.text import counted, table_of
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.verify import rows as equations
from mix2fld_np.verify.check import Check, Verdict, judge

OPTIONS = (
    options.Option("only", str, 'rows whose name contains TEXT, such as "eq. (4)" or "latency law"', word="TEXT"),
    options.Option("out", str, "directory for results", default="results/verify", word="DIR"),
)

FILES = ("equations.csv", "equations.json")


def add(parser: argparse.ArgumentParser) -> None:
    """The options of this command; there is no setting to change in what the letter prints."""
    options.add_options(parser, OPTIONS, settings=False)
    session.add_switches(parser, "equations.json")


def run(args: argparse.Namespace) -> int:
    """`mix2fld verify`: every equation of the letter by two routes, one row each; exit code 1 if any disagrees."""
    given, _ = options.resolve_options(args, OPTIONS, PRINTED, "verify")
    checks = equations.chosen(given["only"])
    request = session.Request("verify", given, PRINTED, [], [], FILES, args)
    verdicts: list[Verdict] = []

    def report(_):
        with process.announced("Compiling the network in single and double precision, once on this machine ..."):
            equations.compile_networks(checks)
        verdicts.extend(judged(checks, args.quiet))
        rows = [plain(verdict) for verdict in verdicts]
        summary = {"passed": passed(verdicts), "rows": rows}
        made = dict(zip(FILES, (rows, summary), strict=True))
        return session.Report(made, verdict_table(verdicts), remarks(verdicts))

    return session.carry_out(request, report) or (0 if passed(verdicts) else 1)


def passed(verdicts: list[Verdict]) -> bool:
    """Whether all rows agree."""
    return all(verdict.passed for verdict in verdicts)


def judged(checks: list[Check], quiet: bool) -> list[Verdict]:
    """The verdicts, under a progress bar that names the row."""
    verdicts = []
    with tqdm(checks, unit="row", disable=quiet or None, leave=False, dynamic_ncols=True) as bar:
        for check in bar:
            bar.set_postfix_str(check.equation)
            verdicts.append(judge(check))
    return verdicts


def plain(verdict: Verdict) -> dict:
    """A verdict as JSON and CSV take it: an error that is no finite number is null."""
    error = verdict.largest_error
    return {**asdict(verdict), "largest_error": error if math.isfinite(error) else None}


def verdict_table(verdicts: list[Verdict]) -> str:
    """One row for each equation."""
    width = max(len(verdict.equation) for verdict in verdicts)
    columns = {
        f"{'equation':{width}}  two routes": lambda verdict: f"{verdict.equation:{width}}  {verdict.routes}",
        "cases": lambda verdict: f"{verdict.n_cases:,}",
        "largest error": lambda verdict: f"{verdict.largest_error:.2g}",
        "tolerance": lambda verdict: f"{verdict.tolerance:g}",
        "": lambda verdict: f"{verdict.unit:15}",
        "verdict": lambda verdict: "agree" if verdict.passed else "FAIL",
    }
    return table_of(verdicts, columns)


def remarks(verdicts: list[Verdict]) -> tuple[str, ...]:
    """What the table comes to, and what ended a row early."""
    failed = [verdict for verdict in verdicts if not verdict.passed]
    alone = len(verdicts) == 1
    if not failed:
        rows = "The row agrees" if alone else f"All {len(verdicts)} rows agree"
        return (f"{rows}, over {counted(sum(verdict.n_cases for verdict in verdicts), 'compared number')}.",)
    rows = "The row does" if alone else f"{len(failed)} of {len(verdicts)} rows do"
    early = (f"{verdict.equation} ended early: {verdict.problem}" for verdict in failed if verdict.problem)
    return f"{rows} not agree: {', '.join(verdict.equation for verdict in failed)}.", *early
