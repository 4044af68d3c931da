"""Rows to pictures; the only place that knows matplotlib, which is imported when something is drawn."""

from __future__ import annotations

import functools
import io
import logging
import math
import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mix2fld_np.runs.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which stay apart for colour-blind eyes; one for each protocol, with a line style for printing in grey.
STYLE = {
    "FL": ("#000000", (0, (5, 1.5))),
    "FD": ("#E69F00", (0, (1, 1))),
    "FLD": ("#0072B2", (0, (3, 1, 1, 1))),
    "MixFLD": ("#CC79A7", (0, (6, 2, 1, 2))),
    "Mix2FLD": ("#009E73", "solid"),
}


@contextmanager
def our_style(**settings: object) -> Iterator[None]:
    """matplotlib's own defaults and these settings, whatever the user's are, while something is drawn: `@our_style()` or `with`."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)  # of a home directory that is not there, and of fonts, it says much
    try:
        load_matplotlib()
        import matplotlib

        defaults = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
        with matplotlib.rc_context(defaults | settings):  # type: ignore[arg-type]
            yield
    finally:
        logger.setLevel(level)


@functools.cache
def load_matplotlib() -> None:
    """Loads matplotlib without the user's settings, which may be broken; where it is loaded already, `our_style` overrides them."""
    if "matplotlib" in sys.modules:
        return
    if os.path.expanduser("~") == "~":  # where matplotlib 3.8 gives up; later ones make a temporary folder, as here
        os.environ.setdefault("MPLCONFIGDIR", f"{os.devnull}/no home")
    before = dict(os.environ)
    os.environ |= {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull}
    try:
        with chdir(Path(__file__).parent) if os.path.lexists("matplotlibrc") else nullcontext():
            import matplotlib
    finally:
        for name in ("MPLBACKEND", "MATPLOTLIBRC"):
            os.environ.pop(name)
            os.environ |= {name: before[name]} if name in before else {}
    with suppress(Exception):  # a notebook's backend goes on to show the user's own pictures
        matplotlib.rcParams["backend"] = before.get("MPLBACKEND", "agg")


def new_figure(width_in: float = 7.2, height_in: float = 4.4, rows: int = 1, columns: int = 1, **sharing) -> tuple[Figure, np.ndarray]:
    """An empty figure and its axes (rows, columns); no window is ever opened."""
    with our_style():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        FigureCanvasAgg(figure)
        return figure, figure.subplots(rows, columns, squeeze=False, **sharing)


def save(figure: Figure, path: Path) -> list[Path]:
    """Writes PATH.png and PATH.svg whole; the same figure gives the same bytes."""
    written = []
    with our_style(**{"svg.hashsalt": path.name, "svg.fonttype": "none"}):
        for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
            content = io.BytesIO()
            figure.savefig(content, format=kind, dpi=120, metadata=metadata)
            write_whole(path.with_suffix(f".{kind}"), content.getvalue())
            written.append(path.with_suffix(f".{kind}"))
    return written


@our_style()
def learning_curves(rows: list[dict], title: str) -> Figure:
    """Test accuracy of the reference device against convergence time, one curve a protocol; a band of one standard deviation over seeds."""
    figure, ((axes,),) = new_figure()
    for protocol in dict.fromkeys(row["protocol"] for row in rows):
        draw_curve(axes, [row for row in rows if row["protocol"] == protocol], protocol, *STYLE.get(protocol, ("#56B4E9", "solid")))
    finish_curves(figure, axes, title)
    return figure


def draw_curve(axes: Axes, rows: list[dict], label: str, colour: str, line: object) -> None:
    """One curve, the mean over the seeds in rows, on the time axis of the first of them."""
    seeds = list(dict.fromkeys(row["seed"] for row in rows))
    curves = [np.array([(row["elapsed_s"], row["accuracy"]) for row in rows if row["seed"] == seed]).T for seed in seeds]
    at = curves[0][0]
    accuracy = 100 * np.stack([np.interp(at, seconds, accuracy) for seconds, accuracy in curves])
    axes.plot(at, accuracy.mean(axis=0), color=colour, linestyle=line, linewidth=1.6, label=label)
    if len(seeds) > 1:
        mean, spread = accuracy.mean(axis=0), accuracy.std(axis=0, ddof=1)
        axes.fill_between(at, mean - spread, mean + spread, color=colour, alpha=0.15, linewidth=0)


def finish_curves(figure: Figure, axes: Axes, title: str) -> None:
    """Labels, grid and legend of learning curves; the climb of the first local iterations is cut off."""
    curves = [np.asarray(line.get_ydata()) for line in axes.get_lines()]
    lowest = min(curve[min(1, len(curve) - 1) :].min() for curve in curves)
    axes.set_ylim(5 * math.floor(lowest / 5), min(100.0, max(curve.max() for curve in curves) + 2))
    axes.set_xlim(left=0)
    axes.set_xlabel("convergence time: airtime and compute (s)")
    axes.set_ylabel("test accuracy of the reference device (%)")
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=len(curves), fontsize=9)
