"""The pictures of the studies beyond the letter."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mix2fld_np.claims.claims import READ_AT
from mix2fld_np.claims.step_times import SERVERS, STEPS_US, within
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.pictures.canvas import finish, new_figure, our_style
from mix2fld_np.pictures.curves import (
    DASH_DOT,
    DASHED,
    DOTTED,
    LOOKS,
    Look,
    equal_ones,
    handles_of,
    looks_of,
    shared_names,
    style_of,
)
from mix2fld_np.study.averages import grouped
from mix2fld_np.study.sweeps import HALF, LONGER_STEP, SAME_STEP, as_typed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE = LOOKS["FLD"].colour
SERIES_LOOKS = {
    **LOOKS,
    "IID, random": Look("#56B4E9", DOTTED, "D"),
    "IID, scheduled": Look(BLUE, DASHED, "s"),
    "non-IID, random": Look("#D55E00", DASH_DOT, "v"),
    "non-IID, scheduled": LOOKS["Mix2FLD"],
    HALF: Look("#CC79A7", (0, (10, 2)), "P"),
    LONGER_STEP: Look("#888888", DASHED, "s"),
    SAME_STEP: Look("#D55E00", (0, (10, 2)), "P"),
    "FL asymmetric": LOOKS["FL"],
    "FL symmetric": LOOKS["FD"],
    "Mix2FLD asymmetric": LOOKS["Mix2FLD"],
    "Mix2FLD symmetric": Look(BLUE, DASH_DOT, "^"),
}
MET, BELOW, ABOVE = "#66C2A5", "#5E8FD6", "#F0A050"
FURTHEST = 40  # standard errors at which a colour is full
MOST_READINGS = 40  # in a picture
DEVICES, SERVER = "test accuracy, mean of all devices (%)", "test accuracy of the server's model (%)"


def ratio(points: list[dict], title: str) -> Figure:
    """Accuracy over lambda, with the privacy of what leaves a device below it."""
    below = "mixing ratio $\\lambda$ (not to scale)\nsample privacy of the uploads"
    return devices_and_server(points, title, "mixing_ratio", below, "privacy_of_uploads", ".1f")


def beta(points: list[dict], title: str) -> Figure:
    """Accuracy over beta; a line that collapses leaves the picture below."""
    figure = devices_and_server(points, title, "beta", r"weight of the regulariser $\beta$ (not to scale)")
    best = max(point["trained"] for point in points)
    figure.axes[0].set_ylim(bottom=100 * min(point["trained"] for point in points if point["trained"] > best / 2) - 4)
    return figure


@our_style()
def devices_and_server(points: list[dict], title: str, field: str, below: str, *besides: str) -> Figure:
    """Accuracy after training and of the server's model, if any, side by side, over a setting not drawn to scale."""
    both = {"trained": DEVICES, "server_accuracy": SERVER}.items()
    panels = [(column, what) for column, what in both if any(point[column] is not None for point in points)]
    figure, (axes,) = new_figure(max(7.2, 5.0 * len(panels)), 4.7, 1, len(panels), sharey=True)
    for ax, (column, what) in zip(axes, panels, strict=True):
        draw_over(ax, points, column, what, field, below, *besides)
    return finished(figure, points, title)


@our_style()
def inverse_samples(points: list[dict], title: str) -> Figure:
    """Accuracy over N_I, with the memory that the samples take below it, and over the uploads that they are made of."""
    figure, ((left, right),) = new_figure(10.0, 4.7, 1, 2, sharey=True)
    below = "inverse samples a device $N_I$ (not to scale)\nmemory of all of them (MB)"
    draw_over(left, points, "trained", DEVICES, "n_inverse_samples", below, "memory_mb", ".2g")
    draw_lines(right, points, lambda point: point["n_uploads_used"], "trained")
    right.set_xlabel("different uploads that they are made of")
    return finished(figure, points, title)


def draw_over(
    ax: Axes, points: list[dict], column: str, what: str, field: str, below: str, besides: str = "", form: str = ""
) -> None:
    """Lines over a setting not drawn to scale; below each of its values the largest `besides`, in the format `form`."""
    if isinstance(points[0][field], int | float):  # words stay in the order in which they were asked for
        points = sorted(points, key=lambda point: point[field])
    values, beneath = list(dict.fromkeys(point[field] for point in points)), dict[Any, str]()
    for (value,), own in grouped(points, field).items():
        numbers = [point[besides] for point in own if besides and point[besides] is not None]
        beneath[value] = format(max(numbers), form) if numbers else "-" if besides else ""
    draw_lines(ax, points, lambda point: values.index(point[field]), column, aside=0.06)
    ax.set_xticks(range(len(values)), [f"{as_typed(value)}\n{beneath[value]}".strip() for value in values])
    ax.set_xlabel(below)
    ax.set_ylabel(what)
    ax.tick_params(labelleft=True)


@our_style()
def slots(points: list[dict], title: str) -> Figure:
    """Accuracy over T_max, above the chance that an upload arrives; a line at the printed T_max, if in range."""
    figure, ((above,), (below,)) = new_figure(7.6, 6.2, 2, 1, sharex=True, height_ratios=[2, 1])
    printed, values = PRINTED.max_slots, [point["max_slots"] for point in points]
    for ax, column in (above, "trained"), (below, "chance_of_upload"):
        draw_lines(ax, points, lambda point: point["max_slots"], column)
        if min(values) <= printed <= max(values):
            ax.axvline(printed, color="grey", linewidth=1, linestyle=":")
    if min(values) <= printed <= max(values):
        below.text(printed, 50, " printed", va="center", fontsize=8, color="grey")
    below.set_ylim(-5, 105)
    above.set_ylabel(DEVICES)
    below.set_ylabel("chance that an\nupload arrives (%)")
    below.set_xlabel(r"$T_{max}$ (slots)")
    return finished(figure, points, title)


@our_style()
def claims_time(curves: list[dict], marked_us: dict[str, float]) -> Figure:
    """The letter's numbers on time over the time of a device's step (rows of `findings.time_curves`), a panel each.

    A line is the median of what single runs say, its band 95 % of them; thick where the printed number is met. A
    vertical one for each of the named steps.
    """
    by_claim = grouped(curves, "claim")
    figure, axes = new_figure(10.0, 7.4, 2, math.ceil(len(by_claim) / 2), sharex=True)
    for own, ax in zip(by_claim.values(), axes.flat, strict=False):
        draw_times(ax, own)
        for (name, step_us), line in zip(marked_us.items(), (":", "-.", "--"), strict=False):
            if step_us:
                ax.axvline(step_us, color="grey", linewidth=1, linestyle=line, label=f"{name}, {step_us:.3g} us")
    for ax in axes[-1]:
        ax.set_xlabel("a step of a device (us)")
    entries = dict(entry for ax in axes.flat for entry in zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    title = "The letter's numbers on time over the time of a step, which it does not print; thick where they are met"
    return finish(figure, title, list(entries.values()), list(entries))


def draw_times(ax: Axes, curves: list[dict]) -> None:
    """One number: a line for each reading and server, and what is printed."""
    unit = curves[0]["unit"]
    scale = 1 if unit == "x" else 100
    for row in curves:
        colour = SERIES_LOOKS["Mix2FLD" if row["reading"] == curves[0]["reading"] else "FLD"].colour
        median, low, high = scale * row["curve"]
        line = "solid" if row["server"] == SERVERS[0] else DASHED
        ax.plot(STEPS_US, median, color=colour, linestyle=line, label=f"{row['reading']}, {row['server']}")
        ax.plot(STEPS_US, np.where(within(row["met"]), median, np.nan), color=colour, linewidth=6, alpha=0.5)
        ax.fill_between(STEPS_US, low, high, color=colour, alpha=0.15, linewidth=0)
    ax.axhline(scale * curves[0]["printed"], color="black", linewidth=1, label="printed")
    ax.set_xscale("log")
    ax.set_xticks([1, 10, 100, 1_000], ["1", "10", "100", "1,000"])
    ax.set_title(textwrap.fill(curves[0]["sentence"], 60), fontsize=9)
    ax.set_ylabel({"x": "times faster", "%": "%"}[unit])
    ax.grid(alpha=0.3)


@our_style()
def readings(rows: list[dict], ranked: list[dict], title: str) -> Figure:
    """Readings, the best above, against statements at each moment: how far, as a colour and as a signed number."""
    from matplotlib.patches import Patch

    names = list(dict.fromkeys(row["reading"] for row in ranked))[:MOST_READINGS]
    figure, (both,) = new_figure(12.0, 2.2 + 0.27 * len(names), 1, 2, sharey=True)
    for ax, (words, moment) in zip(both, READ_AT.items(), strict=True):
        draw_distances(ax, names, [row for row in rows if row["moment"] == moment])
        for row in (row for row in ranked if row["moment"] == moment and row["reading"] in names):
            weight = "bold" if row["unbeaten"] else "normal"
            count = f" {row['n_met']} met"
            ax.text(ax.get_xlim()[1], names.index(row["reading"]), count, va="center", fontsize=8, fontweight=weight)
        ax.set_title(words, fontsize=10)
    both[0].set_yticks(range(len(names)), names, fontsize=8)
    colours = {"met": MET, "below what is stated, in standard errors": BELOW, "above it": ABOVE}
    handles = [Patch(facecolor=colour) for colour in colours.values()]
    return finish(figure, f"{title}\nbold: no other reading is nearer", handles, list(colours))


def draw_distances(ax: Axes, names: list[str], rows: list[dict]) -> None:
    """One moment: a cell for each reading and statement."""
    from matplotlib.colors import to_rgb

    statements = list(dict.fromkeys(row["statement"] for row in rows))
    for row in (row for row in rows if row["reading"] in names):
        x, y, far = statements.index(row["statement"]), names.index(row["reading"]), row["distance"]
        full = np.array(to_rgb(ABOVE if far > 0 else BELOW if far < 0 else MET))
        depth = min(1.0, math.log1p(abs(far)) / math.log1p(FURTHEST)) if far else 1.0
        corners = [x - 0.5, x + 0.5, x + 0.5, x - 0.5], [y - 0.5, y - 0.5, y + 0.5, y + 0.5]
        ax.fill(*corners, facecolor=1 - depth * (1 - full), edgecolor="white")
        number = f"{far:+.{0 if abs(far) >= 9.5 else 1}f}".replace("-", "\N{MINUS SIGN}")
        ax.text(x, y, number if far else "met", ha="center", va="center", fontsize=8)
    ax.set_xticks(range(len(statements)), [textwrap.fill(name, 10) for name in statements], fontsize=7)
    ax.set_xlim(-0.5, len(statements) - 0.5)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)


@our_style()
def digits_over_lambda(rows: list[dict], title: str) -> Figure:
    """One raw picture, what a server holds of it and guesses (rows of `attack.rows_of`), a column for each lambda."""
    by_lambda = grouped(rows, "lambda").items()
    names = ["raw", *(name for row in next(iter(by_lambda))[1] for name in (row["held"], "guess from these"))]
    figure, axes = new_figure(1.6 + 0.9 * len(by_lambda), 0.6 + 0.9 * len(names), len(names), len(by_lambda))
    for ((ratio,), own), column in zip(by_lambda, axes.T, strict=True):
        column[0].set_title(rf"$\lambda$ = {ratio:g}", fontsize=8)
        pictures = [own[0]["digits"][0], *(picture for row in own for picture in row["digits"][1:])]
        for ax, picture, name in zip(column, pictures, names, strict=True):
            ax.imshow(picture.mean(axis=0), vmin=0, vmax=1, cmap="gray")
            ax.set(xticks=[], yticks=[])
            if ax in axes[:, 0]:
                ax.set_ylabel(name, fontsize=8, rotation=0, ha="right", va="center")
    figure.suptitle(title, fontsize=10)
    return figure


PICTURES = {"ratio": ratio, "inverse-samples": inverse_samples, "beta": beta, "slots": slots}


def draw_lines(ax: Axes, points: list[dict], place: Callable[[dict], float], column: str, aside: float = 0.0) -> None:
    """A line for each series in per cent, with a bar of one standard deviation over seeds where one is known.

    Lines stand so far `aside` of each other. Series of equal lines share one, and the title of the axes names them.
    """
    lines = {}
    for (name,), own in grouped([point for point in points if point[column] is not None], "series").items():
        numbers = [(place(point), point[column], point.get(f"{column}_spread") or 0.0) for point in own]
        lines[name] = tuple(np.array(numbers).T)
    groups, looks = equal_ones(lines), series_looks(points)
    for k, (name, *_) in enumerate(groups):
        at, values, spreads = lines[name]
        bars = 100 * spreads if spreads.any() else None
        x = at + aside * (k - (len(groups) - 1) / 2)
        ax.errorbar(x, 100 * values, bars, capsize=2, **style_of(looks[name]))
    ax.set_title("\n".join(shared_names(groups)), fontsize=9)
    ax.grid(alpha=0.3)


def finished(figure: Figure, points: list[dict], title: str) -> Figure:
    """With the legend of all series."""
    looks = series_looks(points)
    return finish(figure, title, handles_of(looks), list(looks))


def series_looks(points: list[dict]) -> dict[str, Look]:
    """A look for each series, that of its protocol where it is one."""
    return looks_of((name for (name,) in grouped(points, "series")), SERIES_LOOKS)
