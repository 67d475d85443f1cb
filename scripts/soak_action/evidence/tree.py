"""What a directory holds, by name and status, without ever following a link."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from soak_action.files import LOCK_NAME, is_temporary

# Far below what Python recurses into, far above what anybody means.
_DEEPEST = 200
_NAME = attrgetter("name")


class Entry(NamedTuple):
    """Something below a directory: its path there with slashes, and its own status, a link's included."""

    name: str
    status: os.stat_result


def entries(directory: str | Path, first: tuple[str, ...] = ()) -> Iterator[Entry]:
    """Return everything below a directory one by one, each folder before what it holds, in an order that never varies.

    The names in `first` come first. The lock of the directory is left out, and what a killed write left in it. Other
    file systems that are mounted there are not looked into. Raises OSError.
    """
    return _below(os.fspath(directory), "", first, os.lstat(directory).st_dev)


def _below(folder: str, prefix: str, first: tuple[str, ...], device: int) -> Iterator[Entry]:
    if prefix.count("/") > _DEEPEST:
        raise OSError(None, f"{prefix[:60]}... goes more than {_DEEPEST} folders deep")
    with os.scandir(folder) as found:
        children = sorted(found, key=_NAME)
    if first:
        children.sort(key=lambda child: child.name not in first)
    for child in children:
        name = child.name
        if name[0] == "." and not prefix and (name == LOCK_NAME or is_temporary(name)):
            continue
        status = status_of(child)
        yield Entry(prefix + name, status)
        # On Windows a folder may lead elsewhere without being a link.
        if child.is_dir(follow_symlinks=False) and status.st_dev == device and not is_junction(status):
            yield from _below(child.path, f"{prefix}{name}/", (), device)


if sys.platform == "win32":  # pragma: platform - Windows only

    def status_of(child: os.DirEntry[str]) -> os.stat_result:
        """Return the status of what a folder lists; that of the list itself lacks what tells files apart."""
        return os.lstat(child.path)

    def is_junction(status: os.stat_result) -> bool:
        """Whether a folder only leads to another one."""
        return bool(status.st_reparse_tag)

else:

    def status_of(child: os.DirEntry[str]) -> os.stat_result:
        """Return the status of what a folder lists. Raises OSError."""
        return child.stat(follow_symlinks=False)

    def is_junction(status: os.stat_result) -> bool:
        """Whether a folder only leads to another one; here only links do."""
        return stat.S_ISLNK(status.st_mode)
