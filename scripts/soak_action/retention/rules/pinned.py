"""Keeps what somebody pinned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soak_action.config.model import Retention
from soak_action.retention.item import Item
from soak_action.retention.rules.rule import Rule


def _keep(items: Sequence[Item], _: Retention, __: float) -> Iterator[tuple[int, str]]:
    for place, item in enumerate(items):
        if item.is_pinned:
            yield place, "pinned"


RULE = Rule("pinned", _keep, protects=True)
