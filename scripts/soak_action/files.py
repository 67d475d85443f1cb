"""Files that survive a kill at any moment: atomic replacement, appended lines."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Self

from soak_action.errors import EvidenceError, SoakError, SurroundingsError, surroundings
from soak_action.file_locks import LOCK_NAME, DirectoryLock, LockedError, describe_owner
from soak_action.system import (
    BINARY,
    NotRegularError,
    copy_mode,
    open_regular,
    sync_data,
    sync_directory,
)

# Locks are told here, too: who writes files holds one.
__all__ = [
    "BUSY",
    "LARGEST_DOCUMENT",
    "LOCK_NAME",
    "LONGEST_LINE",
    "STEPS",
    "DirectoryLock",
    "LineWriter",
    "Lines",
    "LockedError",
    "Observer",
    "Replace",
    "describe_owner",
    "digest_of_file",
    "is_temporary",
    "make_directory",
    "observe",
    "read_evidence",
    "read_lines",
    "step",
    "surroundings",
    "write_atomic",
]

STEPS = (
    "atomic:created",
    "atomic:written",
    "atomic:synced",
    "atomic:renamed",
    "atomic:directory-synced",
    "append:written",
    "append:synced",
    "torn:saved",
    "torn:truncated",
)
LONGEST_LINE = 16 * 1024**2
LARGEST_DOCUMENT = 64 * 1024**2
# Error codes of Windows while another program holds a file open: access denied, sharing violation, lock violation.
BUSY = frozenset({5, 32, 33})
_WAITS = tuple(0.01 * 2**turn for turn in range(8))

Observer = Callable[[str], None]
Replace = Callable[[Path, Path], None]
_observers: list[Observer] = []


class _KeptError(SurroundingsError):
    """The target stayed busy; the new content was kept for the user to rescue."""


def step(name: str) -> None:
    """Tell the observers that a write has reached the step `name`."""
    for observer in _observers:
        observer(name)


def observe(callback: Observer) -> Callable[[], None]:
    """Call `callback` with the name of every step from now on; the returned function ends that.

    Fault tests kill the process from inside the callback.
    """
    _observers.append(callback)
    return lambda: _observers.remove(callback)


def make_directory(path: Path) -> None:
    """Create a directory and those above it, if need be. Raises SurroundingsError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise surroundings(error, f"create the directory {path}") from error


def write_atomic(
    path: Path,
    data: bytes | bytearray,
    *,
    aside: str = "",
    replace: Replace = os.replace,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Make `data` the content of `path`: after a crash it holds the old bytes or the new ones, whole.

    Symbolic links are followed and the mode of a replaced file is kept. The new content is written beside it first, to
    an unused name or to the name `aside`; who holds a lock may give one, so that what a killed write left is removed.
    `replace` and `sleep` serve the tests of the retry on Windows. Raises SurroundingsError; nothing of the new content
    then remains, unless the message says where.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(aside or f".tmp-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        if aside:
            temporary.unlink(missing_ok=True)
        _write_new(temporary, data, target)
        _replace_patiently(temporary, target, replace, sleep)
        step("atomic:renamed")
        sync_directory(target.parent)
    except _KeptError:
        raise
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise surroundings(error, f"write {path}") from error
        raise
    step("atomic:directory-synced")


def is_temporary(name: str) -> bool:
    """Whether a file of this name is what a killed write_atomic left behind."""
    return name.startswith(".tmp-")


def _write_new(temporary: Path, data: bytes | bytearray, target: Path) -> None:
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o666)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        step("atomic:created")
        copy_mode(descriptor, target)
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        step("atomic:written")
        os.fsync(descriptor)
        step("atomic:synced")


def _replace_patiently(source: Path, target: Path, replace: Replace, sleep: Callable[[float], None]) -> None:
    """Rename; on Windows wait up to 2.5 s for a virus scanner or reader that holds one of the files."""
    waits = iter(_WAITS)
    while True:
        try:
            return replace(source, target)
        except PermissionError as error:
            if getattr(error, "winerror", None) not in BUSY:
                raise
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)) from error
            wait = next(waits, None)
            if wait is None:
                raise _KeptError(
                    f"cannot replace {target}: another program holds it open; the new content is kept in {source}"
                ) from error
        sleep(wait)


class LineWriter:
    """Appends whole lines to a file: each is on disk when `append` returns, or not in the file at all.

    An unterminated last line that a crash left is moved to ``<name>.torn-<n>`` on opening; `torn` is that file's path,
    None when the file was whole. One writer at a time: hold a DirectoryLock. Raises SurroundingsError.
    """

    def __init__(self, path: Path, *, write: Callable[[int, bytes], int] = os.write) -> None:
        self.path = path
        self.torn: Path | None = None
        self._write = write
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | BINARY, 0o666)
        except OSError as error:
            raise surroundings(error, f"open {path}") from error
        try:
            self.torn = _move_torn_tail(path, self._descriptor)
            sync_directory(path.parent)
        except OSError as error:
            os.close(self._descriptor)
            raise surroundings(error, f"repair {path}") from error

    def append(self, *lines: bytes) -> None:
        """Write lines, without their newlines, and sync them. After a SurroundingsError the file is as it was.

        Raises EvidenceError when the file was removed.
        """
        if any(b"\n" in line for line in lines):
            raise ValueError("a line cannot hold a newline")
        record = b"".join(line + b"\n" for line in lines)
        status = os.fstat(self._descriptor)
        if status.st_nlink == 0:
            raise EvidenceError(f"{self.path} was removed while it was being written")
        former = status.st_size
        try:
            written = self._write(self._descriptor, record)
            if written == len(record):
                step("append:written")
                sync_data(self._descriptor)
        except OSError as error:
            self._cut_back(former)
            raise surroundings(error, f"append to {self.path}") from error
        if written != len(record):
            self._cut_back(former)
            raise SurroundingsError(
                f"cannot append to {self.path}: it took {written} of {len(record)} bytes; the disk is probably full"
            )
        step("append:synced")

    def _cut_back(self, size: int) -> None:
        # Should even this fail, the torn record is the last line, which the next writer moves aside.
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, size)

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _move_torn_tail(path: Path, descriptor: int) -> Path | None:
    size = os.fstat(descriptor).st_size
    keep = _end_of_last_line(descriptor, size)
    if keep == size:
        return None
    aside = _save_aside(path, descriptor, keep)
    step("torn:saved")
    os.ftruncate(descriptor, keep)
    os.fsync(descriptor)
    step("torn:truncated")
    return aside


def _end_of_last_line(descriptor: int, size: int) -> int:
    """Return the offset behind the last newline, 0 without any, reading from the end."""
    end = size
    while end > 0:
        start = max(0, end - 65_536)
        os.lseek(descriptor, start, os.SEEK_SET)
        newline = os.read(descriptor, end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _save_aside(path: Path, descriptor: int, start: int) -> Path:
    names = (path.with_name(f"{path.name}.torn-{number}") for number in count(1))
    aside = next(name for name in names if not name.exists())
    with aside.open("xb") as file:
        os.lseek(descriptor, start, os.SEEK_SET)
        while block := os.read(descriptor, 65_536):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return aside


class Lines:
    """The terminated lines of a file as (number from 1, bytes without the newline), one in memory at a time.

    After the iteration `torn_tail` holds an unterminated last line, which is not yielded.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self.torn_tail: bytes | None = None
        self._limit = limit

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        self.torn_tail = None
        try:
            with open_regular(self.path) as file:
                number = 1
                while (line := file.readline(self._limit + 1)).endswith(b"\n"):
                    yield number, line[:-1]
                    number += 1
                self._end(number, line)
        except OSError as error:
            raise _unreadable(error, self.path) from error

    def _end(self, number: int, line: bytes) -> None:
        if len(line) > self._limit:
            raise EvidenceError(f"{self.path}:{number}: the line is longer than {self._limit} bytes")
        self.torn_tail = line or None


def read_lines(path: Path, *, limit: int = LONGEST_LINE) -> Lines:
    """Return the lines of a file, to be iterated.

    The iteration raises EvidenceError for a missing file and for a line longer than `limit` bytes, SurroundingsError
    when the file cannot be read.
    """
    return Lines(path, limit)


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises EvidenceError if it is missing, SurroundingsError if it cannot be read.
    """
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(error, path) from error


def read_evidence(path: Path, *, limit: int = LARGEST_DOCUMENT) -> bytes:
    """Return the bytes of a file of at most `limit` bytes.

    Raises EvidenceError if it is missing, larger or no regular file, SurroundingsError if it cannot be read.
    """
    try:
        with open_regular(path) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise _unreadable(error, path) from error
    if len(data) > limit:
        raise EvidenceError(f"{path} is larger than {limit} bytes")
    return data


def _unreadable(error: OSError, path: Path) -> SoakError:
    if isinstance(error, FileNotFoundError):
        return EvidenceError(f"{path} is missing")
    if isinstance(error, NotRegularError):
        return EvidenceError(f"{path} is not a regular file")
    return surroundings(error, f"read {path}")
