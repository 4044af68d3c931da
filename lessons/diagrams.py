"""The pictures at the head of the lessons, as SVG: `python lessons/diagrams.py` draws them anew into pictures/."""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from drawing import DECODED, HERE, INK, LOST, NEGATIVE, digits_of, svg, text, tile
from letter_drawn import algorithm_1, network, protocols

from mix2fld_np.datasets.formats import pixels
from mix2fld_np.datasets.registry import load
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.mixing.inverse import inverse_mixup
from mix2fld_np.mixing.mixup import mixup
from mix2fld_np.pictures.curves import LOOKS
from mix2fld_np.randomness import stream
from mix2fld_np.wireless import channel

PICTURES = Path(__file__).parent / "pictures"

# Number, short title, column and row on the map, and the lessons to have read before.
COURSE = [
    ("00", "one page", 0, 1, ()), ("01", "softmax", 1, 1, ()), ("02", "convolution", 2, 0, ("01",)),
    ("03", "averaging", 2, 1, ("01",)), ("04", "distillation", 3, 1, ("03",)), ("05", "slots", 3, 2, ()),
    ("06", "to a model", 4, 1, ("04", "05")), ("07", "Mixup", 5, 1, ("06",)), ("08", "inverse", 6, 1, ("07",)),
    ("09", "rounds", 7, 1, ("08",)), ("10", "figures", 8, 0, ("09",)), ("11", "questions", 8, 2, ("09",)),
]  # fmt: skip


def course_map(here: str) -> str:
    """The twelve lessons, an arrow from each to those that build on it, and the one that is open marked."""
    place = {number: (8 + 90 * column, 10 + 44 * row) for number, _, column, row, _ in COURSE}
    parts = []
    for number, _, _, _, before in COURSE:
        (x, y), starts = place[number], [place[other] for other in before]
        parts += [f'<path d="M{a + 80} {b + 17}L{x} {y + 17}" stroke="#999999" fill="none"/>' for a, b in starts]
    for number, title, *_ in COURSE:
        (x, y), fill = place[number], HERE if number == here else "#f2f2f2"
        parts.append(f'<rect x="{x}" y="{y}" width="80" height="34" rx="6" fill="{fill}" stroke="#999999"/>')
        parts += [text(x + 40, y + 14, number, 12), text(x + 40, y + 28, title, 11)]
    return svg(818, 142, f"Map of the twelve lessons; you are in {here}", parts)


def slots() -> str:
    """A hundred slots of the uplink, decoded or lost."""
    gains = stream(5, "the picture").standard_exponential(100)
    good = channel.snr(PRINTED.uplink, gains) >= PRINTED.threshold
    parts = [text(10, 22, "100 slots of 1 ms, one after the other", 13, "start")]
    for k, decoded in enumerate(good):
        x, y = 10 + 30.4 * (k % 25), 34 + 26 * (k // 25)
        parts.append(f'<rect x="{x:g}" y="{y}" width="26" height="20" rx="3" fill="{DECODED if decoded else LOST}"/>')
        parts += [] if decoded else [text(x + 13, y + 15, "x", 13)]
    words = f"{good.sum()} decoded, {(~good).sum()} lost; FL needs 101 decoded ones"
    parts.append(text(10, 156, words, 14, "start"))
    return svg(780, 166, "A row of a hundred slots, most decoded, some lost", parts)


def blends() -> str:
    """A seven that turns into a four, with the share of the four below each."""
    four, seven = digits_of(4, 7)
    parts = []
    for k, lam in enumerate((0.0, 0.1, 0.2, 0.3, 0.4, 0.49)):
        parts += tile(mixup(four, seven, lam), 10 + 128 * k, 10, 118)
        parts.append(text(69 + 128 * k, 148, f"{lam:g} of the four", 12))
    return svg(780, 160, "Six blends of two digits, from the seven alone to half of each", parts)


def ghosts() -> str:
    """Two mixed-up samples and what inverse-Mixup makes of them, with ghosts in orange."""
    i, j, i2, j2 = digits_of(4, 7, 7, 4)
    parts = []
    for k, lam in enumerate((0.1, 0.3, 0.45)):
        mixed = np.stack([mixup(i, j, lam), mixup(i2, j2, lam)])
        shown = [*mixed, inverse_mixup(mixed, [lam, 1 - lam])[0]]
        for m, image in enumerate(shown):
            parts += tile(image, 10 + 260 * k + 82 * m, 10, 78)
        parts += [text(51 + 260 * k + 41, 104, "arrived", 12), text(10 + 260 * k + 203, 104, "inverted", 12)]
        parts.append(text(133 + 260 * k, 124, f"mixing ratio {lam:g}", 13))
    return svg(790, 134, "Three times two blends of digits and their inverse; the inverse has orange ghosts", parts)


def beliefs() -> str:
    """A five, and what three networks believe: nothing, timidly the truth, surely something else."""
    parts = [*tile(digits_of(5)[0], 10, 14, 110), text(65, 142, "the picture", 12)]
    rest = np.full(10, 1 / 30)
    networks = {"knows nothing": np.full(10, 0.1), "timid and right": rest.copy(), "sure and wrong": rest / 10}
    networks["timid and right"][5], networks["sure and wrong"][6] = 0.7, 0.97
    for k, (name, outputs) in enumerate(networks.items()):
        left = 150 + 210 * k
        parts.append(f'<path d="M{left} 124h190" stroke="#999999"/>')
        for label, share in enumerate(outputs):
            height, colour = 110 * share, INK if label == 5 else "#bbbbbb"
            box = f'x="{left + 19 * label}" y="{124 - height:.4g}" width="15" height="{height:.4g}"'
            parts += [f'<rect {box} fill="{colour}"/>', text(left + 19 * label + 7, 137, str(label), 10)]
        parts.append(text(left + 95, 154, name, 12))
    return svg(780, 164, "A five, and the outputs of three networks for it as bars over ten labels", parts)


def windows() -> str:
    """A filter of nine taps on its way over a picture, and the plane that it makes."""
    picture = digits_of(7)[0][6:26, 4:24]
    taps = np.array([[1.0, 0.0, -1.0]] * 3)
    padded = np.pad(picture, 1)
    plane = np.array([[np.sum(taps * padded[r : r + 3, s : s + 3]) for s in range(20)] for r in range(20)])
    parts = [*tile(picture, 10, 10, 180), *tile(taps, 300, 55, 90), *tile(plane, 500, 10, 180, reach=3.0)]
    for r, s in ((1, 4), (9, 9)):
        parts.append(f'<rect x="{10 + 9 * s}" y="{10 + 9 * r}" width="27" height="27" fill="none" stroke="{HERE}" '
                     'stroke-width="3"/>')
        parts.append(f'<rect x="{509 + 9 * s}" y="{19 + 9 * r}" width="9" height="9" fill="none" stroke="{HERE}" '
                     'stroke-width="3"/>')
    parts += [text(245, 108, "times", 14), text(445, 108, "summed", 14), text(345, 170, "nine taps", 12)]
    words = "A picture of a seven, nine taps, and the plane of their sums: edges in black and orange"
    return svg(690, 200, words, parts)


def walks() -> str:
    """Ten networks that walk off from one start or from ten, and their means, as points of a plane."""
    rng, parts = stream(3, "the picture"), []
    for left, apart, words in ((10, 0, "one start for all"), (400, 62, "ten different starts")):
        around = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        starts = np.array([100, 85]) + apart * np.stack([1.6 * np.cos(around), np.sin(around)], axis=1)
        angles = rng.uniform(0, 2 * np.pi, 10)
        walk = np.array([120, 20]) * (not apart) + 34 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        ends = starts + walk
        shift = np.array([left + (80 if apart else 0), 20])
        for (a, b), (c, d) in zip(starts + shift, ends + shift, strict=True):
            parts.append(f'<path d="M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" stroke="#999999"/>')
            parts.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="white" stroke="{INK}"/>')
            parts.append(f'<circle cx="{c:.1f}" cy="{d:.1f}" r="4" fill="{INK}"/>')
        x, y = ends.mean(axis=0) + shift
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="11" fill="{HERE}"/>', text(x, y + 5, "?", 14)]
        parts.append(text(left + 180, 216, words, 13))
    return svg(760, 226, "Ten networks walk from one start, and ten from different ones; the mean of each ten", parts)


def hearsay() -> str:
    """The digits that a device holds, without the seven, and what others say about a seven, in percent."""
    about_seven = (1, 6, 4, 3, 1, 1, 1, 73, 4, 5)  # a row of G_out after three rounds
    parts = []
    for label, image in enumerate(digits_of(*range(10))):
        x, y = 10 + 62 * (label % 5), 10 + 62 * (label // 5)
        parts += tile(image if label != 7 else np.zeros((28, 28)), x, y, 56)
        parts += [text(x + 28, y + 38, "?", 28, colour=NEGATIVE)] if label == 7 else []
    parts += [text(160, 156, "what the device has seen", 13), '<path d="M380 124h380" stroke="#999999"/>']
    for label, share in enumerate(about_seven):
        x, height = 385 + 38 * label, 1.4 * share
        box = f'x="{x}" y="{124 - height:.4g}" width="26" height="{height:.4g}"'
        parts += [f'<rect {box} fill="{HERE}"/>', text(x + 13, 138, str(label), 11)]
        parts.append(text(x + 13, 120 - height, f"{share} %", 10))
    parts.append(text(570, 156, "what the others say about a 7", 13))
    return svg(780, 166, "Ten digits, the seven missing, and how similar to each label others find a seven", parts)


def pipes() -> str:
    """What a device uploads with weights and with outputs, pipes as wide as their bits, and what the server gets."""
    digits = digits_of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    table = 0.8 * np.eye(10)
    for n, m in ((4, 9), (7, 9), (3, 5), (5, 8), (3, 8), (1, 7)):  # look alike
        table[n, m] = table[m, n] = 0.25
    rows = [("weights, every round", 401_408, 65), ("outputs, every round", 3_200, 150), ("samples, once", 62_720, 200)]
    parts = []
    for words, bits, y in rows:
        width = max(1.0, bits / 4_000)  # a pixel for each slot of the uplink
        parts.append(f'<path d="M180 {y}h200" stroke="#777777" stroke-width="{width:g}"/>')
        parts += [text(170, y, words, 13, "end"), text(170, y + 15, f"{bits:,} bits", 11, "end")]
    parts += [text(400, 70, "a network, ready to be averaged", 13, "start"), *tile(table, 400, 126, 48)]
    parts.append(text(460, 155, "100 numbers", 13, "start"))
    for k, image in enumerate(digits):
        parts += tile(image, 400 + 30 * k, 186, 28)
    parts.append(f'<path d="M706 130v90l12 -45z" fill="{HERE}"/>')
    parts += [text(770, 172, "a network", 13), text(770, 190, "?", 18)]
    words = "Weights need a pipe a hundred pixels wide, outputs less than one, ten seed samples sixteen"
    return svg(815, 230, words, parts)


def guesses() -> str:
    """A blend that a phone uploads at three ratios, what a curious server makes of it, and the raw picture."""
    four, seven = digits_of(4, 7)
    data = load("digits", n_train=2_000, n_test=10)
    mean_4, mean_7 = (pixels(data.train_images[data.train_labels == n]).mean(axis=0)[0] for n in (4, 7))
    parts = []
    for k, lam in enumerate((0.1, 0.3, 0.45)):
        upload, left = mixup(four, seven, lam), 10 + 224 * k
        residual = upload - mixup(mean_4, mean_7, lam)
        guess = mean_7 + (1 - lam) / (lam**2 + (1 - lam) ** 2) * residual
        parts += [*tile(upload, left, 10, 100), *tile(guess, left + 106, 10, 100)]
        parts += [text(left + 50, 126, "uploaded", 12), text(left + 156, 126, "guessed", 12)]
        parts.append(text(left + 103, 144, f"mixing ratio {lam:g}", 13))
    parts += [*tile(seven, 690, 10, 100), text(740, 126, "never uploaded", 12)]
    return svg(800, 154, "At three ratios a blend of a seven and a four and a guess; then the seven", parts)


def a_round() -> str:
    """Algorithm 1 with a question: what line 10 changes."""
    return algorithm_1(hidden="10")


def saws() -> str:
    """Accuracy of one device over ten rounds of FD and of MixFLD, from a stored run on MNIST."""
    downloaded = (89.5, 88.9, 89.3, 87.9, 86.7, 85.2, 83.9, 82.9, 82.6, 81.2)  # MixFLD, 50 seed samples, IID
    trained = (91.5, 91.8, 91.8, 92.0, 91.7, 91.7, 91.8, 91.5, 91.7)
    fd = (90.3, 90.4, 90.3, 90.3, 90.2, 90.2, 90.2, 90.2, 90.2, 90.2)

    def path(points: Iterable[tuple[float, float]], colour: str) -> str:
        line = "L".join(f"{66 * p:g} {20 + 15 * (93 - accuracy):.4g}" for p, accuracy in points)
        return f'<path d="M{line}" stroke="{colour}" stroke-width="2.5" fill="none"/>'

    saw = [(1 + p + k, (downloaded, trained)[k][p]) for p in range(9) for k in (0, 1)] + [(10, downloaded[9])]
    parts = [path(saw, LOOKS["MixFLD"].colour), path(enumerate(fd, 1), LOOKS["FD"].colour)]
    parts += [text(52, 25 + 15 * (93 - level), f"{level} %", 11, "end") for level in (80, 85, 90)]
    parts += [text(66 * p, 232, str(p), 11) for p in range(1, 11)]
    parts += [text(363, 250, "rounds of one phone, MNIST", 12)]
    parts += [text(670, 66, "FD", 13, "start"), text(670, 130, "MixFLD", 13, "start")]
    return svg(740, 258, "Accuracy of one phone over ten rounds: FD nearly flat, MixFLD a saw across it", parts)


HEADS = {
    "00": protocols, "01": beliefs, "02": windows, "03": walks, "04": hearsay, "05": slots, "06": pipes, "07": blends,
    "08": ghosts, "09": a_round, "10": saws, "11": guesses,
}  # fmt: skip


def drawings() -> dict[str, str]:
    """All files of pictures/ that this module draws, by name."""
    maps = {f"map_{number}.svg": course_map(number) for number, *_ in COURSE}
    heads = {f"head_{number}.svg": draw() for number, draw in HEADS.items()}
    return maps | heads | {"algorithm_1.svg": algorithm_1(), "network.svg": network()}


def main() -> int:
    """Writes all of them."""
    for name, drawing in drawings().items():
        (PICTURES / name).write_text(drawing, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
