"""What a curious server learns: a search for sources, guesses of pixels, and the command that measures both."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
from federations import digits, small_task
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from small_runs import write_digits
from strategies import generators

from mix2fld_np.cli import main
from mix2fld_np.datasets.formats import pixels
from mix2fld_np.errors import InputError
from mix2fld_np.federation import seed_samples
from mix2fld_np.mixing import attack
from mix2fld_np.study import attack as study, tables

shares = st.floats(0.05, 0.45).map(lambda lam: (lam, 1 - lam))


# ---------------------------------------------------------------------------------------------------------- the search
@given(generators, st.integers(1, 4), st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=1, max_size=3))
def test_the_nearest_pair_is_the_one_that_a_loop_over_all_pairs_finds(rng, n_held, blends):
    known, known_labels = rng.random((12, 1, 2, 3)), np.arange(12) % 3
    held, labels = rng.random((len(blends), n_held, 1, 2, 3)), np.array([(0, 1), (2, 0), (1, 2), (0, 1)])[:n_held]
    found = attack.nearest_pairs(held, blends, labels, known, known_labels)
    for (k, m), (i, j) in zip(np.ndindex(found.shape[:2]), found.reshape(-1, 2), strict=True):
        a, b = blends[k]
        far = {
            (p, q): ((held[k, m] - a * known[p] - b * known[q]) ** 2).sum()
            for p in np.flatnonzero(known_labels == labels[m][0])
            for q in np.flatnonzero(known_labels == labels[m][1])
        }
        assert far[i, j] == pytest.approx(min(far.values()), abs=1e-9)


@given(generators, st.integers(1, 9), st.integers(1, 9))
def test_the_nearest_picture_is_the_one_that_a_loop_finds(rng, n_held, n_known):
    held, known = rng.random((n_held, 1, 2, 3)), rng.random((n_known, 1, 2, 3))
    for sample, found in zip(held, attack.nearest(held, known), strict=True):
        assert found == min(range(n_known), key=lambda i: np.linalg.norm(sample - known[i]))


def test_chunks_change_nothing(monkeypatch):
    held, known = np.random.default_rng(3).random((2, 30, 5))
    whole = attack.nearest(held, known)
    monkeypatch.setattr(attack, "CHUNK", 7)
    assert_array_equal(attack.nearest(held, known), whole)


@given(generators, st.lists(shares, min_size=1, max_size=3))
def test_a_blend_of_known_pictures_gives_its_sources_away(rng, blends):
    known, known_labels = rng.random((40, 20)), np.arange(40) % 4
    sources = np.array([(0, 1), (2, 7), (13, 4)])
    held = np.stack([a * known[sources[:, 0]] + b * known[sources[:, 1]] for a, b in blends])
    found = attack.nearest_pairs(held, blends, known_labels[sources], known, known_labels)
    assert_array_equal(found, np.broadcast_to(sources, found.shape))


def test_a_label_that_no_known_picture_has_is_refused():
    with pytest.raises(InputError, match=r"label among \[3\]"):
        attack.nearest_pairs(np.ones((1, 1, 4)), [(0.1, 0.9)], [[0, 3]], np.ones((2, 4)), [0, 1])


# ------------------------------------------------------------------------------------------------------------- guesses
@given(generators, shares)
def test_each_guess_is_nearer_than_the_one_before_on_what_it_was_learned_from(rng, blend):
    raw, other = np.round(rng.random((2, 300, 4)) ** 3, 1)
    held = blend[0] * other + blend[1] * raw
    measures = [attack.decibels(guess, raw) for guess in attack.guesses(held, held, raw)]
    assert all(later >= earlier - 1e-9 for earlier, later in zip(measures, measures[1:], strict=False))


@given(generators)
def test_the_line_is_that_of_least_squares_and_the_table_holds_means(rng):
    x = rng.integers(0, 8, 200) / 7
    y = np.clip(x + rng.normal(0, 0.2, 200), 0, 1)
    held, line, clipped, table = attack.guesses(np.arange(8) / 7, x, y)
    assert_allclose(line, np.polyval(np.polyfit(x, y, 1), held), atol=1e-12)
    assert_array_equal(clipped, np.clip(line, 0, 1))
    for level, guess in zip(held, table, strict=True):
        same = np.isclose(x, level)
        assert guess == pytest.approx(y[same].mean() if same.any() else clipped[np.isclose(held, level)][0])


def test_decibels_are_those_of_a_mean_square_error():
    assert attack.decibels(np.full((3, 4), 0.5), np.full((3, 4), 0.4)) == pytest.approx(20)
    assert attack.decibels(np.uint8([1, 0]), np.uint8([0, 1])) == 0
    assert attack.decibels([0.25], [0.25]) == math.inf


# ------------------------------------------------------------------------------------------------ what the server holds
@pytest.fixture(scope="module", autouse=True)
def few_public_pictures():
    """Guesses are learned from few, which takes as much less time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "N_PUBLIC", 100)
        yield


@pytest.fixture(scope="module")
def scene():
    return study.scene_of(small_task(), 400)


@pytest.fixture(scope="module")
def rows(scene):
    return list(study.rows_of(scene))


def test_an_inverse_sample_is_the_upload_that_weighs_most_and_the_rest_of_its_partner(scene):
    (_, everyone, uploads, _), (_, (main, partners), made, _) = unpacked(scene)
    assert_array_equal(everyone[0], np.arange(4 * 10))
    for k, lam in enumerate(study.LAMBDAS):
        weight = (1 - lam) / (1 - 2 * lam)
        blend = weight * uploads[k][main] + (1 - weight) * uploads[k][partners]
        assert_allclose(made[k], blend, atol=1e-6 * weight)


def unpacked(scene):
    """What the server holds, the uploads of samples as columns."""
    return [(kind, uploads.T, images, public) for kind, uploads, images, public in study.held(scene)]


def test_the_uploads_are_those_of_a_run_and_the_known_hold_their_sources(scene):
    for (lam, images) in zip(study.LAMBDAS, next(study.held(scene))[2], strict=True):
        task = replace(scene.task, settings=replace(scene.task.settings, mixing_ratio=lam))
        sent = seed_samples.mixed(task)
        assert_array_equal(images, seed_samples.blend(sent, np.arange(len(sent.first)), task).images)
    assert set(scene.sent.first) | set(scene.sent.second) <= set(scene.known)
    assert len(set(scene.known)) == len(scene.known) == 400


def test_public_blends_are_made_as_the_uploads_are(scene):
    data, (first, second) = digits(), scene.public
    assert first.shape == (2, study.N_PUBLIC, 1, 28, 28)
    own = {image.tobytes() for image in data.test_pixels}
    assert {image.tobytes() for image in first.reshape(-1, 1, 28, 28)} <= own
    (*_, public), (*_, alike) = study.held(scene)
    for lam, blends, inverse in zip(study.LAMBDAS, public, alike, strict=True):
        weight = (1 - lam) / (1 - 2 * lam)
        assert_allclose(blends, lam * first[0] + (1 - lam) * second[0], atol=0.51 / 255)
        mirrors = lam * first[1] + (1 - lam) * second[1]
        assert_allclose(inverse, weight * blends + (1 - weight) * mirrors, atol=0.51 / 255 * weight)


def test_small_lambdas_hide_nothing_and_rounding_hides_the_smallest_share(rows):
    by_place = {(row["held"], row["lambda"]): row for row in rows}
    assert len(by_place) == len(rows) == 2 * len(study.LAMBDAS)
    for kind in ("uploads", "inverse samples"):
        assert by_place[kind, 0.1]["nearest_found"] == by_place[kind, 0.1]["sources_found"] == 1
        assert by_place[kind, 0.49]["nearest_found"] < by_place[kind, 0.49]["sources_found"] == 1
    exact = by_place["uploads", 0.001]  # a blend that 8 bits cannot tell from its main picture
    assert exact["held_db"] == math.inf and exact["nearest_found"] == 1 and exact["sources_found"] < 1


def test_what_is_held_is_as_far_from_its_raw_picture_as_the_blend_says(rows, scene):
    raw = [pixels(scene.task.data.train_images[which]).astype(float) for which in (scene.sent.first, scene.sent.second)]
    for row in rows:
        if row["held"] == "uploads" and row["lambda"] >= 0.1:  # beyond what rounding changes
            expected = -10 * math.log10(np.mean((row["lambda"] * (raw[0] - raw[1])) ** 2))
            assert row["held_db"] == pytest.approx(expected, abs=0.02)


def test_rows_count_uploads_and_repeat_the_measure_of_the_tables(rows, scene):
    sources = [*scene.sent.first, *scene.sent.second]
    up = tables.Uploads(digits().train_images, digits().train_labels, scene.sent.first, scene.sent.second, scene.pairs)
    for row in rows:
        assert row["most_uploads"] == max(map(sources.count, sources))
        assert row["n"] == (40 if row["held"] == "uploads" else 2 * len(scene.pairs))
        measure = tables.as_uploaded if row["held"] == "uploads" else tables.to_raw
        assert row["privacy"] == measure(up, row["lambda"])


def test_a_server_without_a_pair_holds_uploads_only():
    scene = study.scene_of(small_task(pairing="random", n_devices=2, n_seed_samples=1, n_inverse_samples=1), 50)
    empty = scene._replace(pairs=np.empty((0, 2), int))
    assert {row["held"] for row in study.rows_of(empty)} == {"uploads"}


# --------------------------------------------------------------------------------------------------------- the command
SMALL = "--quiet --data=mnist --devices=4 --seed-samples=10 --inverse-samples=20 --set=n_samples=60".split()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"), 1_000, 100)


def test_the_command_writes_and_says_what_it_found(data, tmp_path, capsys, real_pictures):
    asked = ["attack", *SMALL, "--candidates=500", f"--data-dir={data}"]
    assert main([*asked, f"--out={tmp_path / 'one'}"]) == 0
    printed = capsys.readouterr().out
    with open(tmp_path / "one" / "attack.csv", newline="") as file:
        found = list(csv.DictReader(file))
    assert {row["pairing"] for row in found} == {"random", "scheduled"} and "digits" not in found[0]
    assert "A larger log-distance is no privacy guarantee: from lambda = 0.01 to 0.49 it grows from" in printed
    most = {row["pairing"]: row["most_uploads"] for row in found}
    assert f"{most['scheduled']} times (scheduled), {most['random']} times (random)" in printed
    svg = (tmp_path / "one" / "attack.svg").read_text()
    assert svg.count("<image") == 5 * len(study.LAMBDAS) and "guess from these" in svg
    assert main([*asked, f"--out={tmp_path / 'two'}"]) == 0
    for name in ("attack.csv", "attack.png", "attack.svg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(("more", "says"), [
    ("--candidates=1001", "--candidates 1001 cannot be searched"), ("--candidates=20", "--candidates 20 cannot be"),
    ("--candidates=1", "1 is out of range"), ("--set=mixing_ratio=0.2", "mixing_ratio = 0.2 cannot be chosen"),
    ("--set=pairing=scheduled", "pairing = scheduled cannot be chosen"), ("--devices=1", "n_devices = 1"),
    ("--seed-samples=61 --inverse-samples=61", "n_seed_samples = 61"),
])  # fmt: skip
def test_what_cannot_be_searched_is_refused_before_the_first_step(more, says, data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["attack", *SMALL, f"--data-dir={data}", *more.split()]) == 2
    said = capsys.readouterr().err
    assert said.startswith("mix2fld: ") and said.count("\n") == 1 and says in said
    assert not list(tmp_path.iterdir())
