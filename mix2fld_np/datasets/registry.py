"""The data sets by name: which files they consist of, where those may lie, and the checked arrays that come of them."""

import hashlib
import os
import re
import sys
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from mix2fld_np.datasets.digits import N_LABELS, digits
from mix2fld_np.datasets.formats import check_labels, cifar_count, idx_count, read_cifar, read_idx
from mix2fld_np.datasets.order import in_order
from mix2fld_np.errors import InputError
from mix2fld_np.randomness import stream

DIGITS_SEED = 2020  # the embedded digits are one fixed data set
DIGITS_SIZES = (60_000, 10_000)  # as many as MNIST has


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

    def __post_init__(self):
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            array.setflags(write=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all images and labels as they stand here, in hex: equal for equal sets, however their files list the samples."""
        found = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()


@dataclass(frozen=True)
class RemoteFile:
    """A file on the mirrors and how to know it again."""

    name: str
    size: int  # bytes
    sha256: str
    members: tuple["RemoteFile", ...] = ()  # of an archive: the files to take out of it


@dataclass(frozen=True)
class Source:
    """One row of the table of data sets; the embedded digits have no files."""

    title: str
    folder: str
    image_shape: tuple[int, int, int]  # (C, H, W)
    n_labels: int
    n_label_bytes: int  # per record of a CIFAR file; 0 for IDX files
    train: tuple[str, ...]  # patterns of the file names: of all CIFAR batches, or of the IDX images and the IDX labels
    test: tuple[str, ...]
    mirrors: tuple[str, ...] = ()
    remote: tuple[RemoteFile, ...] = ()


@dataclass(frozen=True)
class Row:
    """What `listing` knows of one data set without reading its samples."""

    name: str
    title: str
    path: Path | None  # None where it was not found, and for the embedded digits
    n_train: int | None
    n_test: int | None
    problem: str | None  # why it cannot be counted, in a sentence


def load(name: str, data_dir: str | Path | None = None, n_train: int | None = None, n_test: int | None = None) -> Dataset:
    """The data set `name`, read from the first place of `find` that holds it; "digits" is drawn and needs no place.

    Samples stand in an order of their own (see `in_order`), so that a seed means the same samples for every copy of a set.

    `n_train` and `n_test` belong to the digits (60,000 and 10,000 by default), which can be drawn in any number. Raises InputError for an
    unknown name, for data that are nowhere, and for files that are damaged or do not fit each other.
    """
    source = source_of(name)
    if not source.train:
        return _draw_digits(DIGITS_SIZES[0] if n_train is None else n_train, DIGITS_SIZES[1] if n_test is None else n_test)
    if n_train is not None or n_test is not None:
        raise InputError(f"{name} has the number of samples its files hold; only 'digits' can be drawn in any number.")
    folder = find(name, data_dir)
    if folder is None:
        raise InputError(_not_found(name, source, data_dir))
    train, test = (in_order(*_read(source, _files(source, patterns, folder))) for patterns in (source.train, source.test))
    return Dataset(name, *train, *test, source.n_labels, f"{source.title} from {folder}")


def find(name: str, data_dir: str | Path | None = None) -> Path | None:
    """The folder with all files of the data set `name`, or None (as for the digits, which have no files).

    Looks in `data_dir` alone where it is given (at the data set's subfolder or at the files themselves); else in $MIX2FLD_DATA, in the
    data/ folder of the repository and in the user's cache, in this order. Raises InputError for a `data_dir` that is no folder.
    """
    source = source_of(name)
    if not source.train:
        return None
    folders = _candidates(source, data_dir)
    return next((folder for folder in folders if _files(source, source.train, folder) and _files(source, source.test, folder)), None)


def listing(data_dir: str | Path | None = None) -> list[Row]:
    """One row for each data set: where it was found and how many samples it has, from headers and file sizes alone."""
    return [_row(name, source, find(name, data_dir)) for name, source in SOURCES.items()]


def title_of(name: str) -> str:
    """A data set as people write it."""
    return source_of(name).title


def source_of(name: str) -> Source:
    """The row of the table that describes the data set `name`."""
    if name not in SOURCES:
        raise InputError(f"there is no data set '{name}'; choose one of {', '.join(SOURCES)}.")
    return SOURCES[name]


def user_cache() -> Path:
    """The folder in the user's cache that `mix2fld data fetch` fills."""
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "mix2fld_np"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mix2fld_np"


@lru_cache(maxsize=2)
def _draw_digits(n_train, n_test):
    train = in_order(*digits(n_train, stream(DIGITS_SEED, "digits for training")))
    test = in_order(*digits(n_test, stream(DIGITS_SEED, "digits for testing")))
    return Dataset("digits", *train, *test, N_LABELS, "embedded digits")


def _candidates(source, data_dir):
    """The folders that may hold the files, first choice first."""
    if data_dir is None:
        places = [os.environ.get("MIX2FLD_DATA"), Path(__file__).parents[2] / "data", user_cache()]
        return [Path(place) / source.folder for place in places if place]
    if not (data_dir := Path(data_dir)).is_dir():
        raise InputError(f"the data folder {data_dir} does not exist; name a folder that does, or leave it out.")
    # MNIST and Fashion-MNIST name their files alike: a folder that is called like another data set is not taken for this one.
    belongs_to_another = data_dir.resolve().name in {other.folder for other in SOURCES.values()} - {source.folder}
    return [data_dir / source.folder] if belongs_to_another else [data_dir / source.folder, data_dir]


def _files(source, patterns, folder):
    """The files of one split in `folder`, in order; none where they are not complete."""
    try:
        names = sorted((path.name for path in folder.iterdir() if path.is_file()), key=lambda name: (len(name), name))
    except OSError:
        return []
    found = [[folder / name for name in names if re.fullmatch(pattern, name)] for pattern in patterns]
    if not all(found):
        return []
    return found[0] if source.n_label_bytes else [paths[0] for paths in found]


def _not_found(name, source, data_dir):
    needs = ", ".join(member.name for file in source.remote for member in file.members or (file,))
    places = ", ".join(map(str, _candidates(source, data_dir)))
    return (
        f"{source.title} ({needs}) is not complete in any of these places: {places}; "
        f"run `mix2fld data fetch {name}`, or choose the embedded data set 'digits'."
    )


def _read(source, files):
    """Images (N, C, H, W) and labels (N,) of one split, checked against the table."""
    if source.n_label_bytes:
        batches = [read_cifar(file, source.n_label_bytes) for file in files]
        images, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
    else:
        images, labels = read_idx(files[0])[:, None], read_idx(files[1])
    _check(source, files, images, labels)
    return images, labels


def _check(source, files, images, labels):
    where, shape = files[0], images.shape[1:]
    if labels.ndim != 1:
        raise InputError(f"{files[-1]} holds {labels.ndim - 1}-dimensional samples, no labels: fetch it again.")
    if shape != source.image_shape:
        raise InputError(f"{where} holds images of shape {shape}, but {source.title} has {source.image_shape}: fetch it again.")
    if len(images) != len(labels):
        raise InputError(f"{where} holds {len(images):,} images, but {files[-1]} {len(labels):,} labels: fetch both again.")
    if len(images) == 0:
        raise InputError(f"{where} holds no images at all: fetch it again.")
    check_labels(files[-1], labels, source.n_labels)


def _row(name, source, folder):
    if folder is None:
        return Row(name, source.title, None, *((None, None) if source.train else DIGITS_SIZES), None)
    try:
        n_train, n_test = (_count(source, _files(source, patterns, folder)) for patterns in (source.train, source.test))
    except InputError as error:
        return Row(name, source.title, folder, None, None, str(error))
    return Row(name, source.title, folder, n_train, n_test, None)


def _count(source, files):
    return sum(cifar_count(file, source.n_label_bytes) for file in files) if source.n_label_bytes else idx_count(files[0])


IDX_TRAIN = (r"train-images[-.]idx3-ubyte(\.gz)?", r"train-labels[-.]idx1-ubyte(\.gz)?")
IDX_TEST = (r"t10k-images[-.]idx3-ubyte(\.gz)?", r"t10k-labels[-.]idx1-ubyte(\.gz)?")
CIFAR_10_TRAIN, CIFAR_10_TEST = (r"data_batch_\d+\.bin",), (r"test_batch\.bin",)
CIFAR_100_TRAIN, CIFAR_100_TEST = (r"train\.bin",), (r"test\.bin",)
MNIST_MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
FASHION_MIRRORS = (
    "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
CIFAR_MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
MNIST_FILES = (
    RemoteFile("train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    RemoteFile("train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    RemoteFile("t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    RemoteFile("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)
FASHION_FILES = (
    RemoteFile("train-images-idx3-ubyte.gz", 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
    RemoteFile("train-labels-idx1-ubyte.gz", 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
    RemoteFile("t10k-images-idx3-ubyte.gz", 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
    RemoteFile("t10k-labels-idx1-ubyte.gz", 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
)
CIFAR_10_BATCHES = (
    RemoteFile("data_batch_1.bin", 30_730_000, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
    RemoteFile("data_batch_2.bin", 30_730_000, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
    RemoteFile("data_batch_3.bin", 30_730_000, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
    RemoteFile("data_batch_4.bin", 30_730_000, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
    RemoteFile("data_batch_5.bin", 30_730_000, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    RemoteFile("test_batch.bin", 30_730_000, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
)
CIFAR_100_BATCHES = (
    RemoteFile("train.bin", 153_700_000, "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"),
    RemoteFile("test.bin", 30_740_000, "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a"),
)
CIFAR_10_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
CIFAR_100_SHA256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
CIFAR_10_FILES = (RemoteFile("cifar-10-binary.tar.gz", 170_052_171, CIFAR_10_SHA256, CIFAR_10_BATCHES),)
CIFAR_100_FILES = (RemoteFile("cifar-100-binary.tar.gz", 168_513_733, CIFAR_100_SHA256, CIFAR_100_BATCHES),)
GREY, COLOUR = (1, 28, 28), (3, 32, 32)
# name: title, folder, (C, H, W), labels, label bytes, training files, test files, mirrors, files on the mirrors
SOURCES = {
    "mnist": Source("MNIST", "mnist", GREY, 10, 0, IDX_TRAIN, IDX_TEST, MNIST_MIRRORS, MNIST_FILES),
    "fashion-mnist": Source("Fashion-MNIST", "fashion-mnist", GREY, 10, 0, IDX_TRAIN, IDX_TEST, FASHION_MIRRORS, FASHION_FILES),
    "cifar-10": Source("CIFAR-10", "cifar-10-batches-bin", COLOUR, 10, 1, CIFAR_10_TRAIN, CIFAR_10_TEST, CIFAR_MIRRORS, CIFAR_10_FILES),
    "cifar-100": Source("CIFAR-100", "cifar-100-binary", COLOUR, 100, 2, CIFAR_100_TRAIN, CIFAR_100_TEST, CIFAR_MIRRORS, CIFAR_100_FILES),
    "digits": Source("embedded digits", "", GREY, N_LABELS, 0, (), ()),
}
