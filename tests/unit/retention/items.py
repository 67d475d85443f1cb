"""Items to decide about, briefly written."""

from __future__ import annotations

from typing import Any

from soak_action.retention.item import Group, Item

DAY = 86_400.0
# 2026-11-26 00:00 UTC, a Thursday.
NOW = 1_795_651_200.0
API = Group("api", "default")


def item(name: str, days: float = 0, size: int = 1000, **more: Any) -> Item:
    """Return a run that began so many days before NOW."""
    return Item(**{"id": name, "group": API, "started": NOW - days * DAY, "bytes": size, **more})
