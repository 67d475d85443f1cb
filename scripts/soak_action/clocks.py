"""The clocks of the machine in which the operating systems differ: how long it was awake, and how long it slept.

`awake` returns seconds that only advance, and only while the machine is not suspended.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from math import inf

# Two clocks cannot be read at once. A reading that took this long is good enough, else the best of a few counts.
_QUICK_SECONDS = 1e-3
_ATTEMPTS = 5


def ahead(through_sleep: Callable[[], float], without_sleep: Callable[[], float]) -> float:
    """Return by how many seconds one clock is ahead of another, however long the reader is held up in between."""
    shortest, found = inf, 0.0
    for _ in range(_ATTEMPTS):
        before, there, after = without_sleep(), through_sleep(), without_sleep()
        if after - before < shortest:
            shortest, found = after - before, there - (before + after) / 2
        if shortest <= _QUICK_SECONDS:
            break
    return found


if sys.platform == "win32":  # pragma: platform - Windows only
    import ctypes

    def _interrupt_time(name: str) -> Callable[[], float] | None:
        """Return a clock in seconds, or None where Windows or Wine lacks it."""
        try:
            ask = getattr(ctypes.WinDLL("kernelbase"), name)
        except (OSError, AttributeError):
            return None

        def read() -> float:
            ticks = ctypes.c_ulonglong()
            ask(ctypes.byref(ticks))
            return ticks.value / 1e7

        return read

    # What time.monotonic() does while the machine sleeps depends on the version of Python and on the kind of sleep.
    awake: Callable[[], float] = _interrupt_time("QueryUnbiasedInterruptTimePrecise") or time.monotonic
    _THROUGH_SLEEP = _interrupt_time("QueryInterruptTimePrecise")

    def slept() -> float | None:
        """Return the seconds that the machine was suspended so far; None where nothing tells."""
        if _THROUGH_SLEEP is None or awake is time.monotonic:
            return None
        return ahead(_THROUGH_SLEEP, awake)

elif sys.platform == "darwin":  # pragma: platform - macOS only

    def slept() -> float | None:
        """Return the seconds that the machine was suspended so far; None where nothing tells."""
        return ahead(lambda: time.clock_gettime(time.CLOCK_MONOTONIC_RAW), awake)

    def awake() -> float:
        """Return seconds that only advance, and only while the machine is not suspended."""
        return time.clock_gettime(time.CLOCK_UPTIME_RAW)

else:
    awake: Callable[[], float] = time.monotonic
    _BOOT_TIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)

    def slept() -> float | None:
        """Return the seconds that the machine was suspended so far; None where nothing tells."""
        if _BOOT_TIME is None:  # pragma: platform - Linux has it
            return None
        clock = _BOOT_TIME
        return ahead(lambda: time.clock_gettime(clock), awake)
