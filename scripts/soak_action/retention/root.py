"""The directory that is pruned: which one may be, what in it is soak's own, and the lock that one prune holds."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from soak_action.errors import SurroundingsError, UsageError
from soak_action.evidence.run_dir import RETENTION_MARKER
from soak_action.files import LOCK_NAME, DirectoryLock, describe_owner, surroundings

PINS = ".pins"
LOG = "retention-log.jsonl"
_TRASH = ".trash-"
_LONGEST_NAME = 255
_OWN = frozenset({PINS, LOCK_NAME, RETENTION_MARKER, ".gitignore"})


def is_own(name: str) -> bool:
    """Whether something of this name, right in the root, belongs to retention itself."""
    return name in _OWN or name.startswith((_TRASH, LOG.partition(".")[0]))


def checked_root(path: Path, home: Path) -> Path:
    """Return the whole path of a directory that may be pruned; `home` is that of whoever asks.

    Raises UsageError when it is not marked as one of soak's output directories, or is one that no mark makes
    expendable; SurroundingsError when the system does not let look at it.
    """
    try:
        status = os.lstat(path)
        place = Path(os.path.realpath(path))
        if stat.S_ISLNK(status.st_mode):
            raise UsageError(f"{path}: this is a link, which is never followed; name the directory itself")
        if not stat.S_ISDIR(status.st_mode):
            raise UsageError(f"{path}: this is not a directory; name the one that holds the runs, such as .soak")
        _refuse(path, place, Path(os.path.realpath(home)))
        for name in (PINS, LOG, LOCK_NAME):
            if (place / name).is_symlink():
                raise UsageError(f"{path / name}: this is a link, which is never followed; remove it")
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{path}: there is no such directory") from None
    except OSError as error:
        raise surroundings(error, f"look at {path}") from error
    return place


def _refuse(path: Path, place: Path, home: Path) -> None:
    """Raise UsageError for a directory that must not be pruned."""
    if place == Path(place.anchor):
        raise UsageError(f"{path}: this is the root of a file system, which is never pruned")
    if place == home or place in home.parents:
        raise UsageError(f"{path}: this is or holds your home directory, which is never pruned")
    if os.path.lexists(place / ".git"):
        raise UsageError(f"{path}: this is the root of a repository, which is never pruned; name the .soak in it")
    marker = place / RETENTION_MARKER
    if marker.is_symlink() or not marker.is_file():
        raise UsageError(
            f"{path}: only what soak marked as its own is pruned, and this holds no {RETENTION_MARKER}; name an output "
            "directory of soak run, such as .soak"
        )


@contextmanager
def lock(directory: Path, now: str) -> Iterator[None]:
    """Hold the lock of a root, or that of a run while it is dealt with, since the time `now`.

    Raises LockedError when somebody else does, SurroundingsError when the system refuses.
    """
    if (directory / LOCK_NAME).is_symlink():
        raise SurroundingsError(f"cannot lock {directory}: its lock is a link, which is never followed; remove it")
    held = DirectoryLock(directory, f"soak prune, {describe_owner(now)}")
    with ExitStack() as stack:
        try:
            stack.enter_context(held)
        except SurroundingsError as error:
            if not is_full(error):
                raise
            # A full disk has no room for a name, and is what pruning is for.
            stack.enter_context(DirectoryLock(directory, ""))
        yield


def is_full(error: SurroundingsError) -> bool:
    """Whether it was for want of space that the system refused something."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in {errno.ENOSPC, errno.EDQUOT}


def trash_for(root: Path, name: str) -> Path:
    """Return an unused path in a root for what is on its way out. A rename makes it: that works on a full disk too."""
    names = (f"{_TRASH}{number}-{name}" for number in count(1))
    fitting = (told if len(os.fsencode(told)) <= _LONGEST_NAME else told[: -len(name)] for told in names)
    return next(root / told for told in fitting if not os.path.lexists(root / told))


def leftovers_in(root: Path) -> list[str]:
    """Return the names of what a killed prune left on its way out. Raises OSError."""
    return sorted(name for name in names_in(root) if name.startswith(_TRASH))


def name_of_leftover(name: str) -> str:
    """Return the name that something had before it was on its way out."""
    return name.removeprefix(_TRASH).partition("-")[2] or name


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, in no order. Raises OSError."""
    with os.scandir(folder) as found:
        return [entry.name for entry in found]
