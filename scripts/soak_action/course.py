"""The course of a run so far: what the loop goes by when it decides what comes next."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from math import nan
from typing import Any

from soak_action.config.model import Config, Kpi
from soak_action.evidence.slots import Slots
from soak_action.gate.limits import abort_breached

Record = Mapping[str, Any]


class Course:
    """Counts, pace and live rules, kept from the records of the iterations alone.

    A resumed run is given the records that it wrote earlier, so it goes on as if it had never stopped. `number` is that
    of the last iteration, `completed` how many were not cancelled, `longest` the seconds of the longest one.
    """

    def __init__(self, config: Config) -> None:
        self.number = 0
        self.completed = 0
        self.longest = 0.0
        self._schedule = config.schedule
        self._live = [kpi for kpi in config.kpis if kpi.abort is not None]
        self._recent = {kpi.name: deque[float](maxlen=kpi.abort.iterations) for kpi in self._live if kpi.abort}
        self._slots = Slots(config.schedule)
        self._last_end = 0.0

    def add(self, record: Record) -> None:
        """Go on by one iteration."""
        self.number = record["iteration"]
        self.longest = max(self.longest, record["seconds"])
        # From the record, so that a resumed run comes to the same.
        self._last_end = record["offset_seconds"] + record["seconds"]
        self._slots.add(record)
        # The gate looks past a cancelled iteration too: it neither counts as done nor breaks a row of values.
        if record["outcome"] != "cancelled":
            self.completed += 1
            self._remember(record)

    def next_start(self) -> float:
        """Return the soak time at which the next iteration is due, in seconds; a slot that was missed is skipped."""
        if self.number == 0:
            return 0.0
        if self._schedule.every:
            return self._slots.next * self._schedule.every
        return self._last_end + (self._schedule.pause or 0.0)

    def missed_before(self, offset: float) -> int:
        """Return how many slots pass unused before an iteration that begins at the soak time `offset` in seconds."""
        return self._slots.missed_before(offset)

    @property
    def missed_slots(self) -> int:
        """How many slots of `schedule.every` were missed so far."""
        return self._slots.missed

    def breached(self) -> str | None:
        """Return the KPI whose live rule asks to stop, or None."""
        return next((kpi.name for kpi in self._live if self._is_breached(kpi)), None)

    def _is_breached(self, kpi: Kpi) -> bool:
        return abort_breached(kpi, list(self._recent[kpi.name]))

    def _remember(self, record: Record) -> None:
        if self.number > self._schedule.warmup:
            for name, recent in self._recent.items():
                recent.append(record["kpis"].get(name, nan))
