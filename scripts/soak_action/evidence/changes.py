"""What differs between the promise of a run and a later segment of it: what may, how it is told, what to believe.

Each segment stands by itself: its record in changes.jsonl holds everything that differs from the promise, and a segment
without one differs in nothing. The last record of a segment holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from soak_action import canonical
from soak_action.evidence.consistency import Span
from soak_action.evidence.ledger import CHANGES
from soak_action.evidence.measurements import Problem

Record = Mapping[str, Any]
Difference = Mapping[str, Any]

COMMIT = "commit"
TREE = "tree_dirty"
# What a run soaks may be mended under way. What it promised, and what that is judged by, may not: the verdict would
# otherwise hold some of the iterations to rules that they were not made under.
_MAY_CHANGE = ("workload.run", "workload.service.start", "workload.shell", COMMIT, TREE)
_MAY_CHANGE_BELOW = "workload.env."
# With or without them an iteration is something else, a command or a window of a service.
_MAY_NOT_COME_OR_GO = ("workload.run", "workload.service.start")


def may_change(difference: Difference) -> bool:
    """Whether a segment may differ from the promise so, in a key of the configuration or a fact of the source tree."""
    key = difference["key"]
    if key in _MAY_NOT_COME_OR_GO and None in (difference["before"], difference["now"]):
        return False
    return key in _MAY_CHANGE or key.startswith(_MAY_CHANGE_BELOW)


def is_of_the_tree(key: str) -> bool:
    """Whether this difference means that another source tree was tested."""
    return key in (COMMIT, TREE)


def sources_digest(leaves: Iterable[Record], differences: Iterable[Difference] = ()) -> str:
    """Return the digest of a configuration, given by its leaves, with the differences of a segment laid over it."""
    values = {leaf["key"]: leaf["value"] for leaf in leaves}
    for difference in differences:
        if is_of_the_tree(difference["key"]):
            continue
        if difference["now"] is None:
            values.pop(difference["key"], None)
        else:
            values[difference["key"]] = difference["now"]["value"]
    return canonical.digest(values)


def changes_in_force(records: Sequence[Record], spans: Mapping[int, Span]) -> list[dict[str, Any]]:
    """Return each difference with the first and the last iteration that was made with it, in that order.

    `spans` tell of those segments that have iterations. The records must have been found to be without contradiction.
    """
    last = {record["segment"]: record["differences"] for record in records}
    found: list[dict[str, Any]] = []
    for segment, differences in sorted(last.items()):
        if segment not in spans:
            continue
        first = _last_iteration_before(segment, spans) + 1
        for difference in differences:
            _extend(found, difference, first, spans[segment].last_iteration)
    return found


def _extend(found: list[dict[str, Any]], difference: Difference, first: int, last: int) -> None:
    """Add a difference, or let the same one go on where it was in force until now."""
    told = {key: difference[key] for key in ("key", "before", "now")}
    for change in found:
        if change["last_iteration"] == first - 1 and all(change[key] == value for key, value in told.items()):
            change["last_iteration"] = last
            return
    found.append({**told, "first_iteration": first, "last_iteration": last})


def check_changes(
    records: Sequence[Record], spans: Mapping[int, Span], run: Record, leaves: Sequence[Record]
) -> Iterator[Problem]:
    """Yield what cannot be in the records of changes.jsonl, given what the run promised."""
    for line, record in enumerate(records, 1):
        try:
            wrong = list(_contradictions(record, spans, run, leaves))
        except (AttributeError, KeyError, TypeError, ValueError):
            wrong = ["not the record of a change: a field is missing or wrong"]
        yield from (Problem(f"{CHANGES}:{line}", what) for what in wrong)


def _contradictions(record: Record, spans: Mapping[int, Span], run: Record, leaves: Sequence[Record]) -> Iterator[str]:
    segment = record["segment"]
    if segment < 2:
        yield "tells of a change in the first segment, which the promise was written for"
    if record["iteration"] != _last_iteration_before(segment, spans) + 1:
        yield f"says that its segment began with iteration {record['iteration']}, but it did not"
    promised = {leaf["key"]: {"value": leaf["value"], "origin": leaf["origin"]} for leaf in leaves}
    for key in (COMMIT, TREE):
        promised[key] = of_the_tree(run[key])
    for difference in record["differences"]:
        key = difference["key"]
        if not may_change(difference):
            yield f"changes {key}, which nothing allows"
        if canonical.digest([difference["before"]]) != canonical.digest([promised.get(key)]):
            yield f"says that {key} was something else before than the run promised"
        if canonical.digest([difference["before"]]) == canonical.digest([difference["now"]]):
            yield f"tells of {key}, which did not change"
    if record["values_digest"] != sources_digest(leaves, record["differences"]):
        yield "does not come to the configuration that it gives the digest of"


def of_the_tree(value: object) -> dict[str, Any]:
    """Return a fact about the source tree as one side of a difference."""
    return {"value": value, "origin": "git"}


def _last_iteration_before(segment: int, spans: Mapping[int, Span]) -> int:
    return max((span.last_iteration for number, span in spans.items() if number < segment), default=0)
