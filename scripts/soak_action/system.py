"""The calls on open files in which the operating systems differ: locking, syncing."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

# Windows would otherwise turn LF into CRLF.
BINARY: int = getattr(os, "O_BINARY", 0)

sync_data: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)

if sys.platform == "win32":  # pragma: platform - msvcrt exists on Windows only
    import msvcrt

    # Windows forbids reading locked bytes, so the locked one lies far behind whatever the file says.
    _OFFSET = 2**30

    def try_lock(descriptor: int) -> bool:
        """Lock an open file without waiting; False when somebody else holds it. Raises OSError.

        The system releases the lock when the process dies, however it dies.
        """
        os.lseek(descriptor, _OFFSET, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EDEADLK):
                return False
            raise
        os.lseek(descriptor, 0, os.SEEK_SET)
        return True

    def unlock(descriptor: int) -> None:
        """Release the lock. Raises OSError."""
        os.lseek(descriptor, _OFFSET, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

    def sync_directory(path: Path) -> None:
        """Do nothing: Windows cannot open a directory to sync it."""

    def copy_mode(descriptor: int, path: Path) -> None:
        """Do nothing: what Windows calls a mode is only the read-only attribute."""

else:
    import fcntl
    import stat

    def try_lock(descriptor: int) -> bool:
        """Lock an open file without waiting; False when somebody else holds it. Raises OSError.

        The system releases the lock when the process dies, however it dies.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(descriptor: int) -> None:
        """Release the lock. Raises OSError."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def sync_directory(path: Path) -> None:
        """Make the names in a directory survive a power cut. Raises OSError."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:  # pragma: platform - network file systems that sync by themselves refuse to be asked
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(descriptor)

    def copy_mode(descriptor: int, path: Path) -> None:
        """Give an open file the mode of the file at `path`, if there is one. Raises OSError."""
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            return
        os.fchmod(descriptor, stat.S_IMODE(mode))
