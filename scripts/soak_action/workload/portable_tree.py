"""The workload's processes where /proc does not tell: by process group, and by the children seen while it ran."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from soak_action.workload.process_tree import Member

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
        """The processes in the workload's session or process group; Windows has none to look into."""
        if sys.platform != "win32":
            try:
                os.killpg(self._main, 0)
            except ProcessLookupError:
                return []
            except PermissionError:  # pragma: platform - macOS answers so for a group of which only zombies are left
                pass
            import psutil

            return [pid for pid in psutil.pids() if self._main in _leaders(pid)]
        else:  # noqa: RET505 - a type checker tells the platforms apart by this form  # pragma: platform - Windows only
            return []

    def ask(self, members: Iterable[Member]) -> None:
        """Ask each member to end: SIGTERM, or Ctrl-Break to the whole group on Windows."""
        if sys.platform != "win32":
            for member in members:
                self._send(member, signal.SIGTERM)
        elif list(members):  # pragma: platform - Windows only
            # A workload without a console cannot be asked (Wine never can): it is killed when the grace is over.
            with contextlib.suppress(OSError, SystemError):
                os.kill(self._main, signal.CTRL_BREAK_EVENT)

    def kill(self, members: Iterable[Member]) -> None:
        """Kill each member."""
        for member in members:
            if sys.platform != "win32":
                self._send(member, signal.SIGKILL)
            else:  # pragma: platform - Windows only, where SIGTERM is TerminateProcess
                self._send(member, signal.SIGTERM)

    def _send(self, member: Member, number: signal.Signals) -> None:
        import psutil

        # psutil compares the start time first and so never signals a later process with the same pid.
        with contextlib.suppress(psutil.Error, OSError):
            self._known[member.pid].send_signal(number)


def _add_descendants(known: dict[int, psutil.Process], pid: int) -> None:
    """Add a process and its present descendants to those that are `known`."""
    import psutil

    # Who cannot be looked at is gone, or of another user and out of reach. Wine knows no parents: OSError.
    with contextlib.suppress(psutil.Error, OSError):
        process = known.get(pid) or psutil.Process(pid)
        if not process.is_running():
            return
        known.setdefault(pid, process)
        for child in process.children(recursive=True):
            known.setdefault(child.pid, child)


def _leaders(pid: int) -> tuple[int, ...]:
    """The leaders of a process' group and session."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            return os.getpgid(pid), os.getsid(pid)
    return ()


def _is_alive(process: psutil.Process) -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def name_of(process: psutil.Process) -> str:
    """The name of a process, ``process`` when the system does not tell it."""
    import psutil

    try:
        return process.name()
    except (psutil.Error, OSError):
        return "process"
