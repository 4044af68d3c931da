"""The pictures of the studies beyond the letter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mix2fld_np.pictures.canvas import add_legend, new_figure, our_style
from mix2fld_np.pictures.curves import DASH_DOT, DASHED, LOOKS, Look

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
    return two_panels(points, "mixing_ratio", lambda value: f"{value:g}\n{privacy[value]:.1f}", below, title)


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
    figure, ((left, right),) = new_figure(10.0, 4.7, 1, 2, sharey=True)
    values = sorted({point[field] for point in points})
    for ax, column, what in ((left, "accuracy", DEVICE), (right, "server_accuracy", SERVER)):
        draw_lines(ax, points, lambda point: values.index(point[field]), column)
        ax.set_xticks(range(len(values)), [tick(value) for value in values])
        ax.set_xlabel(below)
        ax.set_ylabel(what)
        ax.tick_params(labelleft=True)
    return finished(figure, left, title)


@our_style()
def slots(points: list[dict], title: str) -> Figure:
    """Accuracy over T_max, above the chance that an upload arrives."""
    figure, ((above,), (below,)) = new_figure(7.6, 6.2, 2, 1, sharex=True, height_ratios=[2, 1])
    draw_lines(above, points, lambda point: point["max_slots"], "accuracy")
    draw_lines(below, points, lambda point: point["max_slots"], "chance_of_upload")
    for ax in (above, below):
        ax.axvline(100, color="grey", linewidth=1, linestyle=":")
    above.text(100, 0.3, "printed ", transform=above.get_xaxis_transform(), rotation=90, ha="right", va="center", fontsize=8)
    above.set_ylabel(DEVICE)
    below.set_ylabel("chance that an\nupload arrives (%)")
    below.set_xlabel(r"$T_{max}$ (slots)")
    return finished(figure, above, title)


PICTURES = {"ratio": ratio, "inverse-samples": inverse_samples, "beta": beta, "slots": slots}


def draw_lines(ax: Axes, points: list[dict], place: Callable[[dict], float], column: str) -> None:
    """A line for each series in per cent, with a bar of one standard deviation over seeds where one is known."""
    for name in dict.fromkeys(point["series"] for point in points):
        own = [point for point in points if point["series"] == name and point[column] is not None]
        if own:
            colour, line, marker = SERIES_LOOKS[name]
            spreads = [100 * (point.get(f"{column}_spread") or 0.0) for point in own]
            at, values = [place(point) for point in own], [100 * point[column] for point in own]
            bars = spreads if any(spreads) else None
            ax.errorbar(at, values, bars, color=colour, linestyle=line, marker=marker, markersize=5, capsize=2, linewidth=1.5, label=name)
    ax.grid(alpha=0.3)


def finished(figure: Figure, labelled: Axes, title: str) -> Figure:
    """The legend of one of its axes below all, the title above."""
    add_legend(figure, *labelled.get_legend_handles_labels())
    figure.suptitle(title, fontsize=10)
    return figure
