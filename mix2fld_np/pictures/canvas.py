"""An empty figure, its legend, and its bytes; what all pictures share."""

from __future__ import annotations

import functools
import io
import logging
import math
import os
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import chdir, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mix2fld_np.datasets.sources import source_of
from mix2fld_np.federation.settings import CHANNELS, SPLITS, Settings
from mix2fld_np.process import in_background
from mix2fld_np.study.averages import seeds_in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 120  # dots an inch of the pictures that are written
ROW_IN = 0.4  # room for a legend of one row, which every figure has
loading: list[threading.Thread] = []  # the one that loads matplotlib in the background


@contextmanager
def our_style(**settings: object) -> Iterator[None]:
    """matplotlib's own defaults and these settings, not the user's, while something is drawn."""
    for loader in loading:
        if loader is not threading.current_thread():
            loader.join()
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
    """Loads matplotlib without the user's settings, which may be broken; loaded already, `our_style` overrides them."""
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
        del os.environ["MPLBACKEND"], os.environ["MATPLOTLIBRC"]
        os.environ |= before
    with suppress(Exception):  # a notebook's backend goes on to show the user's own pictures
        matplotlib.rcParams["backend"] = before.get("MPLBACKEND", "agg")


def load_in_background() -> None:
    """Starts to load all that a picture needs, once."""
    if not loading and not os.path.lexists("matplotlibrc"):  # past which `load_matplotlib` leaves the folder
        loading.extend(filter(None, [in_background(load_all)]))


def load_all() -> None:
    """Loads matplotlib, fonts and formulas as well: a first picture takes twice as long as a second one."""
    figure, ((axes,),) = new_figure()
    axes.plot([0, 1], label="0123456789")
    render(finish(figure, "$N_S$ = 50, $T_{max}$", *axes.get_legend_handles_labels()), "nobody's")


def new_figure(
    width_in: float = 7.2, height_in: float = 4.4, rows: int = 1, columns: int = 1, **sharing
) -> tuple[Figure, np.ndarray]:
    """An empty figure and its axes (rows, columns); no window is ever opened."""
    with our_style():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        FigureCanvasAgg(figure)
        return figure, figure.subplots(rows, columns, squeeze=False, **sharing)


def finish(figure: Figure, title: str, handles: list, labels: list[str]) -> Figure:
    """The figure with its title above and its legend below all axes."""
    add_legend(figure, handles, labels)
    heading = figure.suptitle(title, fontsize=10)
    heading.set_wrap(heading.get_window_extent().width > 0.98 * figure.bbox.width)  # slow: it measures word after word
    return figure


def add_legend(figure: Figure, handles: list, labels: list[str]) -> None:
    """A legend below all axes, in as few rows as its texts leave room for; the figure grows by its further rows."""
    for texts, n_columns in layouts(labels):
        look = {"ncols": n_columns, "fontsize": 9, "handlelength": 3.2}
        legend = figure.legend(handles, texts, loc="outside lower center", **look)
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
    """NAME.png and NAME.svg with their bytes, laid out once; the same figure gives the same bytes."""
    files = {}
    with our_style(**{"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.set_dpi(DPI)
        if engine := figure.get_layout_engine():
            engine.execute(figure)
            figure.set_layout_engine(None)
        for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
            content = io.BytesIO()
            figure.savefig(content, format=kind, dpi=DPI, metadata=metadata)
            files[f"{name}.{kind}"] = content.getvalue()
    return files


def picture_title(settings: Settings, name: str, n_seeds: int, *left_out: str) -> str:
    """What all curves or points of a picture share, in a line; without the settings that it goes through."""
    channels = {power: f"{channel} channel" for channel, power in CHANNELS.items()}
    parts = {
        "n_devices": f"{settings.n_devices} devices",
        "split": SPLITS.get(settings.split, settings.split.replace("dirichlet:", r"Dirichlet $\alpha$ = ")),
        "uplink_power_dbm": channels.get(settings.uplink_power_dbm, f"{settings.uplink_power_dbm:g} dBm uplink"),
        "n_seed_samples": f"$N_S$ = {settings.n_seed_samples}",
        "n_inverse_samples": f"$N_I$ = {settings.n_inverse_samples}",
        "max_slots": f"$T_{{max}}$ = {settings.max_slots}",
        "n_rounds": f"{'at most ' if settings.stop_when_converged else ''}{settings.n_rounds} rounds",
    }
    shown = [text for field, text in parts.items() if field not in left_out]
    return ", ".join([source_of(name).title, *shown, seeds_in_words(n_seeds)])
