"""Pins: runs that somebody wants to stay, whatever the policy says, and why."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Literal

from soak_action import canonical
from soak_action.errors import SoakError
from soak_action.evidence.run_dir import stamp
from soak_action.files import make_directory, read_evidence, surroundings, write_atomic
from soak_action.retention.root import PINS

PinKind = Literal["pinned", "baseline", "release"]
KINDS: tuple[PinKind, ...] = ("pinned", "baseline", "release")


def pins_in(root: Path) -> dict[str, PinKind]:
    """Return the ids of what is pinned in a root, each with what it is kept as. Raises SurroundingsError."""
    folder = root / PINS
    try:
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    except OSError as error:
        raise surroundings(error, f"read the pins in {folder}") from error
    return {name: _kind(folder / name) for name in names}


def is_pinned(root: Path, run_id: str) -> bool:
    """Whether what has that id is pinned."""
    return os.path.lexists(root / PINS / run_id)


def pin(root: Path, run_id: str, kind: PinKind, now: datetime) -> bool:
    """Pin what has that id and return whether that changes anything. Hold the root's lock; raises SurroundingsError."""
    if pins_in(root).get(run_id) == kind:
        return False
    make_directory(root / PINS)
    document = {"schema_version": 1, "run": canonical.storable_text(run_id), "kept_as": kind, "pinned_at": stamp(now)}
    target = root / PINS / run_id
    if target.is_symlink():
        target.unlink()
    write_atomic(target, canonical.pretty(document))
    return True


def unpin(root: Path, run_id: str) -> bool:
    """Remove a pin, and return whether there was one; hold the root's lock. Raises SurroundingsError."""
    try:
        (root / PINS / run_id).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise surroundings(error, f"remove the pin of {run_id}") from error
    return True


def _kind(path: Path) -> PinKind:
    """Return what a pin says; one that cannot be read still pins."""
    try:
        document = canonical.parse(read_evidence(path, limit=10_000), path.name)
    except (SoakError, canonical.CanonicalError):
        return "pinned"
    found = document.get("kept_as") if isinstance(document, dict) else None
    return next((kind for kind in KINDS if kind == found), "pinned")
