"""The real clocks, for the commands that run a workload."""

from __future__ import annotations

from datetime import UTC, datetime

from soak_action import clocks
from soak_action.loop import Clock


def real_clock() -> Clock:
    """Return the clocks of this machine."""
    return Clock(clocks.awake, lambda: datetime.now(UTC), clocks.slept)
