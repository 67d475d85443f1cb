"""What the end of the workload's main process means, in one word and in one sentence."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["ok", "failed", "timeout", "crashed", "cancelled"]

_CAUSES = {"SIGSEGV": "invalid memory access", "SIGABRT": "the program gave up by itself"}
_OUT_OF_MEMORY = {True: "out of memory", False: "not out of memory", None: "out of memory?"}
_SHELL_CODES = {
    126: "usually a command that cannot be executed",
    127: "usually a command that was not found",
}
_WINDOWS_CRASH = 0xC0000000
_WINDOWS_CODES = {
    0xC0000005: "access violation",
    0xC000001D: "illegal instruction",
    0xC0000094: "division by zero",
    0xC00000FD: "stack overflow",
    0xC0000135: "a library was not found",
    0xC000013A: "ended by Ctrl-C",
    0xC0000374: "heap corruption",
    0xC0000409: "the program gave up by itself",
}
_SHELL_SIGNAL_BASE = 128
_SIGKILL = 9

# What Windows keeps as the exit code of a process that soak ended: a crash, but none that the system knows.
KILLED_BY_SOAK = 0xE050414B


@dataclass(frozen=True)
class Ending:
    """The outcome of a process run; `exit_code` is None when a signal ended it or its status is not known."""

    outcome: Outcome
    exit_code: int | None
    signal: str | None
    detail: str


def ending_of(
    exit_code: int | None, *, windows: bool = sys.platform == "win32", out_of_memory: bool | None = None
) -> Ending:
    """The meaning of an exit code of a process that ended by itself; negative numbers are POSIX signals.

    `out_of_memory` tells whether the kernel ended a process for lack of memory meanwhile, None that nobody knows.
    """
    if exit_code is None:
        return Ending("crashed", None, None, "ended, but the system did not say how")
    if windows and exit_code % (1 << 32) >= _WINDOWS_CRASH:
        code = exit_code % (1 << 32)
        cause = _WINDOWS_CODES.get(code)
        return Ending("crashed", code, None, f"crashed with 0x{code:08X}" + (f" ({cause})" if cause else ""))
    if exit_code < 0 and not windows:
        name = signal_name(-exit_code)
        cause = _cause(name, out_of_memory=out_of_memory)
        return Ending("crashed", None, name, f"killed by {name}" + (f" ({cause})" if cause else ""))
    if exit_code == 0:
        return Ending("ok", 0, None, "exited with 0")
    meaning = None if windows else _meaning(exit_code, out_of_memory=out_of_memory)
    return Ending("failed", exit_code, None, f"exited with {exit_code}" + (f": {meaning}" if meaning else ""))


def stopped(outcome: Literal["timeout", "cancelled"], exit_code: int | None, detail: str) -> Ending:
    """The end of a process that soak stopped; an exit code that it chose itself is kept."""
    own = exit_code is not None and 0 <= exit_code < _WINDOWS_CRASH
    return Ending(outcome, exit_code if own else None, None, detail)


def signal_name(number: int) -> str:
    """The name of a signal, ``SIGKILL``; ``signal 40`` for one that has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def memory_note(ending: Ending, *, out_of_memory: bool | None) -> str:
    """What to add to the detail of `ending`, unless it says so itself, when the kernel ended a process for memory."""
    told = ending.signal == "SIGKILL" or ending.exit_code == _SHELL_SIGNAL_BASE + _SIGKILL
    return "; meanwhile the kernel ended a process for lack of memory" if out_of_memory and not told else ""


def _cause(name: str, *, out_of_memory: bool | None) -> str | None:
    return _OUT_OF_MEMORY[out_of_memory] if name == "SIGKILL" else _CAUSES.get(name)


def _meaning(exit_code: int, *, out_of_memory: bool | None) -> str | None:
    """What a shell means by an exit code: beyond 128 the number of the signal that ended its command."""
    if exit_code in _SHELL_CODES:
        return _SHELL_CODES[exit_code]
    if not _SHELL_SIGNAL_BASE < exit_code <= _SHELL_SIGNAL_BASE + 64:
        return None
    name = signal_name(exit_code - _SHELL_SIGNAL_BASE)
    if not name.startswith("SIG"):
        return None
    cause = _cause(name, out_of_memory=out_of_memory)
    return f"usually killed by {name}" + (f", {cause}" if cause else "")
