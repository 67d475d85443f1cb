"""Keeps what is no finished run until it is old enough that nobody will come back for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soak_action.config.model import Retention
from soak_action.retention.item import Item
from soak_action.retention.rules.rule import Rule


def _keep(items: Sequence[Item], policy: Retention, now: float) -> Iterator[tuple[int, str]]:
    for place, item in enumerate(items):
        if not item.is_grouped and now - item.started < policy.orphan_age:
            yield place, f"{item.kind}, younger than orphan_age"


RULE = Rule("orphan_age", _keep, protects=True)
