"""The record of one migration: every file that it touches, before and after, and where the backup of each lies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak_action import canonical
from soak_action.errors import UsageError

FOLDER = ".soak-migration"
MANIFEST = "manifest.json"
UNDONE = "undone"
_VERSION = 1
_BACKUP_NAME = re.compile(r"[0-9]{4}-[^/\\]*")


@dataclass(frozen=True)
class State:
    """The content of a file, and its mode where that is known."""

    sha256: str
    size: int
    mode: int | None = None

    @classmethod
    def of(cls, data: bytes, mode: int | None = None) -> State:
        """Return the state of a file with this content."""
        return cls(canonical.digest_of_bytes(data), len(data), mode)

    def holds(self, data: bytes) -> bool:
        """Whether this is the state of a file with this content."""
        return (self.sha256, self.size) == (canonical.digest_of_bytes(data), len(data))

    def to_dict(self) -> dict[str, Any]:
        """The state as it stands in the manifest."""
        return {"sha256": self.sha256, "size": self.size, "mode": None if self.mode is None else f"{self.mode:04o}"}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> State:
        """Return the state that a manifest holds; raises KeyError, TypeError or ValueError."""
        mode = data["mode"]
        return cls(str(data["sha256"]), int(data["size"]), None if mode is None else int(mode, 8))


@dataclass(frozen=True)
class Item:
    """One file: `before` is None when the migration creates it, `after` is None when it moves the file away.

    `path` is relative to the directory that holds FOLDER, or absolute when the file lies outside of it.
    """

    path: str
    before: State | None
    after: State | None
    backup: str | None

    @property
    def is_touched(self) -> bool:
        """Whether the migration changes the file."""
        if self.before is None or self.after is None:
            return True
        return (self.before.sha256, self.before.size) != (self.after.sha256, self.after.size)


@dataclass(frozen=True)
class Manifest:
    """All files of one migration."""

    created_at: str
    items: tuple[Item, ...]

    def to_bytes(self) -> bytes:
        """The manifest as it is stored."""
        files = [
            {
                "path": item.path,
                "before": item.before.to_dict() if item.before else None,
                "after": item.after.to_dict() if item.after else None,
                "backup": item.backup,
            }
            for item in self.items
        ]
        return canonical.pretty({"version": _VERSION, "created_at": self.created_at, "files": files})


def parse_manifest(data: bytes, shown: str) -> Manifest:
    """Return the manifest that a file holds. Raises UsageError when it is none."""
    try:
        document = canonical.parse(data, shown)
        if document["version"] != _VERSION:
            raise UsageError(f"{shown}: this soak reads version {_VERSION} of the manifest of a migration")
        return Manifest(str(document["created_at"]), tuple(_items(document["files"])))
    except canonical.CanonicalError as error:
        raise UsageError(str(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageError(f"{shown}: this is not the manifest of a migration") from None


def _items(files: list[dict[str, Any]]) -> Iterable[Item]:
    for file in files:
        before, after, backup = file["before"], file["after"], file["backup"]
        if not file["path"] or (before is not None) != (backup is not None):
            raise ValueError(file["path"])
        if backup is not None and not _BACKUP_NAME.fullmatch(backup):
            raise ValueError(backup)
        yield Item(
            str(file["path"]),
            State.from_dict(before) if before is not None else None,
            State.from_dict(after) if after is not None else None,
            backup,
        )


def folders(base: Path) -> list[Path]:
    """Return the folders of the migrations of `base`, oldest first, those included that a kill left unfinished."""
    try:
        found = [path for path in (base / FOLDER).iterdir() if re.fullmatch(r"[0-9TZ]+-[0-9]+", path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found, key=number_of)


def number_of(folder: Path) -> int:
    """Return the running number in the name of a migration's folder."""
    return int(folder.name.rpartition("-")[2])
