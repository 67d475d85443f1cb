"""The results that a command line names: files in the order of their iterations, and runs."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from soak_action.errors import EvidenceError

_DIGITS = re.compile(r"([0-9]+)")
_NaturalKey = tuple[tuple[tuple[str, int, str], ...], ...]


@dataclass(frozen=True)
class NamedResults:
    """The result files and the directories of runs that were named, each once and in natural order."""

    files: tuple[Path, ...]
    directories: tuple[Path, ...]


def find_results(arguments: Sequence[str], cwd: Path, is_run: Callable[[Path], bool]) -> NamedResults:
    """Return what `arguments` name, relative to `cwd`; a directory that is named outright need not be a run.

    A pattern that the shell left alone (Windows, quotes) is expanded here; hidden files stay hidden, and directories
    that are no runs are passed over. Raises EvidenceError for a pattern without a match, and for a file that is not
    there or is not a file.
    """
    found = [path for argument in arguments for path in _named(argument, cwd, is_run)]
    unique: dict[str, Path] = {}
    for path in natural_order(found):
        unique.setdefault(os.path.realpath(path), path)
    directories = tuple(path for path in unique.values() if path.is_dir())
    return NamedResults(tuple(path for path in unique.values() if path not in directories), directories)


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


def _named(argument: str, cwd: Path, is_run: Callable[[Path], bool]) -> list[Path]:
    path = cwd / argument
    if not path.exists() and glob.has_magic(argument):
        return _matches(argument, cwd, is_run)
    if not path.exists():
        raise EvidenceError(f"{argument}: there is no such file in {cwd}")
    if not path.is_file() and not path.is_dir():
        raise EvidenceError(f"{argument}: is not a regular file")
    return [path]


def _matches(pattern: str, cwd: Path, is_run: Callable[[Path], bool]) -> list[Path]:
    # Path.glob refuses absolute patterns.
    paths = [cwd / name for name in glob.glob(pattern, root_dir=cwd, recursive=True)]  # noqa: PTH207
    found = [path for path in paths if not path.is_dir() or is_run(path)]
    if not found:
        raise EvidenceError(f"{pattern}: the pattern matches no file in {cwd}")
    for path in found:
        if not path.is_file() and not path.is_dir():
            raise EvidenceError(f"{path}: is a broken link or not a regular file")
    return found
