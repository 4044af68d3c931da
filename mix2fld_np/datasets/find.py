"""Where the files of a data set lie, whose they are, and what to say where they are not found."""

import os
import re
import sys
from collections.abc import Iterator
from glob import iglob
from itertools import chain, islice
from pathlib import Path

from mix2fld_np.datasets.sources import SOURCES, DataSource, source_of
from mix2fld_np.errors import InputError

VARIABLE = "MIX2FLD_DATA"
CLONE = Path(__file__).parents[2]  # of the repository; where the package was installed by copying it, this is none
CLONE_DATA = CLONE / "data" if (CLONE / "pyproject.toml").is_file() else None
MOST_FOLDERS = 1_000  # where to look for what is near, for the message only
UNREAD = {  # by the suffix of a name
    ".npz": "Keras' own, which is not read: the four files of MNIST itself are",
    ".gz": "packed: unpack the archive, and see that it is the binary version",
    "": "Python's pickles, which are not read as they can run any code: the binary version is",
}
FAMILIES = {  # what folders are called that hold files named as MNIST's are; the first that fits counts
    "Fashion-MNIST": r"fashion",
    "KMNIST": r"kuzushiji|kmnist|(?<![a-z])k[-_ ]mnist",
    "EMNIST": r"emnist|(?<![a-z])e[-_ ]mnist",
    "QMNIST": r"qmnist|(?<![a-z])q[-_ ]mnist",
    "notMNIST": r"not[-_ ]?mnist",
    "MNIST": r"mnist",
}


def find(name: str, data_dir: str | Path | None = None) -> Path | None:
    """The folder with all files of the data set `name`, or None (as for the digits, which have no files).

    Looks in `data_dir` alone where it is given; else in $MIX2FLD_DATA, in data/ of the clone that the program runs
    from, and in the user's cache, in this order. Passes over files that are another data set's. InputError where
    `data_dir`, or $MIX2FLD_DATA that is looked at, is no folder.
    """
    source = source_of(name)
    places = _places(data_dir) if source.folders else []
    folders = (place / folder for place in places for folder in source.folders)
    return next((folder for folder in folders if is_complete(source, folder) and not foreign(name, folder)), None)


def named_folder(data_dir: str | Path | None = None) -> Path | None:
    """The folder that the user named, by `data_dir` or else by $MIX2FLD_DATA, with ~ expanded; None if neither."""
    named = data_dir or os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(os.path.expanduser(named))
    try:
        if folder.is_dir():
            return folder
        problem = "is no folder" if folder.exists() else "does not exist"
    except (OSError, ValueError) as error:
        problem = f"cannot be used ({getattr(error, 'strerror', None) or error})"
    what = "the data folder" if data_dir else f"{VARIABLE}'s folder"
    raise InputError(f"{what} {folder} {problem}; name a folder that does, or leave it out.")


def user_cache() -> Path | None:
    """The folder in the user's cache that `mix2fld data fetch` fills; None for a user without a home."""
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "mix2fld_np"
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return None if cache.startswith("~") else Path(cache) / "mix2fld_np"


def files_in(folder: Path, names: list[str]) -> list[Path]:
    """One file for each published name, in order, as far as there are some; packed or not, and with .idx for -idx."""
    found = []
    for name in names:
        plain = name.removesuffix(".gz")
        variants = (plain, plain.replace("-idx", ".idx"), name, name.replace("-idx", ".idx"))
        found += [folder / variant for variant in variants if os.path.isfile(folder / variant)][:1]
    return found


def is_complete(source: DataSource, folder: Path) -> bool:
    """Whether a data set can be read from a folder: all its files are there, or test files and a batch for training."""
    n_train, n_test = (len(files_in(folder, names)) for names in (source.train, source.test))
    return n_test == len(source.test) > 0 and n_train >= (1 if source.in_batches else len(source.train))


def foreign(name: str, folder: Path) -> str | None:
    """Why files are another data set's than `name`, by SHA-256 or else by what their folder is called, or None."""
    source = SOURCES[name]
    if source.title not in FAMILIES:
        return None
    publishers = {file: _publisher(file) for file in files_in(folder, source.train + source.test)}
    for file, publisher in publishers.items():
        if publisher not in (None, source):
            return f"{file} is a file of {publisher.title} by its SHA-256"
    paths = [] if source in publishers.values() else [Path(os.path.abspath(folder)), folder.resolve()]
    for title, part in filter(None, map(_family, paths)):
        if title != source.title:
            return f"{folder} seems to hold {title}, as one of its folders is called {part}"
    return None


def _publisher(file: Path) -> DataSource | None:
    """The data set of whose published files this is one."""
    return next((source for source in SOURCES.values() if any(remote.is_at(file) for remote in source.remote)), None)


def _family(path: Path) -> tuple[str, str] | None:
    """(data set, folder) of the innermost folder of a path that is called like one of `FAMILIES`."""
    for part in reversed(path.parts):
        for title, pattern in FAMILIES.items():
            if re.search(pattern, part.lower()):
                return title, part
    return None


def not_found(name: str, data_dir: str | Path | None = None) -> str:
    """What to say where `find` finds nothing: where it looked, what is near, and what to do."""
    source = source_of(name)
    looked = ", ".join(str(place / source.folders[0]) for place in _places(data_dir))
    near = "".join(f"{sentence}; " for sentence in nearby(name, data_dir))
    return (f"{source.title} ({', '.join(source.train + source.test)}) is not complete in any of these places "
            f"(or where torchvision puts it there): {looked}; {near}"
            f"run `mix2fld data fetch {name}`, or choose the embedded data set 'digits'.")


def nearby(name: str, data_dir: str | Path | None = None) -> list[str]:
    """What lies where a data set was looked for, or a little deeper, and is nearly it; what to do about each."""
    return list(dict.fromkeys(sentence for place in _places(data_dir) for sentence in _near(name, place)))


def _places(data_dir: str | Path | None) -> list[Path]:
    """Where data sets may lie, first choice first."""
    named = named_folder(data_dir)
    return [place for place in ((named,) if data_dir else (named, CLONE_DATA, user_cache())) if place]


def _near(name: str, place: Path) -> Iterator[str]:
    source = source_of(name)
    for folder in _below(place):
        missing = [file for file in source.train + source.test if not files_in(folder, [file])]
        if is_complete(source, folder):
            other = foreign(name, folder)
            if not other:
                yield f"it lies in {folder}: name that folder with --data-dir"
            elif folder in [place / own for own in source.folders]:
                yield f"{other}; if it is {source.title} all the same, move it into a folder called {source.folders[0]}"
        elif len(missing) < len(source.train + source.test):
            yield f"{folder} lacks {', '.join(missing)}"
        for unread in source.unread:
            if folder.name == unread or (folder / unread).is_file():
                where = folder.parent if folder.name == unread else folder
                yield f"{unread} in {where} holds it in another form, {UNREAD[Path(unread).suffix]}"


def _below(place: Path) -> list[Path]:
    """A folder and those one or two levels below it, at most `MOST_FOLDERS`."""
    levels = (iglob(pattern, root_dir=place, include_hidden=True) for pattern in ("*/", "*/*/"))
    names = islice(chain([""], chain.from_iterable(levels)), MOST_FOLDERS)
    return sorted((place / name for name in names), key=lambda folder: (len(folder.parts), folder))
