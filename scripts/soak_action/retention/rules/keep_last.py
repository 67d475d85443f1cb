"""Keeps the newest items of each group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soak_action.config.model import Retention
from soak_action.retention.item import Item
from soak_action.retention.rules.rule import Rule


def _keep(items: Sequence[Item], policy: Retention, _: float) -> Iterator[tuple[int, str]]:
    for place in range(min(policy.keep_last, len(items))):
        yield place, f"keep_last {place + 1} of {policy.keep_last}"


RULE = Rule("keep_last", _keep)
