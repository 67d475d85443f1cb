"""Compressing one run: written aside, synced, read back and compared, and only then in the place of its directory."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from soak_action.errors import EvidenceError, SurroundingsError
from soak_action.evidence.archive import Counter, difference, write
from soak_action.evidence.compressed import SUFFIX
from soak_action.files import step, surroundings
from soak_action.retention.inventory import Found
from soak_action.retention.item import Item
from soak_action.retention.root import trash_for
from soak_action.system import sync_directory

_LONGEST_NAME = 255


def estimator(root: Path, found_of: Callable[[str], Found]) -> Callable[[Item], int | str]:
    """Return what tells how many bytes of disk space an item of a root takes compressed, or why it cannot be.

    It compresses into nothing: the same bytes come out when it is done.
    """
    block = _block_size(root)

    def compressed_bytes(item: Item) -> int | str:
        found = found_of(item.id)
        if found.twin is not None:
            return found.twin
        if found.strange is not None:
            return found.strange
        if len(os.fsencode(found.name + SUFFIX)) > _LONGEST_NAME:
            return "cannot be compressed: its name is too long"
        counter = Counter()
        try:
            write(root / found.name, counter)
        except OSError as error:
            return f"cannot be compressed: {error.strerror or error}"
        return -(-counter.bytes // block) * block

    return compressed_bytes


def make_archive(root: Path, found: Found) -> Path:
    """Put the proven archive of a run beside its directory, which stays; hold the locks of both. Return the archive.

    Raises SurroundingsError when the disk refuses, or does not give back what was written; nothing is left then.
    """
    archive = root / (found.name + SUFFIX)
    aside = trash_for(root, archive.name)
    try:
        if found.twin is not None:
            _compare(root / found.name, archive)
            return archive
        with aside.open("xb") as file:
            _guard_like(root / found.name, aside)
            write(root / found.name, file)
            step("compress:written")
            file.flush()
            os.fsync(file.fileno())
        step("compress:synced")
        _compare(root / found.name, aside)
        step("compress:compared")
        if os.path.lexists(archive):
            raise SurroundingsError(f"cannot compress {found.name}: somebody else made {archive}")
        aside.rename(archive)
        step("compress:renamed")
        sync_directory(root)
    except (OSError, SurroundingsError, EvidenceError) as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        if isinstance(error, OSError):
            raise surroundings(error, f"compress {found.name}") from error
        raise SurroundingsError(str(error)) from error
    step("compress:archived")
    return archive


def _guard_like(directory: Path, archive: Path) -> None:
    """Let nobody read or change an archive who may not read or change what is in it."""
    status = os.lstat(directory)
    archive.chmod(stat.S_IMODE(status.st_mode) & 0o666)
    change_owner = getattr(os, "chown", None)
    if change_owner is not None:
        # Only root may give a file away, and whoever else prunes owns what is pruned or shares its group.
        with contextlib.suppress(PermissionError):
            change_owner(archive, status.st_uid, status.st_gid)


def _compare(directory: Path, archive: Path) -> None:
    wrong = difference(directory, archive)
    if wrong is not None:
        raise SurroundingsError(f"cannot compress {directory.name}: its archive does not hold what is there: {wrong}")


def _block_size(root: Path) -> int:
    """Return the bytes by which the file system hands out its space; 1 where it does not tell."""
    statvfs = getattr(os, "statvfs", None)
    return int(statvfs(root).f_frsize) or 1 if statvfs is not None else 1
