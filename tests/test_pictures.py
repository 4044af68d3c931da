"""What pictures show: curves told apart without colour, equal ones as equal, legends that hold their texts."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mix2fld_np.federation.protocols import TABLE
from mix2fld_np.federation.settings import SPLITS
from mix2fld_np.pictures import letter, studies
from mix2fld_np.pictures.canvas import add_legend, new_figure, render
from mix2fld_np.pictures.curves import LOOKS, equal_ones, handles_of, learning_curves, looks_of
from mix2fld_np.study.figures import CURVES, PANELS
from mix2fld_np.study.sweeps import SWEEPS

few = settings(deadline=None, max_examples=25)
OWN_NAMES = [f"Own{k}FLD" for k in range(8)]


def rows_of(protocol, accuracies, seed=0, times=None):
    """Rows of curve.csv."""
    seconds = range(len(accuracies)) if times is None else times
    return [
        {"protocol": protocol, "seed": seed, "elapsed_s": float(at), "accuracy": a}
        for at, a in zip(seconds, accuracies, strict=True)
    ]


def lines_of(picture, panel=0):
    return {line.get_label(): line for line in picture.axes[panel].get_lines()}


def apart(looks):
    """Whether no two looks share dashes, and none share a marker."""
    return len({str(look.line) for look in looks}) == len({look.marker for look in looks}) == len(looks)


# --- without colour ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("looks", [
    letter.CURVE_LOOKS,
    *({line.name: studies.SERIES_LOOKS[line.name] for line in sweep.series} for sweep in SWEEPS.values()),
    looks_of([*LOOKS, *OWN_NAMES[:4]]),
    looks_of(OWN_NAMES[:5]),
])  # fmt: skip
def test_no_two_curves_of_a_picture_share_dashes_or_marker(looks):
    assert apart(list(looks.values()))


@given(st.permutations([*LOOKS, *OWN_NAMES]))
def test_protocols_look_the_same_in_every_picture_and_those_of_ones_own_have_looks_of_their_own(names):
    looks = looks_of(names)
    assert {name: looks[name] for name in LOOKS} == LOOKS
    pairs = {(str(look.line), look.marker) for look in looks.values()}
    assert len(pairs) == len(names)


def test_what_is_drawn_has_the_look_of_its_name():
    names = [*LOOKS, *OWN_NAMES[:3]]
    rows = [row for k, name in enumerate(names) for row in rows_of(name, [0.1, 0.1 + 0.05 * k, 0.2 + 0.07 * k])]
    lines = lines_of(learning_curves(rows, "title"))
    looks = looks_of(names)
    for name in names:
        assert (lines[name].get_color(), lines[name].get_marker()) == (looks[name].colour, looks[name].marker)
    assert len({str(line._unscaled_dash_pattern) for line in lines.values()}) == len(names)


# --- equal curves -----------------------------------------------------------------------------------------------------


@few
@given(st.lists(st.integers(0, 2), min_size=1, max_size=5))
def test_equal_curves_are_drawn_once_and_named_together(kinds):
    names = [row.name for row in TABLE][: len(kinds)]
    curves = {name: [0.1, 0.2, 0.3 + kind / 10] for name, kind in zip(names, kinds, strict=True)}
    rows = [row for name, curve in curves.items() for seed in (0, 1) for row in rows_of(name, curve, seed)]
    named = [
        " = ".join(name for name, own in zip(names, kinds, strict=True) if own == kind) for kind in dict.fromkeys(kinds)
    ]
    picture = learning_curves(rows, "title")
    assert list(lines_of(picture)) == named
    assert [text.get_text() for text in picture.legends[0].get_texts()] == named


@given(st.lists(st.integers(0, 3), max_size=8))
def test_equal_ones_are_those_that_a_double_loop_finds(kinds):
    groups = equal_ones({str(k): (np.array([kind, 1.0]),) for k, kind in enumerate(kinds)})
    assert sorted(itertools.chain(*groups)) == sorted(str(k) for k in range(len(kinds)))
    for one, other in itertools.combinations(range(len(kinds)), 2):
        together = any({str(one), str(other)} <= set(group) for group in groups)
        assert together == (kinds[one] == kinds[other])


def test_panels_of_figure_2_name_equal_curves_in_their_titles():
    rows = [
        {**row, "panel": panel.name, "N_S": curve.n_seed, "N_I": curve.n_inverse}
        for panel in PANELS
        for k, curve in enumerate(CURVES)
        for row in rows_of(curve.protocol, [0.1, 0.7 if panel.name == "a" and k < 3 else 0.2 + 0.05 * k])
    ]
    picture = letter.figure_2(rows, "title")
    assert "FL = FD = MixFLD (10)" in picture.axes[0].get_title() and "=" not in picture.axes[1].get_title()
    assert len(lines_of(picture, 0)) == 6 and len(lines_of(picture, 1)) == 8
    assert [text.get_text() for text in picture.legends[0].get_texts()] == [curve.label for curve in CURVES]


def points_of(name, value):
    """Points of a study whose accuracy is `value(series, k)`."""
    sweep = SWEEPS[name]
    besides = {"chance_of_upload": 0.5, "privacy_of_uploads": 1.0, "memory_mb": 1.0}
    return [
        {
            "series": line.name,
            sweep.field: at,
            "trained": value(line.name, k),
            "trained_spread": 0.01,
            "server_accuracy": None,
            **besides,
        }
        for line in sweep.series
        for k, at in enumerate((98, 100, 105))
    ]


def test_a_study_draws_equal_lines_once_and_names_them():
    picture = studies.slots(
        points_of("slots", lambda name, k: 0.9 if name.startswith("FL") else 0.5 + 0.1 * k * ("asym" in name)), "title"
    )
    assert picture.axes[0].get_title() == "FL asymmetric = FL symmetric"
    assert len(picture.axes[0].containers) == 3 and len(picture.axes[1].containers) == 1


def test_the_printed_slots_are_marked_only_where_they_are_among_those_shown():
    marks = {}
    for shift in (0, -60):
        points = [
            point | {"max_slots": point["max_slots"] + shift} for point in points_of("slots", lambda name, k: 0.5)
        ]
        marks[shift] = [text.get_text() for text in studies.slots(points, "title").axes[1].texts]
    assert marks == {0: [" printed"], -60: []}


def test_below_a_value_stands_the_largest_of_its_lines():
    points = [{"series": line.name, "n_inverse_samples": 50 * k, "trained": 0.8, "n_uploads_used": 9,
               "memory_mb": j + k}
              for k in (1, 2) for j, line in enumerate(SWEEPS["inverse-samples"].series)]  # fmt: skip
    labels = [text.get_text() for text in studies.inverse_samples(points, "title").axes[0].get_xticklabels()]
    assert labels == ["50\n5", "100\n6"]


@pytest.mark.parametrize("privacy", [-math.inf, math.inf, None])
def test_a_study_stands_distances_that_are_none(privacy):
    points = [point | {"privacy_of_uploads": privacy} for point in points_of("ratio", lambda name, k: 0.5)]
    points = [point | {"server_accuracy": None} for point in points]
    assert render(studies.ratio(points, "title"), "ratio")["ratio.png"].startswith(b"\x89PNG")


# --- room -------------------------------------------------------------------------------------------------------------


def extents(figure):
    """Where the legend of a figure stands once it is drawn, and where the lowest text or axes above it ends."""
    figure.canvas.draw()
    legend = figure.legends[0].get_window_extent()
    return legend, min(ax.get_tightbbox().y0 for ax in figure.axes)


LONG = "A protocol with a long name of its own, number {}"


@pytest.mark.parametrize("names", [
    list(LOOKS),
    [LONG.format(k) for k in range(3)],
    [*LOOKS, *OWN_NAMES[:4]],
    [LONG.format(k) for k in range(9)],
    ["X" * 300, "word " * 60],
], ids=["five", "long", "nine", "nine long", "wider than the page"])  # fmt: skip
@pytest.mark.parametrize("width", [7.2, 10.5])
def test_a_legend_lies_within_its_figure_and_below_its_axes(names, width):
    figure, ((axes,),) = new_figure(width)
    axes.set_xlabel("convergence time")
    height = axes.bbox.height
    add_legend(figure, handles_of(looks_of(names)), names)
    legend, above = extents(figure)
    assert legend.x0 >= 0 and legend.x1 <= figure.bbox.width and legend.y0 >= 0 and legend.y1 <= above + 1
    assert "".join("".join(text.get_text().split()) for text in figure.legends[0].get_texts()) == "".join(
        "".join(names).split()
    )
    assert axes.bbox.height >= 0.7 * height


def test_a_legend_of_two_rows_is_balanced():
    figure, _ = new_figure(10.5)
    add_legend(figure, handles_of(letter.CURVE_LOOKS), list(letter.CURVE_LOOKS))
    figure.canvas.draw()
    rows = [round(text.get_window_extent().y0) for text in figure.legends[0].get_texts()]
    assert sorted(rows.count(row) for row in set(rows)) == [4, 4]


def test_a_picture_of_nine_curves_holds_its_legend():
    names = [*LOOKS, *OWN_NAMES[: 9 - len(LOOKS)]]
    rows = [row for k, name in enumerate(names) for row in rows_of(name, [0.1, 0.1 + 0.05 * k])]
    figure = learning_curves(rows, "title")
    legend, above = extents(figure)
    assert legend.x0 >= 0 and legend.x1 <= figure.bbox.width and legend.y1 <= above + 1
    assert len(figure.legends[0].get_texts()) == 9


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_a_curve_over_seeds_goes_to_the_end_of_the_longest_run_with_a_band_around_it():
    rows = rows_of("FL", [0.1, 0.3], 0) + rows_of("FL", [0.1, 0.3, 0.5], 1)
    picture = learning_curves(rows, "title")
    line = lines_of(picture)["FL"]
    np.testing.assert_allclose([line.get_xdata(), line.get_ydata()], [[0, 1, 2], [10, 30, 40]])
    (band,) = picture.axes[0].collections
    top = max(y for x, y in band.get_paths()[0].vertices if x == 2)
    assert top == pytest.approx(40 + 100 * np.std([0.3, 0.5], ddof=1))


def test_one_seed_has_no_band():
    assert not learning_curves(rows_of("FL", [0.1, 0.3]), "title").axes[0].collections


def test_figure_3_shows_every_number_of_devices_in_both_splits():
    rows = [
        {"split": split, "n_devices": n, "accuracy": 0.5 + 0.01 * (d % 7)}
        for split in SPLITS
        for n in letter.N_DEVICES
        for d in range(n)
    ]
    points = [{"split": split, "n_devices": n, "variance": 0.0001 * n} for split in SPLITS for n in letter.N_DEVICES]
    picture = letter.figure_3(rows, points, "title")
    for column in (0, 1):
        assert [bar.get_height() for bar in picture.axes[2 + column].patches] == pytest.approx(list(letter.N_DEVICES))
        assert len(picture.axes[column].patches) == len(letter.N_DEVICES)


@pytest.mark.parametrize("draw", [
    lambda title: learning_curves(rows_of("FL", [0.1, 0.3]), title),
    lambda title: studies.ratio(points_of("ratio", lambda name, k: 0.5), title),
], ids=["one panel", "two panels"])  # fmt: skip
def test_a_long_title_lies_within_its_figure(draw):
    figure = draw(
        "Fashion-MNIST, 10000 devices, non-IID, -123.45 dBm uplink, "
        "$N_S$ = 100000, $N_I$ = 100000, at most 100000 rounds"
    )
    figure.canvas.draw()
    title = figure._suptitle or figure.axes[0].title
    box = title.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width and box.y1 <= figure.bbox.height
