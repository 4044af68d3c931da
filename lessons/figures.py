"""Figures of the lessons: one colour a protocol, ink black and negative ink orange, each with an alternative text."""

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from numpy.typing import ArrayLike

from mix2fld_np.pictures.canvas import new_figure
from mix2fld_np.pictures.curves import LOOKS

DPI = 80  # keeps a picture below some 40 kB inside a notebook
COLOURS = {name: look.colour for name, look in LOOKS.items()}
NEGATIVE = "#D55E00"

FRAME = """<figure style="margin:0{hidden}"><img alt="{caption}" src="{source}">
<figcaption>{caption}</figcaption></figure>"""
SLIDER = """<div role="group" aria-label="{words}">{frames}
<input type="range" min="0" max="{last}" value="{first}" step="1" aria-label="{slider}" style="width:420px"
 oninput="for (const [k, frame] of this.parentNode.querySelectorAll('figure').entries())
 frame.style.display = k == this.value ? 'block' : 'none'"> {slider}
</div>"""


def canvas(rows: int = 1, columns: int = 1, width: float = 4.2, height: float = 3.0) -> tuple[Any, Any]:
    """Figure and axes, one or an array of them, without upper and right borders; inches of one panel."""
    figure, axes = new_figure(columns * width, rows * height, rows, columns)
    for one in axes.flat:
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes.squeeze()[()]


def show(figure: Any, alternative_text: str) -> None:
    """Shows a figure; the text says what it shows to those who cannot see it."""
    bundle = {"image/png": base64.b64encode(png(figure)).decode(), "text/plain": alternative_text}
    publish(bundle, {"image/png": {"alt": alternative_text}})


def moving(frames: Sequence[Any], captions: Sequence[str], slider: str, alternative_text: str, first: int = 0) -> None:
    """Shows figures one at a time, chosen with a slider; where only pictures are shown, the one numbered `first`."""
    parts = []
    for k, (frame, caption) in enumerate(zip(frames, captions, strict=True)):
        source = "data:image/png;base64," + base64.b64encode(png(frame)).decode()
        hidden = "" if k == first else ";display:none"
        parts.append(FRAME.format(hidden=hidden, caption=html.escape(caption), source=source))
    words = {"words": html.escape(alternative_text), "slider": html.escape(slider)}
    page = SLIDER.format(frames="\n".join(parts), last=len(parts) - 1, first=first, **words)
    publish({"text/html": page, "text/plain": alternative_text}, {})


def publish(bundle: dict[str, str], metadata: dict[str, Any]) -> None:
    """Hands an output to Jupyter; in a lesson that runs as a plain program, prints its text."""
    if InteractiveShell.initialized():
        display(bundle, metadata=metadata, raw=True)
    else:
        print(bundle["text/plain"])


def png(figure: Any) -> bytes:
    """A figure as the bytes of a PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    return content.getvalue()


def saw(curve: ArrayLike, n_tests: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Seconds and accuracies in %: a device keeps its model until a download replaces it at once.

    A round has `n_tests`: `n_evaluations` of the settings, and one right after the download.
    """
    seconds, accuracy = np.asarray(curve, float).T
    downloads = np.arange(n_tests, len(seconds), n_tests)
    accuracy = np.insert(accuracy, downloads, accuracy[downloads - 1])
    return np.insert(seconds, downloads, seconds[downloads]), 100 * accuracy


def signed_map() -> Any:
    """Colours for pixels of either sign: ink black, paper white, negative ink orange."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", [NEGATIVE, "white", "black"], N=257)


def pictures(
    images: ArrayLike, titles: Sequence[str] = (), columns: int = 8, limit: float | None = 1.0, size: float = 1.1
) -> Any:
    """A figure with a grid of pictures, images (N, H, W) or (N, 1, H, W), in signed colours.

    Black is `limit`, white 0, orange -`limit`, alike for all; with None, each picture has a scale of its own.
    """
    shown = np.asarray(images, float)
    shown = shown.reshape(-1, *shown.shape[-2:])
    columns = min(len(shown), columns)
    figure, axes = canvas(-(-len(shown) // columns), columns, size, size * (1.3 if titles else 1.0))
    for k, one in enumerate(np.atleast_1d(axes).flat):
        one.axis("off")
        if k < len(shown):
            reach = limit or max(1.0, float(np.abs(shown[k]).max()))
            one.imshow(shown[k], cmap=signed_map(), vmin=-reach, vmax=reach)
            one.set_title(titles[k] if titles else "", fontsize=9)
    return figure
