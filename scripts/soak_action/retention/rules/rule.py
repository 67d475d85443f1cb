"""What every rule of retention is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from soak_action.config.model import Retention
from soak_action.retention.item import Item

# Yields the place of each item that the rule keeps, and why. The items are of one group, the newest first; the last
# argument is the time, in seconds since 1970 UTC.
Keep = Callable[[Sequence[Item], Retention, float], Iterator[tuple[int, str]]]


@dataclass(frozen=True)
class Rule:
    """One reason to keep an item. What a rule that `protects` keeps is not deleted for the limit on disk use either."""

    name: str
    keep: Keep
    protects: bool = False
