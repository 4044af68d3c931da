"""An empty figure, its legend, and its bytes; what all pictures share."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_IN = 0.4  # room for a legend of one row, which every figure has


def new_figure(width_in: float = 7.2, height_in: float = 4.4, rows: int = 1, columns: int = 1, **sharing) -> tuple[Figure, np.ndarray]:
    """An empty figure and its axes (rows, columns); no window is ever opened."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **sharing)


def add_legend(figure: Figure, handles: list, labels: list[str]) -> None:
    """A legend below all axes, in as few rows as its texts leave room for; the figure grows by its further rows."""
    for texts, n_columns in layouts(labels):
        legend = figure.legend(
            handles, texts, loc="outside lower center", ncols=n_columns, fontsize=9, handlelength=3.2
        )
        size = legend.get_window_extent()
        if size.width <= 0.98 * figure.bbox.width:
            break
        legend.remove()
    figure.set_figheight(figure.get_figheight() + max(0.0, size.height / figure.dpi - ROW_IN))


def layouts(labels: list[str]) -> Iterator[tuple[list[str], int]]:
    """Texts and number of columns of a legend, widest first: ever fewer columns, then ever more lines a text."""
    for n_rows in range(1, len(labels) + 1):
        yield labels, math.ceil(len(labels) / n_rows)
    n_letters = max(map(len, labels))
    while (n_letters := int(0.9 * n_letters)) > 0:
        yield [textwrap.fill(label, n_letters) for label in labels], 1


def render(figure: Figure, name: str) -> dict[str, bytes]:
    """NAME.png and NAME.svg with their bytes; the same figure gives the same bytes."""
    import matplotlib

    files = {}
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
            content = io.BytesIO()
            figure.savefig(content, format=kind, dpi=120, metadata=metadata)
            files[f"{name}.{kind}"] = content.getvalue()
    return files
