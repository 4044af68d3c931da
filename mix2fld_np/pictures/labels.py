"""Which labels a device knows: protocol by label, its rare labels marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mix2fld_np.pictures.canvas import new_figure, our_style
from mix2fld_np.study.averages import grouped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEADS = {"downloaded": "as downloaded at the end", "trained": "as trained just before"}
MOST_NUMBERS = 12  # labels, beyond which numbers would not fit into their cells


@our_style()
def label_table(rows: list[dict], rare: Sequence[int], title: str) -> Figure:
    """Accuracy of one device (its rows of `label_rows`) by protocol and label, a panel for each moment."""
    names = list(dict.fromkeys(row["protocol"] for row in rows))
    figure, axes = new_figure(9.6, 1.6 + 0.32 * len(names), 1, 2, sharey=True)
    for ax, (moment, head) in zip(axes[0], HEADS.items(), strict=True):
        own = grouped([row for row in rows if row["moment"] == moment and row["label"] is not None], "protocol")
        values = 100 * np.array([[row["accuracy"] for row in own[name,]] for name in names], float)
        image = ax.imshow(values, vmin=0, vmax=100, cmap="cividis", aspect="auto")
        ax.set_title(head, fontsize=10)
        ax.set_yticks(range(len(names)), names)
        mark_labels(ax, values, rare)
    figure.colorbar(image, ax=axes[0].tolist(), label="accuracy (%)", shrink=0.9)
    figure.suptitle(title, fontsize=10)
    return figure


def mark_labels(ax: Axes, values: np.ndarray, rare: Sequence[int]) -> None:
    """Numbers in the cells, as long as they fit; rare labels with a star and between two lines."""
    n_labels = values.shape[1]
    shown = [label for label in range(n_labels) if n_labels <= MOST_NUMBERS or label in rare or label % 10 == 0]
    ax.set_xticks(shown, [f"{label}*" if label in rare else str(label) for label in shown], fontsize=9)
    ax.set_xlabel("label (* rare on this device)" if len(rare) else "label")
    for label in rare:
        ax.axvspan(label - 0.5, label + 0.5, fill=False, edgecolor="#D55E00", linewidth=1.8)
    for (k, label), value in np.ndenumerate(values) if n_labels <= MOST_NUMBERS else ():
        colour = "white" if value < 55 else "black"
        ax.text(label, k, f"{value:.0f}", ha="center", va="center", fontsize=7.5, color=colour, in_layout=False)
