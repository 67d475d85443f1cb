"""The peak resident memory of the workload's main process."""

from __future__ import annotations

import contextlib
import os
import sys

if sys.platform != "win32":
    import resource

_MIB = 1 << 20
_STATUS_SIZE = 1 << 13
_COUNTER_SLACK = 2 * _MIB  # the kernel adds up resident memory per processor and only now and then


class PeakMemory:
    """The largest resident memory of any single process of the workload that soak waited for.

    POSIX reports it at the end (`ru_maxrss`), but on Linux a process that was started by vfork and exec inherits the
    peak of its parent: `true` seems to need what Python needs. So what is reported counts as exact only when it exceeds
    our own peak after the start.

    Below that the kernel's high-water mark of the main process (`VmHWM`) takes its place, read while it is running. A
    process that ended before it had loaded itself and could be read is given what was reported, an upper bound: a mark
    that is read right after the start knows one page.
    """

    def __init__(self) -> None:
        self._inherited = 0
        self._status: int | None = None
        self._seen: int | None = None

    def watch(self, pid: int) -> None:
        """Begin to watch the main process, which has just been started."""
        if sys.platform == "linux":
            # Taken now, because starting the process may itself have been the peak.
            self._inherited = own_peak_bytes() + _COUNTER_SLACK
            with contextlib.suppress(OSError):
                self._status = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)

    def observe(self) -> None:
        """Read the high-water mark while the process runs; nothing where the system has none to read."""
        if sys.platform != "win32" and self._status is not None:
            with contextlib.suppress(OSError):
                seen = high_water_bytes(os.pread(self._status, _STATUS_SIZE, 0))
                if seen is not None:
                    self._seen = max(self._seen or 0, seen)

    def close(self) -> None:
        """End watching."""
        if self._status is not None:
            os.close(self._status)
            self._status = None

    def mib(self, reported: int | None, orphans: int) -> float | None:
        """The peak in MiB out of the bytes that were `reported` for the main process and for `orphans` (0: none)."""
        if reported is not None and (reported > self._inherited or self._seen is None):
            main: int | None = reported
        else:
            main = self._seen
        return None if main is None else max(main, orphans) / _MIB


def high_water_bytes(status: bytes) -> int | None:
    """The value of VmHWM in the text of /proc/PID/status; None for a process that has ended."""
    _, found, rest = status.partition(b"\nVmHWM:")
    return int(rest.split(None, 1)[0]) * 1024 if found else None


def reported_bytes(ru_maxrss: int) -> int:
    """`ru_maxrss` in bytes: macOS counts bytes, the others KiB."""
    return ru_maxrss if sys.platform == "darwin" else ru_maxrss * 1024


def own_peak_bytes() -> int:
    """The peak resident memory of this process, in bytes; 0 on Windows, where no process inherits it."""
    if sys.platform != "win32":
        return reported_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    else:  # noqa: RET505 - a type checker tells the platforms apart by this form  # pragma: platform - Windows only
        return 0
