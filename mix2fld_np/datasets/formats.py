"""Readers of the two binary formats of the letter's data sets: IDX (MNIST, Fashion-MNIST) and the records of CIFAR."""

import gzip
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase, BufferedReader
from pathlib import Path

import numpy as np

from mix2fld_np.errors import InputError

LARGEST = 1 << 28  # bytes of samples in a file; those of the known data sets have at most 154 million
IDX_MAGIC = (b"\0\0\x08\x01", b"\0\0\x08\x03")  # two zeros, the type (8 for bytes), the number of axes
GZIP_MAGIC = b"\x1f\x8b"
CIFAR_SHAPE = (3, 32, 32)
CIFAR_LABELS = {1: (10,), 2: (20, 100)}  # how many labels each label byte can name, by label bytes in a record
REPLACE_IT = "replace it by a fresh copy"

Shape = tuple[int, ...]
Samples = tuple[np.ndarray, np.ndarray]  # images (N, C, H, W) and labels (N,), uint8


def read_pair(files: list[Path], image_shape: Shape) -> Samples:
    """The samples of two IDX files, images and labels, which must be as many; their headers are compared first."""
    n, n_labels = idx_count(files[0], image_shape[1:]), idx_count(files[1], ())
    if n != n_labels:
        raise InputError(f"{files[0]} holds {n:,} images, but {files[1]} {n_labels:,} labels: fetch both again.")
    if n == 0:
        raise InputError(f"{files[0]} holds no images at all: fetch it again.")
    return read_idx(files[0], image_shape[1:]).reshape(n, *image_shape), read_idx(files[1], ())


def read_batches(files: list[Path], image_shape: Shape, n_label_bytes: int) -> Samples:
    """The samples of any number of CIFAR files, one after the other."""
    images, labels = zip(*(read_cifar(file, n_label_bytes) for file in files), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def read_idx(path: str | Path, sample_shape: Shape | None = None) -> np.ndarray:
    """The array of an IDX file of bytes, packed with gzip or not: labels (N,) or images (N, H, W), uint8.

    InputError for anything else than one complete IDX file, and where a sample has another shape than `sample_shape`,
    () for labels. Reads no more than the header declares.
    """
    with _open(path) as raw:
        file = _unpacked(raw)
        shape, header = _idx_shape(path, file, sample_shape), file.tell()
        declared = math.prod(shape)
        raw.seek(0)
        content = _first_bytes(raw, header + declared + 1)
    found = len(content) - header
    if found != declared:
        how = "ends early" if found < declared else "goes on after its last sample"
        raise InputError(f"{path} {how}, {declared} bytes of samples were expected: {REPLACE_IT}.")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def idx_count(path: str | Path, sample_shape: Shape | None = None) -> int:
    """How many labels or images the header of an IDX file declares; reads nothing else."""
    with _open(path) as raw:
        return _idx_shape(path, _unpacked(raw), sample_shape)[0]


def read_cifar(path: str | Path, n_label_bytes: int) -> Samples:
    """Images (N, 3, 32, 32) and labels (N,) of a CIFAR file in its binary version, both uint8.

    A record is `n_label_bytes` labels (1 in CIFAR-10; 2 in CIFAR-100: coarse, then fine, which is the one that counts)
    and the red, green and blue planes. InputError where the records are not whole or a label is too large.
    """
    if n_label_bytes not in CIFAR_LABELS:
        raise InputError(f"{n_label_bytes} label bytes in a CIFAR record are unknown; CIFAR-10 has 1, CIFAR-100 has 2.")
    size, record = _size(path), n_label_bytes + math.prod(CIFAR_SHAPE)
    if size == 0 or size % record or size > LARGEST:
        raise InputError(f"{path} has {size} bytes, which is no number of CIFAR records of {record}: {REPLACE_IT}.")
    with _open(path) as file:
        records = np.frombuffer(file.read(size), np.uint8).reshape(-1, record)
    for column, n_labels in enumerate(CIFAR_LABELS[n_label_bytes]):
        check_labels(path, records[:, column], n_labels)
    return records[:, n_label_bytes:].reshape(-1, *CIFAR_SHAPE), records[:, n_label_bytes - 1].copy()


def check_labels(path: str | Path, labels: np.ndarray, n_labels: int) -> None:
    """InputError where a label does not lie in 0 ... n_labels - 1; it says so where they seem to count from one."""
    if labels.size == 0 or labels.max() < n_labels:
        return
    advice = f"{REPLACE_IT}, or by data with {n_labels} labels"
    if labels.min() == 1:
        known = "EMNIST letters (1 to 26), SVHN and MNIST for MATLAB or R (1 to 10)"
        advice = f"these count from one, as {known} do; subtract one from each, and take data with {n_labels} labels"
    raise InputError(f"{path} holds the label {labels.max()}, but labels end at {n_labels - 1}: {advice}.")


def pixels(images: np.ndarray) -> np.ndarray:
    """Pixels as the network takes them: float32 from 0 (paper) to 1 (ink), of the same shape as the bytes `images`."""
    if images.dtype != np.uint8:
        raise InputError(f"pixels of type {images.dtype} cannot be scaled to [0, 1]: hand in bytes 0 ... 255 as uint8.")
    return images.astype(np.float32) / np.float32(255)


@contextmanager
def _open(path: str | Path) -> Iterator[BufferedReader]:
    """The regular file at `path`; whatever fails while it is read becomes an InputError."""
    _size(path)
    try:
        with open(path, "rb") as raw:
            yield raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged ({error}): {REPLACE_IT}.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check the file and its permissions.") from None


def _unpacked(raw: BufferedReader) -> BufferedIOBase:
    """The content of an open file, which may be packed with gzip."""
    return gzip.open(raw) if raw.peek(2).startswith(GZIP_MAGIC) else raw


def _first_bytes(raw: BufferedReader, n: int) -> bytes:
    """At most n bytes of an open file, which may be packed with gzip; at once, so that other threads go on."""
    size = os.fstat(raw.fileno()).st_size
    if not raw.peek(2).startswith(GZIP_MAGIC):
        return raw.read(min(n, size))
    packed, found = raw.read(min(size, LARGEST)), b""
    while packed and len(found) < n:  # one member after the other
        member = zlib.decompressobj(wbits=31)
        found += member.decompress(packed, n - len(found))
        if not member.eof and len(found) < n:
            raise EOFError("its end is missing")
        packed = member.unused_data.lstrip(b"\0")
    return found


def _size(path: str | Path) -> int:
    """Bytes of the regular file at `path`."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    kind = "a folder" if os.path.isdir(path) else "no file that exists and can be reached"
    raise InputError(f"{path} is {kind}: name a data file.")


def _idx_shape(path: str | Path, file: BufferedIOBase, sample_shape: Shape | None) -> Shape:
    """The shape that the header of an open IDX file declares, in four bytes an axis."""
    magic = file.read(4)
    if magic not in IDX_MAGIC:
        start = magic.hex(" ") or "nothing"
        raise InputError(f"{path} begins with {start}, so it is no IDX file of labels or images: {REPLACE_IT}.")
    lengths = file.read(4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise InputError(f"{path} ends within its header: {REPLACE_IT}.")
    shape = tuple(np.frombuffer(lengths, ">u4").tolist())
    if sample_shape is not None and shape[1:] != sample_shape:
        kind = "labels" if sample_shape == () else f"images of shape {sample_shape}"
        raise InputError(f"{path} holds samples of shape {shape[1:]} where {kind} were expected: fetch it again.")
    if math.prod(max(length, 1) for length in shape) > LARGEST:
        raise InputError(f"{path} declares {' x '.join(map(str, shape))} bytes, more than it can hold: {REPLACE_IT}.")
    return shape
