"""Learning curves: one look for each protocol, told apart without colour, and equal curves shown as equal."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mix2fld_np.pictures.canvas import add_legend, new_figure, our_style
from mix2fld_np.study.averages import mean_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Look(NamedTuple):
    """Colour, dashes and marker of a curve; no two curves of a picture share dashes and marker."""

    colour: str
    line: object
    marker: str


DASHED, DOTTED, DASH_DOT = (0, (5, 1.5)), (0, (1, 1)), (0, (6, 2, 1, 2))
# Okabe and Ito's colours, which stay apart for colour-blind eyes.
LOOKS = {
    "FL": Look("#000000", DASHED, "s"),
    "FD": Look("#E69F00", DOTTED, "D"),
    "FLD": Look("#0072B2", (0, (3, 1, 1, 1)), "^"),
    "MixFLD": Look("#CC79A7", DASH_DOT, "v"),
    "Mix2FLD": Look("#009E73", "solid", "o"),
}
OTHERS = [  # for protocols of one's own, in their order
    Look(colour, line, marker)
    for (line, marker), colour in zip(
        itertools.product(("solid", DASHED, DOTTED, DASH_DOT), "P*Xhp<>"), itertools.cycle(["#56B4E9", "#D55E00", "#8C6D31", "#666666"])
    )
]


def looks_of(names: list[str]) -> dict[str, Look]:
    """A look for each protocol, its own where it has one."""
    others = itertools.cycle(OTHERS)
    return {name: LOOKS.get(name) or next(others) for name in names}


@our_style()
def learning_curves(rows: list[dict], title: str) -> Figure:
    """Test accuracy of the reference device against convergence time, one curve a protocol; a band of one standard deviation over seeds."""
    figure, ((axes,),) = new_figure()
    names = list(dict.fromkeys(row["protocol"] for row in rows))
    looks = looks_of(names)
    draw_curves(axes, {name: ([row for row in rows if row["protocol"] == name], looks[name]) for name in names})
    finish_axes(axes)
    axes.set_title(title, fontsize=10)
    axes.set_ylabel("test accuracy of the reference device (%)")
    axes.set_xlabel("convergence time: airtime and compute (s)")
    add_legend(figure, *axes.get_legend_handles_labels())
    return figure


def draw_curves(axes: Axes, curves: dict[str, tuple[list[dict], Look]]) -> None:
    """A curve for each label, the mean over the seeds in its rows; labels whose curves are equal share one, and say so."""
    drawn: list[tuple[list[str], Look, tuple[np.ndarray, ...], bool]] = []
    for label, (rows, look) in curves.items():
        seeds = dict.fromkeys(row["seed"] for row in rows)
        by_seed = [[(row["elapsed_s"], row["accuracy"]) for row in rows if row["seed"] == seed] for seed in seeds]
        points = mean_curve(by_seed)
        same = next((labels for labels, _, others, _ in drawn if all(map(np.array_equal, points, others))), None)
        if same is None:
            drawn.append(([label], look, points, len(by_seed) > 1))
        else:
            same.append(label)
    for k, (labels, look, (seconds, mean, spread), has_band) in enumerate(drawn):
        at = (k / max(1, len(drawn)) * 0.1, 0.1)  # markers of different curves at different places
        axes.plot(seconds, 100 * mean, color=look.colour, linestyle=look.line, marker=look.marker, markevery=at, markersize=4,
                  linewidth=1.6, label=" = ".join(labels))  # fmt: skip
        if has_band:
            axes.fill_between(seconds, 100 * (mean - spread), 100 * (mean + spread), color=look.colour, alpha=0.15, linewidth=0)


def finish_axes(axes: Axes) -> None:
    """Limits and grid of learning curves; the climb of the first local iterations is cut off."""
    curves = [np.asarray(line.get_ydata()) for line in axes.get_lines()]
    lowest = min(curve[min(1, len(curve) - 1) :].min() for curve in curves)
    axes.set_ylim(5 * math.floor(lowest / 5), min(100.0, max(curve.max() for curve in curves) + 2))
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
