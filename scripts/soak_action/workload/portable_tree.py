"""The workload's processes on macOS and its like: by process group, and by the children seen while it ran."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from soak_action.workload.portable_usage import name_of
from soak_action.workload.process_tree import Member

# A type checker skips the rest of the file for Windows, where nobody imports it.
assert sys.platform != "win32"  # noqa: S101

if TYPE_CHECKING:
    import psutil

_LOOK_EVERY = 1.0


class PortableTree:
    """The processes of a workload as far as the system shows them.

    A daemon that left its group is found only if it was seen as a child before.
    """

    def __init__(self) -> None:
        self.peak_rss_bytes = 0
        self._main = 0
        self._known: dict[int, psutil.Process] = {}
        self._next_look = 0.0

    def starting(self) -> contextlib.AbstractContextManager[object]:
        """Nothing to be kept from: no tree takes what another one's main process started."""
        return contextlib.nullcontext()

    def started(self, main: int) -> None:
        """Take the process `main`, the leader of a session of its own, for the workload's main one."""
        self._main = main

    def close(self) -> None:
        """Forget everything that was seen."""
        self._known.clear()

    def observe(self) -> None:
        """Remember the main process' present descendants, at most once a second."""
        if time.monotonic() < self._next_look:
            return
        _add_descendants(self._known, self._main)
        self._next_look = time.monotonic() + _LOOK_EVERY

    def members(self) -> list[Member]:
        """The living processes of the workload."""
        for pid in [self._main, *self._known, *self._group()]:
            _add_descendants(self._known, pid)
        self._known = {pid: process for pid, process in self._known.items() if _is_alive(process)}
        return [Member(pid, process.create_time(), name_of(process)) for pid, process in self._known.items()]

    def present(self) -> list[Member]:
        """The same; what is remembered for the end stays as it is, so another thread may ask."""
        found = self._known.copy()
        for pid in [self._main, *found, *self._group()]:
            _add_descendants(found, pid)
        return [
            Member(pid, process.create_time(), name_of(process)) for pid, process in found.items() if _is_alive(process)
        ]

    def _group(self) -> list[int]:
        """The processes in the workload's session or process group."""
        import psutil

        try:
            os.killpg(self._main, 0)
        except ProcessLookupError:
            return []
        except PermissionError:  # pragma: platform - macOS answers so for a group of which only zombies are left
            pass
        return [pid for pid in psutil.pids() if self._main in _leaders(pid)]

    def ask(self, members: Iterable[Member]) -> None:
        """Send SIGTERM to each member."""
        for member in members:
            self._send(member, signal.SIGTERM)

    def kill(self, members: Iterable[Member]) -> None:
        """Send SIGKILL to each member."""
        for member in members:
            self._send(member, signal.SIGKILL)

    def _send(self, member: Member, number: signal.Signals) -> None:
        import psutil

        # psutil compares the start time first and so never signals a later process with the same pid.
        with contextlib.suppress(psutil.Error, OSError):
            self._known[member.pid].send_signal(number)


def _add_descendants(known: dict[int, psutil.Process], pid: int) -> None:
    """Add a process and its present descendants to those that are `known`."""
    import psutil

    # Who cannot be looked at is gone, or of another user and out of reach.
    with contextlib.suppress(psutil.Error, OSError):
        process = known.get(pid) or psutil.Process(pid)
        if not process.is_running():
            return
        known.setdefault(pid, process)
        for child in process.children(recursive=True):
            known.setdefault(child.pid, child)


def _leaders(pid: int) -> tuple[int, ...]:
    """The leaders of a process' group and session."""
    with contextlib.suppress(OSError):
        return os.getpgid(pid), os.getsid(pid)
    return ()


def _is_alive(process: psutil.Process) -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False
