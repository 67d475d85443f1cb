"""The workload's processes on Windows: everybody in the Job Object that the main process was started in."""

from __future__ import annotations

import contextlib
import ctypes
import ntpath
import sys
from collections.abc import Iterable
from ctypes import wintypes
from functools import cache

from soak_action.workload.outcome import KILLED_BY_SOAK
from soak_action.workload.process_tree import Member

if sys.platform == "win32":  # pragma: platform - Windows only
    from soak_action.workload.windows_console import send_break
    from soak_action.workload.windows_job import Job, job_of

# A type checker skips the rest of the file for the other systems, where nobody imports it.
assert sys.platform == "win32"  # noqa: S101

_QUERY_LIMITED = 0x1000
_INVALID_PARAMETER = 87
_UNIX_EPOCH = 116444736000000000  # in units of 100 ns since 1601
_LONGEST_PATH = 32768
_NAMELESS = "process"

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
_kernel.OpenProcess.restype = wintypes.HANDLE
_kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
_kernel.GetProcessTimes.argtypes = (wintypes.HANDLE, *[ctypes.POINTER(wintypes.FILETIME)] * 4)
_kernel.QueryFullProcessImageNameW.argtypes = (
    *(wintypes.HANDLE, wintypes.DWORD, wintypes.LPWSTR),
    ctypes.POINTER(wintypes.DWORD),
)
_kernel.GetSystemDirectoryW.argtypes = (wintypes.LPWSTR, wintypes.UINT)


class WindowsTree:
    """The processes in the job of a main process, which none of them can have left."""

    def __init__(self) -> None:
        self.peak_rss_bytes = 0
        self._main = 0
        self._job: Job | None = None
        self._asked = False

    def starting(self) -> contextlib.AbstractContextManager[object]:
        """Nothing to be kept from: each workload has a job of its own."""
        return contextlib.nullcontext()

    def started(self, main: int) -> None:
        """Take the process `main`, which a Child has started, for the workload's main one."""
        self._main = main
        self._job = job_of(main)

    def close(self) -> None:
        """Forget the main process; who could not be ended before is killed."""
        if self._job is not None:
            self._job.close()

    def observe(self) -> None:
        """Nothing: the job knows everybody afterwards."""

    def members(self) -> list[Member]:
        """The living processes of the workload now, the main one included."""
        pids = [] if self._job is None else self._job.pids()
        return [member for member in map(_member, pids) if member is not None]

    def present(self) -> list[Member]:
        """The same."""
        return self.members()

    def ask(self, members: Iterable[Member]) -> None:
        """Send Ctrl-Break to the main process' group, once, as it reaches everybody in it.

        Who left that group or has no console cannot be asked, and is killed when the grace is over.
        """
        pids = [member.pid for member in members]
        if pids and not self._asked:
            self._asked = send_break(self._main, pids)

    def kill(self, members: Iterable[Member]) -> None:
        """End everybody in the job, those too who were started since anybody looked."""
        if self._job is not None and list(members):
            self._job.terminate(KILLED_BY_SOAK)


def _member(pid: int) -> Member | None:
    """The process with this pid, None when it has ended; one that may not be looked at has neither start nor name."""
    handle = _kernel.OpenProcess(_QUERY_LIMITED, False, pid)  # noqa: FBT003 - it takes no names
    if not handle:
        gone = ctypes.get_last_error() == _INVALID_PARAMETER
        return None if gone else Member(pid, 0.0, _NAMELESS)
    try:
        image = _image(handle)
        # The system's own host of a console: it comes and goes with the programs on that console.
        if ntpath.normcase(image) == _console_host():
            return None
        created, exited, kernel, user = (wintypes.FILETIME() for _ in range(4))
        _kernel.GetProcessTimes(handle, *map(ctypes.byref, (created, exited, kernel, user)))
        return None if _ticks(exited) else Member(pid, _seconds(_ticks(created)), ntpath.basename(image))
    finally:
        _kernel.CloseHandle(handle)


def _ticks(time: wintypes.FILETIME) -> int:
    return int(time.dwHighDateTime) << 32 | int(time.dwLowDateTime)


def _seconds(ticks: int) -> float:
    # Rounded as psutil does it, which reads the same process for the samples: both must find the same start.
    return float(ticks - _UNIX_EPOCH) / 10_000_000.0


def _image(handle: int) -> str:
    """The path of a process' program."""
    path = ctypes.create_unicode_buffer(_LONGEST_PATH)
    length = wintypes.DWORD(_LONGEST_PATH)
    return path.value if _kernel.QueryFullProcessImageNameW(handle, 0, path, ctypes.byref(length)) else _NAMELESS


@cache
def _console_host() -> str:
    path = ctypes.create_unicode_buffer(_LONGEST_PATH)
    _kernel.GetSystemDirectoryW(path, _LONGEST_PATH)
    return ntpath.normcase(ntpath.join(path.value, "conhost.exe"))
