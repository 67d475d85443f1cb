"""A directory of evidence as one compressed file: a gzipped tar archive, the same bytes for the same directory.

Everything that is a file, a folder or a link is in it, with its content and mode; links are kept as links. The times of
files are there in whole seconds. Owners are not: they would make the bytes differ.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import stat
import tarfile
import zlib
from collections.abc import Generator, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol

from soak_action.errors import EvidenceError
from soak_action.evidence.tree import Entry, entries
from soak_action.system import BINARY, open_regular

# They tell what an archive is of, so nobody has to read all of it for that.
FIRST = ("receipt.json", "run.json", "gate.json", "verdict.json")
_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, OverflowError, ValueError)

_LEVEL = 6
_BLOCK_BYTES = 1024**2
_ZEROS = bytes(64 * 1024)
_KINDS = {stat.S_IFREG: tarfile.REGTYPE, stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFLNK: tarfile.SYMTYPE}


class Sink(Protocol):
    """Where the bytes of an archive go to."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data`."""

    def flush(self) -> None:
        """Do nothing, or pass on what was taken."""


class Counter:
    """Counts the bytes of an archive that nobody needs."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: bytes, /) -> int:
        """Count `data`."""
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing."""


def write(directory: Path, sink: Sink) -> None:
    """Write the archive of a directory. Raises OSError, also for what is neither file, folder nor link."""
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=sink, mtime=0) as packed,
        tarfile.open(
            fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
        ) as archive,
    ):
        for entry, info in _infos(directory):
            if info.isreg():
                with open_regular(directory / entry.name) as file:
                    archive.addfile(info, file)
            else:
                archive.addfile(info)


def difference(directory: Path, archive: Path) -> str | None:
    """Return what makes an archive not exactly that of a directory, having read both whole; None when it is.

    Raises EvidenceError when the archive is damaged, OSError when the system refuses.
    """
    expected = _infos(directory)
    with contextlib.closing(members(archive)) as found, _damage_told(archive):
        for member, content in found:
            entry, info = next(expected, (None, None))
            if entry is None or info is None:
                return f"{member.name} is not in the directory"
            if _facts(member) != _facts(info):
                return f"{entry.name} differs"
            if content is not None and not _is_content_of(content, directory / entry.name):
                return f"{entry.name} differs"
    rest, _ = next(expected, (None, None))
    return None if rest is None else f"{rest.name} is not in the archive"


def members(archive: Path) -> Generator[tuple[tarfile.TarInfo, BinaryIO | None]]:
    """Yield what an archive holds, each with its content when it has one, which has to be read before going on.

    Raises EvidenceError when it is damaged, OSError when the system refuses to read it.
    """
    with (
        open_regular(archive) as file,
        _damage_told(archive),
        gzip.GzipFile(fileobj=file) as packed,
        tarfile.open(fileobj=packed, mode="r|", encoding="utf-8", errors="surrogateescape") as opened,
    ):
        for member in opened:
            yield member, opened.extractfile(member) if member.isreg() else None  # type: ignore[misc]  # a regular member opens
        # What follows the end is read too: only then is the checksum of all of it compared.
        while packed.read(_BLOCK_BYTES):
            pass


@contextlib.contextmanager
def _damage_told(archive: Path) -> Iterator[None]:
    """Raise EvidenceError for whatever a damaged archive makes its readers raise."""
    try:
        yield
    except _DAMAGE as error:
        raise EvidenceError(f"{archive}: the archive is damaged: {error}") from None


def unpack(archive: Path, target: Path) -> None:
    """Make the directory `target`, which is not there yet, of what an archive holds.

    Raises EvidenceError when the archive is damaged or leads out of the directory, OSError when the disk refuses.
    """
    target.mkdir()
    folders = {""}
    with contextlib.closing(members(archive)) as found, _damage_told(archive):
        for member, content in found:
            name = _inner_name(archive, member.name, folders)
            if not name:
                continue
            place = target / name
            if member.isdir():
                place.mkdir()
                folders.add(name)
            elif member.issym():
                place.symlink_to(member.linkname)
            elif member.islnk():
                twin = target / _inner_name(archive, member.linkname, folders)
                if twin.is_symlink():
                    raise EvidenceError(f"{archive}: {member.linkname!a} leads out of the archive")
                os.link(twin, place)
            elif content is not None:
                _pour(content, place, member)
            else:
                raise EvidenceError(f"{archive}: {name!a} is neither a file nor a folder nor a link")


def _inner_name(archive: Path, name: str, folders: set[str]) -> str:
    """Return a name without that of the directory all are below of. Raises EvidenceError when it leads elsewhere."""
    parts = name.split("/")
    inner = "/".join(parts[1:])
    is_strange = any(part in {"", ".", ".."} or (os.name == "nt" and set(part) & set('\\:*?"<>|')) for part in parts)
    # A link may not stand for a folder: what is below of it would lie somewhere else.
    if is_strange or inner.rpartition("/")[0] not in folders:
        raise EvidenceError(f"{archive}: {name!a} leads out of the archive")
    return inner


def _pour(content: BinaryIO, place: Path, member: tarfile.TarInfo) -> None:
    """Write a file, leaving out what is zero, so that a file with holes takes no more room than before."""
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        while block := content.read(len(_ZEROS)):
            if block == _ZEROS[: len(block)]:
                file.seek(len(block), os.SEEK_CUR)
            else:
                file.write(block)
        file.truncate(member.size)
    os.utime(place, (member.mtime, member.mtime))


def _infos(directory: Path) -> Iterator[tuple[Entry, tarfile.TarInfo]]:
    """Yield how everything in a directory stands in its archive, the directory itself first."""
    first: dict[tuple[int, int], str] = {}
    for entry in chain([Entry("", os.lstat(directory))], entries(directory, FIRST)):
        yield entry, _info(directory, entry, first)


def _info(directory: Path, entry: Entry, first: dict[tuple[int, int], str]) -> tarfile.TarInfo:
    status = entry.status
    info = tarfile.TarInfo(f"{directory.name}/{entry.name}".rstrip("/"))
    info.mode = stat.S_IMODE(status.st_mode)
    # The time of a folder is that of the last name in it, the lock's included, and tells nothing.
    info.mtime = 0 if stat.S_ISDIR(status.st_mode) else int(status.st_mtime // 1)
    kind = stat.S_IFMT(status.st_mode)
    if kind not in _KINDS:
        raise OSError(None, f"{entry.name} is neither a file nor a folder nor a link")
    info.type = _KINDS[kind]
    if info.issym():
        info.linkname = os.fspath((directory / entry.name).readlink())
    elif info.isreg():
        info.size = status.st_size
        if status.st_nlink > 1:
            earlier = first.setdefault((status.st_dev, status.st_ino), info.name)
            if earlier != info.name:
                info.type, info.linkname, info.size = tarfile.LNKTYPE, earlier, 0
    return info


def _facts(info: tarfile.TarInfo) -> tuple[object, ...]:
    return info.name, info.type, info.mode, info.mtime, info.size, info.linkname


def _is_content_of(content: BinaryIO, path: Path) -> bool:
    with open_regular(path) as file:
        while block := content.read(_BLOCK_BYTES):
            if file.read(len(block)) != block:
                return False
        return not file.read(1)
