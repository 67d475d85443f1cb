"""The workload's processes on Linux, found by session, by inheritance of orphans and by a mark in the environment."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from functools import cache

from soak_action.workload.proc import ProcessStat, read_mark, read_stat
from soak_action.workload.process_tree import Member

# A type checker skips the rest of the file for the other systems, where nobody imports it.
assert sys.platform == "linux"  # noqa: S101

_PR_SET_CHILD_SUBREAPER = 36
_STOPPED = frozenset((b"T", b"t"))
# How often to look again after a stranger disappeared, and how long while each look buries one of the workload's own:
# a program that forks and exits all the time is nearly always between two processes when it is looked for.
_LOOKS = 5
_BURIAL_SECONDS = 4.0

# This interpreter's workloads, the mark of each and its main process: two may run at once (a service and its load).
_running: dict[bytes, int] = {}
# Between fork and exec a new process has neither its mark nor a place in `_running`, so nobody looks in that moment.
_starting = threading.Lock()
_BURY_EVERY = 5.0


@cache
def _become_subreaper() -> None:
    """Have orphans of the workload handed to this process instead of to init, once and for good."""
    import ctypes

    # A kernel or a sandbox that refuses leaves the session and the mark to find them.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _keep_exit_statuses() -> None:
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        # Ignored by whoever started us, it would make the kernel throw exit statuses away.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _now() -> int:
    """The present moment in clock ticks since boot, as in /proc/PID/stat, one tick early to be on the safe side."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK") // 1_000_000_000 - 1


def _children() -> frozenset[int]:
    """The present children of this process; none where the kernel does not list them."""
    found: list[bytes] = []
    for task in os.listdir("/proc/self/task"):  # noqa: PTH208 - cheap, as below
        with contextlib.suppress(OSError), open(f"/proc/self/task/{task}/children", "rb") as children:  # noqa: PTH123
            found += children.read().split()
    return frozenset(map(int, found))


class LinuxTree:
    """The processes that a main process started, directly or not, wherever they went since.

    To be made before the main process is: what is older than the tree does not belong to it. `mark` is the value of
    SOAK_RUN_MARK in the workload's environment, unique among the workloads that run at a time.
    """

    def __init__(self, mark: str) -> None:
        _become_subreaper()
        _keep_exit_statuses()
        self.peak_rss_bytes = 0
        self._main = 0
        self._mark = os.fsencode(mark)
        self._since = _now()
        self._older = _children()
        self._me = os.getpid()
        self._session = os.getsid(0)
        self._user = os.geteuid()
        self._seen: dict[int, ProcessStat] = {}
        self._next_burial = time.monotonic() + _BURY_EVERY
        _running[self._mark] = 0

    def starting(self) -> threading.Lock:
        """Keep the trees of other workloads from taking what is just being started for theirs."""
        return _starting

    def started(self, main: int) -> None:
        """Take the process `main`, the leader of a session of its own, for the workload's main one."""
        self._main = _running[self._mark] = main

    def close(self) -> None:
        """Forget the main process, whose pid may be used again."""
        _running.pop(self._mark, None)

    def observe(self) -> None:
        """Reap the dead that were handed to us, now and then: all else can be found afterwards on Linux."""
        if time.monotonic() >= self._next_burial:
            self._look()
            self._next_burial = time.monotonic() + _BURY_EVERY

    def members(self) -> list[Member]:
        """The living processes of the workload; those of its dead that were handed to us are reaped."""
        vanished = 0
        until = time.monotonic() + _BURIAL_SECONDS
        while True:
            alive, gone, buried = self._look()
            vanished += gone and not buried
            # Who disappeared while we looked may have left a child behind that we did not see.
            if alive or not (gone or buried) or vanished >= _LOOKS or time.monotonic() >= until:
                return alive

    def present(self) -> list[Member]:
        """The living processes of the workload; nobody is reaped, so another thread may ask."""
        return [Member(stat.pid, stat.started, stat.name) for stat in self._scan()[0] if not stat.dead]

    def _scan(self) -> tuple[list[ProcessStat], bool]:
        """The processes of the workload, dead ones too, and whether any process disappeared meanwhile."""
        with _starting:
            return self._scan_proc()

    def _scan_proc(self) -> tuple[list[ProcessStat], bool]:
        gone = False
        stats: dict[int, ProcessStat] = {}
        for entry in os.listdir("/proc"):  # noqa: PTH208 - half the cost of pathlib, after every iteration
            if not entry.isdecimal():
                continue
            try:
                stat = read_stat(int(entry), self._since)
            except ProcessLookupError:
                gone = True
                continue
            if stat is not None:
                stats[stat.pid] = stat
        return self._belonging(stats), gone

    def _look(self) -> tuple[list[Member], bool, bool]:
        """The living members, whether any process disappeared meanwhile, and whether a dead member was reaped."""
        buried = False
        found, gone = self._scan()
        self._seen = {stat.pid: stat for stat in found if not stat.dead}
        for stat in found:
            if stat.dead and stat.parent == self._me and stat.pid not in _running.values():
                buried |= self._reap(stat.pid)
        # Parents first: a shell whose child is stopped before it would go on with its next command.
        order = sorted(self._seen.values(), key=lambda stat: (stat.pid != self._main, stat.started, stat.pid))
        return [Member(stat.pid, stat.started, stat.name) for stat in order], gone, buried

    def _belonging(self, stats: dict[int, ProcessStat]) -> list[ProcessStat]:
        found = {pid for pid, stat in stats.items() if self._is_ours(stat)}
        while heirs := {pid for pid, stat in stats.items() if stat.parent in found and pid not in found}:
            found |= heirs
        return [stats[pid] for pid in found]

    def _is_ours(self, stat: ProcessStat) -> bool:
        if self._main in (stat.session, stat.group):
            return True
        # The workload runs in a session of its own and nobody can enter a foreign one: what is in ours is not its.
        if stat.session == self._session or stat.pid in _running.values() or self._is_older(stat):
            return False
        if stat.parent == self._me:
            return not (len(_running) > 1 and self._belongs_to_another_run(stat.pid))
        return read_mark(stat.pid, self._user) == self._mark

    def _is_older(self, stat: ProcessStat) -> bool:
        """Whether it is a child of ours that was started in the same tick as the workload, right before it."""
        return stat.pid in self._older and stat.started <= self._since + 1

    def _belongs_to_another_run(self, pid: int) -> bool:
        mark = read_mark(pid, self._user)
        return mark != self._mark and mark in _running

    def _reap(self, pid: int) -> bool:
        try:
            reaped, _, usage = os.wait4(pid, os.WNOHANG)
        except ChildProcessError:
            return False
        self.peak_rss_bytes = max(self.peak_rss_bytes, usage.ru_maxrss * 1024)
        return reaped != 0

    def ask(self, members: Iterable[Member]) -> None:
        """Send SIGTERM, and wake who is stopped so that it can act on it."""
        for member in members:
            self._send(member.pid, signal.SIGTERM)
            if self._seen[member.pid].state in _STOPPED:
                self._send(member.pid, signal.SIGCONT)

    def kill(self, members: Iterable[Member]) -> None:
        """Send SIGKILL to each and to its whole process group, which no fork can escape meanwhile."""
        for member in members:
            self._send(member.pid, signal.SIGKILL)
            stat = self._seen[member.pid]
            if stat.session != self._session and stat.group > 1:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(stat.group, signal.SIGKILL)

    def _send(self, pid: int, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
