"""What becomes of every item under a policy, and why. Nothing here looks at a clock or a disk.

The order is fixed: what no rule keeps is deleted, what is old is compressed, and of what is left the oldest items are
deleted until the limit on disk use holds with room to spare. What is protected is never deleted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from soak_action.canonical import storable_text
from soak_action.config.model import Retention
from soak_action.errors import UsageError
from soak_action.retention.item import Group, Item
from soak_action.retention.rules import RULES
from soak_action.units import format_size

Operation = Literal["keep", "compress", "delete"]
# Returns how many bytes an item would take when compressed, or why it cannot be.
CompressedBytes = Callable[[Item], int | str]

# Deleting stops at this percentage of the limit, so that the next run does not reach it at once.
LOW_WATER = 90
_MOST_NAMED = 3


@dataclass(frozen=True)
class Decision:
    """What becomes of one item: its size in bytes afterwards, every reason, and whether no limit may delete it."""

    item: Item
    operation: Operation
    bytes_after: int
    reasons: tuple[str, ...]
    is_protected: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The decision as it stands in a plan."""
        return {
            "id": storable_text(self.item.id),
            "group": None if self.item.group is None else str(self.item.group),
            "kind": self.item.kind,
            "verdict": self.item.verdict,
            "operation": self.operation,
            "bytes_before": self.item.bytes,
            "bytes_after": self.bytes_after,
            "protected": self.is_protected,
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True)
class Plan:
    """The decisions about an inventory, the newest item first, and by how many bytes it stays over its limit."""

    decisions: tuple[Decision, ...]
    over_budget: int

    @property
    def bytes_before(self) -> int:
        """The disk use of all items as they are."""
        return sum(decision.item.bytes for decision in self.decisions)

    @property
    def bytes_after(self) -> int:
        """The disk use when everything is done."""
        return sum(decision.bytes_after for decision in self.decisions)

    def of(self, operation: Operation) -> list[Decision]:
        """Return the decisions of one kind, the newest item first."""
        return [decision for decision in self.decisions if decision.operation == operation]


@dataclass
class _Course:
    """A decision in the making."""

    item: Item
    reasons: list[str] = field(default_factory=list)
    is_protected: bool = False
    operation: Operation = "keep"
    bytes_after: int = 0

    def decide(self, operation: Operation, bytes_after: int, reason: str) -> None:
        self.operation, self.bytes_after = operation, bytes_after
        self.reasons.append(reason)

    def delete(self, reason: str) -> None:
        # Why it would have been kept does not matter any more.
        self.reasons.clear()
        self.decide("delete", 0, reason)


def make_plan(items: Sequence[Item], policy: Retention, now: float, compressed_bytes: CompressedBytes) -> Plan:
    """Return what becomes of `items` at the time `now`, in seconds since 1970 UTC.

    Raises UsageError for a policy that keeps nothing, and for a plan that would delete all items of a group.
    """
    _check_policy(policy)
    courses = [_Course(item, bytes_after=item.bytes) for item in sorted(items, key=lambda item: item.order)[::-1]]
    _keep_by_rules(courses, policy, now)
    for course in courses:
        if not course.reasons:
            course.delete(_why_deleted(course.item))
        elif course.item.has_archive:
            _compress(course, compressed_bytes, "its archive is there already")
        elif policy.compress_after is not None and now - course.item.started > policy.compress_after:
            _compress(course, compressed_bytes, "older than compress_after")
    over_budget = 0 if policy.max_total is None else _hold_to(policy.max_total, courses)
    _check_groups(courses)
    return Plan(
        tuple(
            Decision(course.item, course.operation, course.bytes_after, tuple(course.reasons), course.is_protected)
            for course in courses
        ),
        over_budget,
    )


def _check_policy(policy: Retention) -> None:
    if policy.keeps_nothing:
        raise UsageError(
            "the retention policy is empty: no rule keeps a run, so every one would be deleted; write for example "
            "retention.keep_last: 100"
        )


def _keep_by_rules(courses: Sequence[_Course], policy: Retention, now: float) -> None:
    """Note for each item every rule that keeps it."""
    groups: defaultdict[Group | None, list[_Course]] = defaultdict(list)
    for course in courses:
        groups[course.item.group if course.item.is_grouped else None].append(course)
    for group, members in groups.items():
        items = [course.item for course in members]
        for rule in RULES:
            # What is in no group only stays as long as something protects it.
            for place, reason in rule.keep(items, policy, now) if group is not None or rule.protects else ():
                members[place].reasons.append(reason)
                members[place].is_protected |= rule.protects


def _why_deleted(item: Item) -> str:
    return "no rule keeps it" if item.is_grouped else f"{item.kind}, older than orphan_age"


def _compress(course: _Course, compressed_bytes: CompressedBytes, reason: str) -> None:
    item = course.item
    if item.is_compressed or item.is_running or item.obstacle is not None or not item.is_grouped:
        return
    found = compressed_bytes(item)
    if isinstance(found, str):
        course.reasons.append(found)
    elif found >= item.bytes:
        course.reasons.append("compressing it would free nothing")
    else:
        course.decide("compress", found, reason)


def _hold_to(limit: int, courses: Sequence[_Course]) -> int:
    """Delete the oldest items until the limit holds with room to spare; return by how many bytes it does not hold."""
    total = sum(course.bytes_after for course in courses)
    if total <= limit:
        return 0
    target = limit * LOW_WATER // 100
    for course in _oldest_first(courses):
        if total <= target:
            break
        total -= course.bytes_after
        course.delete(f"oldest, to bring the total from over {format_size(limit)} down to {format_size(target)}")
    return max(0, total - limit)


def _oldest_first(courses: Sequence[_Course]) -> Iterator[_Course]:
    """Yield what the limit may delete, the oldest first, among equally old ones the largest."""
    candidates = [course for course in courses if course.operation != "delete" and not course.is_protected]
    yield from sorted(candidates, key=lambda course: (course.item.started, -course.bytes_after, course.item.id))


def _check_groups(courses: Sequence[_Course]) -> None:
    """Raise UsageError when all items of a group would be deleted: a mistake of the policy must not cost a history."""
    emptied: dict[Group, bool] = {}
    for course in courses:
        if course.item.group is not None and course.item.is_grouped:
            is_deleted = course.operation == "delete"
            emptied[course.item.group] = emptied.get(course.item.group, True) and is_deleted
    names = sorted(str(group) for group, is_emptied in emptied.items() if is_emptied)
    if names:
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        raise UsageError(
            f"the plan would delete every run of {', '.join(names[:_MOST_NAMED])}{more}; raise retention.max_total, or "
            "pin a run of it with soak pin, or remove its runs yourself if nobody needs them"
        )
