"""Readers of the two binary formats of the letter's data sets: IDX (MNIST, Fashion-MNIST) and the records of CIFAR."""

import gzip
import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from mix2fld_np.errors import InputError

LARGEST = 1 << 28  # bytes of samples in a file; those of the known data sets have at most 154 million
PIECE = 1 << 20  # bytes read at once: a false size in a header never becomes one large allocation
DEFLATE_LIMIT = 1032  # gzip cannot pack more bytes than this into one
GZIP_MAGIC = b"\x1f\x8b"
CIFAR_SHAPE = (3, 32, 32)
CIFAR_LABELS = {
    1: (10,),
    2: (20, 100),
}  # number of labels each label byte can name, by how many label bytes a record has
REPLACE_IT = "replace it by a fresh copy"


Shape = tuple[int, ...]
Samples = tuple[np.ndarray, np.ndarray]  # images (N, C, H, W) and labels (N,), uint8


@dataclass(frozen=True)
class Format:
    """How the files of one split become samples; both functions take the files and the shape (C, H, W) of an image."""

    read: Callable[[list[Path], Shape], Samples]
    count: Callable[[list[Path], Shape], int]  # from headers and file sizes alone


def read_pair(files: list[Path], image_shape: Shape) -> Samples:
    """The samples of two IDX files, images and labels, which must be as many."""
    n = count_pair(files, image_shape)
    return read_idx(files[0], image_shape[1:]).reshape(n, *image_shape), read_idx(files[1], ())


def count_pair(files: list[Path], image_shape: Shape) -> int:
    """How many samples the headers of two IDX files declare, images and labels."""
    n_images, n_labels = idx_count(files[0], image_shape[1:]), idx_count(files[1], ())
    if n_images != n_labels:
        raise InputError(f"{files[0]} holds {n_images:,} images, but {files[1]} {n_labels:,} labels: fetch both again.")
    if n_images == 0:
        raise InputError(f"{files[0]} holds no images at all: fetch it again.")
    return n_images


def read_batches(files: list[Path], image_shape: Shape, n_label_bytes: int) -> Samples:
    """The samples of any number of CIFAR files, one after the other."""
    images, labels = zip(*(read_cifar(file, n_label_bytes) for file in files), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def count_batches(files: list[Path], image_shape: Shape, n_label_bytes: int) -> int:
    """How many records any number of CIFAR files have."""
    return sum(cifar_count(file, n_label_bytes) for file in files)


IDX = Format(read_pair, count_pair)
CIFAR = {
    n: Format(partial(read_batches, n_label_bytes=n), partial(count_batches, n_label_bytes=n)) for n in CIFAR_LABELS
}


def read_idx(path: str | Path, sample_shape: Shape | None = None) -> np.ndarray:
    """The array of an IDX file of bytes: labels (N,) or images (N, H, W), uint8.

    Whether the file is packed with gzip shows in its first two bytes; its name does not matter. Raises InputError,
    naming the path, for anything else than one complete IDX file, and where a sample has another shape than
    `sample_shape`, () for labels. Reads no more than the header declares.
    """
    path = Path(path)
    with _open(path) as (file, capacity):
        shape = _idx_shape(path, file, capacity, sample_shape)
        content = _read_at_most(path, file, math.prod(shape) + 1)
    _check_length(path, len(content), math.prod(shape))
    return np.frombuffer(content, np.uint8).reshape(shape)


def idx_count(path: str | Path, sample_shape: Shape | None = None) -> int:
    """How many labels or images the header of an IDX file declares; reads nothing else."""
    path = Path(path)
    with _open(path) as (file, capacity):
        return _idx_shape(path, file, capacity, sample_shape)[0]


def read_cifar(path: str | Path, n_label_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32) and labels (N,) of a CIFAR file in its binary version, both uint8.

    A record is `n_label_bytes` labels (1 in CIFAR-10; 2 in CIFAR-100: coarse, then fine, which is the one that counts)
    and the 3,072 bytes of the red, green and blue planes. Raises InputError, naming the path, where the records are not
    whole or a label is too large.
    """
    path = Path(path)
    n = cifar_count(path, n_label_bytes)
    size = n * (n_label_bytes + math.prod(CIFAR_SHAPE))
    with _open(path) as (file, _):
        content = _read_at_most(path, file, size + 1)
    _check_length(path, len(content), size)
    records = np.frombuffer(content, np.uint8).reshape(n, -1)
    for column, n_labels in enumerate(CIFAR_LABELS[n_label_bytes]):
        check_labels(path, records[:, column], n_labels)
    return records[:, n_label_bytes:].reshape(n, *CIFAR_SHAPE), records[:, n_label_bytes - 1].copy()


def cifar_count(path: str | Path, n_label_bytes: int) -> int:
    """How many records a CIFAR file has, from its size alone."""
    if n_label_bytes not in CIFAR_LABELS:
        raise InputError(f"{n_label_bytes} label bytes in a CIFAR record are unknown; CIFAR-10 has 1, CIFAR-100 has 2.")
    path, record = Path(path), n_label_bytes + math.prod(CIFAR_SHAPE)
    size = _size(path)
    if size == 0 or size % record or size > LARGEST:
        raise InputError(
            f"{path} has {size} bytes, which is no number of CIFAR records of {record} bytes: {REPLACE_IT}."
        )
    return size // record


def check_labels(path: str | Path, labels: np.ndarray, n_labels: int) -> None:
    """Raises InputError where a label does not lie in 0 ... n_labels - 1; says so where they seem to count from one."""
    if labels.size == 0 or labels.max() < n_labels:
        return
    advice = f"{REPLACE_IT}, or by data with {n_labels} labels"
    if labels.min() == 1:
        advice = (
            "these count from one, as those of EMNIST letters (1 to 26), of SVHN and of copies of MNIST for MATLAB "
            f"or R (1 to 10) do; subtract one from every label, and take a data set with {n_labels} labels"
        )
    raise InputError(f"{path} holds the label {labels.max()}, but labels end at {n_labels - 1}: {advice}.")


def pixels(images: np.ndarray) -> np.ndarray:
    """Pixels as the network takes them: float32 from 0 (paper) to 1 (ink), of the same shape as the bytes `images`."""
    if images.dtype != np.uint8:
        raise InputError(
            f"pixels of type {images.dtype} cannot be scaled to [0, 1]: hand in the bytes 0 ... 255 as uint8."
        )
    return images.astype(np.float32) / np.float32(255)


@contextmanager
def _open(path: Path) -> Iterator[tuple[BufferedIOBase, int]]:
    """The file at `path`, unpacked on the fly where it is gzip, and the most bytes it can hold."""
    size = _size(path)
    try:
        raw = path.open("rb")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check the file and its permissions.") from None
    with raw:
        packed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        yield (gzip.GzipFile(fileobj=raw), DEFLATE_LIMIT * size) if packed else (raw, size)


def _size(path):
    """Bytes of the regular file at `path`."""
    try:
        if path.is_file():
            return path.stat().st_size
        kind = "a folder" if path.is_dir() else "no file that exists"
    except (OSError, ValueError) as error:
        kind = f"out of reach ({error})"
    raise InputError(f"{path} is {kind}: name a data file.")


def _idx_shape(path, file, capacity, sample_shape):
    """The shape an IDX header declares: two zeros, the type (8 for bytes), the number of axes, then their lengths."""
    magic = _read_at_most(path, file, 4)
    if len(magic) < 4 or magic[:3] != b"\x00\x00\x08" or magic[3] not in (1, 3):
        raise InputError(
            f"{path} begins with {magic.hex(' ') or 'nothing'}, so it is no IDX file of labels or images: {REPLACE_IT}."
        )
    lengths = _read_at_most(path, file, 4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise InputError(f"{path} ends within its header: {REPLACE_IT}.")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    if sample_shape is not None and shape[1:] != sample_shape:
        kind = "labels" if sample_shape == () else f"images of shape {sample_shape}"
        raise InputError(f"{path} holds samples of shape {shape[1:]} where {kind} were expected: fetch it again.")
    if math.prod(shape) > capacity or math.prod(max(length, 1) for length in shape) > LARGEST:
        raise InputError(f"{path} declares {' x '.join(map(str, shape))} bytes, more than it can hold: {REPLACE_IT}.")
    return shape


def _read_at_most(path, file, n):
    """The next `n` bytes, or fewer where the file ends."""
    content = bytearray()
    try:
        while len(content) < n and (piece := file.read(min(n - len(content), PIECE))):
            content += piece
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged ({error}): {REPLACE_IT}.") from None
    return content


def _check_length(path, found, declared):
    if found != declared:
        how = "ends early" if found < declared else "goes on after its last sample"
        raise InputError(f"{path} {how}, {declared} bytes of samples were expected: {REPLACE_IT}.")
