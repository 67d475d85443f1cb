"""The slots of a long soak: the jobs one after another that it is spread over, because no job may run that long."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from soak_action.errors import UsageError
from soak_action.github.job_limits import AROUND_SECONDS, Runners
from soak_action.units import format_duration

MOST_SLOTS = 16
SPARE_SLOTS = 1


@dataclass(frozen=True)
class Slot:
    """One job: its number, how long it soaks, and after how many minutes GitHub has to end it."""

    number: int
    seconds: float
    timeout_minutes: int


@dataclass(frozen=True)
class Plan:
    """The slots of a soak of `duration` seconds in segments of `segment` seconds, spare slots included."""

    slots: tuple[Slot, ...]
    runners: Runners
    segment: float
    duration: float

    @property
    def wall_seconds(self) -> float:
        """About how long it takes when no slot dies, without the time that jobs wait for a runner."""
        return self.duration + (len(self.slots) - SPARE_SLOTS) * AROUND_SECONDS

    @property
    def runner_minutes(self) -> int:
        """About what it costs, in minutes as GitHub counts them: a spare slot that nobody needs is one minute."""
        return (math.ceil(self.wall_seconds / 60) + SPARE_SLOTS) * self.runners.multiplier

    def to_dict(self) -> Mapping[str, Any]:
        """The plan as a JSON document."""
        return {
            "slots": [
                {"number": slot.number, "seconds": slot.seconds, "timeout_minutes": slot.timeout_minutes}
                for slot in self.slots
            ],
            "planned": len(self.slots),
            "spare": SPARE_SLOTS,
            "runs_on": list(self.runners.labels),
            "segment_seconds": self.segment,
            "duration_seconds": self.duration,
            "wall_seconds": self.wall_seconds,
            "runner_minutes": self.runner_minutes,
            "minute_multiplier": self.runners.multiplier,
        }


def make_plan(duration: float, segment: float, runners: Runners, iteration_seconds: float) -> Plan:
    """Return the slots of a soak of `duration` seconds in segments of `segment` seconds.

    `iteration_seconds` is how long an iteration may take: one that begins late in a segment ends after it, and its slot
    waits for it as long as the runner allows. Raises UsageError when the segment does not fit a job, or more than 16
    slots would be needed.
    """
    largest = runners.job_seconds - AROUND_SECONDS
    if segment > largest:
        raise UsageError(
            f"a segment of {format_duration(segment)} does not fit: a job on {runners} ends after "
            f"{format_duration(runners.job_seconds)}, and needs {format_duration(AROUND_SECONDS)} around its soak; "
            f"the largest segment that fits is {format_duration(largest)}"
        )
    working = math.ceil(duration / segment)
    if working + SPARE_SLOTS > MOST_SLOTS:
        raise UsageError(_too_many(duration, segment, working, largest))
    minutes = math.ceil((segment + AROUND_SECONDS + iteration_seconds) / 60)
    timeout = min(minutes, runners.job_seconds // 60)
    numbers = range(1, working + SPARE_SLOTS + 1)
    return Plan(tuple(Slot(number, segment, timeout) for number in numbers), runners, segment, duration)


def _too_many(duration: float, segment: float, working: int, largest: int) -> str:
    most = MOST_SLOTS - SPARE_SLOTS
    smallest = _rounded_up(duration / most)
    told = (
        f"a soak of {format_duration(duration)} in segments of {format_duration(segment)} needs {working} slots and "
        f"{SPARE_SLOTS} spare, but there are {MOST_SLOTS}"
    )
    if smallest > largest:
        return (
            f"{told}; no segment fits on these runners, where {most} of {format_duration(largest)} make "
            f"{format_duration(most * largest)}; soak for less, or on self-hosted runners"
        )
    return f"{told}; the smallest segment that fits is {format_duration(smallest)}"


def _rounded_up(seconds: float) -> int:
    """Return whole minutes, or below one minute whole seconds."""
    return math.ceil(seconds / 60) * 60 if seconds > 60 else math.ceil(seconds)
