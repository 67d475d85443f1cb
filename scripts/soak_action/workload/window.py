"""A measuring window of a service: an iteration without a command."""

from __future__ import annotations

from collections.abc import Callable

from soak_action import units
from soak_action.workload.capture import Captured
from soak_action.workload.outcome import Outcome, signal_name
from soak_action.workload.process import Finished
from soak_action.workload.stop import StopRequest

_NOTHING = Captured(0, 0, cut=False)


def watch_window(seconds: float, stop: StopRequest, clock: Callable[[], float], *, longest: float) -> Finished:
    """Wait for `seconds`, or until a stop is requested or `longest` seconds are over, and return what that came to."""
    began = clock()
    stop.wait(min(seconds, longest))
    took = clock() - began
    if stop.signal is not None:
        what = f"stopped after {units.format_duration(round(took, 1))} ({signal_name(stop.signal)} received)"
        return _finished("cancelled", what, took)
    if longest < seconds:
        return _finished("timeout", f"stopped after {units.format_duration(longest)} (timeout)", took)
    return _finished("ok", f"a window of {units.format_duration(seconds)}", took)


def _finished(outcome: Outcome, detail: str, seconds: float) -> Finished:
    return Finished(outcome, None, None, detail, seconds, None, (), _NOTHING, _NOTHING)
