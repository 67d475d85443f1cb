"""How long a schedule takes, as far as its promise tells."""

from __future__ import annotations

from math import ceil

from soak_action.config.model import Schedule


def step_seconds(schedule: Schedule, iteration_seconds: float) -> float:
    """Return the seconds from the start of one iteration to the start of the next; slots that are run over are lost."""
    if schedule.every:
        return schedule.every * max(1, ceil(iteration_seconds / schedule.every))
    return iteration_seconds + (schedule.pause or 0.0)


def expected_seconds(schedule: Schedule, iteration_seconds: float | None) -> float | None:
    """Return the seconds that a run of `schedule` takes at most, or None when only the clock will tell.

    `iteration_seconds` is how long one iteration takes, as far as anybody knows.
    """
    lengths = [] if schedule.duration is None else [schedule.duration]
    if schedule.iterations is not None:
        step = schedule.every if iteration_seconds is None else step_seconds(schedule, iteration_seconds)
        if step is None:
            # The budget still bounds what nothing else does.
            return schedule.budget
        lengths.append(schedule.iterations * step)
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
    return max(schedule.iterations or 1, ceil(schedule.duration / step_seconds(schedule, iteration_seconds)))
