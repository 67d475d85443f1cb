"""How long a schedule takes, as far as its promise tells."""

from __future__ import annotations

from soak_action.config.model import Schedule


def expected_seconds(schedule: Schedule, iteration_seconds: float | None) -> float | None:
    """Return the seconds that a run of `schedule` takes at most, or None when only the clock will tell.

    `iteration_seconds` is how long one iteration takes, as far as anybody knows.
    """
    lengths = [] if schedule.duration is None else [schedule.duration]
    if schedule.iterations is not None:
        pace = schedule.every or (None if iteration_seconds is None else iteration_seconds + (schedule.pause or 0.0))
        if pace is None:
            # The budget still bounds what nothing else does.
            return schedule.budget
        lengths.append(schedule.iterations * pace)
    if not lengths:
        return schedule.budget
    return max(lengths) if schedule.budget is None else min(max(lengths), schedule.budget)


def expected_iterations(schedule: Schedule, iteration_seconds: float | None) -> int | None:
    """Return the most iterations that a run of `schedule` makes, or None when only the clock will tell."""
    planned = schedule.planned_iterations
    if planned is not None and (schedule.duration is None or schedule.every):
        return planned
    if schedule.duration is None or not iteration_seconds:
        return None
    pace = iteration_seconds + (schedule.pause or 0.0)
    return max(schedule.iterations or 1, -int(-schedule.duration // pace))
