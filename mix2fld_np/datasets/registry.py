"""The data sets by name: the checked arrays that come of their files, in an order of their own, and what there is."""

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from mix2fld_np.datasets.digits import digits
from mix2fld_np.datasets.find import files_in, find, nearby, not_found
from mix2fld_np.datasets.formats import check_labels, pixels
from mix2fld_np.datasets.sources import SOURCES, DataSource, source_of
from mix2fld_np.errors import InputError
from mix2fld_np.randomness import stream

DIGITS_SEED = 2020  # the embedded digits are one fixed data set
DIGITS_SIZES = (60_000, 10_000)  # as many as MNIST has
DIGITS_DIGEST = "e4d8b260c64500be5ef45b9708f045711f425e8edc26224dd91bbf0a7d386cca"  # of so many, on every machine
MULTIPLIER, SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)  # odd, so that no step of the digest loses anything


@dataclass(frozen=True)
class Dataset:
    """Images and labels, split into training and test samples; the arrays cannot be written to."""

    name: str
    train_images: np.ndarray  # (N, C, H, W) uint8
    train_labels: np.ndarray  # (N,) uint8, 0 ... n_labels - 1
    test_images: np.ndarray
    test_labels: np.ndarray
    n_labels: int
    origin: str  # for people: "MNIST from /home/ada/data/mnist"
    notice: str | None = None  # what a reader of results ought to know about the data, in a sentence

    def __post_init__(self):
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            array.setflags(write=False)

    @cached_property
    def test_pixels(self) -> np.ndarray:
        """Test images as the network takes them, float32 in [0, 1]; all tasks share them."""
        return pixels(self.test_images)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all images and labels, in hex: equal for equal sets, however their files list the samples."""
        found = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()


@dataclass(frozen=True)
class Row:
    """What `listing` knows of one data set."""

    name: str
    path: Path | None = None  # None where it was not found, and for the embedded digits
    n_train: int | None = None
    n_test: int | None = None
    digest: str | None = None
    notice: str | None = None  # where it is a part only, or only nearly there
    problem: str | None = None  # why it cannot be read, in a sentence


def load(
    name: str, data_dir: str | Path | None = None, n_train: int | None = None, n_test: int | None = None
) -> Dataset:
    """The data set `name`, `in_order`, from the first place of `find` that holds it; "digits" is drawn.

    `n_train` and `n_test` belong to the digits (60,000 and 10,000 by default). InputError for an unknown name, for data
    that are nowhere, and for files that are damaged or do not fit each other.
    """
    source = source_of(name)
    if source.read is None:
        sizes = zip((n_train, n_test), DIGITS_SIZES, strict=True)
        return _draw_digits(*(usual if asked is None else asked for asked, usual in sizes))
    if n_train is not None or n_test is not None:
        raise InputError(f"{name} has the number of samples its files hold; only 'digits' can be drawn in any number.")
    folder = find(name, data_dir)
    if folder is None:
        raise InputError(not_found(name, data_dir))
    return _read(name, source, folder)


def listing(data_dir: str | Path | None = None) -> list[Row]:
    """One row for each data set: where it is, how many samples it has, its digest, and whether it is damaged."""
    return [_row(name, source, data_dir) for name, source in SOURCES.items()]


def _row(name: str, source: DataSource, data_dir: str | Path | None) -> Row:
    if source.read is None:
        return Row(name, None, *DIGITS_SIZES, DIGITS_DIGEST)
    folder = find(name, data_dir)
    if folder is None:
        return Row(name, notice="; ".join(nearby(name, data_dir)) or None)
    try:
        data = _read(name, source, folder)
    except InputError as error:
        return Row(name, folder, problem=str(error))
    return Row(name, folder, len(data.train_labels), len(data.test_labels), data.digest, data.notice)


@lru_cache(maxsize=2)
def _draw_digits(n_train: int, n_test: int) -> Dataset:
    train = in_order(*digits(n_train, stream(DIGITS_SEED, "digits for training")))
    test = in_order(*digits(n_test, stream(DIGITS_SEED, "digits for testing")))
    return Dataset("digits", *train, *test, source_of("digits").n_labels, "embedded digits")


def _read(name: str, source: DataSource, folder: Path) -> Dataset:
    """The checked samples in a folder that has the files of a data set, each split in an order of its own."""
    assert source.read
    splits = []
    for files in (files_in(folder, source.train), files_in(folder, source.test)):
        images, labels = source.read(files, source.image_shape)
        check_labels(files[-1], labels, source.n_labels)
        splits.append(in_order(images, labels))
    train, test = splits
    first = min(pixel_digests(images[:1])[0] for images, _ in splits)
    for other in SOURCES.values():
        if other is not source and other.first_digest == first:
            raise InputError(f"{folder} holds the images of {other.title}, not those of {source.title}; choose that.")
    n_found, n = len(files_in(folder, source.train)), len(source.train)
    part = f"{n_found} of {n} training files" if n_found < n else ""
    origin = f"{source.title}{f' ({part})' if part else ''} from {folder}"
    notice = f"only {part} of {source.title} are there: results are not those of the whole set." if part else None
    return Dataset(name, *train, *test, source.n_labels, origin, notice)


def in_order(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, ...) uint8 and labels (N,) by `pixel_digests`, equal pictures by label: alike for every copy."""
    order = np.lexsort((labels, pixel_digests(images)))
    return images[order], labels[order]


def pixel_digests(images: np.ndarray) -> np.ndarray:
    """A 64-bit digest (N,) of the pixels of each image (N, ...) uint8, the same on every machine.

    Eight pixels at a time, first pixel lowest, h becomes (h xor pixels) * MULTIPLIER mod 2^64, then h xor (h >> 29).
    """
    rows = images.reshape(len(images), -1)
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8))) if rows.shape[1] % 8 else np.ascontiguousarray(rows)
    digests = np.zeros(len(rows), np.uint64)
    for eight_pixels in rows.view("<u8").T:
        digests ^= eight_pixels
        digests *= MULTIPLIER
        digests ^= digests >> SHIFT
    return digests
