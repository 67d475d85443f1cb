"""Which run a pin is for, and the lock under which pins change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from soak_action.canonical import storable_text
from soak_action.errors import UsageError
from soak_action.evidence.compressed import SUFFIX, archive_of
from soak_action.evidence.run_dir import RUN, directory_of
from soak_action.retention.root import checked_root, is_own, lock


@dataclass(frozen=True)
class Place:
    """Where a run is kept, by the name that retention knows it by; it need not exist any more."""

    root: Path
    run_id: str

    @property
    def exists(self) -> bool:
        """Whether the run is there, as a directory or as an archive."""
        directory = self.root / self.run_id
        try:
            return directory.is_dir() or archive_of(directory) is not None
        except OSError:
            # What the system cannot look at is no run that can be named.
            return False

    @property
    def shown(self) -> str:
        """The id as it can be printed and stored."""
        return storable_text(self.run_id)


def place_of(argument: str) -> Place:
    """Return the place that `argument` names. Raises UsageError when it can be none of a run."""
    path = Path(os.path.abspath(directory_of(Path(argument), RUN)))  # noqa: PTH100 - a link is not to be followed
    name = path.name.removesuffix(SUFFIX)
    if not argument.strip() or not name or is_own(name):
        raise UsageError(f"{argument!r}: this names no run; name its directory, its archive or its id")
    return Place(path.parent, name)


@contextmanager
def locked_root(place: Place) -> Iterator[Path]:
    """Yield the checked root of a run while no prune can go on there. Raises UsageError or LockedError."""
    root = checked_root(place.root, Path.home())
    with lock(root, datetime.now(UTC).isoformat(timespec="seconds")):
        yield root
