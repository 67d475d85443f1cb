"""Compressed runs and judgements, read like any other: unpacked into a folder that goes when this process ends."""

from __future__ import annotations

import os
from pathlib import Path

from soak_action.files import surroundings

SUFFIX = ".tar.gz"

_unpacked: dict[Path, Path] = {}


def archive_of(path: Path) -> Path | None:
    """Return the archive that stands for a path: itself, or the one of a directory that was compressed; or None."""
    try:
        if path.name.endswith(SUFFIX):
            return path if path.is_file() else None
        beside = path.with_name(path.name + SUFFIX) if path.name else path
        return beside if beside != path and beside.is_file() and not os.path.lexists(path) else None
    except OSError:
        # What the system cannot look at, whoever reads the directory itself tells.
        return None


def opened(path: Path) -> Path:
    """Return a directory to read `path` in: itself, or what its archive holds, unpacked once in this process.

    Raises EvidenceError when the archive is damaged, SurroundingsError when there is no room to unpack it.
    """
    packed = archive_of(path)
    if packed is None:
        return path
    origin = packed.absolute()
    if origin not in _unpacked:
        _unpacked[origin] = _unpack(origin)
    return _unpacked[origin]


def home_of(path: Path) -> Path:
    """Return where the evidence of a directory is kept; for an unpacked one, where it was before it was compressed."""
    return next(
        (packed.with_name(_stem(packed)) for packed, place in _unpacked.items() if place.resolve() == path.resolve()),
        path,
    )


def _unpack(packed: Path) -> Path:
    import atexit
    import shutil
    import tempfile

    from soak_action.evidence.archive import unpack

    try:
        folder = Path(tempfile.mkdtemp(prefix="soak-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        unpack(packed, folder / _stem(packed))
    except OSError as error:
        raise surroundings(error, f"unpack {packed} to {tempfile.gettempdir()}") from error
    return folder / _stem(packed)


def _stem(packed: Path) -> str:
    return packed.name.removesuffix(SUFFIX)
