"""The pictures of the letter: Figures 2 and 3, and Tables II and III as curves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mix2fld_np.datasets.sources import source_of
from mix2fld_np.federation.settings import SPLITS
from mix2fld_np.pictures.canvas import finish, new_figure, our_style
from mix2fld_np.pictures.curves import DASH_DOT, LOOKS, Look, draw_curves, handles_of
from mix2fld_np.study.averages import grouped
from mix2fld_np.study.figures import CURVES, N_DEVICES, PANELS
from mix2fld_np.study.tables import COLUMNS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LAMBDAS = tuple(ratio for _, ratio in COLUMNS)
# FL and FD as everywhere; N_S by colour.
GREEN, BLUE = LOOKS["Mix2FLD"].colour, LOOKS["FLD"].colour
PINK, VERMILION = LOOKS["MixFLD"].colour, "#D55E00"
CURVE_LOOKS = {
    "FL": LOOKS["FL"],
    "FD": LOOKS["FD"],
    "MixFLD (10)": Look(PINK, (0, (3, 1, 1, 1)), "v"),
    "MixFLD (50)": Look(VERMILION, DASH_DOT, "^"),
    "Mix2FLD (10, 10)": Look(BLUE, (0, (2, 1)), "P"),
    "Mix2FLD (10, 20)": Look(BLUE, (0, (10, 2)), "X"),
    "Mix2FLD (50, 50)": Look(GREEN, (0, (4, 1, 1, 1, 1, 1)), "*"),
    "Mix2FLD (50, 100)": Look(GREEN, "solid", "o"),
}


@our_style()
def figure_2(rows: list[dict], title: str) -> Figure:
    """Figure 2: test accuracy of the reference device against convergence time, a panel for each split and channel."""
    figure, axes = new_figure(10.5, 7.6, 2, 2, sharex=True, sharey="row")
    runs = grouped(rows, "panel", "protocol", "N_S", "N_I")
    for panel, ax in zip(PANELS, axes.flat, strict=True):
        own = {curve.label: runs[panel.name, curve.protocol, curve.n_seed, curve.n_inverse] for curve in CURVES}
        shared = draw_curves(ax, own, CURVE_LOOKS)
        head = f"({panel.name}) {SPLITS[panel.split]}, {panel.channel} channel"
        ax.set_title("\n".join((head, *shared)), fontsize=10)
    for row_axes in axes:
        show_the_race(row_axes)
        row_axes[0].set_ylabel("test accuracy of the reference device (%)")
    for ax in axes[1]:
        ax.set_xlabel("convergence time: airtime and compute (s)")
    return finish(figure, title, handles_of(CURVE_LOOKS), list(CURVE_LOOKS))


def show_the_race(row_axes: np.ndarray) -> None:
    """Cuts off the climb from chance and the depth of the drops, so that the curves come apart where they end."""
    curves = [line.get_ydata() for ax in row_axes for line in ax.get_lines()]
    highest, ends = max(np.max(curve) for curve in curves), [curve[-1] for curve in curves]
    bottom = max(0.0, min(min(ends) - 12, highest - 20))
    row_axes[0].set_ylim(bottom, min(100.0, highest + 2))


@our_style()
def figure_3(rows: list[dict], points: list[dict], title: str) -> Figure:
    """Figure 3: the distribution of test accuracy over devices (rows of `device_rows`), and its variance below."""
    figure, axes = new_figure(9.0, 6.4, 2, 2, sharex=True, sharey="row", height_ratios=[3, 1])
    for column, (split, title_of_split) in enumerate(SPLITS.items()):
        draw_boxes(axes[0, column], [row for row in rows if row["split"] == split])
        draw_variance(axes[1, column], [point for point in points if point["split"] == split])
        axes[0, column].set_title(title_of_split, fontsize=10)
        axes[1, column].set_xlabel("number of devices |D|")
    axes[0, 0].set_ylabel("test accuracy of each device (%)")
    axes[1, 0].set_ylabel("variance\n(points squared)")
    return finish(figure, title, *axes[0, 0].get_legend_handles_labels())


def draw_boxes(ax: Axes, rows: list[dict]) -> None:
    """A box for each |D|: quartiles, median, mean, whiskers at 1.5 times the height of the box, outliers beyond."""
    accuracies = [[100 * row["accuracy"] for row in rows if row["n_devices"] == n] for n in N_DEVICES]
    drawn = ax.boxplot(
        accuracies,
        positions=N_DEVICES,
        widths=5,
        showmeans=True,
        patch_artist=True,
        boxprops={"facecolor": GREEN, "alpha": 0.35},
        medianprops={"color": "black"},
        meanprops={"marker": "D", "markerfacecolor": LOOKS["FD"].colour, "markeredgecolor": "black", "markersize": 6},
        flierprops={"marker": ".", "markersize": 5},
    )
    drawn["medians"][0].set_label("median")
    drawn["means"][0].set_label("mean")
    ax.grid(axis="y", alpha=0.3)


def draw_variance(ax: Axes, points: list[dict]) -> None:
    """A bar for each |D|."""
    heights = [1e4 * point["variance"] for point in points]
    ax.bar([point["n_devices"] for point in points], heights, 5, color=GREEN, alpha=0.6)
    ax.set_xticks(N_DEVICES, [str(n) for n in N_DEVICES])
    ax.grid(axis="y", alpha=0.3)


@our_style()
def privacy_table(rows: list[dict], title: str) -> Figure:
    """Table II or III (rows of `tables.beside_printed`): sample privacy against lambda, a panel for each data set."""
    by_data = grouped(rows, "data")
    figure, axes = new_figure(max(7.2, 1.0 + 2.7 * len(by_data)), 3.9, 1, len(by_data), sharey=True)
    for ((name,), own), ax in zip(by_data.items(), axes[0], strict=True):
        draw_privacy(ax, own)
        ax.set_title(source_of(name).title, fontsize=10)
        ax.set_xticks(range(len(LAMBDAS)), [f"{ratio:g}" for ratio in LAMBDAS], fontsize=8, rotation=45)
        ax.set_xlabel(r"mixing ratio $\lambda$ (not to scale)")
        ax.grid(alpha=0.3)
    axes[0, 0].set_ylabel("sample privacy")
    entries = dict(entry for ax in axes[0] for entry in zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    return finish(figure, title, list(entries.values()), list(entries))


def draw_privacy(ax: Axes, rows: list[dict]) -> None:
    """One data set: a line for each definition, and the printed values where their heads say and where they fit."""
    by_definition = grouped(rows, "definition")
    for ((name,), own), colour, line in zip(by_definition.items(), (GREEN, BLUE), ("solid", (0, (2, 1))), strict=True):
        values = [finite(row["measured"]) for row in own]
        ax.plot(places(own), values, color=colour, linestyle=line, marker=".", label=name)
    own, *_ = by_definition.values()
    printed = [row for row in own if row["printed"] is not None]
    fitting = [row for row in printed if row["fits"] is not False]
    misplaced = [row for row in printed if row["fits"] is False and row["lambda"] == row["head"]]
    for at, marker, where in (fitting, "o", "that fits"), (misplaced, "x", "of its head"):
        if at:
            label, values = f"printed, at the lambda {where}", [row["printed"] for row in at]
            ax.plot(places(at), values, marker, color=VERMILION, markerfacecolor="none", label=label)


def places(rows: list[dict]) -> list[int]:
    """Where the lambda of each row stands."""
    return [LAMBDAS.index(row["lambda"]) for row in rows]


def finite(value: float | None) -> float:
    """A value that can be drawn; NaN, which leaves a gap, for others."""
    return value if value is not None and math.isfinite(value) else math.nan
