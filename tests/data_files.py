"""Small files of the kinds that the readers read."""

import gzip
import struct
from pathlib import Path

import numpy as np

from mix2fld_np.datasets import find


def empty_places(monkeypatch, tmp_path: Path) -> None:
    """No data set lies in any of the usual places, which are in `tmp_path`."""
    monkeypatch.delenv("MIX2FLD_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(find, "CLONE_DATA", tmp_path / "repository" / "data")


def idx(array) -> bytes:
    """An IDX file of bytes."""
    array = np.asarray(array, np.uint8)
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def random_images(n: int, *shape: int) -> np.ndarray:
    """Images (n, ...) that depend on n alone."""
    return np.random.default_rng(n).integers(0, 256, (n, *shape), np.uint8)


def pictures(images: np.ndarray) -> set[bytes]:
    """The images in no order."""
    return {image.tobytes() for image in images}


def write_mnist(
    folder: Path, name: str = "{}-ubyte.gz", n_images: int = 5, n_labels: int = 5, size: int = 28, label: int = 9
) -> Path:
    """Four small files of MNIST's kind: `n_images` for training, three for testing."""
    folder.mkdir(parents=True)
    for split, images, labels in (("train", n_images, n_labels), ("t10k", 3, 3)):
        content = {"images-idx3": idx(random_images(images, size, size)), "labels-idx1": idx(np.full(labels, label))}
        for kind, raw in content.items():
            path = folder / f"{split}-{name.format(kind)}"
            path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return folder


def write_cifar_10(folder: Path, n_batches: int = 5) -> Path:
    """The first `n_batches` files of two records each, and a test file."""
    folder.mkdir(parents=True)
    for number in range(1, n_batches + 1):
        (folder / f"data_batch_{number}.bin").write_bytes((bytes([number - 1]) + bytes([number]) * 3072) * 2)
    (folder / "test_batch.bin").write_bytes((b"\x05" + b"\x00" * 3072) * 2)
    return folder
