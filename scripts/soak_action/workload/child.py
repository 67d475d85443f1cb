"""The workload's main process: started, waited for, measured at its end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from io import RawIOBase
from pathlib import Path
from threading import Lock, Thread
from typing import cast

from soak_action import clocks
from soak_action.system import open_regular
from soak_action.workload.command import popen_arguments, program_file
from soak_action.workload.memory import reported_bytes

_PEAK_EVERY = 0.05


class Child:
    """A started process; after its end `exit_code` is negative for a signal, and None when its status was lost.

    `cpu_seconds` is the CPU time of the process and of those descendants that were waited for, where POSIX tells it.
    """

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: Path | None = None) -> None:
        """Start it in a session of its own, on Windows in a Job Object and a process group.

        It reads the file `stdin`, or nothing. Raises OSError or ValueError when that fails.
        """
        self.begun = clocks.awake()
        with nullcontext() if stdin is None else open_regular(stdin) as given:
            self._popen = subprocess.Popen(
                popen_arguments(argv, cwd, env),
                executable=program_file(argv, cwd, env),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL if given is None else given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                close_fds=True,
                start_new_session=sys.platform != "win32",
                creationflags=_creation_flags(),
            )
        if sys.platform == "win32":  # pragma: platform - Windows only
            # Kept for as long as this object: the job ends with its last user, and everybody in it.
            self._job = windows_job.confine(self._popen)
        self.pid = self._popen.pid
        self.stdout = cast("RawIOBase", self._popen.stdout)
        self.stderr = cast("RawIOBase", self._popen.stderr)
        self.exit_code: int | None = None
        self.peak_rss_bytes: int | None = None
        self.cpu_seconds: float | None = None
        self.ended_at: float | None = None
        self._running = Lock()
        self._running.acquire()

    def watch(self) -> None:
        """Begin to wait for the end, in a thread of its own."""
        Thread(target=self._await_end, name="soak-wait", daemon=True).start()

    @property
    def ended(self) -> bool:
        """Whether the process has ended and its figures are known."""
        return self.ended_at is not None

    @property
    def seconds(self) -> float:
        """How long it ran, or has been running."""
        return (clocks.awake() if self.ended_at is None else self.ended_at) - self.begun

    def wait(self, seconds: float) -> bool:
        """Wait for the end at most `seconds`; return whether it came."""
        if not self.ended and self._running.acquire(timeout=max(0.0, seconds)):
            self._running.release()
        return self.ended

    def abandon(self) -> None:
        """Have nobody wait for a process any more that even the kernel could not end."""
        if self._popen.returncode is None:
            self._popen.returncode = -9

    def _await_end(self) -> None:
        if sys.platform == "win32":  # pragma: platform - Windows only
            handle = int(self._popen._handle)  # type: ignore[attr-defined]  # noqa: SLF001 - the one way to it
            # Windows still knows the peak after the end; Wine does not, so the last one seen stands in for it.
            while self.exit_code is None:
                self.peak_rss_bytes = _windows_peak(handle) or self.peak_rss_bytes
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.exit_code = self._popen.wait(_PEAK_EVERY)
            self.peak_rss_bytes = _windows_peak(handle) or self.peak_rss_bytes
        else:
            try:
                _, status, usage = os.wait4(self.pid, 0)
            except ChildProcessError:
                self._popen.returncode = 0
            else:
                self.exit_code = self._popen.returncode = os.waitstatus_to_exitcode(status)
                self.peak_rss_bytes = reported_bytes(usage.ru_maxrss)
                self.cpu_seconds = usage.ru_utime + usage.ru_stime
        self.ended_at = clocks.awake()
        self._running.release()


if sys.platform == "win32":  # pragma: platform - Windows only
    import ctypes
    from ctypes import wintypes

    from soak_action.workload import windows_console, windows_job

    def _creation_flags() -> int:
        return windows_job.CREATE_SUSPENDED | windows_console.creation_flags()

    class _MemoryCounters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS."""

        _fields_ = (
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            ("PeakWorkingSetSize", ctypes.c_size_t),
            ("WorkingSetSize", ctypes.c_size_t),
            ("QuotaPeakPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPagedPoolUsage", ctypes.c_size_t),
            ("QuotaPeakNonPagedPoolUsage", ctypes.c_size_t),
            ("QuotaNonPagedPoolUsage", ctypes.c_size_t),
            ("PagefileUsage", ctypes.c_size_t),
            ("PeakPagefileUsage", ctypes.c_size_t),
        )

    def _windows_peak(handle: int) -> int | None:
        """PeakWorkingSetSize in bytes; None or 0 when it is not known."""
        counters = _MemoryCounters(cb=ctypes.sizeof(_MemoryCounters))
        ask = ctypes.WinDLL("kernel32").K32GetProcessMemoryInfo
        ask.argtypes = (wintypes.HANDLE, ctypes.POINTER(_MemoryCounters), wintypes.DWORD)
        ask.restype = wintypes.BOOL
        return int(counters.PeakWorkingSetSize) if ask(handle, ctypes.byref(counters), counters.cb) else None
else:

    def _creation_flags() -> int:
        return 0
