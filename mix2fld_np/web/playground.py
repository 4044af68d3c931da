"""The playground: one HTML file, put together from the sources in page/, the package's constants and the kernels.

`python -m mix2fld_np.web.playground` writes the one in lessons/ anew.
"""

import base64
import json
import math
from dataclasses import asdict
from pathlib import Path

from mix2fld_np.datasets import digits
from mix2fld_np.federation.settings import COMPARISON
from mix2fld_np.nn.network import Network

PAGE, STRICT = Path(__file__).parent / "page", '"use strict";\n'
CORE = "chance digits channel mixing kernels draws seeds federation".split()  # for the page and its workers
PARTS = "settings dom chart run stage server round sentences channel_tab pad mixup_tab digit_tab main".split()
PEN = (
    "WRITINGS N_BLOTS N_STRAY CHUNK FINE POSITION ACROSS DOWN WAVER LOOSENESS FAVOURITE BEND SLANT USUAL_SLANT TURN "
    "GROW ASPECT HEIGHT SHIFT PEN PEN_SPREAD SOAK GRAIN PALE STRAY FAINTEST"
).split()


def playground(links: str = "") -> str:
    """The page, whole: no request leaves it. `links` to pages beside it, as HTML, stand in its head."""
    core, page = (scripts(names) for names in ([f"core/{name}" for name in CORE], PARTS))
    kernels = base64.b64encode((PAGE / "kernels.wasm").read_bytes()).decode()
    filled = {
        "<!--LINKS-->": links,
        "/*STYLE*/": source("style.css"),
        "/*CORE*/": STRICT + constants() + core,
        "/*WORKER*/": source("worker.js"),
        "/*PAGE*/": f'{STRICT}const KERNELS = "{kernels}";\n{page}',
    }
    html = source("page.html")
    for mark, content in filled.items():
        html = html.replace(mark, content)
    return html


def constants() -> str:
    """The package's numbers, so that the page has none of its own: settings, sizes of the network, the pen."""
    network = Network()
    layers = []  # [numbers, fan-in] of weights and biases
    for filters, *seen in network.layer_shapes[::2]:
        layers += [[filters * math.prod(seen), math.prod(seen)], [filters, math.prod(seen)]]
    package = {"settings": asdict(COMPARISON), "n_weights": network.n_weights, "layers": layers}
    pen = {name: getattr(digits, name) for name in PEN}
    return f"const PACKAGE = {json.dumps(package)};\nconst PEN = {json.dumps(pen)};\n"


def scripts(names: list[str]) -> str:
    """Sources in JavaScript, one after the other."""
    return "\n".join(source(f"{name}.js").replace(STRICT, "") for name in names)


def source(name: str) -> str:
    """A file of page/."""
    return (PAGE / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    (Path(__file__).parents[2] / "lessons" / "playground.html").write_text(playground(), encoding="utf-8")
