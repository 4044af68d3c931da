"""Rows to text: tables, shares and bullets, as all commands print them."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mix2fld_np.datasets.registry import Row

if TYPE_CHECKING:
    from mix2fld_np.study.intervals import Interval


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Columns under a rule, some aligned to the left and the others to the right."""
    width = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        placed = (cell.ljust(width[k]) if k in left else cell.rjust(width[k]) for k, cell in enumerate(cells))
        return "  ".join(placed).rstrip()

    return "\n".join([line(head), "  ".join("-" * w for w in width), *map(line, rows)])


def table_of(rows: Iterable[Any], columns: dict[str, Callable[[Any], str]]) -> str:
    """A line for each row; each column is its heading and what is shown of a row below it."""
    return table(list(columns), [[cell(row) for cell in columns.values()] for row in rows])


def counted(n: float, noun: str) -> str:
    """A number and its noun, which has an s unless there is one of it."""
    return f"{number(n)} {noun}{'' if n == 1 else 's'}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share, or a dash where there is none."""
    return "-" if value is None else f"{100 * value:.{digits}f} %"


def with_interval(found: "Interval") -> str:
    """A difference of accuracies and its interval, in points."""
    ends = "" if found.low is None or found.high is None else f" ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return "-" if found.mean is None else f"{100 * found.mean:+.1f}{ends}"


def number(value: float, digits: int = 0) -> str:
    """A number with so many decimals, or with four digits if it is small or has digits that nobody knows."""
    return f"{value:,.{digits}f}" if value == 0 or 1 <= value < 1e14 else f"{value:.4g}"


def bullets(*sentences: str | None) -> Iterable[str]:
    """A line for each sentence that there is."""
    return (f"* {sentence}" for sentence in sentences if sentence)


def data_table(rows: list[Row]) -> str:
    """What is there, whether it is whole, and where; the digest is that of `Dataset`, its first twelve digits."""
    head = ("name", "training", "test", "digest", "where")
    cells = []
    for row in rows:
        place = str(row.path) if row.path else "not found" if row.n_train is None else "embedded, drawn from a seed"
        where = f"damaged: {row.problem}" if row.problem else f"{place} ({row.notice})" if row.notice else place
        counts = ("-" if n is None else f"{n:,}" for n in (row.n_train, row.n_test))
        cells.append((row.name, *counts, row.digest[:12] if row.digest else "-", where))
    return table(head, cells, left=(0, 4))
