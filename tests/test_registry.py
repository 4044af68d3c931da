"""What data sets are made of and what is refused, and that a download is in place whole or not at all."""

import gzip
import hashlib
import io
import os
import struct
import tarfile
import tracemalloc
from dataclasses import replace
from email.message import Message
from functools import cache
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, build_opener
from urllib.response import addinfourl

import numpy as np
import pytest
from data_files import empty_places, idx, pictures, random_images, write_cifar_10, write_mnist
from numpy.testing import assert_array_equal

from mix2fld_np.console.text import data_table
from mix2fld_np.datasets import download
from mix2fld_np.datasets.download import fetch
from mix2fld_np.datasets.find import find
from mix2fld_np.datasets.registry import listing, load
from mix2fld_np.datasets.sources import SOURCES, RemoteFile
from mix2fld_np.errors import InputError

REAL_DATA = os.environ.get("MIX2FLD_DATA")
with_real_data = pytest.mark.skipif(not REAL_DATA, reason="MIX2FLD_DATA names no folder")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    empty_places(monkeypatch, tmp_path)


@pytest.mark.parametrize("name", ["{}-ubyte.gz", "{}-ubyte"])
@pytest.mark.parametrize("dot", [False, True])
def test_mnist_is_read_under_each_of_its_usual_file_names(tmp_path, name, dot):
    folder = write_mnist(tmp_path / "mnist", name)
    if dot:
        for path in folder.iterdir():
            path.rename(folder / path.name.replace("-idx", ".idx"))
    data = load("mnist", tmp_path)
    assert pictures(data.train_images) == pictures(random_images(5, 28, 28))
    assert pictures(data.test_images) == pictures(random_images(3, 28, 28))
    assert data.train_labels.tolist() == [9] * 5
    assert data.origin == f"MNIST from {folder}"
    assert (data.name, data.n_labels) == ("mnist", 10)


def test_the_arrays_of_a_data_set_cannot_be_written_to(tmp_path):
    write_mnist(tmp_path / "mnist")
    for data in (load("mnist", tmp_path), load("digits", n_train=20, n_test=20)):
        for array in (data.train_images, data.train_labels, data.test_images, data.test_labels):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"n_labels": 4}, "5 images, but .* 4 labels"),
        ({"size": 27}, r"shape \(27, 27\) where images of shape \(28, 28\)"),
        ({"n_images": 0, "n_labels": 0}, "no images at all"),
        ({"label": 10}, "the label 10"),
    ],
)
def test_files_that_do_not_fit_each_other_are_refused(tmp_path, wrong, words):
    write_mnist(tmp_path / "mnist", **wrong)
    with pytest.raises(InputError, match=words):
        load("mnist", tmp_path)


def test_images_in_the_place_of_labels_are_refused(tmp_path):
    folder = write_mnist(tmp_path / "mnist")
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(idx(random_images(5, 28, 28)))
    with pytest.raises(InputError, match="train-labels"):
        load("mnist", tmp_path)


def test_all_batches_of_cifar_10_are_read(tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for number in (4, 2, 1):
        (folder / f"data_batch_{number}.bin").write_bytes(bytes([number - 1]) + b"\x07" * 3072)
    (folder / "data_batch_x.bin").write_bytes(b"no batch")
    assert find("cifar-10", tmp_path) is None
    (folder / "test_batch.bin").write_bytes((b"\x05" + b"\x00" * 3072) * 2)
    data = load("cifar-10", tmp_path)
    assert sorted(data.train_labels.tolist()) == [0, 1, 3]
    assert data.test_images.shape == (2, 3, 32, 32)


def test_cifar_100_has_a_hundred_labels_the_fine_ones(tmp_path):
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    for name in ("train.bin", "test.bin"):
        (folder / name).write_bytes(b"\x03\x63" + b"\x00" * 3072)
    data = load("cifar-100", tmp_path)
    assert (data.train_labels.tolist(), data.n_labels) == ([99], 100)


def test_the_digits_need_no_place_and_are_the_same_every_time():
    data, again = load("digits", n_train=300, n_test=100), load("digits", "anywhere", n_train=300, n_test=80)
    assert data.train_images.shape == (300, 1, 28, 28)
    assert data.test_labels.shape == (100,)
    assert_array_equal(data.train_images, again.train_images)
    assert not {image.tobytes() for image in data.train_images} & {image.tobytes() for image in data.test_images}
    assert data.origin == "embedded digits"
    assert find("digits") is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: load("minst"), "no data set 'minst'; choose one of mnist, fashion-mnist"),
        (lambda: find("minst"), "no data set 'minst'"),
        (lambda: load("digits", n_train=0), "0 digits"),
        (lambda: load("mnist", n_train=10), "only 'digits'"),
        (lambda: fetch("digits", "."), "nothing to fetch"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_the_listing_counts_samples_and_tells_what_is_broken_without_failing(tmp_path):
    write_mnist(tmp_path / "mnist")
    broken = write_mnist(tmp_path / "fashion-mnist")
    (broken / "train-images-idx3-ubyte.gz").write_bytes(b"garbage")
    rows = {row.name: row for row in listing(tmp_path)}
    assert (rows["mnist"].n_train, rows["mnist"].n_test, rows["mnist"].path) == (5, 3, tmp_path / "mnist")
    assert rows["fashion-mnist"].n_train is None
    assert "train-images" in rows["fashion-mnist"].problem
    assert rows["cifar-10"].path is None
    assert (rows["digits"].n_train, rows["digits"].n_test) == (60_000, 10_000)
    assert list(rows) == list(SOURCES)


HTML = b"<!DOCTYPE html><html><body>404 Not Found</body></html>"


@pytest.mark.parametrize(
    "spoilt", ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
)
@pytest.mark.parametrize("content", [HTML, b"", idx(np.zeros(2_000)), idx(np.arange(5)), gzip.compress(HTML)])
def test_whatever_load_refuses_is_damaged_in_the_table_and_nothing_else_is(tmp_path, spoilt, content):
    folder = write_mnist(tmp_path / "mnist")
    whole, digits = (next(row for row in listing(tmp_path) if row.name == name) for name in ("mnist", "digits"))
    assert "damaged" not in data_table([whole])
    assert load("mnist", tmp_path).digest[:12] in data_table([whole])
    assert len(digits.digest) == 64
    (folder / spoilt).write_bytes(content)
    row = next(row for row in listing(tmp_path) if row.name == "mnist")
    try:
        load("mnist", tmp_path)
    except InputError as error:
        assert (row.n_train, row.problem) == (None, str(error))
        assert f"damaged: {error}" in data_table([row])
    else:
        assert content == idx(np.arange(5)) and spoilt.startswith("train-labels")  # five labels for five images
        assert row.problem is None


@pytest.mark.slow  # a thousand of them are drawn and compared wherever the digits are tested
def test_the_digest_of_the_digits_in_the_table_is_that_of_the_digits():
    assert next(row for row in listing() if row.name == "digits").digest == load("digits").digest


@pytest.mark.parametrize("n_batches", [1, 2, 4, 5])
def test_a_part_of_cifar_10_is_read_and_called_a_part_wherever_it_is_named(tmp_path, n_batches):
    folder = write_cifar_10(tmp_path / "cifar-10-batches-bin", n_batches)
    data, row = load("cifar-10", tmp_path), next(row for row in listing(tmp_path) if row.name == "cifar-10")
    said = f"{n_batches} of 5 training files"
    assert len(data.train_labels) == row.n_train == 2 * n_batches
    assert [said in str(text) for text in (data.origin, data.notice, row.notice, data_table([row]))] == 4 * [
        n_batches < 5
    ]
    assert str(folder) in data.origin


def test_labels_that_count_from_one_are_called_so_and_no_fresh_copy_is_asked_for(tmp_path):
    folder = write_mnist(tmp_path / "mnist", "{}-ubyte", n_images=26, n_labels=26)
    for last, words in ((26, "EMNIST letters"), (10, "count from one")):
        (folder / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(26) % last + 1))
        with pytest.raises(InputError, match=words) as caught:
            load("mnist", tmp_path)
        assert "fresh copy" not in str(caught.value)
    (folder / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(26)))
    with pytest.raises(InputError, match="fresh copy, or by data with 10 labels"):
        load("mnist", tmp_path)


def test_a_bomb_whose_labels_or_shape_do_not_fit_is_refused_before_it_is_unpacked(tmp_path):
    folder = write_mnist(tmp_path / "mnist")
    for shape in ((200_000, 28, 28), (200, 1_000, 1_000), (6, 28, 28), (5, 280, 28_000)):
        bomb = gzip.compress(struct.pack(">BBBBIII", 0, 0, 8, 3, *shape) + bytes(40_000_000))
        (folder / "train-images-idx3-ubyte.gz").write_bytes(bomb)
        tracemalloc.start()
        with pytest.raises(InputError):
            load("mnist", tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000


@cache
def real_rows():
    return listing(REAL_DATA)


@with_real_data
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar-10", "cifar-100"])
def test_the_real_data_sets_are_what_they_are_known_to_be(name):
    if find(name, REAL_DATA) is None:
        pytest.skip(f"{name} is not in {REAL_DATA}")
    data, row = load(name, REAL_DATA), next(row for row in real_rows() if row.name == name)
    assert data.train_images.shape[1:] == SOURCES[name].image_shape
    assert set(data.train_labels.tolist()) == set(range(data.n_labels))
    assert (row.n_train, row.n_test, row.digest) == (len(data.train_labels), len(data.test_images), data.digest)
    if name.endswith("mnist"):
        assert (row.n_train, row.n_test) == (60_000, 10_000)
        published = {"mnist": 33.32, "fashion-mnist": 72.94}[name]  # mean pixel of the training images
        assert abs(data.train_images.mean() - published) < 0.3


# --- downloads: the mirrors are a function that answers with bytes ---

CONTENT = {f"file-{i}": bytes([i]) * (1_000_000 * i) for i in (1, 2)}


def published(name, content, members=()):
    return RemoteFile(name, len(content), hashlib.sha256(content).hexdigest(), members)


@pytest.fixture
def table(monkeypatch):
    """A table whose MNIST is two small files on two mirrors."""
    remote = tuple(published(name, content) for name, content in CONTENT.items())
    source = replace(SOURCES["mnist"], mirrors=("https://one.example/", "https://two.example/"), remote=remote)
    monkeypatch.setitem(SOURCES, "mnist", source)


class Mirrors:
    """Answers as two mirrors do; `faults` names what each does instead: an exception,
    or what becomes of the content."""

    def __init__(self, content=CONTENT, **faults):
        self.content, self.faults, self.asked = content, faults, []

    def __call__(self, url):
        self.asked.append(url)
        host, name = url.split("/")[2].split(".")[0], url.split("/")[-1]
        fault = self.faults.get(host, lambda content: content)
        if isinstance(fault, Exception):
            raise fault
        answer = fault(self.content[name])
        return answer if hasattr(answer, "read") else io.BytesIO(answer)


class Interrupted(io.BytesIO):
    """A response that breaks off after its first piece."""

    error: BaseException = IncompleteRead(b"")

    def read(self, n=-1):
        if self.tell():
            raise self.error
        return super().read(n)


class Endless(io.BytesIO):
    """A response that never ends."""

    def read(self, n=-1):
        return b"\x01" * n


class Cancelled(Interrupted):
    error = KeyboardInterrupt()


def files_in(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_download_is_in_place_and_not_fetched_twice(table, tmp_path):
    mirrors = Mirrors()
    assert fetch("mnist", tmp_path, mirrors) == tmp_path / "mnist"
    assert files_in(tmp_path) == CONTENT
    assert mirrors.asked == ["https://one.example/file-1", "https://one.example/file-2"]
    fetch("mnist", tmp_path, mirrors)
    assert len(mirrors.asked) == 2


def test_a_file_that_is_there_but_wrong_is_fetched_again_alone(table, tmp_path):
    fetch("mnist", tmp_path, Mirrors())
    (tmp_path / "mnist" / "file-2").write_bytes(b"\x03" * 2_000_000)
    mirrors = Mirrors()
    fetch("mnist", tmp_path, mirrors)
    assert mirrors.asked == ["https://one.example/file-2"]
    assert files_in(tmp_path) == CONTENT


FAULTS = {
    "a network that is down": (URLError("no route to host"), "no route to host"),
    "a mirror that is silent": (TimeoutError(), "TimeoutError"),
    "a wrong checksum": (lambda content: b"\x09" * len(content), "SHA-256"),
    "too much": (lambda content: content + b"\x00", "more than the published"),
    "no end": (lambda content: Endless(), "more than the published"),
    "too little": (lambda content: content[:-1], "sent only"),
    "nothing": (lambda content: b"", "sent only 0 of"),
    "an interruption": (Interrupted, "IncompleteRead"),
    "an address that cannot be": (ValueError("unknown url type"), "unknown url type"),
    "a host name that cannot be encoded": (UnicodeError("label too long"), "label too long"),
    "an answer that is no text": (
        UnicodeDecodeError("ascii", b"\xff", 0, 1, "ordinal not in range"),
        "ordinal not in range",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_after_any_fault_the_next_mirror_is_asked(table, tmp_path, fault):
    mirrors = Mirrors(one=FAULTS[fault][0])
    fetch("mnist", tmp_path, mirrors)
    assert files_in(tmp_path) == CONTENT
    assert "https://two.example/file-1" in mirrors.asked


@pytest.mark.parametrize("fault", FAULTS)
def test_where_every_mirror_fails_nothing_is_left_and_the_message_tells_what_each_did(table, tmp_path, fault):
    failure, words = FAULTS[fault]
    with pytest.raises(InputError) as caught:
        fetch("mnist", tmp_path, Mirrors(one=failure, two=failure))
    assert list(tmp_path.iterdir()) == []
    message = str(caught.value)
    assert message.count(words) == 2
    assert "one.example" in message
    assert "two.example" in message
    assert "by hand" in message


def test_a_failing_second_file_leaves_the_first_and_no_part_of_itself(table, tmp_path):
    only_first = {"file-1": CONTENT["file-1"], "file-2": b"something else"}
    with pytest.raises(InputError, match="file-2"):
        fetch("mnist", tmp_path, Mirrors(only_first))
    assert files_in(tmp_path) == {"file-1": CONTENT["file-1"]}


def test_an_older_file_survives_a_failing_download_and_a_cancelled_one(table, tmp_path):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "file-1").write_bytes(b"mine")
    with pytest.raises(InputError):
        fetch("mnist", tmp_path, Mirrors(one=Interrupted, two=Interrupted))
    with pytest.raises(KeyboardInterrupt):
        fetch("mnist", tmp_path, Mirrors(one=Cancelled))
    assert files_in(tmp_path) == {"file-1": b"mine"}


@pytest.mark.parametrize("planted", ["link", "file"])
def test_a_planted_part_is_neither_followed_nor_written_nor_removed(monkeypatch, table, tmp_path, planted):
    monkeypatch.setattr(download, "token_hex", lambda n: "known")
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "mnist").mkdir()
    part = tmp_path / "mnist" / ".file-1.known.part"
    part.symlink_to(tmp_path / "victim") if planted == "link" else part.write_bytes(b"foreign")
    before = files_in(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        fetch("mnist", tmp_path, Mirrors())
    assert files_in(tmp_path) == before
    assert part.is_symlink() == (planted == "link")
    monkeypatch.undo()


def test_names_of_parts_cannot_be_guessed(monkeypatch, table, tmp_path):
    opened = []
    monkeypatch.setattr(
        Path, "open", lambda path, *mode, real=Path.open: opened.append((path.name, mode)) or real(path, *mode)
    )
    for run in ("a", "b"):
        fetch("mnist", tmp_path / run, Mirrors())
    parts = [(name, mode) for name, mode in opened if name.endswith(".part")]
    assert len({name for name, _ in parts}) == 4
    assert {mode for _, mode in parts} == {("xb",)}


def test_a_folder_that_cannot_be_made_is_refused(table, tmp_path):
    (tmp_path / "occupied").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"):
        fetch("mnist", tmp_path / "occupied", Mirrors())


BATCHES = {"train.bin": b"\x01" * 6000, "test.bin": b"\x02" * 3000}


def tar_gz(*entries):
    """An archive of (name, content or link target) entries."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname, info.size = tarfile.SYMTYPE, content, len(BATCHES["test.bin"])
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def fetch_archive(monkeypatch, folder, archive):
    members = tuple(published(name, content) for name, content in BATCHES.items())
    remote = (published("cifar.tar.gz", archive, members),)
    monkeypatch.setitem(
        SOURCES, "cifar-100", replace(SOURCES["cifar-100"], mirrors=("https://one.example/",), remote=remote)
    )
    mirrors = Mirrors({"cifar.tar.gz": archive})
    fetch("cifar-100", folder, mirrors)
    return mirrors


def test_an_archive_gives_its_members_by_their_base_names_and_nothing_else(monkeypatch, tmp_path):
    train, test = BATCHES.values()
    archive = tar_gz(("../../evil.txt", b"evil"), ("/etc/train.bin", train), ("../test.bin", test), ("more", b"x"))
    mirrors = fetch_archive(monkeypatch, tmp_path / "deep" / "down", archive)
    assert files_in(tmp_path) == BATCHES
    fetch("cifar-100", tmp_path / "deep" / "down", mirrors)
    assert len(mirrors.asked) == 1


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (tar_gz(("train.bin", BATCHES["train.bin"])), "without test.bin"),
        (
            tar_gz(("train.bin", BATCHES["train.bin"]), ("test.bin", "/etc/passwd")),
            "test.bin is no file of 3,000 bytes",
        ),
        (
            tar_gz(("train.bin", BATCHES["train.bin"]), ("test.bin", b"\x00" * 3001)),
            "test.bin is no file of 3,000 bytes",
        ),
        (tar_gz(*BATCHES.items())[:60], "damaged"),
        (b"no archive at all", "damaged"),
        (tar_gz(*((f"{i}", b"") for i in range(200)), *BATCHES.items()), "without"),
    ],
)
def test_an_archive_that_is_not_as_expected_leaves_nothing(monkeypatch, tmp_path, archive, words):
    with pytest.raises(InputError, match=words):
        fetch_archive(monkeypatch, tmp_path, archive)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://one.example/file", "file:///etc/passwd", "ftp://one.example/file"])
def test_only_https_is_ever_opened_also_after_a_redirection(monkeypatch, url):
    with pytest.raises(URLError, match="not HTTPS"):
        download.open_https(url)
    asked = []

    class Redirecting(HTTPSHandler):
        def https_open(self, req):
            asked.append(req.full_url)
            headers = Message()
            headers["Location"] = url
            response = addinfourl(io.BytesIO(), headers, req.full_url, 302)
            response.msg = "Found"
            return response

    monkeypatch.setattr(download, "build_opener", lambda *handlers: build_opener(Redirecting, *handlers))
    with pytest.raises((URLError, HTTPError), match="not HTTPS|not allowed"):
        download.open_https("https://one.example/file")
    assert asked == ["https://one.example/file"]


def test_every_mirror_of_the_table_is_https_and_every_file_has_a_size_and_a_checksum():
    remote = [file for source in SOURCES.values() for top in source.remote for file in (top, *top.members)]
    assert all(
        mirror.startswith("https://") and mirror.endswith("/")
        for source in SOURCES.values()
        for mirror in source.mirrors
    )
    assert all(len(file.sha256) == 64 and int(file.sha256, 16) and file.size > 1_000 for file in remote)
    assert len({file.sha256 for file in remote}) == len(remote) == 18


@with_real_data
def test_the_published_checksums_of_mnist_s_test_files_are_those_of_the_real_files():
    folder = find("mnist", REAL_DATA)
    if folder is None or not (folder / "t10k-images-idx3-ubyte.gz").is_file():
        pytest.skip("the packed MNIST test files are not there")
    for file in SOURCES["mnist"].remote[2:]:
        assert hashlib.sha256(Path(folder / file.name).read_bytes()).hexdigest() == file.sha256
