"""The slots of a pace: moments of soak time, `schedule.every` apart, at which an iteration is due; which were missed.

Everything follows from when the iterations began and how long they took, so whoever has the records can count again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor
from typing import Any

from soak_action.config.model import Schedule
from soak_action.evidence.ledger import ITERATIONS, SEGMENTS
from soak_action.evidence.measurements import Problem

Record = Mapping[str, Any]

# Soak times are recorded in microseconds, so a slot may seem to begin that much later than it was met.
_ROUNDING_SECONDS = 1e-6


class Slots:
    """Counts the slots that passed without an iteration, one record after the other.

    An iteration takes the slot that it begins in: a late one has missed those before. `next` is the number of the slot
    that comes next, from 0; slots that begin while an iteration is still running are skipped.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self.next = 0
        self._free = 0
        self._missed = 0
        self._completed = 0

    def missed_before(self, offset: float) -> int:
        """Return how many slots passed since the last iteration, if one begins at the soak time `offset` in seconds."""
        every = self._schedule.every
        return max(0, _slot_of(offset, every) - self._free) if every else 0

    def add(self, record: Record) -> None:
        """Go on by the record of one iteration."""
        self._completed += record["outcome"] != "cancelled"
        every = self._schedule.every
        if not every:
            return
        offset = record["offset_seconds"]
        self._missed += self.missed_before(offset)
        self._free = max(self._free, _slot_of(offset, every)) + 1
        self.next = max(self._free, ceil((offset + record["seconds"] - _ROUNDING_SECONDS) / every))

    @property
    def missed(self) -> int:
        """How many slots were missed so far, those included that the last iteration ran over.

        Slots after the end of the promise are nobody's: nothing was due in them.
        """
        due = self.next if self._promised is None else min(self.next, self._promised)
        return self._missed + max(0, due - self._free)

    @property
    def _promised(self) -> int | None:
        """The number of the first slot that nothing is due in; None while iterations are still owed."""
        schedule = self._schedule
        if not schedule.every:
            return 0
        if schedule.iterations is not None and self._completed < schedule.iterations:
            return None
        return 0 if schedule.duration is None else ceil(schedule.duration / schedule.every)


class SlotCheck:
    """Holds the numbers of missed slots in the records against the times in them."""

    def __init__(self, schedule: Schedule) -> None:
        self._slots = Slots(schedule)
        self._in_all: dict[int, int] = {}

    def add(self, record: Record, line: int) -> Iterator[Problem]:
        """Yield how an iteration's record contradicts its times; a misshapen one is left to the schema."""
        try:
            expected = self._slots.missed_before(record["offset_seconds"])
            self._slots.add(record)
            segment = int(record["segment"])
        except (KeyError, TypeError, ValueError, OverflowError):
            return
        self._in_all[segment] = self._slots.missed
        if record.get("missed_slots") != expected:
            yield Problem(f"{ITERATIONS}:{line}", f"claims other missed slots than the {expected} that its times show")

    def check_ends(self, segments: Sequence[Record]) -> Iterator[Problem]:
        """Yield which ends of segments contradict the iterations until then."""
        in_all = 0
        for position, segment in enumerate(segments, 1):
            in_all = self._in_all.get(position, in_all)
            if segment.get("missed_slots") != in_all:
                yield Problem(
                    f"{SEGMENTS}:{position}", f"claims other missed slots than the {in_all} that the iterations show"
                )


def _slot_of(offset: float, every: float) -> int:
    return floor((offset + _ROUNDING_SECONDS) / every)
