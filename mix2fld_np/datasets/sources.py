"""The table of data sets: what each consists of, what its files are called, and where they were published."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mix2fld_np.datasets.formats import Samples, Shape, read_batches, read_pair
from mix2fld_np.errors import InputError

TEST_FILES = ("t10k", "test")  # how the names of test files begin


@dataclass(frozen=True)
class RemoteFile:
    """A file on the mirrors and how to know it again."""

    name: str
    size: int  # bytes
    sha256: str
    members: tuple["RemoteFile", ...] = ()  # of an archive: the files to take out of it

    def is_at(self, path: Path) -> bool:
        """Whether the file at `path` has the published size and checksum; reads it only where its size is right."""
        with suppress(OSError):  # what cannot be read is told when it is read
            if path.is_file() and path.stat().st_size == self.size:
                with path.open("rb") as file:
                    return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256
        return False


@dataclass(frozen=True)
class DataSource:
    """One row of the table of data sets; the embedded digits have no files."""

    title: str
    image_shape: Shape  # (C, H, W)
    n_labels: int
    read: Callable[[list[Path], Shape], Samples] | None = None  # the files of one split to its samples
    folders: tuple[str, ...] = ()  # below a place, in the order in which they are tried; downloads go into the first
    in_batches: bool = False  # so that some of the training files are enough
    first_digest: int | None = None  # the smallest of the `pixel_digests` of all images, however packed and split
    unread: tuple[str, ...] = ()  # files and folders that hold it in a form that is not read
    mirrors: tuple[str, ...] = ()
    remote: tuple[RemoteFile, ...] = ()

    @property
    def train(self) -> list[str]:
        """What its training files are called, as published."""
        return [name for name in self._file_names if not name.startswith(TEST_FILES)]

    @property
    def test(self) -> list[str]:
        """What its test files are called, as published."""
        return [name for name in self._file_names if name.startswith(TEST_FILES)]

    @property
    def _file_names(self) -> list[str]:
        return [member.name for file in self.remote for member in file.members or (file,)]


def source_of(name: str) -> DataSource:
    """The row of the table that describes the data set `name`."""
    if name not in SOURCES:
        raise InputError(f"there is no data set '{name}'; choose one of {', '.join(SOURCES)}.")
    return SOURCES[name]


def _published(table: str) -> tuple[RemoteFile, ...]:
    """The files of a table of names, sizes and SHA-256; what follows an archive is what to take out of it."""
    rows = (line.split() for line in table.strip().splitlines())
    first, *others = (RemoteFile(name, int(size), sha256) for name, size, sha256 in rows)
    return (replace(first, members=tuple(others)),) if first.name.endswith(".tar.gz") else (first, *others)


GREY, COLOUR = (1, 28, 28), (3, 32, 32)
CIFAR_MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
SOURCES = {
    "mnist": DataSource(
        "MNIST", GREY, 10, read_pair, folders=("mnist", "MNIST/raw", "MNIST", "raw", ""),
        first_digest=0x105E3D902F66F, unread=("mnist.npz",),
        mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/",
                 "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        remote=_published("""
            train-images-idx3-ubyte.gz  9_912_422 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
            train-labels-idx1-ubyte.gz     28_881 3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
            t10k-images-idx3-ubyte.gz   1_648_877 8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
            t10k-labels-idx1-ubyte.gz       4_542 f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6
        """),
    ),
    "fashion-mnist": DataSource(
        "Fashion-MNIST", GREY, 10, read_pair, first_digest=0x1F0F31E9361C7,
        folders=("fashion-mnist", "FashionMNIST/raw", "FashionMNIST", "raw", ""),
        mirrors=("https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
                 "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"),
        remote=_published("""
            train-images-idx3-ubyte.gz 26_421_880 3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84
            train-labels-idx1-ubyte.gz     29_515 a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845
            t10k-images-idx3-ubyte.gz   4_422_102 346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073
            t10k-labels-idx1-ubyte.gz       5_148 67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5
        """),
    ),
    "cifar-10": DataSource(
        "CIFAR-10", COLOUR, 10, partial(read_batches, n_label_bytes=1), in_batches=True,
        folders=("cifar-10-batches-bin", ""),
        unread=("cifar-10-batches-py", "cifar-10-python.tar.gz", "cifar-10-binary.tar.gz"),
        mirrors=CIFAR_MIRRORS,
        remote=_published("""
            cifar-10-binary.tar.gz 170_052_171 c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd
            data_batch_1.bin        30_730_000 cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5
            data_batch_2.bin        30_730_000 a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed
            data_batch_3.bin        30_730_000 bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67
            data_batch_4.bin        30_730_000 014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48
            data_batch_5.bin        30_730_000 755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add
            test_batch.bin          30_730_000 8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b
        """),
    ),
    "cifar-100": DataSource(
        "CIFAR-100", COLOUR, 100, partial(read_batches, n_label_bytes=2), folders=("cifar-100-binary", ""),
        unread=("cifar-100-python", "cifar-100-python.tar.gz", "cifar-100-binary.tar.gz"),
        mirrors=CIFAR_MIRRORS,
        remote=_published("""
            cifar-100-binary.tar.gz 168_513_733 58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec
            train.bin               153_700_000 f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29
            test.bin                 30_740_000 d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a
        """),
    ),
    "digits": DataSource("embedded digits", GREY, 10),
}
