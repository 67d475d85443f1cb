"""Finding the configuration file and reading it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from soak_action.config.yaml_source import MAX_BYTES
from soak_action.errors import UsageError

CONFIGURATION_FILES = ("soak.yaml", ".github/soak.yaml")


@dataclass(frozen=True)
class Found:
    """A configuration file that was found, or none.

    `shown` is its name for people, `base` the directory that the workload runs in, `path` the file relative to that;
    `absent` are the files that were looked for in vain.
    """

    base: Path
    absent: tuple[str, ...] = ()
    path: str | None = None
    shown: str = ""
    text: bytes = b""


def find_file(directory: Path, named: str | None, *, lookup: bool) -> Found:
    """Return the file that was named, or else the first of CONFIGURATION_FILES in `directory` when `lookup` says so.

    Raises UsageError when a file is there and cannot be read, or was named and is not there.
    """
    directory = directory.resolve()
    if named:
        if not os.path.lexists(directory / named):
            raise UsageError(f"{named}: there is no such configuration file")
        return _read(directory, directory / named, ())
    absent: list[str] = []
    for name in CONFIGURATION_FILES if lookup else ():
        # A link that leads nowhere is a configuration that got lost, not one that was never there.
        if os.path.lexists(directory / name):
            return _read(directory, directory / name, tuple(absent))
        absent.append(name)
    return Found(directory, tuple(absent))


def _read(directory: Path, file: Path, absent: tuple[str, ...]) -> Found:
    file = file.parent.resolve() / file.name
    shown = (file.relative_to(directory) if file.is_relative_to(directory) else file).as_posix()
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise UsageError(f"{shown}: this is not a file; name the configuration file itself")
        with file.open("rb") as opened:
            text = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{shown}: the configuration file cannot be read: {error.strerror}") from None
    base = file.parent.parent if file.parent.name == ".github" else file.parent
    return Found(base, absent, file.relative_to(base).as_posix(), shown, text)
