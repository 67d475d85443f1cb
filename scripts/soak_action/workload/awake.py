"""Keeps the machine from falling asleep, from inside of soak and for as long as the run goes on.

What is asked of the system here ends with soak at the latest: a step of its own would end before the soak begins. A
machine that cannot be kept awake is no reason to stop; the evidence says so instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

_CAFFEINATE = ("/usr/bin/caffeinate", "-i", "-s")
_PATIENCE_SECONDS = 5.0
_CONTINUOUS = 0x80000000  # ES_CONTINUOUS: until the thread says otherwise or ends
_SYSTEM_REQUIRED = 0x1  # ES_SYSTEM_REQUIRED

State = Literal["held", "not_needed", "failed"]


@dataclass(frozen=True)
class Awake:
    """Whether the machine is kept awake: `held`, `not_needed`, or `failed` for a `reason`."""

    state: State
    reason: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return it as plain JSON data."""
        return {"state": self.state, "reason": self.reason}


NOT_NEEDED = Awake("not_needed")


class Keeper(Protocol):
    """A way to keep a machine awake; used by one thread, which lives for as long."""

    def hold(self) -> None:
        """Begin. Raises OSError when the system refuses."""

    def lost(self) -> str | None:
        """Why the machine is not kept awake any more; None when it is."""

    def release(self) -> None:
        """Let it sleep again."""


@contextmanager
def kept_awake(keeper: Keeper | None) -> Iterator[Callable[[], Awake]]:
    """Keep the machine awake by `keeper`, and give what tells whether that holds still. A failure raises nothing."""
    if keeper is None:
        yield lambda: NOT_NEEDED
        return
    try:
        keeper.hold()
    except OSError as error:
        refused = Awake("failed", f"{error.strerror or error}" + (f": '{error.filename}'" if error.filename else ""))
        yield lambda: refused
        return
    try:
        yield lambda: _standing(keeper.lost())
    finally:
        keeper.release()


def _standing(lost: str | None) -> Awake:
    return Awake("held") if lost is None else Awake("failed", lost)


def keeper_of_this_system() -> Keeper | None:
    """The way of this system; None for Linux and others, where soak runs on servers that nobody lets sleep."""
    if sys.platform == "win32":
        return ThreadState(_set_thread_execution_state)
    return Caffeinate() if sys.platform == "darwin" else None


class Caffeinate:
    """The program of macOS for it, which ends when soak does, however that dies."""

    def __init__(self, command: tuple[str, ...] = _CAFFEINATE, patience: float = _PATIENCE_SECONDS) -> None:
        """`patience` is how many seconds it has to end when it is asked to."""
        self._command = command
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None

    def hold(self) -> None:
        """Start it. Raises OSError when there is no such program."""
        # In a session of its own: Ctrl-C on the terminal is for soak, which lets go at its end.
        self._process = subprocess.Popen(
            [*self._command, "-w", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def lost(self) -> str | None:
        """Why nothing keeps the machine awake any more: the program ended."""
        code = None if self._process is None else self._process.poll()
        return None if code is None else f"{self._command[0]} ended early, with {code}"

    def release(self) -> None:
        """End the program."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(self._patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class ThreadState:
    """The execution state of a thread of Windows, set by `set_state`, which returns the one before it or 0."""

    def __init__(self, set_state: Callable[[int], int]) -> None:
        self._set_state = set_state

    def hold(self) -> None:
        """Require a working system. Raises OSError when Windows refuses."""
        if not self._set_state(_CONTINUOUS | _SYSTEM_REQUIRED):
            raise OSError("Windows refuses to stay awake for a program (SetThreadExecutionState)")

    def lost(self) -> str | None:
        """Why Windows may sleep: the requirement of this thread is gone."""
        before = self._set_state(_CONTINUOUS | _SYSTEM_REQUIRED)
        return None if before & _SYSTEM_REQUIRED else "something took back that the system is required"

    def release(self) -> None:
        """Require nothing any more."""
        self._set_state(_CONTINUOUS)


if sys.platform == "win32":  # pragma: platform - Windows only
    import ctypes

    def _set_thread_execution_state(flags: int) -> int:
        call = ctypes.WinDLL("kernel32").SetThreadExecutionState
        call.argtypes = (ctypes.c_uint,)
        call.restype = ctypes.c_uint
        return int(call(flags))
