"""Ctrl-Break on Windows: the one way to ask a program there to end."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable
from ctypes import wintypes

# A type checker skips the rest of the file for the other systems, where nobody imports it.
assert sys.platform == "win32"  # noqa: S101

_CTRL_BREAK = 1
_NEW_PROCESS_GROUP = 0x200
_NO_WINDOW = 0x8000000

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel.GetConsoleProcessList.argtypes = (ctypes.POINTER(wintypes.DWORD), wintypes.DWORD)
_kernel.GenerateConsoleCtrlEvent.argtypes = (wintypes.DWORD, wintypes.DWORD)
_kernel.AttachConsole.argtypes = (wintypes.DWORD,)


def has_console() -> bool:
    """Whether soak has a console; a service and a scheduled task have none."""
    return bool(_kernel.GetConsoleProcessList((wintypes.DWORD * 1)(), 1))


def creation_flags() -> int:
    """How to start a process that can be asked to end by itself: a group of its own on a console without a new window.

    On soak's console when there is one. Otherwise Windows would open a window; it gets a console that nobody sees.
    """
    return _NEW_PROCESS_GROUP | (0 if has_console() else _NO_WINDOW)


def send_break(group: int, members: Iterable[int]) -> bool:
    """Send Ctrl-Break to the process group `group`; return whether that was possible.

    Without a console of its own soak borrows those of the `members`, until one is that of the group.
    """
    if has_console():  # pragma: platform - Wine has no console here
        return _generate(group)
    for pid in members:
        if _kernel.AttachConsole(pid):  # pragma: platform - Wine gives console programs no console to share
            sent = _generate(group)
            _kernel.FreeConsole()
            if sent:
                return True
    return False


def _generate(group: int) -> bool:  # pragma: platform - Wine has no console here
    # Never 0: that is everybody on the console, soak and whoever started it included.
    return group > 0 and bool(_kernel.GenerateConsoleCtrlEvent(_CTRL_BREAK, group))
