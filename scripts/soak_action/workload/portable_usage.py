"""The figures of a process as psutil reads them, for the systems without /proc."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from soak_action.workload.process_tree import Member
from soak_action.workload.usage import MIB, Usage

if TYPE_CHECKING:
    import psutil

_WINDOWS_LACKS = {"fds": "Windows has handles instead of file descriptors; use handles"}
_POSIX_LACKS = {
    "private_mib": "only Windows counts private bytes of a process; use uss_mib",
    "handles": "only Windows has handles; use fds",
    "gdi_objects": "only Windows has GDI objects",
    "user_objects": "only Windows has USER objects",
}
_MACOS_LACKS = dict.fromkeys(("io_read_mib", "io_write_mib"), "macOS does not tell the I/O of a process")


# Whoever is alive has some of these; a zero means that the system does not tell (Wine).
_NEVER_ZERO = frozenset({"rss_mib", "private_mib", "threads", "handles"})


class PortableReader:
    """Reads through psutil. A process is the one that it was found as while its pid and its start agree."""

    def __init__(self) -> None:
        self.lacks: Mapping[str, str] = lacks_of(sys.platform)
        self._open: dict[tuple[int, float], psutil.Process] = {}

    def member(self, pid: int) -> Member | None:
        """The living process that has this pid now."""
        import psutil

        try:
            process = psutil.Process(pid)
            return Member(pid, process.create_time(), name_of(process))
        except (psutil.Error, OSError):
            return None

    def read(self, member: Member, *, uss: bool) -> Usage | None:
        """The figures of `member`, with `uss` that one too; None when it is gone."""
        import psutil

        try:
            process = self._process(member)
            # psutil compares the start time, so a later process with the same pid is not taken for this one.
            if process is None or not process.is_running():
                return None
            return _usage(process, uss=uss)
        except psutil.NoSuchProcess:
            return None

    def forget(self, member: Member) -> None:
        """Keep nothing about `member`, which is gone."""
        self._open.pop((member.pid, member.started), None)

    def _process(self, member: Member) -> psutil.Process | None:
        import psutil

        key = (member.pid, member.started)
        if key not in self._open:
            process = psutil.Process(member.pid)
            if process.create_time() != member.started:
                return None
            self._open[key] = process
        return self._open[key]


def name_of(process: psutil.Process) -> str:
    """The name of a process, ``process`` when the system does not tell it."""
    import psutil

    try:
        return process.name()
    except (psutil.Error, OSError):
        return "process"


def lacks_of(platform: str) -> Mapping[str, str]:
    """Return the KPIs that a platform, as `sys.platform` names it, has no figure for, each with the reason."""
    if platform == "win32":
        return _WINDOWS_LACKS
    return _POSIX_LACKS | _MACOS_LACKS if platform == "darwin" else _POSIX_LACKS


def _usage(process: psutil.Process, *, uss: bool) -> Usage | None:
    """Every figure that can be had; None for a process that has ended and only waits to be reaped."""
    import psutil

    figures: dict[str, float] = {}
    refused: set[str] = set()
    with process.oneshot():
        for name, figure in _FIGURES.items():
            if name == "uss_mib" and not uss:
                continue
            try:
                found = figure(process)
            except (psutil.AccessDenied, OSError):
                refused.add(name)
            else:
                if found or name not in _NEVER_ZERO:
                    figures[name] = found
                else:
                    refused.add(name)
    if refused and (not process.is_running() or process.status() == psutil.STATUS_ZOMBIE):
        return None
    return Usage(figures, frozenset(refused))


def _rss(process: psutil.Process) -> float:
    return process.memory_info().rss / MIB


def _uss(process: psutil.Process) -> float:
    return float(process.memory_full_info().uss) / MIB


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _threads(process: psutil.Process) -> float:
    return float(process.num_threads())


_FIGURES: dict[str, Callable[[psutil.Process], float]] = {
    "rss_mib": _rss,
    "cpu_seconds": _cpu,
    "threads": _threads,
    "uss_mib": _uss,
}

if sys.platform != "darwin":

    def _io_read(process: psutil.Process) -> float:
        return float(process.io_counters().read_bytes) / MIB

    def _io_write(process: psutil.Process) -> float:
        return float(process.io_counters().write_bytes) / MIB

    _FIGURES |= {"io_read_mib": _io_read, "io_write_mib": _io_write}

if sys.platform == "win32":  # pragma: platform - Windows only
    from soak_action.workload import windows_gui

    def _private(process: psutil.Process) -> float:
        return float(process.memory_info().private) / MIB

    def _handles(process: psutil.Process) -> float:
        return float(process.num_handles())

    def _gdi(process: psutil.Process) -> float:
        return windows_gui.objects_of(process.pid, windows_gui.GDI)

    def _user(process: psutil.Process) -> float:
        return windows_gui.objects_of(process.pid, windows_gui.USER)

    _FIGURES |= {"private_mib": _private, "handles": _handles, "gdi_objects": _gdi, "user_objects": _user}
else:

    def _fds(process: psutil.Process) -> float:
        return float(process.num_fds())

    _FIGURES |= {"fds": _fds}
