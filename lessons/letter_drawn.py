"""The letter in pictures, as SVG: its five protocols side by side, Algorithm 1 as three lanes, and its network."""

import numpy as np
from drawing import HERE, INK, NEGATIVE, digits_of, svg, text, tile

from mix2fld_np.federation.protocols import PROTOCOLS, seed_bits
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.mixing.inverse import inverse_mixup
from mix2fld_np.mixing.mixup import mixup
from mix2fld_np.nn.network import Network
from mix2fld_np.pictures.curves import LOOKS
from mix2fld_np.randomness import stream
from mix2fld_np.wireless import channel

NETWORK, GREY = Network(), "#666666"
COLUMN = 188  # width of a protocol
BITS_A_PIXEL = 13_000  # of a pipe's width
RATIO = 0.3  # of the blends that are shown, so that mixing can be seen; the letter takes 0.1

# What the server does, what travels, and what it comes to.
WORDS = {
    "FL": ("averages weights", "too much to send up"), "FD": ("averages outputs", "no model is ever shared"),
    "FLD": ("distils on samples", "raw samples leave"), "MixFLD": ("distils on blends", "labels are soft"),
    "Mix2FLD": ("unmixes, distils", "labels are hard again"),
}  # fmt: skip


def protocols() -> str:
    """Server, channel and phones of each protocol; pipes are as wide as their bits."""
    heading = "Pipes are as wide as their bits, but for the thinnest; what is pale travels once, in the first round."
    parts = [text(14, 22, heading, 12, "start", GREY)]
    for k, name in enumerate(WORDS):
        parts += protocol_column(name, COLUMN * k)
        parts += [f'<path d="M{COLUMN * k} 40V426" stroke="#dddddd"/>'] if k else []
    words = "Five protocols: FL has wide pipes up and down, FD thin ones, FLD, MixFLD and Mix2FLD thin up and wide down"
    return svg(5 * COLUMN, 436, words, parts)


def protocol_column(name: str, left: float) -> list[str]:
    """One protocol: its name, its server, what goes up and down, and three phones."""
    protocol, colour, middle = PROTOCOLS[name], LOOKS[name].colour, left + COLUMN / 2
    does, comes_to = WORDS[name]
    bits = [payload.bits(PRINTED, NETWORK) for payload in (protocol.uplink, protocol.downlink)]
    once = seed_bits(protocol, PRINTED, NETWORK)
    parts = [text(middle, 52, f"<tspan font-weight='bold'>{name}</tspan>", 16, colour=colour),
             box(left + 16, 62, COLUMN - 32, 94, colour), text(middle, 78, "server", 11, colour=GREY)]
    held, travels = pictures_of(name)
    for m, picture in enumerate(held):
        parts += tile(picture, middle - 25 * len(held) + 50 * m + 2, 84, 46, float(np.abs(picture).max(initial=1e-9)))
    parts.append(text(middle, 149, does, 12))
    up, down = left + 72, left + COLUMN - 72
    parts += [arrow(up, 316, 162, once + bits[0], colour, 0.25)] if once else []
    parts += [arrow(up, 316, 162, bits[0], colour), arrow(down, 162, 316, bits[1], colour)]
    for m, picture in enumerate(travels):
        parts += [f'<rect x="{up - 15}" y="{270 + 34 * m}" width="30" height="30" fill="white"/>',
                  *tile(picture, up - 15, 270 + 34 * m, 30)]
    said = [(protocol.uplink.name, bits[0])] + [("samples, once", once)] * bool(once)
    for m, (what, size) in enumerate(said):
        parts += beside(up - 19, 214 + 34 * m, what, size, "end")
    parts += beside(down + 19, 214, protocol.downlink.name, bits[1], "start")
    for m in range(3):
        parts += phone(middle - 57 + 42 * m, 324, stream(0, name, m).permutation(10)[:2].tolist())
    first, later = (int(channel.slots_needed(PRINTED.uplink, size)) for size in (once + bits[0], bits[0]))
    slots = f"{first} slot{'s' * (first > 1)} up" + (f", then {later}" if later < first else "")
    return [*parts, text(middle, 396, slots, 12), text(middle, 414, comes_to, 12, colour=GREY)]


def beside(x: float, y: float, what: str, bits: int, anchor: str) -> list[str]:
    """What a pipe carries, and how many bits it is."""
    words = what.split(", ")
    lines = [text(x, y + 12 * m, word, 11, anchor) for m, word in enumerate(words)]
    return [*lines, text(x, y + 12 * len(words), f"{bits:,}", 10, anchor, GREY)]


def arrow(x: float, start: float, stop: float, bits: int, colour: str, opacity: float = 1.0) -> str:
    """An upright arrow as wide as its bits, with a head that can be seen."""
    half, back = max(0.75, bits / BITS_A_PIXEL / 2), 12 if stop < start else -12
    path = f"M{x - half:g} {start:g}V{stop + back:g}H{x - half - 6:g}L{x:g} {stop:g}L{x + half + 6:g} {stop + back:g}"
    return f'<path d="{path}H{x + half:g}V{start:g}z" fill="{colour}" fill-opacity="{opacity:g}"/>'


def box(x: float, y: float, width: float, height: float, colour: str) -> str:
    """An outline with round corners."""
    return (f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8" fill="white" stroke="{colour}" '
            'stroke-width="1.5"/>')


def phone(x: float, y: float, rare: list[int]) -> list[str]:
    """A phone with how many samples of each label it has; the two rare labels are orange."""
    parts = [f'<rect x="{x:g}" y="{y:g}" width="30" height="50" rx="5" fill="white" stroke="{INK}"/>']
    for label in range(10):
        height, colour = (2, NEGATIVE) if label in rare else (22, "#bbbbbb")
        parts.append(f'<rect x="{x + 3.2 + 2.4 * label:g}" y="{y + 38 - height:g}" width="1.8" height="{height}" '
                     f'fill="{colour}"/>')
    return parts


def pictures_of(name: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What the server of a protocol learns from, and what travels to it, as pictures."""
    if name == "FL":
        return [NETWORK.initial_weights(stream(0, "the picture"))[:100].reshape(10, 10)], []
    if name == "FD":
        return [0.1 + 0.7 * np.eye(10)], []
    two, seven, another_seven, another_two = digits_of(2, 7, 7, 2)
    blends = [mixup(two, seven, RATIO), mixup(another_seven, another_two, RATIO)]
    held = {"FLD": [two, seven], "MixFLD": blends, "Mix2FLD": [*inverse_mixup(np.stack(blends), [RATIO, 1 - RATIO])]}
    return held[name], [two] if name == "FLD" else blends[:1]


# --- Algorithm 1 ------------------------------------------------------------------------------------------------------

LANES = {"phones": 30, "channel": 350, "server": 570}  # where each begins
WIDTHS = {"phones": 290, "channel": 190, "server": 290}


def steps() -> list[tuple[str, str, str, str]]:
    """The lines of Algorithm 1: number, lane, what is done, and the arrays that come of it."""
    s, D, N_L, N_mod = PRINTED, PRINTED.n_devices, NETWORK.n_labels, NETWORK.n_weights
    image, M, made = NETWORK.image_shape, D * s.n_seed_samples, D * s.n_inverse_samples
    protocol = PROTOCOLS["Mix2FLD"]
    up, down = protocol.uplink.bits(s, NETWORK), protocol.downlink.bits(s, NETWORK)
    return [
        ("4", "phones", "round 1: mix up seed samples, eq. (6)", f"images {(M, *image)}, labels {(M, N_L)}"),
        ("5", "phones", "K steps of SGD, eq. (1); outputs, eq. (2)", f"weights {(D, N_mod)}, outputs {(D, N_L, N_L)}"),
        ("6", "channel", f"{up:,} bits each", f"round 1: + {seed_bits(protocol, s, NETWORK):,}"),
        ("8", "server", "round 1: unmix the samples, eq. (7)", f"images {(made, *image)}, labels {(made, N_L)}"),
        ("9", "server", "average what arrived: G_out", f"mean {(N_L, N_L)}"),
        ("10", "server", "K_S steps of SGD, eq. (5): G_mod", f"server ({N_mod},)"),
        ("11", "channel", f"{down:,} bits to all", "those in outage get none"),
        ("13", "phones", "go on from G_mod", f"weights {(D, N_mod)}"),
    ]  # fmt: skip


def algorithm_1(hidden: str = "") -> str:
    """Algorithm 1 as three lanes: phones, channel, server; lines have the letter's numbers, arrays their shapes.

    The arrays of the line `hidden` are asked for.
    """
    parts = []
    for name, left in LANES.items():
        parts.append(f'<rect x="{left - 10}" y="10" width="{WIDTHS[name] + 20}" height="414" rx="8" fill="#f5f5f5"/>')
        parts.append(text(left + WIDTHS[name] / 2, 32, f"<tspan font-weight='bold'>{name}</tspan>", 14))
    for k, (number, lane, does, arrays) in enumerate(steps()):
        y = 46 + 44 * k
        parts += across(y + 12, up=number == "6") if lane == "channel" else []
        parts += line(LANES[lane], y, number, does, "which arrays change?" if number == hidden else arrays)
    last = "2, 12: again, until G_out hardly changes"
    parts += [f'<path d="M26 384H12V102H20" fill="none" stroke="{INK}"/>',
              f'<path d="M18 97L26 102L18 107z" fill="{INK}"/>', text(LANES["phones"], 416, last, 11, "start", GREY)]
    words = "Algorithm 1 in three lanes: phones mix up, train, upload; the server unmixes, averages, distils"
    return svg(880, 434, words, parts)


def line(x: float, y: float, number: str, does: str, arrays: str) -> list[str]:
    """A numbered line of the algorithm and its arrays."""
    return [f'<circle cx="{x + 8:g}" cy="{y + 12:g}" r="11" fill="{HERE}"/>', text(x + 8, y + 16, number, 11),
            text(x + 25, y + 11, does, 12, "start"), text(x + 25, y + 26, arrays, 11, "start", GREY)]


def across(y: float, up: bool) -> list[str]:
    """An arrow through the channel's lane, to the server or back."""
    left, right = LANES["channel"] - 8, LANES["server"] - 14
    tip, back = (right, -9) if up else (left, 9)
    return [f'<path d="M{left} {y + 22}H{right}" stroke="{INK}"/>',
            f'<path d="M{tip} {y + 22}l{back} -5v10z" fill="{INK}"/>']


# --- the network ------------------------------------------------------------------------------------------------------


def network() -> str:
    """The letter's network: its planes to scale, their shapes below, and between them what is done and its weights."""
    (C, H, W), (F1, F2) = NETWORK.image_shape, NETWORK.filters
    w1, b1, w2, b2, w3, b3 = (int(np.prod(shape)) for shape in NETWORK.layer_shapes)
    shapes = [(C, H, W), (F1, H, W), (F1, H // 2, W // 2), (F2, H // 2, W // 2)]
    steps = [("3x3, ReLU", w1 + b1), ("max-pool", 0), ("3x3, ReLU", w2 + b2), ("connected", w3 + b3)]
    (digit,), x = digits_of(7), 20.0
    parts = []
    for (n, height, width), (does, n_weights) in zip(shapes, steps, strict=True):
        parts += tile(digit, x, 100 - H, 2 * H) if n == C else planes(x, n, height, width)
        parts.append(text(x + width, 176, f"{n} x {height} x {width}", 12))
        x += 2 * width + 4 * n
        parts += step(x, does, n_weights)
        x += 104
    parts += bars(x, NETWORK.outputs(NETWORK.initial_weights(stream(0, "the picture")), digit[None, None])[0])
    words = f"Two convolutions, {F1} and {F2} filters, a max-pool between them and a connected layer"
    return svg(int(x + 90), 200, f"{words}: {NETWORK.n_weights:,} weights", parts)


def planes(x: float, n: int, height: int, width: int) -> list[str]:
    """So many planes, the first in front."""
    size = f'width="{2 * width}" height="{2 * height}" fill="white" stroke="{INK}"'
    return [f'<rect x="{x + 4 * k:g}" y="{100 - height - 4 * k:g}" {size}/>' for k in reversed(range(n))]


def step(x: float, does: str, n_weights: int) -> list[str]:
    """An arrow from planes to planes."""
    return [text(x + 52, 92, does, 12), text(x + 52, 126, f"{n_weights:,} weights", 11, colour=GREY),
            f'<path d="M{x + 8:g} 104H{x + 94:g}" stroke="{INK}"/>',
            f'<path d="M{x + 96:g} 104l-9 -5v10z" fill="{INK}"/>']


def bars(x: float, outputs: np.ndarray) -> list[str]:
    """The outputs of a network that knows nothing yet, a bar for each label."""
    parts = [text(x + 30, 186, f"softmax, {len(outputs)}", 12)]
    for label, value in enumerate(outputs):
        parts += [f'<rect x="{x + 14:g}" y="{36 + 13 * label}" width="{300 * value:g}" height="10" fill="{HERE}"/>',
                  text(x + 8, 45 + 13 * label, str(label), 10, "end")]
    return parts
