"""What a run that is to go on has otherwise now than when it began, and whether that may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from soak_action import canonical
from soak_action.config.load import Loaded
from soak_action.errors import UsageError
from soak_action.evidence.changes import COMMIT, TREE, Difference, may_change, of_the_tree, sources_digest
from soak_action.evidence.fingerprint import SourceTree
from soak_action.evidence.reading import Promise

_MOST_NAMED = 10
_FACTS = {
    "profile": "the profile",
    "config_file": "the configuration file",
    COMMIT: "the commit",
    TREE: "whether the tree has changes that are not committed",
}


def differences(promise: Promise, loaded: Loaded, tree: SourceTree) -> list[Difference]:
    """Return each value, and each fact about profile, file and source tree, that is not what the run began with."""
    before = {leaf["key"]: _side(leaf) for leaf in promise.sources}
    now = {leaf["key"]: _side(leaf) for leaf in (leaf.to_dict() for leaf in loaded.public_leaves)}
    found: list[Difference] = [
        {"key": key, "before": before.get(key), "now": now.get(key)}
        for key in sorted({*before, *now})
        if not _same_value(before.get(key), now.get(key))
    ]
    run = promise.run
    for key, recorded, current in (
        ("profile", run["profile"], loaded.profile),
        ("config_file", run["config_file"]["path"], loaded.file),
        (COMMIT, run["commit"], tree.commit),
        (TREE, run["tree_dirty"], tree.dirty),
    ):
        if recorded != current:
            found.append({"key": key, "before": of_the_tree(recorded), "now": of_the_tree(current)})
    return found


def check(found: Sequence[Difference], run: str, *, allowed: bool) -> None:
    """Raise UsageError, which names the differences, unless there are none or all of them are `allowed` and may be."""
    refused = [difference for difference in found if not (allowed and may_change(difference))]
    if not refused:
        return
    more = len(refused) - _MOST_NAMED
    lines = [f"  {_told(difference)}" for difference in refused[:_MOST_NAMED]]
    lines += [f"  and {more} more"] if more > 0 else []
    raise UsageError("\n".join((f"{run}: not resumed, because {_why(found, allowed=allowed)}:", *lines)))


def record(found: Sequence[Difference], promise: Promise, segment: int, iteration: int, moment: str) -> dict[str, Any]:
    """Return the record of changes.jsonl for a segment that begins at `moment` (UTC) with this iteration."""
    return {
        "segment": segment,
        "iteration": iteration,
        "changed_at": moment,
        "differences": list(found),
        "values_digest": sources_digest(promise.sources, found),
    }


def _why(found: Sequence[Difference], *, allowed: bool) -> str:
    if allowed:
        return "no run may change this under way (begin a new one)"
    if all(may_change(difference) for difference in found):
        return "it is not what the run began with (--allow-change goes on all the same, and the verdict tells it)"
    return "it is not what the run began with"


def _side(leaf: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": leaf["value"], "origin": leaf["origin"]}


def _same_value(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    return (
        one is not None and other is not None and canonical.digest([one["value"]]) == canonical.digest([other["value"]])
    )


def _told(difference: Difference) -> str:
    key, before, now = difference["key"], difference["before"], difference["now"]
    if key in _FACTS:
        return f"{_FACTS[key]} was {_fact(before['value'])}, now it is {_fact(now['value'])}"
    return f"{key} was {_value(before)}, now it is {_value(now)}"


def _fact(value: Any) -> str:
    if value is None:
        return "none"
    return canonical.compact(value) if isinstance(value, bool) else str(value)


def _value(side: Mapping[str, Any] | None) -> str:
    return "not given" if side is None else f"{canonical.compact(side['value'])} ({side['origin']})"
