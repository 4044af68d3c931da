"""Data of one's own: what fits is trained on; what does not is refused in one sentence before the first step."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from small_runs import SAME

from mix2fld_np.cli import main
from mix2fld_np.datasets.registry import from_arrays, load
from mix2fld_np.errors import InputError


@st.composite
def samples(draw):
    """Four arrays that fit."""
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    height, width = 2 * draw(st.integers(1, 4)), 2 * draw(st.integers(1, 4))
    shape = (height, width, *draw(st.sampled_from([(), (1,), (3,)])))
    kind, n = draw(st.sampled_from([np.uint8, np.int64, np.int32])), draw(st.integers(2, 100))
    arrays = {}
    for part, n_images in (("train", 12), ("test", 5)):
        labels = rng.integers(n, size=n_images).astype(kind)
        arrays[f"x_{part}"] = rng.integers(256, size=(n_images, *shape), dtype=np.uint8)
        arrays[f"y_{part}"] = labels[:, None] if draw(st.booleans()) else labels
    arrays["y_train"].flat[0] = n - 1
    return arrays


@settings(max_examples=30, deadline=None)
@given(arrays=samples())
def test_a_file_and_arrays_in_memory_are_the_same_data_set(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "mine.npz"
    np.savez_compressed(path, **arrays)
    stored, here = load(str(path)), from_arrays(**arrays)
    assert stored.digest == here.digest and stored.n_labels == here.n_labels == arrays["y_train"].max() + 1
    images = arrays["x_train"].reshape(12, *arrays["x_train"].shape[1:3], -1)
    assert stored.train_images.shape == (12, images.shape[3], *images.shape[1:3])
    theirs = zip(images.transpose(0, 3, 1, 2), arrays["y_train"].ravel(), strict=True)
    theirs = {(image.tobytes(), int(l)) for image, l in theirs}
    ours = zip(stored.train_images, stored.train_labels, strict=True)
    assert {(image.tobytes(), int(l)) for image, l in ours} == theirs


@given(arrays=samples(), order=st.permutations(range(12)))
def test_the_order_of_a_file_changes_nothing(arrays, order):
    other = arrays | {name: arrays[name][list(order)] for name in ("x_train", "y_train")}
    assert from_arrays(**arrays).digest == from_arrays(**other).digest


FITS = {
    "x_train": np.zeros((8, 4, 6), np.uint8), "y_train": np.arange(8), "x_test": np.ones((3, 4, 6), np.uint8),
    "y_test": np.arange(3),
}  # fmt: skip
MISFITS = {
    "floats": ({"x_train": np.zeros((8, 4, 6))}, "uint8"),
    "flat images": ({"x_train": np.zeros((8, 24), np.uint8)}, "are no images"),
    "no images": ({"x_test": np.zeros((0, 4, 6), np.uint8)}, "are no images"),
    "odd height": ({"x_train": np.zeros((8, 5, 6), np.uint8)}, "must be even"),
    "another size": ({"x_test": np.zeros((3, 6, 6), np.uint8)}, "differ"),
    "too few labels": ({"y_train": np.arange(7)}, "does not fit 8 images"),
    "one-hot labels": ({"y_train": np.eye(8)}, "does not fit 8 images"),
    "float labels": ({"y_train": np.arange(8.0)}, "does not fit 8 images"),
    "negative labels": ({"y_train": np.arange(8) - 1}, "labels from -1 to 6"),
    "too many labels": ({"y_train": 20 * np.arange(8)}, "labels from 0 to 140"),
    "one label": ({"y_train": np.zeros(8, int), "y_test": np.zeros(3, int)}, "2 to 100 classes"),
    "objects": ({"x_train": np.array([None] * 8)}, "pickle"),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_what_does_not_fit_is_refused_and_nothing_is_written(misfit, tmp_path, capsys):
    changes, said = MISFITS[misfit]
    np.savez(tmp_path / "mine.npz", allow_pickle=True, **(FITS | changes))
    assert main(["compare", f"--data={tmp_path / 'mine.npz'}", f"--out={tmp_path / 'out'}", *SAME]) == 2
    message = capsys.readouterr().err
    assert said in message and message.count("\n") == 1 and "mine.npz" in message
    assert not (tmp_path / "out").exists()
    if misfit != "objects":
        with pytest.raises(InputError, match="these arrays"):
            from_arrays(**(FITS | changes))


@settings(max_examples=40, deadline=None)
@given(content=st.binary(max_size=200) | st.just(b"PK\3\4"))
def test_whatever_stands_in_a_file_it_is_refused_in_a_sentence(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="mine.npz"):
        load(str(path))


def test_an_archive_of_something_else_or_no_file_at_all_is_refused(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("x_train.npy", b"nothing")
    (tmp_path / "mine.npz").write_bytes(content.getvalue())
    with pytest.raises(InputError, match="has no y_train|cannot be read"):
        load(str(tmp_path / "mine.npz"))
    np.savez(tmp_path / "mine.npz", x_train=FITS["x_train"])
    with pytest.raises(InputError, match="has no y_train, x_test, y_test"):
        load(str(tmp_path / "mine.npz"))
    with pytest.raises(InputError, match="there is no file"):
        load(str(tmp_path / "none.npz"))


def test_commands_follow_the_shapes_of_ones_own_data(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(460, 6, 8, 3), dtype=np.uint8)
    labels = np.arange(460) % 5
    parts = {"train": slice(400), "test": slice(400, None)}
    arrays = {f"{axis}_{name}": of[part] for name, part in parts.items() for axis, of in (("x", images), ("y", labels))}
    np.savez(tmp_path / "mine.npz", **arrays)
    monkeypatch.chdir(tmp_path)
    assert main(["channel", "--data=mine.npz"]) == 0
    n_mod = 9 * 3 * 12 + 12 + 9 * 12 * 6 + 6 + 6 * 3 * 4 * 5 + 5
    assert f"{32 * n_mod:,}" in capsys.readouterr().out
    assert main(["compare", "--quiet", "--data=mine.npz", "--out=out", *SAME]) == 0
    assert f"{2 * 3 * 32 * n_mod:,}" in capsys.readouterr().out
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mine.npz").rename(tmp_path / "elsewhere" / "mine.npz")
    assert main(["compare", "--quiet", "--data=elsewhere/mine.npz", "--out=out", "--resume", *SAME]) == 0
