"""Where a run stands at any moment, for those who show its progress."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from soak_action import clocks
from soak_action.config.model import Config
from soak_action.course import Course
from soak_action.loop import Segment
from soak_action.report.estimate import Position, how_far

_RECENT = 20
_WHOLE_RUN = Segment()


class Tracker:
    """Follows a run by its records, those of earlier segments included, and by a clock of its own in between."""

    def __init__(
        self,
        config: Config,
        segment: Segment = _WHOLE_RUN,
        past: Iterable[Mapping[str, Any]] = (),
        clock: Callable[[], float] = clocks.awake,
    ) -> None:
        """`past` are the records of earlier segments, `clock` gives seconds that only advance."""
        self._schedule = config.schedule
        self._segment = segment
        self._clock = clock
        self._course = Course(config)
        self._recent = deque[float](maxlen=_RECENT)
        self._began: float | None = None
        for record in past:
            self._add(record)
        self._soak_seconds, self._moment = segment.begins, clock()

    def begin(self) -> None:
        """An iteration begins."""
        self._began = self._now()

    def end(self, record: Mapping[str, Any], soak_seconds: float) -> None:
        """An iteration has ended, and `soak_seconds` have passed since the run began."""
        self._began = None
        self._add(record)
        self._soak_seconds, self._moment = soak_seconds, self._clock()

    @property
    def position(self) -> Position:
        """Where the run stands now."""
        limit, now = self._segment.limit, self._now()
        due = max(self._course.next_start(), now)
        return Position(
            soak_seconds=now,
            completed=self._course.completed,
            next_start=due if self._began is None else self._began,
            typical=sum(self._recent) / len(self._recent) if self._recent else None,
            segment_ends=None if limit is None else self._segment.begins + limit,
        )

    def told(self) -> str:
        """Return how far the run is and how long it will still take."""
        return how_far(self._schedule, self.position)

    def _now(self) -> float:
        return self._soak_seconds + self._clock() - self._moment

    def _add(self, record: Mapping[str, Any]) -> None:
        self._course.add(record)
        if record["outcome"] != "cancelled":
            self._recent.append(record["seconds"])
