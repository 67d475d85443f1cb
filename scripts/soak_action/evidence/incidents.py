"""Suspends, missed slots and steps of the wall clock, as the records of a run tell them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from soak_action.evidence.ledger import SEGMENTS
from soak_action.evidence.measurements import Incidents, Problem

Record = Mapping[str, Any]

# Clocks that nobody sets move apart, too, but less than this within one iteration and the pause before it.
_STEP_SECONDS = 2.0
_ROUNDING_SECONDS = 1e-3


class IncidentCount:
    """Gathers incidents from the iterations first and from the ends of segments then."""

    def __init__(self) -> None:
        self._missed = 0
        self._suspends = 0
        self._seconds: dict[int, float] = {}
        self._steps: list[float] = []
        self._shift: dict[int, float] = {}

    def add(self, record: Record) -> None:
        """Look at the next iteration. Raises KeyError, TypeError or ValueError for a misshapen record."""
        self._missed += int(record["missed_slots"])
        self._look(record)

    def finish(self, segments: Sequence[Record]) -> tuple[Incidents, list[Problem]]:
        """Return what happened in all, and which ends of segments contradict their iterations."""
        problems = []
        seconds: float | None = 0.0
        for position, segment in enumerate(segments, 1):
            try:
                self._look(segment)
                told = segment["suspended_seconds"]
                self._missed = max(self._missed, int(segment["missed_slots"]))
                problems += list(self._contradictions(position, told))
                seconds = None if told is None or seconds is None else seconds + told
            except (KeyError, TypeError, ValueError):
                problems.append(Problem(f"{SEGMENTS}:{position}", "does not tell slots or suspends of its segment"))
        # A segment that is under way, or died, has no end yet.
        largest: float = max(self._steps, key=abs, default=0.0)
        under_way = sum(found for number, found in self._seconds.items() if number > len(segments))
        return (
            Incidents(
                missed_slots=self._missed,
                suspends=self._suspends,
                suspended_seconds=None if seconds is None else round(seconds + under_way, 3),
                clock_steps=len(self._steps),
                largest_step_seconds=round(largest, 3),
            ),
            problems,
        )

    def _look(self, record: Record) -> None:
        number, suspends = int(record["segment"]), list(record["suspends"])
        self._suspends += len(suspends)
        found = self._seconds.get(number, 0.0) + sum(float(suspend["seconds"]) for suspend in suspends)
        # The wall clock goes on while the machine sleeps: that is no step.
        shift = float(record["clock_drift_seconds"]) - found
        step = shift - self._shift.get(number, 0.0)
        if abs(step) >= _STEP_SECONDS:
            self._steps.append(step)
        self._seconds[number], self._shift[number] = found, shift

    def _contradictions(self, position: int, told: float | None) -> Iterator[Problem]:
        found = self._seconds.get(position, 0.0)
        if not abs((told or 0.0) - found) <= _ROUNDING_SECONDS * max(1, self._suspends):
            yield Problem(
                f"{SEGMENTS}:{position}",
                f"claims {told} s of suspends, but its records hold {found:.3f} s",
            )
