"""Undoing a migration: every file byte for byte as it was, or nothing at all when one was changed since."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from soak_action import files
from soak_action.errors import UsageError
from soak_action.migration.manifest import FOLDER, MANIFEST, UNDONE, Item, Manifest, folders, parse_manifest
from soak_action.migration.permission import PRIVATE, no_wider_than
from soak_action.system import sync_directory

_LARGEST = 2_000_000

STEPS = ("undo:restored", "undo:removed", "undo:marked")


@dataclass(frozen=True)
class Undone:
    """The manifest, None when the migration had not come so far, and the files by what became of them."""

    manifest: Path | None
    restored: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def latest(base: Path) -> Path:
    """Return the folder of the latest migration of `base` that was not undone. Raises UsageError without one."""
    for folder in reversed(folders(base)):
        if not (folder / UNDONE).exists():
            return folder
    raise UsageError(f"there is no migration to undo in {base}")


def named_manifest(path: Path) -> Path:
    """Return the manifest that a path names, itself or by its folder. Raises UsageError when there is none."""
    path = path.resolve()
    file = path / MANIFEST if path.is_dir() else path
    if not file.is_file() or file.parent.parent.name != FOLDER:
        raise UsageError(f"{path}: this is not a manifest below {FOLDER}")
    return file


def undo(base: Path, manifest: Path | None = None) -> Undone:
    """Undo the migration of a manifest, or the latest one. Hold the lock.

    Raises UsageError, having changed nothing, when a file is neither as the migration left it nor as it was before.
    """
    folder = latest(base) if manifest is None else manifest.parent
    file = folder / MANIFEST if manifest is None else manifest
    if manifest is None and not file.exists():
        # It was killed before it changed anything.
        _mark(folder)
        return Undone(None)
    found = parse_manifest(_read(file, str(file)), str(file))
    pending = [item for item in found.items if item.is_touched and _is_pending(item, base)]
    backups = {item.path: _backup(item, folder) for item in pending if item.before is not None}
    restored, removed = [], []
    for item in pending:
        path = base / item.path
        if item.before is None:
            _remove(path)
            removed.append(item.path)
        else:
            _restore(path, backups[item.path], item.before.mode)
            restored.append(item.path)
    _mark(folder)
    return Undone(file, tuple(restored), tuple(removed))


def archived_in(base: Path, path: Path) -> Path | None:
    """Return the manifest of the migration that moved the file at `path` away, or None."""
    for folder in reversed(folders(base)):
        file = folder / MANIFEST
        if not (folder / UNDONE).exists() and file.exists():
            manifest: Manifest = parse_manifest(_read(file, str(file)), str(file))
            gone = [base / item.path for item in manifest.items if item.after is None]
            if os.path.realpath(path) in map(os.path.realpath, gone):
                return file
    return None


def _is_pending(item: Item, base: Path) -> bool:
    """Whether the file is as the migration left it, not as it was before. Raises UsageError when it is neither."""
    path = base / item.path
    data = _read(path, item.path) if os.path.lexists(path) else None
    for state, answer in ((item.before, False), (item.after, True)):
        if data is None if state is None else data is not None and state.holds(data):
            return answer
    what = "was removed" if data is None else "was changed"
    raise UsageError(f"{item.path}: the file {what} since the migration, so nothing was undone; put it back first")


def _backup(item: Item, folder: Path) -> bytes:
    path = folder / str(item.backup)
    data = _read(path, str(path))
    if item.before is None or not item.before.holds(data):
        raise UsageError(f"{path}: the backup is not what the manifest says it is, so nothing was undone")
    return data


def _read(path: Path, shown: str) -> bytes:
    try:
        if not path.is_file():
            raise UsageError(f"{shown}: there is no such file")
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise files.surroundings(error, f"read {shown}") from error


def _restore(path: Path, data: bytes, mode: int | None) -> None:
    files.make_directory(path.parent)
    with no_wider_than(PRIVATE if mode is None else mode):
        files.write_atomic(path, data)
    if mode is not None:
        try:
            path.chmod(mode)
        except OSError as error:
            raise files.surroundings(error, f"restore the mode of {path}") from error
    files.step("undo:restored")


def _remove(path: Path) -> None:
    try:
        path.unlink()
        sync_directory(path.parent)
    except OSError as error:
        raise files.surroundings(error, f"remove {path}") from error
    files.step("undo:removed")


def _mark(folder: Path) -> None:
    files.write_atomic(folder / UNDONE, b"")
    files.step("undo:marked")
