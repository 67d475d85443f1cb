"""Carrying a migration out, so that a kill at any moment leaves the old state or the new one, and undo works."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import reduce
from operator import and_
from pathlib import Path

from soak_action import files
from soak_action.errors import ConfigurationError, SurroundingsError, UsageError
from soak_action.migration.manifest import FOLDER, MANIFEST, Item, Manifest, State, folders, number_of
from soak_action.migration.permission import PRIVATE, no_wider_than
from soak_action.migration.plan import Plan
from soak_action.migration.source import Source, read_bytes
from soak_action.system import sync_directory

STEPS = (
    "migration:folder",
    "migration:backup",
    "migration:manifest",
    "migration:target",
    "migration:verified",
    "migration:archived",
)


def lock(base: Path) -> files.DirectoryLock:
    """Return the lock that one migration of `base` at a time holds. Raises SurroundingsError."""
    files.make_directory(base / FOLDER)
    return files.DirectoryLock(base / FOLDER, files.describe_owner(_now().isoformat(timespec="seconds")))


def is_needed(plan: Plan, *, archive: bool) -> bool:
    """Whether carrying the plan out would change any file."""
    return plan.new != (plan.former or b"") or (archive and bool(plan.sources))


def carry_out(plan: Plan, *, archive: bool) -> Path:
    """Write soak.yaml, and with `archive` move the old files away; return the path of the manifest. Hold the lock.

    Raises UsageError when a file changed meanwhile or may not be archived, SurroundingsError when the machine refuses.
    """
    if archive:
        _check_archivable(plan.sources)
    base = plan.task.base
    folder = _new_folder(base)
    manifest = folder / MANIFEST
    with no_wider_than(PRIVATE):
        items = tuple(_back_up(plan, base, folder, archive=archive))
        files.write_atomic(manifest, Manifest(_now().isoformat(timespec="seconds"), items).to_bytes())
    files.step("migration:manifest")
    target = plan.task.target
    if plan.new != plan.former:
        _check_unchanged(target, plan.task.shown, plan.former)
        modes = [item.before.mode for item in items if item.before is not None and item.before.mode is not None]
        # Where a secret comes from a private file, the new file is as private.
        with no_wider_than(reduce(and_, modes) | PRIVATE):
            files.write_atomic(target, plan.new)
    files.step("migration:target")
    _verify(plan)
    files.step("migration:verified")
    for source in plan.sources if archive else ():
        _check_unchanged(source.path, source.shown, source.data)
        _remove(source)
        files.step("migration:archived")
    return manifest


def _now() -> datetime:
    return datetime.now(UTC)


def _new_folder(base: Path) -> Path:
    former = folders(base)
    number = number_of(former[-1]) + 1 if former else 1
    folder = base / FOLDER / f"{_now():%Y%m%dT%H%M%SZ}-{number}"
    files.make_directory(folder)
    files.step("migration:folder")
    return folder


def _back_up(plan: Plan, base: Path, folder: Path, *, archive: bool) -> Iterator[Item]:
    """Copy every file that takes part, and yield what the manifest says of it."""
    target, new = plan.task.target, State.of(plan.new)
    if plan.former is None:
        yield Item(_name_of(target, base), None, new, None)
    else:
        yield _copy(target, plan.former, new, folder / _backup_name(1, target), base)
    for index, source in enumerate(plan.sources, 2):
        after = None if archive else State.of(source.data)
        yield _copy(source.path, source.data, after, folder / _backup_name(index, source.path), base)


def _copy(path: Path, data: bytes, after: State | None, backup: Path, base: Path) -> Item:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise files.surroundings(error, f"look at {path}") from error
    files.write_atomic(backup, data)
    if backup.read_bytes() != data:
        raise SurroundingsError(f"cannot back up {path}: the copy {backup} reads back differently")
    files.step("migration:backup")
    return Item(_name_of(path, base), State.of(data, mode), after, backup.name)


def _backup_name(number: int, path: Path) -> str:
    # A name that every file system takes; the manifest knows the real one.
    return f"{number:04}-{re.sub(r'[^A-Za-z0-9._-]', '_', path.name)[-80:]}"


def _name_of(path: Path, base: Path) -> str:
    place = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link, which is a file of its own
    return (place.relative_to(base) if place.is_relative_to(base) else place).as_posix()


def _check_archivable(sources: tuple[Source, ...]) -> None:
    for source in sources:
        if source.path.is_symlink():
            raise UsageError(f"{source.shown}: this is a symbolic link, which --archive does not move; name its target")


def _check_unchanged(path: Path, shown: str, expected: bytes | None) -> None:
    present = read_bytes(path, shown) if os.path.lexists(path) else None
    if present != expected:
        raise UsageError(f"{shown}: somebody else changed the file meanwhile; look at it and start again")


def _verify(plan: Plan) -> None:
    """Read soak.yaml back; when it does not come to what the old files did, restore the old state."""
    try:
        different = plan.differences(read_bytes(plan.task.target, plan.task.shown))
    except ConfigurationError as error:
        different = list(error.mistakes)
    if different:
        _put_back(plan)
        raise SurroundingsError(
            f"{plan.task.shown}: what was written does not come to the same values; the old file is restored. "
            f"Different: {', '.join(different[:10])}"
        )


def _put_back(plan: Plan) -> None:
    if plan.former is not None:
        files.write_atomic(plan.task.target, plan.former)
        return
    try:
        plan.task.target.unlink()
    except OSError as error:
        raise files.surroundings(error, f"remove {plan.task.target}") from error


def _remove(source: Source) -> None:
    try:
        source.path.unlink()
        sync_directory(source.path.parent)
    except OSError as error:
        raise files.surroundings(error, f"archive {source.shown}") from error
