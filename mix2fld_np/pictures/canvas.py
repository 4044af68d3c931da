"""An empty figure, its legend, and its bytes; what all pictures share."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width_in: float = 7.2, height_in: float = 4.4, rows: int = 1, columns: int = 1, **sharing) -> tuple[Figure, np.ndarray]:
    """An empty figure and its axes (rows, columns); no window is ever opened."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **sharing)


def add_legend(figure: Figure, handles: list, labels: list[str]) -> None:
    """A legend below all axes, in as many columns as its texts leave room for."""
    for n_columns in range(len(labels), 0, -1):
        legend = figure.legend(handles, labels, loc="outside lower center", ncols=n_columns, fontsize=9)
        if n_columns == 1 or legend.get_window_extent().width <= 0.98 * figure.bbox.width:
            return
        legend.remove()


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
