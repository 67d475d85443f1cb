"""How long a run will still take, as far as anybody can know."""

from __future__ import annotations

from dataclasses import dataclass

from soak_action.config.length import step_seconds
from soak_action.config.model import Schedule
from soak_action.units import format_duration


@dataclass(frozen=True)
class Position:
    """Where a run stands; all times are soak time in seconds.

    `completed` iterations were not cancelled, of any segment. `next_start` is when the running iteration began or the
    next one is due, `typical` how long an iteration takes, None before anybody knows. `segment_ends` is when the
    segment has to pause, None without such a limit.
    """

    soak_seconds: float = 0.0
    completed: int = 0
    next_start: float = 0.0
    typical: float | None = None
    segment_ends: float | None = None


def seconds_left(schedule: Schedule, at: Position) -> float | None:
    """Return the seconds of soak time until the run ends; None when nobody can know.

    That is when iterations are promised and none has been made yet: the budget alone tells the end of nothing but
    patience.
    """
    ends = [] if schedule.duration is None else [schedule.duration]
    owed = 0 if schedule.iterations is None else schedule.iterations - at.completed
    if owed > 0:
        if at.typical is None:
            return None
        ends.append(_end_of_iterations(schedule, owed, at, at.typical))
    end = max(ends, default=at.soak_seconds)
    return max(0.0, (end if schedule.budget is None else min(end, schedule.budget)) - at.soak_seconds)


def how_far(schedule: Schedule, at: Position) -> str:
    """Return how far a run is and how long it will still take: ``2h of 24h, about 22h left, pauses in about 3h``."""
    of = "of soak" if schedule.duration is None else f"of {format_duration(schedule.duration)}"
    told = [f"{_about(at.soak_seconds)} {of}"]
    left = seconds_left(schedule, at)
    if left is None:
        told.append("time left unknown")
    elif left > 0:
        told.append(f"about {_about(left)} left")
    if at.segment_ends is not None:
        pause = max(0.0, at.segment_ends - at.soak_seconds)
        if left is None or pause < left:
            told.append(f"pauses in about {_about(pause)}")
    return ", ".join(told)


def _end_of_iterations(schedule: Schedule, owed: int, at: Position, typical: float) -> float:
    step = step_seconds(schedule, typical)
    # The one that is running may take longer than those before.
    first_end = max(at.next_start + typical, at.soak_seconds)
    if owed == 1:
        return first_end
    if schedule.every:
        return max(at.next_start + (owed - 1) * step, at.soak_seconds) + typical
    return first_end + (owed - 1) * step


def _about(seconds: float) -> str:
    if seconds < 1:
        return format_duration(round(seconds, 3))
    if seconds < 120:
        return format_duration(round(seconds))
    return format_duration(60 * round(seconds / 60))
