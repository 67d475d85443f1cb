"""A Job Object of Windows: whom a process in it starts is in it too, nobody leaves it, and it ends with soak.

The process is started suspended and put into its job before it runs, so it has no moment to start anybody outside.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from ctypes import wintypes
from weakref import WeakValueDictionary

# A type checker skips the rest of the file for the other systems, where nobody imports it.
assert sys.platform == "win32"  # noqa: S101

CREATE_SUSPENDED = 0x4

_PROCESS_IDS = 3  # JobObjectBasicProcessIdList
_EXTENDED_LIMITS = 9  # JobObjectExtendedLimitInformation
_KILL_ON_CLOSE = 0x2000  # JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
_MORE_DATA = 234  # ERROR_MORE_DATA
_FIRST_ROOM = 64

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel.CreateJobObjectW.argtypes = (wintypes.LPVOID, wintypes.LPCWSTR)
_kernel.CreateJobObjectW.restype = wintypes.HANDLE
_kernel.SetInformationJobObject.argtypes = (wintypes.HANDLE, ctypes.c_int, wintypes.LPVOID, wintypes.DWORD)
_kernel.QueryInformationJobObject.argtypes = (
    *(wintypes.HANDLE, ctypes.c_int, wintypes.LPVOID, wintypes.DWORD),
    wintypes.LPVOID,
)
_kernel.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
_kernel.TerminateJobObject.argtypes = (wintypes.HANDLE, wintypes.UINT)
_kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
# The one call that resumes a process whose thread nobody has a handle of; subprocess closes that handle.
_resume = ctypes.WinDLL("ntdll").NtResumeProcess
_resume.argtypes = (wintypes.HANDLE,)
_resume.restype = ctypes.HRESULT  # an NTSTATUS; ctypes raises OSError for what is negative in either


class _Limits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", wintypes.DWORD),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", wintypes.DWORD),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", wintypes.DWORD),
        ("SchedulingClass", wintypes.DWORD),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class Job:
    """The job of one workload. Who is still in it when it is closed, or when soak itself dies, is killed."""

    def __init__(self) -> None:
        """Create it. Raises OSError when the system refuses."""
        self._handle = _kernel.CreateJobObjectW(None, None)
        _check(self._handle)
        # Without a permission to break away, CREATE_BREAKAWAY_FROM_JOB is refused to everybody inside.
        limits = _Limits(LimitFlags=_KILL_ON_CLOSE)
        _check(
            _kernel.SetInformationJobObject(self._handle, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits))
        )

    def take(self, process: int) -> None:
        """Put a process, given by its handle, into the job. Raises OSError when the system refuses."""
        _check(_kernel.AssignProcessToJobObject(self._handle, process))

    def pids(self) -> list[int]:
        """The processes in it that have not ended; none when it is closed."""
        room = _FIRST_ROOM
        while self._handle:
            # NumberOfAssignedProcesses and NumberOfProcessIdsInList, two DWORD, then as many ULONG_PTR as fit.
            buffer = (ctypes.c_size_t * (room + 8 // ctypes.sizeof(ctypes.c_size_t)))()
            size = ctypes.sizeof(buffer)
            found = _kernel.QueryInformationJobObject(self._handle, _PROCESS_IDS, buffer, size, None)
            _check(found or ctypes.get_last_error() == _MORE_DATA)
            assigned, listed = (wintypes.DWORD * 2).from_buffer(buffer)
            if found and listed >= assigned:
                return list((ctypes.c_size_t * listed).from_buffer(buffer, 8))
            room = 2 * max(room, assigned)
        return []

    def terminate(self, exit_code: int) -> None:
        """End everybody in it at once."""
        if self._handle:
            _kernel.TerminateJobObject(self._handle, exit_code)

    def close(self) -> None:
        """Give it up, which kills whoever is in it still."""
        if self._handle:
            _kernel.CloseHandle(self._handle)
        self._handle = None

    def __del__(self) -> None:
        """Close it with its last user."""
        self.close()


# Of the main processes whose Child or tree is alive still.
_jobs: WeakValueDictionary[int, Job] = WeakValueDictionary()


def confine(popen: subprocess.Popen[bytes]) -> Job:
    """Put a process that was started suspended into a job of its own, and let it run.

    Raises OSError when the system refuses either; the process is gone then.
    """
    handle = int(popen._handle)  # type: ignore[attr-defined]  # noqa: SLF001 - the one way to it
    try:
        job = Job()
        job.take(handle)
        _resume(handle)
    except OSError as error:
        popen.kill()
        popen.communicate()
        raise OSError(f"Windows does not confine it in a Job Object: {error.strerror or error}") from error
    _jobs[popen.pid] = job
    return job


def job_of(main: int) -> Job:
    """The job of the main process `main`. Raises KeyError for a process that was not confined."""
    return _jobs[main]


def _check(succeeded: int | None) -> None:
    if not succeeded:
        raise ctypes.WinError(ctypes.get_last_error())
