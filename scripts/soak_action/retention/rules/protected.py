"""Keeps, whatever the policy says, what others still need: what runs, what was released, what is compared with.

The newest passing and the newest failing item of each group are the last word on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soak_action.config.model import Retention
from soak_action.retention.item import Item
from soak_action.retention.rules.rule import Rule

_OF_KIND = {
    "baseline": "baseline that other runs are compared with",
    "release": "evidence of a release",
    "damaged": "damaged: whatever is left of it may be the only copy",
}
# A warning turns nothing red: it passed.
_OUTCOMES = {"pass": "passing", "warn": "passing", "fail": "failing"}


def _keep(items: Sequence[Item], _: Retention, __: float) -> Iterator[tuple[int, str]]:
    missing = {"passing", "failing"}
    for place, item in enumerate(items):
        if item.is_running:
            yield place, "running"
        if item.kind in _OF_KIND:
            yield place, _OF_KIND[item.kind]
        if item.obstacle is not None:
            yield place, item.obstacle
        outcome = _OUTCOMES.get(item.verdict or "")
        if item.is_grouped and outcome in missing:
            missing.remove(outcome)
            yield place, f"newest {outcome} of its group"


RULE = Rule("protected", _keep, protects=True)
