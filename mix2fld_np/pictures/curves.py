"""Learning curves: one look for each protocol, told apart without colour, and equal curves shown as equal."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mix2fld_np.pictures.canvas import finish, new_figure, our_style
from mix2fld_np.study.averages import grouped, mean_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


class Look(NamedTuple):
    """Colour, dashes and marker of a curve; no two curves of a picture share any of dashes and marker."""

    colour: str
    line: object
    marker: str
    width: float = 1.6


DASHED, DOTTED, DASH_DOT = (0, (5, 1.5)), (0, (1, 1)), (0, (6, 2, 1, 2))
# Okabe and Ito's colours, which stay apart for colour-blind eyes.
LOOKS = {
    "FL": Look("#000000", DASHED, "s"),
    "FD": Look("#E69F00", DOTTED, "D"),
    "FLD": Look("#0072B2", (0, (3, 1, 1, 1)), "^"),
    "MixFLD": Look("#CC79A7", DASH_DOT, "v"),
    "Mix2FLD": Look("#009E73", "solid", "o"),
    "FedDF": Look("#56B4E9", (0, (7, 1, 3, 1)), "H"),
    "Local": Look("#888888", (0, (8, 1)), "", 0.9),
}
OTHER_COLOURS = ("#56B4E9", "#D55E00", "#8C6D31", "#666666")
OTHER_LINES = ((0, (10, 2)), (0, (4, 1, 1, 1, 1, 1)), (0, (2, 1)), (0, (1, 2.5)), (0, (10, 2, 2, 2)))
OTHER_MARKERS = "P*Xhp<>"
# For protocols of one's own, in their order: 35 pairs of dashes and marker.
OTHERS = [Look(OTHER_COLOURS[k % 4], OTHER_LINES[k % 5], OTHER_MARKERS[k % 7]) for k in range(35)]


def looks_of(names: Iterable[str], own: Mapping[str, Look] = LOOKS) -> dict[str, Look]:
    """A look for each protocol, its own where it has one."""
    others = itertools.cycle(OTHERS)
    return {name: own.get(name) or next(others) for name in names}


@our_style()
def learning_curves(rows: list[dict], title: str) -> Figure:
    """Test accuracy of the reference device against convergence time, one curve a protocol."""
    figure, ((axes,),) = new_figure()
    curves = {name: own for (name,), own in grouped(rows, "protocol").items()}
    draw_curves(axes, curves, looks_of(curves))
    lines = [np.asarray(line.get_ydata()) for line in axes.get_lines()]
    lowest = min(line[min(1, len(line) - 1) :].min() for line in lines)  # but for the climb to the first evaluation
    axes.set_ylim(5 * math.floor(lowest / 5), min(100.0, max(line.max() for line in lines) + 2))
    axes.set_ylabel("test accuracy of the reference device (%)")
    axes.set_xlabel("convergence time: airtime and compute (s)")
    return finish(figure, title, *axes.get_legend_handles_labels())


def draw_curves(axes: Axes, curves: Mapping[str, list[dict]], looks: Mapping[str, Look]) -> list[str]:
    """A curve for each label, the mean over the seeds in its rows, in a band of one standard deviation.

    Labels whose curves are equal share one and its name; returns these names.
    """
    points = {label: mean_curve(curves_of(rows)) for label, rows in curves.items()}
    groups = equal_ones(points)
    for k, names in enumerate(groups):
        (seconds, mean, spread), look = points[names[0]], looks[names[0]]
        at = (k / len(groups) * 0.1, 0.1)  # markers of different curves at different places
        axes.plot(seconds, 100 * mean, markevery=at, label=" = ".join(names), **style_of(look))
        if spread.any():
            band = (100 * (mean - spread), 100 * (mean + spread))
            axes.fill_between(seconds, *band, color=look.colour, alpha=0.15, linewidth=0)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    return shared_names(groups)


def curves_of(rows: list[dict]) -> list[list[tuple[float, float]]]:
    """The learning curve of each seed."""
    return [[(row["elapsed_s"], row["accuracy"]) for row in own] for own in grouped(rows, "seed").values()]


def equal_ones(points: Mapping[str, tuple[np.ndarray, ...]]) -> list[list[str]]:
    """The labels, those of equal points together."""
    groups: list[list[str]] = []
    for label, own in points.items():
        same = next((group for group in groups if all(map(np.array_equal, own, points[group[0]]))), None)
        if same is None:
            groups.append([label])
        else:
            same.append(label)
    return groups


def shared_names(groups: list[list[str]]) -> list[str]:
    """What to call the curves that more than one label shares."""
    return [" = ".join(group) for group in groups if len(group) > 1]


def handles_of(looks: Mapping[str, Look]) -> list[Line2D]:
    """What a legend shows of each look, drawn or not."""
    from matplotlib.lines import Line2D

    return [Line2D([], [], **style_of(look)) for look in looks.values()]


def style_of(look: Look) -> dict[str, Any]:
    """A look as matplotlib's lines take it."""
    shape = {"color": look.colour, "linestyle": look.line, "marker": look.marker}
    return shape | {"markersize": 4, "linewidth": look.width}
