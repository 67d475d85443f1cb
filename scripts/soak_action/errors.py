"""Exit codes and the exceptions that carry them to the command line."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path


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
