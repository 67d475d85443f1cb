"""Exit codes and the exceptions that carry them to the command line."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another directory",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another directory",
    errno.EFBIG: "the file would be larger than the system allows (see `ulimit -f`)",
    errno.EACCES: "permission is missing; check its owner and mode",
    errno.EPERM: "the system does not permit it; check its owner, mode and attributes",
    errno.EROFS: "the file system is read-only; choose another directory",
    errno.ENOENT: "it, or a directory above it, does not exist",
    errno.ENOTDIR: "something above it is a file, not a directory",
    errno.EEXIST: "something that is not a directory already has that name",
    errno.EISDIR: "it is a directory",
    errno.ENAMETOOLONG: "the name is too long for this system",
    errno.ELOOP: "its symbolic links go round in a circle",
    errno.EMFILE: "this process has too many files open (see `ulimit -n`)",
    errno.EIO: "the disk reports an error",
}


class ExitCode(IntEnum):
    """The meaning of every exit code, the same for all commands."""

    DONE = 0
    FAIL = 1
    USAGE = 2
    INCONCLUSIVE = 3
    INVALID = 4
    SURROUNDINGS = 5
    INTERRUPTED = 130
    TERMINATED = 143


class SoakError(Exception):
    """A failure that is reported in one clear message per line, never as a traceback."""

    exit_code: ExitCode = ExitCode.SURROUNDINGS


class UsageError(SoakError):
    """The command line asks for something that cannot be done; nothing ran."""

    exit_code = ExitCode.USAGE


class ConfigurationError(SoakError):
    """One or more mistakes in the configuration, all reported at once; nothing ran.

    Each mistake is a full sentence that starts with its place, for example
    ``soak.yaml:3:5: unknown key 'kpi' - did you mean 'kpis'?``.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class EvidenceError(SoakError):
    """Evidence that cannot be read as evidence: missing, edited or contradictory."""

    exit_code = ExitCode.INVALID


class SurroundingsError(SoakError):
    """The machine failed us: full disk, missing permission, unreachable service."""

    exit_code = ExitCode.SURROUNDINGS


def surroundings(error: OSError, doing: str) -> SurroundingsError:
    """Return the error to raise when the machine refused `doing` (``"write /tmp/x"``)."""
    reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
    return SurroundingsError(f"cannot {doing}: {reason}")


EXIT_CODE_OF_VERDICT = {
    "pass": ExitCode.DONE,
    "warn": ExitCode.DONE,
    "fail": ExitCode.FAIL,
    "inconclusive": ExitCode.INCONCLUSIVE,
    "invalid": ExitCode.INVALID,
}


def exit_code_of(verdict: str, fail_on: Sequence[str]) -> ExitCode:
    """Return the exit code of a verdict when only the verdicts in `fail_on` turn red."""
    if verdict not in fail_on:
        return ExitCode.DONE
    return ExitCode.FAIL if verdict == "warn" else EXIT_CODE_OF_VERDICT[verdict]


def defect(error: Exception) -> SurroundingsError:
    """Return what people are told of an exception that nobody foresaw: its kind, its place and its text."""
    import traceback

    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    return SurroundingsError(
        f"this is a defect of soak-action, please report it: {type(error).__name__} at {place}: {error}"
    )
