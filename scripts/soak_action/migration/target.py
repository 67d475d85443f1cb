"""The file that a migration writes."""

from __future__ import annotations

import os
from pathlib import Path

from soak_action.config.locate import CONFIGURATION_FILES
from soak_action.errors import UsageError


def find_target(directory: Path, named: str | None) -> tuple[Path, str]:
    """Return path and name of the file that was named, else of the present soak.yaml, else of the one to be created.

    Raises UsageError when the file cannot be one that is written.
    """
    name = named
    if name is None:
        present = (candidate for candidate in CONFIGURATION_FILES if os.path.lexists(directory / candidate))
        name = next(present, CONFIGURATION_FILES[0])
    target = directory / name
    target = target.parent.resolve() / target.name
    if not target.parent.is_dir():
        raise UsageError(f"{name}: the directory above it does not exist; create it first")
    if target.is_symlink() and not target.exists():
        raise UsageError(f"{name}: this symbolic link leads nowhere; remove it or create its target")
    return target, name
