"""The pictures of the studies beyond the letter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.pictures.canvas import add_legend, new_figure, our_style
from mix2fld_np.pictures.curves import DASH_DOT, DASHED, LOOKS, Look, equal_ones, handles_of, shared_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE = LOOKS["FLD"].colour
SERIES_LOOKS = {
    **LOOKS,
    "IID": Look(BLUE, DASHED, "s"),
    "non-IID": LOOKS["Mix2FLD"],
    "FL asymmetric": LOOKS["FL"],
    "FL symmetric": LOOKS["FD"],
    "Mix2FLD asymmetric": LOOKS["Mix2FLD"],
    "Mix2FLD symmetric": Look(BLUE, DASH_DOT, "^"),
}
DEVICE, SERVER = "test accuracy of the reference device (%)", "test accuracy of the server's model (%)"


def ratio(points: list[dict], title: str) -> Figure:
    """Accuracy over lambda, with the privacy of what leaves a device below it."""
    privacy = {point["mixing_ratio"]: point["privacy_of_uploads"] for point in points}
    below = "mixing ratio $\\lambda$ (not to scale)\nsample privacy of the uploads"

    def tick(value: float) -> str:
        return f"{value:g}\n" + ("-" if privacy[value] is None else f"{privacy[value]:.1f}")

    return two_panels(points, "mixing_ratio", tick, below, title)


def inverse_samples(points: list[dict], title: str) -> Figure:
    """Accuracy over N_I, with the memory that the samples take below it."""
    memory = {point["n_inverse_samples"]: point["memory_mb"] for point in points}
    below = "inverse samples a device $N_I$ (not to scale)\nmemory of all of them (MB)"
    return two_panels(points, "n_inverse_samples", lambda value: f"{value:g}\n{memory[value]:.2g}", below, title)


def beta(points: list[dict], title: str) -> Figure:
    """Accuracy over beta."""
    return two_panels(points, "beta", lambda value: f"{value:g}", r"weight of the regulariser $\beta$ (not to scale)", title)


@our_style()
def two_panels(points: list[dict], field: str, tick: Callable[[float], str], below: str, title: str) -> Figure:
    """Accuracy of the reference device and of the server's model, side by side, over a setting that is not drawn to scale."""
    figure, (both,) = new_figure(10.0, 4.7, 1, 2, sharey=True)
    values = sorted({point[field] for point in points})
    for ax, column, what in zip(both, ("accuracy", "server_accuracy"), (DEVICE, SERVER), strict=True):
        draw_lines(ax, points, lambda point: values.index(point[field]), column, aside=0.06)
        ax.set_xticks(range(len(values)), [tick(value) for value in values])
        ax.set_xlabel(below)
        ax.set_ylabel(what)
        ax.tick_params(labelleft=True)
    return finished(figure, series_of(points), title)


@our_style()
def slots(points: list[dict], title: str) -> Figure:
    """Accuracy over T_max, above the chance that an upload arrives; a line at the printed T_max, if in range."""
    figure, ((above,), (below,)) = new_figure(7.6, 6.2, 2, 1, sharex=True, height_ratios=[2, 1])
    printed, values = PRINTED.max_slots, [point["max_slots"] for point in points]
    draw_lines(above, points, lambda point: point["max_slots"], "accuracy")
    draw_lines(below, points, lambda point: point["max_slots"], "chance_of_upload")
    below.set_ylim(-5, 105)
    if min(values) <= printed <= max(values):
        for ax in (above, below):
            ax.axvline(printed, color="grey", linewidth=1, linestyle=":")
        below.annotate(
            " printed", (printed, 0.5), xycoords=below.get_xaxis_transform(), va="center", fontsize=8, color="grey"
        )
    above.set_ylabel(DEVICE)
    below.set_ylabel("chance that an\nupload arrives (%)")
    below.set_xlabel(r"$T_{max}$ (slots)")
    return finished(figure, series_of(points), title)


PICTURES = {"ratio": ratio, "inverse-samples": inverse_samples, "beta": beta, "slots": slots}


def draw_lines(ax: Axes, points: list[dict], place: Callable[[dict], float], column: str, aside: float = 0.0) -> None:
    """A line for each series in per cent, with a bar of one standard deviation over seeds where one is known.

    Lines stand so far `aside` of each other. Series of equal lines share one, and the title of the axes names them.
    """
    lines = {}
    for name in series_of(points):
        own = [point for point in points if point["series"] == name and point[column] is not None]
        numbers = [(place(point), point[column], point.get(f"{column}_spread") or 0.0) for point in own]
        if numbers:
            lines[name] = tuple(np.array(numbers).T)
    groups = equal_ones(lines)
    for k, (name, *_) in enumerate(groups):
        at, values, spreads = lines[name]
        colour, line, marker = SERIES_LOOKS[name]
        bars = 100 * spreads if spreads.any() else None
        x = at + aside * (k - (len(groups) - 1) / 2)
        ax.errorbar(x, 100 * values, bars, color=colour, linestyle=line, marker=marker, markersize=5, capsize=2, lw=1.5)
    ax.set_title("\n".join(shared_names(groups)), fontsize=9)
    ax.grid(alpha=0.3)


def series_of(points: list[dict]) -> list[str]:
    """The names of the series, in their order."""
    return list(dict.fromkeys(point["series"] for point in points))


def finished(figure: Figure, names: list[str], title: str) -> Figure:
    """The legend of all series below, the title above."""
    add_legend(figure, handles_of({name: SERIES_LOOKS[name] for name in names}), names)
    figure.suptitle(title, fontsize=10, wrap=True)
    return figure
