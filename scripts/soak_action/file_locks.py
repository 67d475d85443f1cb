"""Locks that live as long as their owner: on a directory, or on one file."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path
from typing import Self

from soak_action.errors import ExitCode, SoakError, surroundings
from soak_action.system import BINARY, try_lock, unlock

LOCK_NAME = ".lock"
_OWNER_LIMIT = 1000
# Windows does not let go of the name of an open file.
_CAN_REMOVE = os.name == "posix"


class LockedError(SoakError):
    """The directory or file is in use by another living process, which the message names."""

    exit_code = ExitCode.USAGE


def describe_owner(since: str) -> str:
    """Return the owner text of this process for a lock; `since` is a point in time."""
    return f"pid {os.getpid()} on host {platform.node()} since {since}"


class _Lock:
    """Holds `subject` by the lock of the system on the file `path`, which then tells the owner."""

    def __init__(self, path: Path, subject: Path, owner: str) -> None:
        self.path = path
        self._subject = subject
        self._owner = owner
        self._descriptor = -1

    def __enter__(self) -> Self:
        while self._descriptor < 0:
            try:
                # Python opens files so that child processes do not inherit them: a child could not keep the lock alive.
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | BINARY, 0o666)
            except OSError as error:
                raise surroundings(error, f"lock {self._subject}") from error
            try:
                self._take(descriptor)
            except OSError as error:
                os.close(descriptor)
                raise surroundings(error, f"lock {self._subject}") from error
            except BaseException:
                os.close(descriptor)
                raise
        return self

    def _take(self, descriptor: int) -> None:
        """Lock and sign an open file, or close it when it was removed meanwhile: then it is not the lock any more."""
        if not try_lock(descriptor):
            raise LockedError(f"{self._subject} is in use: held by {_read_owner(descriptor)}")
        if not self._is_there(descriptor):
            os.close(descriptor)
            return
        os.ftruncate(descriptor, 0)
        os.write(descriptor, self._owner.encode(errors="replace")[:_OWNER_LIMIT])
        self._descriptor = descriptor

    def _is_there(self, descriptor: int) -> bool:
        """Whether the open file still is the one at the path of the lock."""
        return descriptor >= 0

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
        unlock(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1


class DirectoryLock(_Lock):
    """Holds a directory for one process, with `owner` as text for those who come too late.

    The system releases the lock of a dead process, however it died; its age means nothing. The file LOCK_NAME stays
    behind, empty. Entering raises LockedError, which names the owner, or SurroundingsError.
    """

    def __init__(self, path: Path, owner: str) -> None:
        super().__init__(path / LOCK_NAME, path, owner)


class FileLock(_Lock):
    """Holds a file for one process by a lock file beside it: `<name>.lock`, so that `<name>*` ignores both.

    Symbolic links are followed, so that one file has one lock by whatever name it is reached; it need not exist.
    Otherwise like a DirectoryLock, but the lock file is removed in the end, because it may stand among the files of a
    repository, where it would count as a change; only a killed owner, and Windows, leave it behind.
    """

    def __init__(self, path: Path, owner: str) -> None:
        target = Path(os.path.realpath(path))
        super().__init__(target.with_name(f"{target.name}.lock"), path, owner)

    def __exit__(self, *error: object) -> None:
        # While it is held: whoever opened it before finds out that it is gone when the lock is theirs.
        if _CAN_REMOVE:
            with contextlib.suppress(OSError):
                self.path.unlink()
        super().__exit__(*error)

    def _is_there(self, descriptor: int) -> bool:
        try:
            return not _CAN_REMOVE or os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False


def _read_owner(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    text = os.read(descriptor, _OWNER_LIMIT).decode(errors="replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()) or "another process"
