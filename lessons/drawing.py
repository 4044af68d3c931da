"""What all drawn pictures share: the sheet, a line of text, a picture of pixels, a few drawn digits."""

from collections.abc import Iterable

import numpy as np

from mix2fld_np.datasets.formats import pixels
from mix2fld_np.datasets.registry import load

INK, LOST, HERE, NEGATIVE = "#222222", "#d9d9d9", "#56B4E9", "#D55E00"
DECODED = "#7FBF7B"
LEVELS = 8  # shades of a drawn digit


def svg(width: int, height: int, words: str, parts: Iterable[str]) -> str:
    """A picture on white paper, which stays readable on a dark page."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    style = 'font-family="DejaVu Sans, Verdana, sans-serif" role="img"'
    paper = f'<rect width="{width}" height="{height}" fill="white"/>'
    return "\n".join([f"{head} {style}>", f"<title>{words}</title>", paper, *parts, "</svg>\n"])


def text(x: float, y: float, words: str, size: int = 13, anchor: str = "middle", colour: str = INK) -> str:
    """A line of text."""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def tile(image: np.ndarray, x: float, y: float, side: float, reach: float = 1.0) -> list[str]:
    """A picture of H x W pixels in a frame: ink black, negative ink orange, full colour at +-`reach`."""
    shade = np.rint(np.clip(image / reach, -1, 1) * LEVELS).astype(int)
    step = side / len(image)
    frame = f'<rect x="{x:g}" y="{y:g}" width="{side:g}" height="{side:g}" fill="none" stroke="#cccccc"/>'
    parts = [f'<g transform="translate({x:g} {y:g}) scale({step:g})" shape-rendering="crispEdges">']
    for level in sorted(set(shade.flat) - {0}):
        dots = "".join(f"M{column} {row}h1v1h-1z" for row, column in np.argwhere(shade == level))
        colour = INK if level > 0 else NEGATIVE
        parts.append(f'<path d="{dots}" fill="{colour}" fill-opacity="{abs(level) / LEVELS:g}"/>')
    return [*parts, "</g>", frame]


def digits_of(*labels: int) -> list[np.ndarray]:
    """One drawn digit of each label, (28, 28), pixels 0 to 1; a label asked for twice comes in two hands."""
    data = load("digits", n_train=200, n_test=10)
    rows = {label: iter(np.flatnonzero(data.train_labels == label)) for label in set(labels)}
    return [pixels(data.train_images[next(rows[label])])[0].astype(float) for label in labels]
