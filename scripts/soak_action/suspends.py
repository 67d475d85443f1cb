"""The suspends of the machine, noticed by whoever looks often enough."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from soak_action.evidence.run_dir import stamp

# Two clocks that are read one after the other are never quite the same.
SHORTEST_SECONDS = 1.0


class Suspends:
    """Notices at each look that the machine slept since the last one.

    `seconds` is how long it slept in all, as far as it was noticed; None where nothing tells. A suspend of less than a
    second goes unnoticed.
    """

    def __init__(self, slept: Callable[[], float | None], now: Callable[[], datetime]) -> None:
        """`slept` returns the seconds that the machine slept since any moment, or None; `now` the time in UTC."""
        self._slept = slept
        self._now = now
        self._found: list[dict[str, Any]] = []
        self._before, self._moment = slept(), now()
        self.seconds = None if self._before is None else 0.0

    def look(self) -> None:
        """Notice a suspend since the last look; it lies between the two."""
        slept, moment = self._slept(), self._now()
        if slept is None or self._before is None or self.seconds is None:
            return
        length = round(slept - self._before, 3)
        if length >= SHORTEST_SECONDS:
            self._found.append({"after": stamp(self._moment), "before": stamp(moment), "seconds": length})
            self.seconds = round(self.seconds + length, 3)
        self._before, self._moment = slept, moment

    def take(self) -> list[dict[str, Any]]:
        """Look, and return what was noticed since this was asked last."""
        self.look()
        found, self._found = self._found, []
        return found
