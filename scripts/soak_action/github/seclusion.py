"""Keeping this process's environment and open files from the programs that it starts, where the system can."""

from __future__ import annotations

import contextlib
import ctypes
import sys

_PR_SET_DUMPABLE = 4


def seclude() -> None:
    """Close /proc/PID/environ, fd and mem of this process to other programs of the same user.

    A workload that is started without the job's secrets and files would find them there. Root still reads them, and
    only Linux knows this at all.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
