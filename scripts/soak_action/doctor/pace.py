"""Whether the schedule can be kept, given how long an iteration really takes."""

from __future__ import annotations

from dataclasses import replace

from soak_action.config.length import expected_seconds
from soak_action.config.model import Schedule
from soak_action.doctor.finding import Finding
from soak_action.units import format_duration


def judge_schedule(schedule: Schedule, iteration_seconds: float | None) -> Finding:
    """Judge pace and budget; `iteration_seconds` is what a dry iteration took, or None when there was none."""
    needed = expected_seconds(replace(schedule, budget=None), iteration_seconds)
    if needed is None:
        told = "how long the run takes is only known after a dry iteration that succeeds"
        return Finding(
            "schedule",
            "unknown",
            told,
            "let soak doctor run the workload once, or write schedule.duration or schedule.every",
        )
    length = format_duration(round(needed, 1))
    if schedule.budget is not None and needed > schedule.budget:
        budget = format_duration(schedule.budget)
        told = f"the run takes about {length}, but the budget ends after {budget}, so it would never be complete"
        return Finding("schedule", "problem", told, "raise schedule.budget, or plan fewer iterations")
    if iteration_seconds is not None and schedule.every and iteration_seconds > schedule.every:
        told = (
            f"one iteration took {format_duration(round(iteration_seconds, 1))}, longer than the pace of "
            f"{format_duration(schedule.every)}, so iterations would be put off"
        )
        return Finding("schedule", "warning", told, "raise schedule.every, or make the iterations shorter")
    return Finding("schedule", "ok", f"the run takes about {length}")
