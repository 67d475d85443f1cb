"""The calls on open files in which the operating systems differ: locking, syncing."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path

# Windows would otherwise turn LF into CRLF.
BINARY: int = getattr(os, "O_BINARY", 0)

# Neither wait for the other end of a pipe nor follow a link: evidence is a file of its own. Windows has neither flag.
_FOR_EVIDENCE = os.O_RDONLY | BINARY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)

sync_data: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class NotRegularError(OSError):
    """What should be a file is a link, a pipe, a device or a directory."""


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading, without ever waiting. Raises NotRegularError, or another OSError."""
    try:
        descriptor = os.open(path, _FOR_EVIDENCE)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO) or path.is_dir():
            raise NotRegularError(error.errno, "it is not a regular file") from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegularError(errno.EINVAL, "it is not a regular file")
    return os.fdopen(descriptor, "rb")


if sys.platform == "win32":  # pragma: platform - Windows only
    import ctypes
    import msvcrt
    from ctypes import wintypes

    # Windows forbids reading locked bytes, so the locked one lies far behind whatever the file says.
    _PLACE = (wintypes.DWORD(2**30), wintypes.DWORD(0), wintypes.DWORD(1), wintypes.DWORD(0))
    _HELD_BY_ANOTHER = 33  # ERROR_LOCK_VIOLATION
    _KERNEL = ctypes.WinDLL("kernel32", use_last_error=True)

    def try_lock(descriptor: int) -> bool:
        """Lock an open file without waiting; False when somebody else holds it. Raises OSError.

        The system releases the lock when the process dies, however it dies.
        """
        if _KERNEL.LockFile(wintypes.HANDLE(msvcrt.get_osfhandle(descriptor)), *_PLACE):
            return True
        error = ctypes.get_last_error()
        if error == _HELD_BY_ANOTHER:
            return False
        raise ctypes.WinError(error)

    def unlock(descriptor: int) -> None:
        """Release the lock. Raises OSError."""
        if not _KERNEL.UnlockFile(wintypes.HANDLE(msvcrt.get_osfhandle(descriptor)), *_PLACE):
            raise ctypes.WinError(ctypes.get_last_error())

    def sync_directory(path: Path) -> None:
        """Do nothing: Windows cannot open a directory to sync it."""

    def copy_mode(descriptor: int, path: Path) -> None:
        """Do nothing: what Windows calls a mode is only the read-only attribute."""

else:
    import fcntl

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
