"""The result files that a command line names, in the order of their iterations."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from soak_action.errors import EvidenceError

_DIGITS = re.compile(r"([0-9]+)")
_NaturalKey = tuple[tuple[tuple[str, int, str], ...], ...]


def find_files(arguments: Sequence[str], cwd: Path) -> list[Path]:
    """Return the files that `arguments` name, relative to `cwd`, in natural order and each file once.

    A pattern that the shell left alone (Windows, quotes) is expanded here; hidden files stay hidden. Raises
    EvidenceError for a pattern without a match, and for a file that is not there or is not a file.
    """
    found = [path for argument in arguments for path in _named(argument, cwd)]
    unique: dict[str, Path] = {}
    for path in natural_order(found):
        unique.setdefault(os.path.realpath(path), path)
    return list(unique.values())


def natural_order(paths: Iterable[Path]) -> list[Path]:
    """Return paths sorted part by part, numbers by their value (1, 2, 10), letters without regard to case."""
    return sorted(paths, key=lambda path: (_natural_key(path), path.parts))


def _natural_key(path: Path) -> _NaturalKey:
    return tuple(tuple(map(_piece, _DIGITS.split(part.casefold()))) for part in path.parts)


def _piece(text: str) -> tuple[str, int, str]:
    """Compare digits by value without converting them: a name may hold thousands of them."""
    if not text.isdecimal() or not text.isascii():
        return (text, 0, "")
    significant = text.lstrip("0")
    return ("", len(significant), significant)


def _named(argument: str, cwd: Path) -> list[Path]:
    path = cwd / argument
    if not path.exists() and glob.has_magic(argument):
        return _matches(argument, cwd)
    if path.is_dir():
        raise EvidenceError(
            f"{argument}: is a directory, name the result files in it, for example {argument.rstrip('/')}/*.json"
        )
    if not path.exists():
        raise EvidenceError(f"{argument}: there is no such file in {cwd}")
    if not path.is_file():
        raise EvidenceError(f"{argument}: is not a regular file")
    return [path]


def _matches(pattern: str, cwd: Path) -> list[Path]:
    # Path.glob refuses absolute patterns.
    names = glob.glob(pattern, root_dir=cwd, recursive=True)  # noqa: PTH207
    files = [cwd / name for name in names if not (cwd / name).is_dir()]
    if not files:
        raise EvidenceError(f"{pattern}: the pattern matches no file in {cwd}")
    for path in files:
        if not path.is_file():
            raise EvidenceError(f"{path}: is a broken link or not a regular file")
    return files
