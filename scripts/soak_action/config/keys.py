"""The dotted keys that a configuration knows, and which of its leaves a key means."""

from __future__ import annotations

from collections.abc import Mapping

from soak_action.config.layers import Leaf, Leaves, Path
from soak_action.config.names import path_of
from soak_action.config.schema_tree import Schema, schema_at
from soak_action.config.wording import nearest, shortened
from soak_action.errors import UsageError


def leaves_below(key: str, schema: Schema, leaves: Leaves) -> tuple[Leaf, ...]:
    """Return the leaf that `key` names, or all leaves below that mapping, in the order of their keys.

    Raises UsageError when there is no such key, or it has no value.
    """
    path: Path = path_of(key)
    if not is_known(path, schema, leaves):
        raise UsageError(f"unknown key '{shortened(key)}'{suggestion(path, schema, leaves)}")
    found = tuple(leaves[other] for other in sorted(leaves) if other[: len(path)] == path)
    if not found:
        hiding = [leaf for leaf in leaves.values() if any(item.path == path for item in leaf.shadowed)]
        why = f": '{hiding[0].key}' of the layer {hiding[0].layer} excludes it" if hiding else " by any layer"
        raise UsageError(f"the key '{key}' is not given a value{why}")
    return found


def is_known(path: Path, schema: Schema, leaves: Leaves) -> bool:
    """Whether there is such a key, and the names of KPIs and variables in it are those of the configuration."""
    free = next((length for length in range(1, len(path)) if _is_free(schema_at(schema, path[:length]))), None)
    named = free is None or any(known[: free + 1] == path[: free + 1] for known in leaves)
    return schema_at(schema, path) is not None and named and "" not in path


def suggestion(path: Path, schema: Schema, leaves: Leaves) -> str:
    """Return the known key that is most like an unknown one, as a hint to append."""
    keys = {leaf.key for leaf in leaves.values()} | {".".join(path[:1]) for path in leaves}
    keys |= {".".join(known[:length]) for known in leaves for length in range(1, len(known))}
    keys |= set(schema.get("properties", {}))
    near = nearest(".".join(path), sorted(keys))
    return f" - did you mean '{near}'?" if near else "; soak config show lists all keys"


def _is_free(node: Schema | None) -> bool:
    return node is not None and isinstance(node.get("additionalProperties"), Mapping)
