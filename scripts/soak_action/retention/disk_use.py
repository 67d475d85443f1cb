"""How much disk space something takes, and a fingerprint that changes when anything in it does."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from soak_action.evidence.tree import Entry, entries

_SECTOR = 512
_KINDS = frozenset({stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK})


@dataclass(frozen=True, slots=True)
class Shared:
    """A file with more than one name: what tells it from others, and the bytes that it takes once."""

    device: int
    inode: int
    bytes: int


@dataclass(frozen=True, slots=True)
class DiskUse:
    """The allocated bytes of everything with one name, the files with several, and what else matters.

    `mode` is that of the whole, as the system tells it. `changed` is when anything in it last changed, in seconds since
    1970 UTC. `obstacle` says why it must be left alone, `strange` what cannot be in an archive.
    """

    mode: int
    bytes: int
    shared: tuple[Shared, ...]
    stamp: str
    changed: float
    obstacle: str | None = None
    strange: str | None = None


def disk_use(path: Path, device: int) -> DiskUse:
    """Return the disk use of a file or a directory on the file system `device`. Raises OSError when it is gone."""
    status = os.lstat(path)
    meter = _Meter(device)
    meter.add(Entry("", status))
    if stat.S_ISDIR(status.st_mode):
        try:
            for entry in entries(path):
                meter.add(entry)
        except OSError as error:
            if not os.path.lexists(path):
                raise
            meter.obstacle = meter.obstacle or f"cannot be looked at: {error.strerror or error}"
    return meter.result(status.st_mode)


if sys.platform == "win32":  # pragma: platform - Windows only

    def allocated(status: os.stat_result) -> int:
        """Return the bytes of disk space that a file takes; Windows only tells its length."""
        return status.st_size

else:

    def allocated(status: os.stat_result) -> int:
        """Return the bytes of disk space that a file takes."""
        return status.st_blocks * _SECTOR


class _Meter:
    """Adds up one file after the other; there may be very many of them."""

    def __init__(self, device: int) -> None:
        self.obstacle: str | None = None
        self._device = device
        self._bytes = 0
        self._shared: dict[tuple[int, int], Shared] = {}
        self._changed = 0.0
        self._strange: str | None = None
        self._told: list[str] = []

    def add(self, entry: Entry) -> None:
        name, status = entry
        mode = status.st_mode
        kind = stat.S_IFMT(mode)
        if kind == stat.S_IFDIR:
            # The size of a folder and its time say nothing that its entries do not.
            self._told.append(f"{name}\0{mode}")
        else:
            self._told.append(f"{name}\0{mode} {status.st_ino} {status.st_size} {status.st_mtime_ns}")
        self._changed = max(self._changed, status.st_mtime, status.st_ctime)
        if status.st_dev != self._device:
            self.obstacle = self.obstacle or f"another file system is mounted in it: {name or 'itself'}"
        elif status.st_nlink > 1 and kind == stat.S_IFREG:
            key = (status.st_dev, status.st_ino)
            self._shared[key] = Shared(*key, allocated(status))
        else:
            self._bytes += allocated(status)
        if kind not in _KINDS:
            self._strange = self._strange or f"cannot be compressed: {name} is neither a file nor a folder"

    def result(self, mode: int) -> DiskUse:
        told = "\0".join(self._told).encode("utf-8", "surrogateescape")
        return DiskUse(
            mode,
            self._bytes,
            tuple(self._shared.values()),
            hashlib.blake2b(told, digest_size=8).hexdigest(),
            self._changed,
            self.obstacle,
            self._strange,
        )
