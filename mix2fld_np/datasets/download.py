"""Fetching a data set from its mirrors: over HTTPS alone, checked byte for byte, in place whole or not at all."""

import gzip
import hashlib
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPException
from itertools import islice
from pathlib import Path, PurePosixPath
from secrets import token_hex
from tempfile import TemporaryFile
from typing import BinaryIO
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import BaseHandler, Request, build_opener

from tqdm import tqdm

from mix2fld_np import __version__
from mix2fld_np.datasets.sources import DataSource, RemoteFile, source_of
from mix2fld_np.errors import InputError

TIMEOUT_S = 30  # without any answer
PIECE = 1 << 18  # bytes received at once
MOST_ENTRIES = 100  # of an archive; those of CIFAR have fewer than ten


class Refused(Exception):
    """What a mirror sent is not the published file."""


def fetch(name: str, into: str | Path, opener: Callable[[str], BinaryIO] | None = None) -> Path:
    """Puts the files of the data set `name` into its own folder under `into` and gives back that folder.

    A file appears under its name only when its size and SHA-256 are the published ones; until then, and after any
    failure, there is nothing. Files that are there already and right are not fetched again. `opener` turns an address
    into an open response (over HTTPS where it is not given). InputError where no mirror delivers.
    """
    source = source_of(name)
    if not source.remote:
        raise InputError(f"there is nothing to fetch for '{name}': it is drawn by the program itself.")
    folder = Path(os.path.expanduser(into)) / source.folders[0]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in source.remote:
            if not all(wanted.is_at(folder / wanted.name) for wanted in file.members or (file,)):
                _fetch_file(source, file, folder, opener or open_https)
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"{folder} cannot be written ({why}); name another folder or make room.") from None
    finally:
        with suppress(OSError):
            folder.rmdir()  # succeeds only where nothing was fetched at all
    return folder


def open_https(url: str) -> BinaryIO:
    """The response to a request for `url`; raises URLError where it, or what it is redirected to, is not HTTPS."""
    request = Request(url, headers={"User-Agent": f"mix2fld_np/{__version__}"})
    return build_opener(_HttpsOnly).open(request, timeout=TIMEOUT_S)


class _HttpsOnly(BaseHandler):
    def default_open(self, req):  # urllib asks this before it opens anything
        if req.type != "https":
            raise URLError(f"the address {req.full_url} is not HTTPS")


def _fetch_file(source: DataSource, file: RemoteFile, folder: Path, opener: Callable[[str], BinaryIO]) -> None:
    """Fetches one file, or the members of one archive, from the first mirror that delivers."""
    failures = []
    for mirror in source.mirrors:
        try:
            with TemporaryFile(dir=folder) if file.members else _new_file(folder / file.name) as part:
                _receive(mirror + file.name, file, part, opener)
                if file.members:
                    _unpack(part, file.members, folder)
            return
        except Refused as refused:
            failures.append(f"{urlsplit(mirror).hostname}: {refused}")
    raise InputError(f"{file.name} of {source.title} could not be fetched ({'; '.join(failures)}); check the "
                     f"connection and try again later, or put the files into {folder} by hand.")


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write under a name nobody can foresee, `path` once it is on the disk; it goes if anything fails."""
    part = path.with_name(f".{path.name}.{token_hex(8)}.part")
    with part.open("xb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.close()
            os.replace(part, path)
        finally:
            file.close()
            part.unlink(missing_ok=True)


def _receive(url: str, file: RemoteFile, part: BinaryIO, opener: Callable[[str], BinaryIO]) -> None:
    """Writes what `url` sends to the open `part`; raises Refused unless it is the published file."""
    digest, n_bytes = hashlib.sha256(), 0
    bar = tqdm(total=file.size, unit="B", unit_scale=True, desc=file.name, disable=None)
    with bar, closing(_pieces(url, opener)) as pieces:
        for piece in pieces:
            n_bytes += len(piece)
            if n_bytes > file.size:
                raise Refused(f"it sent more than the published {file.size:,} bytes")
            digest.update(piece)
            part.write(piece)
            bar.update(len(piece))
    if n_bytes < file.size:
        raise Refused(f"it sent only {n_bytes:,} of {file.size:,} bytes")
    if digest.hexdigest() != file.sha256:
        raise Refused("it sent a file whose SHA-256 is not the published one")


def _pieces(url: str, opener: Callable[[str], BinaryIO]) -> Generator[bytes, None, None]:
    """The response, piece by piece; a failure of the network, or an answer that makes no sense, becomes Refused."""
    try:
        with opener(url) as response:
            while piece := response.read(PIECE):
                yield piece
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if type(error) is URLError else error
        raise Refused(" ".join(str(reason).split()) or type(error).__name__) from None


def _unpack(archive: BinaryIO, members: tuple[RemoteFile, ...], folder: Path) -> None:
    """Takes `members` out of a tar.gz archive by their base names: regular files of the published size, all or none."""
    wanted = {member.name: member for member in members}
    archive.seek(0)
    with ExitStack() as stack:
        files = {name: stack.enter_context(_new_file(folder / name)) for name in wanted}
        try:
            with tarfile.open(fileobj=archive, mode="r:gz") as tar:
                for entry in islice(tar, MOST_ENTRIES):
                    if member := wanted.pop(PurePosixPath(entry.name).name, None):
                        _unpack_member(tar, entry, member, files[member.name])
        except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
            raise Refused(f"it sent an archive that is damaged ({error})") from None
        if wanted:
            raise Refused(f"it sent an archive without {', '.join(wanted)}")


def _unpack_member(tar: tarfile.TarFile, entry: tarfile.TarInfo, member: RemoteFile, file: BinaryIO) -> None:
    content = tar.extractfile(entry) if entry.isreg() and entry.size == member.size else None
    if content is None:
        raise Refused(f"it sent an archive whose {member.name} is no file of {member.size:,} bytes")
    shutil.copyfileobj(content, file)
