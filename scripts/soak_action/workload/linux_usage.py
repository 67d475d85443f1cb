"""The figures of a process from Linux' /proc: the cheap ones and the proof of its identity come in a single read."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

from soak_action.workload.proc import read_head, read_stat
from soak_action.workload.process_tree import Member
from soak_action.workload.usage import MIB, Usage

# A type checker skips the rest of the file for the other systems, where nobody imports it.
assert sys.platform == "linux"  # noqa: S101

_STAT_SIZE = 1 << 12
# Where the figures stand in /proc/PID/stat behind the name, and what they are counted in.
_USER, _SYSTEM, _THREADS, _STARTED, _PAGES = 11, 12, 17, 19, 21
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
_LACKS = {
    "private_mib": "Linux counts no private bytes of a process; use uss_mib",
    "handles": "Linux has no handles; use fds",
    "gdi_objects": "only Windows has GDI objects",
    "user_objects": "only Windows has USER objects",
}


class LinuxReader:
    """Reads /proc. A process is the one that it was found as while its pid and its start in clock ticks agree."""

    def __init__(self, *, accounts_io: bool | None = None) -> None:
        """`accounts_io` says whether there is a /proc/PID/io; None is to look."""
        has_io = os.access("/proc/self/io", os.F_OK) if accounts_io is None else accounts_io
        self._always = (_FDS, _IO) if has_io else (_FDS,)
        self._inherited = frozenset(_IO[0] if has_io else ())
        self.lacks: Mapping[str, str] = _LACKS if has_io else _LACKS | _WITHOUT_IO

    def member(self, pid: int) -> Member | None:
        """The living process that has this pid now."""
        try:
            stat = read_stat(pid, 0)
        except ProcessLookupError:
            return None
        return None if stat is None or stat.dead else Member(pid, stat.started, stat.name)

    def read(self, member: Member, *, uss: bool) -> Usage | None:
        """The figures of `member`, with `uss` that one too; None when it is gone."""
        _, _, tail = read_head(f"/proc/{member.pid}/stat", _STAT_SIZE).rpartition(b") ")
        fields = tail.split()
        if not fields or int(fields[_STARTED]) != member.started:
            return None
        place, pages = _memory_of(member.pid, int(fields[_PAGES]))
        if not pages:
            return None
        figures = {
            "rss_mib": pages * _PAGE_SIZE / MIB,
            "cpu_seconds": (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS,
            "threads": float(fields[_THREADS]),
        }
        refused: set[str] = set()
        for names, figures_of in (*self._always, *(_EXPENSIVE if uss else ())):
            try:
                figures.update(zip(names, figures_of(member.pid, place), strict=True))
            except PermissionError:
                refused.update(names)
            except (FileNotFoundError, ProcessLookupError):
                return None
        # While a process ends the kernel locks it up; only one that goes on refuses.
        if refused and not _is_there(member):
            return None
        return Usage(figures, frozenset(refused), self._inherited)

    def forget(self, member: Member) -> None:
        """Nothing is kept."""


def _memory_of(pid: int, pages: int) -> tuple[str, int]:
    """Where /proc shows the memory of a process, and its resident pages; none of one that is ending or dead.

    The first thread shows `pages`. When it has ended and others go on, one of them has to be asked.
    """
    if pages:
        return f"/proc/{pid}", pages
    try:
        tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - as above
    except OSError:
        return "", 0
    for task in tasks:
        place = f"/proc/{pid}/task/{task}"
        fields = read_head(f"{place}/statm", _STAT_SIZE).split()
        if fields and int(fields[1]):
            return place, int(fields[1])
    return "", 0


def _descriptors(_: int, place: str) -> tuple[float]:
    return (float(len(os.listdir(f"{place}/fd"))),)  # noqa: PTH208 - cheap, for every process


def _io(pid: int, _: str) -> tuple[float, float]:
    """The MiB that a process and the children it has waited for read from storage and wrote to it."""
    handle = os.open(f"/proc/{pid}/io", os.O_RDONLY)
    try:
        lines = os.read(handle, _STAT_SIZE)
    finally:
        os.close(handle)
    fields = lines.partition(b"\nread_bytes: ")[2].split()
    return int(fields[0]) / MIB, int(fields[2]) / MIB


def _unshared(_: int, place: str) -> tuple[float]:
    return (_private_bytes(place) / MIB,)


def _private_bytes(place: str) -> int:
    """The memory that nobody shares; the short form of the table exists per process only, and not on old kernels."""
    try:
        with open(f"{place}/smaps_rollup", "rb") as table:  # noqa: PTH123 - cheap, as above
            lines = table.read().splitlines()
    except FileNotFoundError:
        with open(f"{place}/smaps", "rb") as table:  # noqa: PTH123 - cheap, as above
            lines = table.read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(b"Private_")) * 1024


# The names of figures and what reads them for a pid and the place of its first thread that is alive.
_Part = tuple[tuple[str, ...], Callable[[int, str], tuple[float, ...]]]
_FDS: _Part = (("fds",), _descriptors)
_IO: _Part = (("io_read_mib", "io_write_mib"), _io)
_EXPENSIVE: tuple[_Part, ...] = ((("uss_mib",), _unshared),)
_WITHOUT_IO = dict.fromkeys(_IO[0], "this kernel does not account the I/O of a process")


def _is_there(member: Member) -> bool:
    fields = read_head(f"/proc/{member.pid}/stat", _STAT_SIZE).rpartition(b") ")[2].split()
    return (
        bool(fields) and int(fields[_STARTED]) == member.started and _memory_of(member.pid, int(fields[_PAGES]))[1] > 0
    )
