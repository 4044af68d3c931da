"""Where data sets are looked for, whose files are whose, and what is said where something is only nearly right."""

import gzip
import hashlib
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data_files import empty_places, random_images, write_cifar_10, write_mnist

from mix2fld_np.cli import main
from mix2fld_np.console import data, session
from mix2fld_np.console.text import data_table
from mix2fld_np.datasets import find as finding
from mix2fld_np.datasets.download import fetch
from mix2fld_np.datasets.find import find, foreign, named_folder, user_cache
from mix2fld_np.datasets.registry import listing, load, pixel_digests
from mix2fld_np.datasets.sources import SOURCES, RemoteFile
from mix2fld_np.errors import InputError

REAL_DATA = os.environ.get("MIX2FLD_DATA")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    empty_places(monkeypatch, tmp_path)


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """The folder that MIX2FLD_DATA names."""
    (tmp_path / "environment").mkdir()
    monkeypatch.setenv("MIX2FLD_DATA", str(tmp_path / "environment"))
    return tmp_path / "environment"


def refusal(name, data_dir=None):
    with pytest.raises(InputError) as caught:
        load(name, data_dir)
    return str(caught.value)


# ------------------------------------------------------------------------------------------------------------- places
def test_places_are_searched_in_order_and_a_named_folder_alone(environment, tmp_path):
    (tmp_path / "named").mkdir()
    assert find("mnist") is None
    for place in ("cache/mix2fld_np", "repository/data", "environment"):
        folder = write_mnist(tmp_path / place / "mnist")
        assert find("mnist") == folder
    assert find("mnist", tmp_path / "named") is None
    assert find("mnist", write_mnist(tmp_path / "named" / "mnist").parent) == tmp_path / "named" / "mnist"


def test_a_named_folder_may_be_the_one_with_the_files(tmp_path):
    folder = write_mnist(tmp_path / "my-digits")
    assert find("mnist", folder) == find("fashion-mnist", folder) == folder


def test_fashion_is_not_taken_for_mnist_though_its_files_are_called_alike(tmp_path):
    folder = write_mnist(tmp_path / "fashion-mnist")
    assert find("mnist", folder) is None
    assert find("fashion-mnist", folder) == folder


def test_an_incomplete_folder_is_passed_over_and_the_message_says_where_it_looked(environment, tmp_path):
    folder = write_mnist(tmp_path / "environment" / "mnist")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError) as caught:
        load("mnist")
    for place in ("environment/mnist", "repository/data/mnist", "cache/mix2fld_np/mnist"):
        assert str(tmp_path / place) in str(caught.value)
    assert "mix2fld data fetch mnist" in str(caught.value)


def test_a_named_folder_that_is_not_there_or_empty_is_refused_even_where_the_data_lie_elsewhere(environment, tmp_path):
    write_mnist(tmp_path / "environment" / "mnist")
    with pytest.raises(InputError, match="absent does not exist"):
        load("mnist", tmp_path / "absent")
    with pytest.raises(InputError, match="absent does not exist"):
        listing(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="mix2fld data fetch mnist"):
        load("mnist", tmp_path / "empty")
    assert len(load("mnist").train_labels) == 5


def by_option(place, monkeypatch):
    return place


def by_variable(place, monkeypatch):
    monkeypatch.setenv("MIX2FLD_DATA", place)
    return


named_either_way = pytest.mark.parametrize("named", [by_option, by_variable])
LAYOUTS = {  # folder of the files below a place that may be named
    "mnist": ("mnist", "MNIST/raw", "MNIST", "raw", "."),
    "fashion-mnist": ("fashion-mnist", "FashionMNIST/raw", "FashionMNIST", "raw", "."),
    "cifar-10": ("cifar-10-batches-bin", "."),
}


@named_either_way
@pytest.mark.parametrize(
    ("name", "layout"), [(name, layout) for name, layouts in LAYOUTS.items() for layout in layouts]
)
@pytest.mark.parametrize("home", [False, True])
def test_every_usual_layout_is_found_however_its_place_is_named(tmp_path, monkeypatch, named, name, layout, home):
    monkeypatch.setenv("HOME", str(tmp_path))
    write = write_cifar_10 if name == "cifar-10" else write_mnist
    folder = write(tmp_path / "place" / layout)
    data_dir = named("~/place" if home else str(tmp_path / "place"), monkeypatch)
    assert find(name, data_dir) == folder
    assert load(name, data_dir).origin.endswith(str(folder))
    source = session.data_source({"data": name, "data_dir": data_dir}, quiet=True)
    assert len(load(name, source.data_dir).test_labels) in (2, 3)


@named_either_way
@pytest.mark.parametrize("wrong", ["/no/such/folder", "~/nowhere", "~nobody-at-all/x", "x" * 5_000, __file__])
def test_a_name_that_is_no_folder_is_refused_however_it_was_given(monkeypatch, named, wrong):
    data_dir = named(wrong, monkeypatch)
    for ask in (find, load):
        with pytest.raises(InputError, match="folder"):
            ask("mnist", data_dir)
    with pytest.raises(InputError, match="folder"):
        listing(data_dir)
    with pytest.raises(InputError, match="folder"):
        session.data_source({"data": "auto", "data_dir": data_dir}, quiet=True)
    assert len(load("digits", data_dir, n_train=10, n_test=10).train_labels) == 10


@named_either_way
def test_no_other_data_are_trained_in_silence_where_a_folder_was_named_without_mnist(tmp_path, monkeypatch, named):
    data_dir = named(str(tmp_path), monkeypatch)
    with pytest.raises(InputError, match="mix2fld data fetch mnist"):
        session.data_source({"data": "auto", "data_dir": data_dir}, quiet=True)


def test_an_unset_or_empty_variable_names_nothing(monkeypatch):
    assert named_folder() is None
    monkeypatch.setenv("MIX2FLD_DATA", "")
    assert named_folder() is None


def test_only_a_clone_has_a_data_folder_beside_the_package():
    in_site_packages = "import mix2fld_np.datasets.find as f; print(f.CLONE_DATA)"
    root = Path(finding.__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", in_site_packages], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert found.strip() == (str(root / "data") if (root / "pyproject.toml").is_file() else "None")


# ------------------------------------------------------------------------------------------------------- whose they are
@pytest.mark.parametrize("asked", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize(
    ("folder", "family"),
    [
        ("FashionMNIST/raw", "Fashion-MNIST"),
        ("fashion/mine", "Fashion-MNIST"),
        ("zalando-FASHION", "Fashion-MNIST"),
        ("KMNIST/raw", "KMNIST"),
        ("k-mnist", "KMNIST"),
        ("Kuzushiji", "KMNIST"),
        ("EMNIST/raw", "EMNIST"),
        ("qmnist", "QMNIST"),
        ("notMNIST", "notMNIST"),
        ("not_mnist/x", "notMNIST"),
        ("MNIST/raw", "MNIST"),
        ("data/my_mnist/files", "MNIST"),
        ("fashion-project/data/mnist", "MNIST"),
        ("notebook_mnist", "MNIST"),
        ("mnist/fashion", "Fashion-MNIST"),
        ("other", None),
    ],
)
def test_the_innermost_folder_called_like_a_data_set_says_whose_files_these_are(tmp_path, asked, folder, family):
    there = write_mnist(tmp_path / folder)
    if family in (None, SOURCES[asked].title):
        assert find(asked, there) == there
    else:
        assert find(asked, there) is None
        message = refusal(asked, there)
        assert f"seems to hold {family}" in message
        assert f"if it is {SOURCES[asked].title} all the same" in message


def test_another_set_in_its_own_folder_is_not_mentioned_where_mnist_is_missing(tmp_path):
    write_mnist(tmp_path / "fashion-mnist")
    write_mnist(tmp_path / "KMNIST" / "raw")
    assert finding.nearby("mnist", tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_a_link_does_not_hide_what_the_folder_is_called(tmp_path):
    there = write_mnist(tmp_path / "FashionMNIST" / "raw")
    (tmp_path / "mine").symlink_to(there)
    assert find("mnist", tmp_path / "mine") is None
    assert find("fashion-mnist", tmp_path / "mine") == tmp_path / "mine"


def publish(monkeypatch, name, folder):
    """Makes the files in a folder the published ones of a data set."""
    remote = tuple(
        RemoteFile(p.name, p.stat().st_size, hashlib.sha256(p.read_bytes()).hexdigest())
        for p in sorted(folder.iterdir())
    )
    monkeypatch.setitem(SOURCES, name, replace(SOURCES[name], remote=remote))


@pytest.mark.parametrize("folder", ["neutral", "mnist", "MNIST/raw"])
def test_published_files_are_known_whatever_their_folder_is_called(tmp_path, monkeypatch, folder):
    there = write_mnist(tmp_path / folder)
    publish(monkeypatch, "fashion-mnist", there)
    assert find("mnist", there) is None
    assert "Fashion-MNIST by its SHA-256" in refusal("mnist", there)
    assert find("fashion-mnist", there) == there


def test_one_published_file_of_another_set_among_the_four_is_enough(tmp_path, monkeypatch):
    other = write_mnist(tmp_path / "other", n_images=7, n_labels=7)
    for path in other.glob("t10k*"):
        path.unlink()
    publish(monkeypatch, "fashion-mnist", other)
    there = write_mnist(tmp_path / "mnist")
    assert foreign("mnist", there) is None
    (there / "train-images-idx3-ubyte.gz").write_bytes((other / "train-images-idx3-ubyte.gz").read_bytes())
    assert "train-images-idx3-ubyte.gz is a file of Fashion-MNIST" in foreign("mnist", there)


@pytest.mark.parametrize("name", ["{}-ubyte.gz", "{}-ubyte"])
def test_the_images_of_another_set_are_known_however_they_are_packed_and_split(tmp_path, monkeypatch, name):
    write_mnist(tmp_path / "neutral", name)
    every = np.concatenate([random_images(5, 28, 28), random_images(3, 28, 28)])
    first = int(pixel_digests(every).min())
    monkeypatch.setitem(SOURCES, "fashion-mnist", replace(SOURCES["fashion-mnist"], first_digest=first))
    assert "holds the images of Fashion-MNIST" in refusal("mnist", tmp_path / "neutral")
    assert len(load("fashion-mnist", tmp_path / "neutral").train_labels) == 5


@pytest.mark.skipif("MIX2FLD_DATA" not in os.environ, reason="MIX2FLD_DATA names no folder")
@pytest.mark.parametrize(("name", "other"), [("mnist", "fashion-mnist"), ("fashion-mnist", "mnist")])
def test_the_real_images_are_known(tmp_path, name, other):
    there = Path(REAL_DATA) / name
    if not there.is_dir():
        pytest.skip(f"{name} is not there")
    (tmp_path / "neutral").mkdir()
    for path in there.iterdir():
        (tmp_path / "neutral" / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(path.read_bytes()))
    assert f"holds the images of {SOURCES[name].title}" in refusal(other, tmp_path / "neutral")


# --------------------------------------------------------------------------------------------------------- nearly right
@pytest.mark.parametrize(
    ("name", "near", "words"),
    [
        ("mnist", "mnist.npz", "Keras"),
        ("mnist", "deeper/mnist.npz", "deeper holds it in another form"),
        ("cifar-10", "cifar-10-batches-py/data_batch_1", "Python's pickles"),
        ("cifar-100", "cifar-100-python/train", "Python's pickles"),
        ("cifar-10", "cifar-10-binary.tar.gz", "unpack the archive"),
        ("cifar-100", "cifar-100-python.tar.gz", "unpack the archive"),
        ("mnist", "mnist/train-images-idx3-ubyte.gz", "lacks train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz"),
        ("cifar-10", "data_batch_1.bin", "lacks data_batch_2.bin"),
    ],
)
def test_what_is_near_is_named_with_what_to_do(tmp_path, name, near, words):
    place = tmp_path / "place"
    (place / near).parent.mkdir(parents=True)
    (place / near).write_bytes(b"something")
    message = refusal(name, place)
    assert words in message
    assert f"mix2fld data fetch {name}" in message
    row = next(row for row in listing(place) if row.name == name)
    assert words in row.notice and f"not found ({row.notice})" in data_table([row])
    assert "\n" not in message


def test_pickles_are_named_too_where_their_own_folder_is_given(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    assert "Python's pickles" in refusal("cifar-10", tmp_path / "cifar-10-batches-py")


def test_files_that_lie_deeper_are_named_by_their_folder(tmp_path):
    there = write_mnist(tmp_path / "downloads" / "letters")
    assert f"it lies in {there}: name that folder" in refusal("mnist", tmp_path)
    assert find("mnist", there) == there


def test_what_is_near_is_not_looked_for_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(finding, "MOST_FOLDERS", 3)
    for k in range(9):
        (tmp_path / f"{k}").mkdir()
    assert len(list(finding._below(tmp_path))) == 3


# -------------------------------------------------------------------------------------------------------------- no home
def no_home(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)

    def none(*_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", none)


def test_without_a_home_everything_works_where_a_folder_is_given(tmp_path, monkeypatch):
    no_home(monkeypatch)
    assert user_cache() is None
    assert find("mnist") is None
    there = write_mnist(tmp_path / "mnist")
    assert len(load("mnist", tmp_path).test_labels) == 3
    assert next(row for row in listing(tmp_path) if row.name == "mnist").path == there
    remote = (RemoteFile("file", 1, hashlib.sha256(b"x").hexdigest()),)
    monkeypatch.setitem(SOURCES, "mnist", replace(SOURCES["mnist"], mirrors=("https://one.example/",), remote=remote))
    with pytest.raises(InputError, match="one.example"):
        fetch("mnist", tmp_path / "new", lambda url: (_ for _ in ()).throw(OSError("down")))


def test_the_list_says_where_its_own_command_downloads_to(tmp_path, monkeypatch, capsys):
    (tmp_path / "my data").mkdir()
    written = []
    monkeypatch.setattr(data, "fetch_data", lambda name, into: written.append(str(into)))
    for words in ([], ["--data-dir", str(tmp_path / "my data")]):
        assert main(["data", *words]) == 0
        command, into = (
            capsys.readouterr().out.splitlines()[-1].split("; no other command")[0].split(" downloads into ")
        )
        assert main(shlex.split(command)[1:]) == 0
        assert written.pop() == into


NOBODY = """
import argparse, os, sys
from mix2fld_np.console import data
from mix2fld_np.errors import InputError
os.environ.pop("HOME", None), os.environ.pop("XDG_CACHE_HOME", None)
os.setgid(54321), os.setuid(54321)
parser = argparse.ArgumentParser()
data.add(parser)
for words in sys.argv[1].split(";"):
    args = parser.parse_args(words.split())
    try:
        print(getattr(args, "run", data.run)(args))
    except InputError as error:
        print("refused:", error)
"""


@pytest.mark.skipif(not hasattr(os, "setuid") or os.getuid() != 0, reason="only root becomes somebody without an entry")
def test_a_user_without_entry_and_home_can_list_and_is_told_where_to_download(tmp_path):
    command = [sys.executable, "-c", NOBODY, "fetch mnist;"]
    run = subprocess.run(command, capture_output=True, text=True, cwd="/", env=os.environ)
    assert "Traceback" not in run.stderr, run.stderr
    assert "refused: this user has no home directory" in run.stdout
    assert "digits" in run.stdout
    assert "downloads into the folder that --data-dir names" in run.stdout
