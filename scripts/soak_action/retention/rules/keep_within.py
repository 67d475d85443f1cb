"""Keeps what began within some time before the newest item of its group.

Not before now: a group that nobody has soaked for a year would otherwise lose everything at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soak_action.config.model import Retention
from soak_action.retention.item import Item
from soak_action.retention.rules.rule import Rule


def _keep(items: Sequence[Item], policy: Retention, now: float) -> Iterator[tuple[int, str]]:
    if policy.keep_within is None:
        return
    # What claims to be of the future is as old as now, and says nothing about how old the others are.
    newest = next((item.started for item in items if item.started <= now), now)
    for place, item in enumerate(items):
        if item.started > newest - policy.keep_within:
            yield place, "keep_within"


RULE = Rule("keep_within", _keep)
