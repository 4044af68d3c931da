"""The pictures of the letter: Figures 2 and 3, and Tables II and III as curves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mix2fld_np.datasets.sources import title_of
from mix2fld_np.federation.settings import SPLITS
from mix2fld_np.pictures.canvas import add_legend, new_figure, our_style
from mix2fld_np.pictures.curves import DASH_DOT, LOOKS, Look, draw_curves, handles_of
from mix2fld_np.study.figures import CURVES, N_DEVICES, PANELS, Curve
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
    for panel, ax in zip(PANELS, axes.flat, strict=True):
        own = [row for row in rows if row["panel"] == panel.name]
        shared = draw_curves(ax, {curve.label: (rows_of(curve, own), CURVE_LOOKS[curve.label]) for curve in CURVES})
        ax.set_title(
            "\n".join((f"({panel.name}) {SPLITS[panel.split]}, {panel.channel} channel", *shared)), fontsize=10
        )
        ax.grid(alpha=0.3)
        ax.set_xlim(left=0)
    for row_axes in axes:
        show_the_race(row_axes)
    for ax in axes[1]:
        ax.set_xlabel("convergence time: airtime and compute (s)")
    for ax in axes[:, 0]:
        ax.set_ylabel("test accuracy of the reference device (%)")
    add_legend(figure, handles_of(CURVE_LOOKS), list(CURVE_LOOKS))
    figure.suptitle(title, fontsize=10, wrap=True)
    return figure


def rows_of(curve: Curve, rows: list[dict]) -> list[dict]:
    """The rows of one curve among those of its panel."""
    key = (curve.protocol, curve.n_seed, curve.n_inverse)
    return [row for row in rows if (row["protocol"], row["N_S"], row["N_I"]) == key]


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
    add_legend(figure, *axes[0, 0].get_legend_handles_labels())
    figure.suptitle(title, fontsize=10, wrap=True)
    return figure


def draw_boxes(ax: Axes, rows: list[dict]) -> None:
    """A box for each |D|: quartiles, median, mean as a diamond, whiskers at 1.5 times the height of the box, outliers beyond."""
    accuracies = [[100 * row["accuracy"] for row in rows if row["n_devices"] == n] for n in N_DEVICES]
    colour = GREEN
    drawn = ax.boxplot(
        accuracies,
        positions=N_DEVICES,
        widths=5,
        showmeans=True,
        patch_artist=True,
        boxprops={"facecolor": colour, "alpha": 0.35},
        medianprops={"color": "black"},
        meanprops={"marker": "D", "markerfacecolor": LOOKS["FD"].colour, "markeredgecolor": "black", "markersize": 6},
        flierprops={"marker": ".", "markersize": 5},
    )
    drawn["medians"][0].set_label("median")
    drawn["means"][0].set_label("mean")
    ax.grid(axis="y", alpha=0.3)


def draw_variance(ax: Axes, points: list[dict]) -> None:
    """A bar for each |D|."""
    ax.bar([point["n_devices"] for point in points], [1e4 * point["variance"] for point in points], 5, color=GREEN, alpha=0.6)
    ax.set_xticks(N_DEVICES, [str(n) for n in N_DEVICES])
    ax.grid(axis="y", alpha=0.3)


@our_style()
def privacy_table(rows: list[dict], title: str) -> Figure:
    """Table II or III as curves (rows of `tables.beside_printed`): sample privacy against lambda, a panel for each data set."""
    names = list(dict.fromkeys(row["data"] for row in rows))
    figure, axes = new_figure(max(7.2, 1.0 + 2.7 * len(names)), 3.9, 1, len(names), sharey=True)
    for name, ax in zip(names, axes[0], strict=True):
        draw_privacy(ax, [row for row in rows if row["data"] == name])
        ax.set_title(title_of(name), fontsize=10)
        ax.set_xticks(range(len(LAMBDAS)), [f"{ratio:g}" for ratio in LAMBDAS], fontsize=8, rotation=45)
        ax.set_xlabel(r"mixing ratio $\lambda$ (not to scale)")
        ax.grid(alpha=0.3)
    axes[0, 0].set_ylabel("sample privacy")
    entries = dict(entry for ax in axes[0] for entry in zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    add_legend(figure, list(entries.values()), list(entries))
    figure.suptitle(title, fontsize=10, wrap=True)
    return figure


def draw_privacy(ax: Axes, rows: list[dict]) -> None:
    """One data set: a line for each definition, and the printed values as crosses where their heads say and where they fit."""
    definitions = list(dict.fromkeys(row["definition"] for row in rows))
    for definition, colour, line in zip(definitions, (GREEN, BLUE), ("solid", (0, (2, 1))), strict=True):
        own = [row for row in rows if row["definition"] == definition]
        places, values = [LAMBDAS.index(row["lambda"]) for row in own], [finite(row["measured"]) for row in own]
        ax.plot(places, values, color=colour, linestyle=line, marker=".", label=definition)
    printed = [row for row in rows if row["definition"] == definitions[0] and row["printed"] is not None]
    fitting = [row for row in printed if row["fits"] is not False]
    misplaced = [row for row in printed if row["fits"] is False and row["lambda"] == row["head"]]
    for at, marker, label in (fitting, "o", "printed, at the lambda that fits"), (misplaced, "x", "printed, at the lambda of its head"):
        if at:
            places, values = [LAMBDAS.index(row["lambda"]) for row in at], [row["printed"] for row in at]
            ax.plot(places, values, marker, color=VERMILION, markerfacecolor="none", label=label)


def finite(value: float | None) -> float:
    """A value that can be drawn; NaN, which leaves a gap, for others."""
    return value if value is not None and math.isfinite(value) else math.nan
