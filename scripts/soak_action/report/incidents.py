"""What happened to the time of a run, in words: missed slots, suspends, steps of the wall clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from soak_action.units import counted, format_duration


def incident_lines(coverage: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence about each kind of incident that the coverage in a receipt tells of."""
    if coverage["missed_slots"]:
        slots = counted(coverage["missed_slots"], "slot")
        yield f"{slots} of schedule.every went by without an iteration."
    if coverage["suspends"]:
        how_long = "" if coverage["suspended_seconds"] is None else f", {_span(coverage['suspended_seconds'])} in all"
        yield f"The machine slept {counted(coverage['suspends'], 'time')}{how_long}; that is part of no measured time."
    if coverage["clock_steps"]:
        step = coverage["largest_clock_step_seconds"]
        most = "" if coverage["clock_steps"] == 1 else "at most "
        yield (
            f"The wall clock was set {counted(coverage['clock_steps'], 'time')}, {most}"
            f"{'back' if step < 0 else 'forward'} by {_span(abs(step))}; that changed nothing that was measured."
        )


def _span(seconds: float) -> str:
    return format_duration(round(seconds, 1))
