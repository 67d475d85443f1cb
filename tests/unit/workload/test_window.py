"""An iteration that is nothing but time."""

from __future__ import annotations

import signal
import time

from soak_action.workload.process import Captured, Finished
from soak_action.workload.stop import StopRequest
from soak_action.workload.window import watch_window

NOTHING = Captured(0, 0, cut=False)


class Time:
    """A clock that only waiting moves, and the stop request that is waited for."""

    def __init__(self, stop_after: float | None = None) -> None:
        self.now = 100.0
        self.signal: int | None = None
        self._stop_after = stop_after

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        if self._stop_after is not None and self._stop_after <= seconds:
            self.now += self._stop_after
            self.signal = signal.SIGTERM
            return True
        self.now += seconds
        return False


def window(seconds: float, longest: float, stop_after: float | None = None) -> Finished:
    passing = Time(stop_after)
    return watch_window(seconds, passing, passing.clock, longest=longest)  # type: ignore[arg-type]


def test_a_window_lasts_as_long_as_it_should() -> None:
    assert window(60, 3600) == Finished("ok", None, None, "a window of 1m", 60, None, (), NOTHING, NOTHING)
    assert window(60, 60).outcome == "ok"


def test_a_window_that_the_time_out_cuts_short_is_none() -> None:
    found = window(60, 30)
    assert (found.outcome, found.detail, found.seconds) == ("timeout", "stopped after 30s (timeout)", 30)


def test_a_stop_ends_a_window() -> None:
    found = window(60, 3600, stop_after=12.34)
    assert (found.outcome, found.exit_code) == ("cancelled", None)
    assert found.detail == "stopped after 12.3s (SIGTERM received)"


def test_a_window_waits_in_earnest() -> None:
    began = time.monotonic()
    assert watch_window(0.2, StopRequest(), time.monotonic, longest=60).outcome == "ok"
    assert time.monotonic() - began >= 0.15
