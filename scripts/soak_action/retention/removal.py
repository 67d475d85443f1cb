"""Removing a file or a whole directory without following a link or leaving its file system."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from pathlib import Path


def remove(path: Path) -> None:
    """Remove what `path` names, and all of it if it is a directory. Raises OSError; what could be removed is gone."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        path.unlink()
        return
    _clear(path, status.st_dev)
    path.rmdir()


if sys.platform == "win32":  # pragma: platform - Windows only

    def _clear(folder: Path, device: int) -> None:
        for entry in list(os.scandir(folder)):
            path = Path(entry.path)
            status = os.lstat(path)
            with contextlib.suppress(OSError):
                path.chmod(stat.S_IWRITE)  # what is read-only cannot be removed
            if status.st_reparse_tag and stat.S_ISDIR(status.st_mode):
                path.rmdir()
            elif stat.S_ISDIR(status.st_mode):
                _clear(path, device)
                path.rmdir()
            else:
                path.unlink()

else:

    def _clear(folder: Path, device: int) -> None:
        descriptor = _open(os.fspath(folder), None)
        try:
            _clear_open(descriptor, device)
        finally:
            os.close(descriptor)

    def _clear_open(descriptor: int, device: int) -> None:
        """Empty an open folder; names are only ever looked up in folders that are held open."""
        with os.scandir(descriptor) as found:
            entries = list(found)
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.name, dir_fd=descriptor)
                continue
            if entry.stat(follow_symlinks=False).st_dev != device:
                raise OSError(errno.EXDEV, f"another file system is mounted at {entry.name}")
            inner = _open(entry.name, descriptor)
            try:
                _clear_open(inner, device)
            finally:
                os.close(inner)
            os.rmdir(entry.name, dir_fd=descriptor)

    def _open(name: str, within: int | None) -> int:
        """Open a folder that may be emptied: a program may have left it without the permission for that."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        try:
            descriptor = os.open(name, flags, dir_fd=within)
        except PermissionError:
            os.chmod(name, stat.S_IRWXU, dir_fd=within)
            descriptor = os.open(name, flags, dir_fd=within)
        with contextlib.suppress(PermissionError):
            os.fchmod(descriptor, stat.S_IRWXU)
        return descriptor
