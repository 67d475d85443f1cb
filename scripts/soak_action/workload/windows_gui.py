"""The graphical objects that a process on Windows holds; a leak of them ends a program at 10,000."""

from __future__ import annotations

import ctypes
import sys
from ctypes import wintypes

# A type checker skips the rest of the file for the other systems, where nobody imports it.
assert sys.platform == "win32"  # noqa: S101

GDI, USER = 0, 1
_QUERY_LIMITED_INFORMATION = 0x1000

_KERNEL = ctypes.WinDLL("kernel32", use_last_error=True)
_KERNEL.OpenProcess.argtypes = [wintypes.DWORD, wintypes.BOOL, wintypes.DWORD]
_KERNEL.OpenProcess.restype = wintypes.HANDLE
_KERNEL.CloseHandle.argtypes = [wintypes.HANDLE]
_USER = ctypes.WinDLL("user32", use_last_error=True)
_USER.GetGuiResources.argtypes = [wintypes.HANDLE, wintypes.DWORD]
_USER.GetGuiResources.restype = wintypes.DWORD


def objects_of(pid: int, kind: int) -> float:
    """Return how many objects of a kind, GDI or USER, a process holds; 0 for one without any window.

    Raises OSError when the system does not tell it of this process, for example of one in another session.
    """
    handle = _KERNEL.OpenProcess(_QUERY_LIMITED_INFORMATION, 0, pid)
    if not handle:
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        # 0 is an answer or a failure, and only the error tells which.
        ctypes.set_last_error(0)
        count = _USER.GetGuiResources(handle, kind)
        if not count and (error := ctypes.get_last_error()):
            raise ctypes.WinError(error)
    finally:
        _KERNEL.CloseHandle(handle)
    return float(count)  # pragma: platform - Wine counts none
