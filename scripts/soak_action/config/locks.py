"""Locks: what soak.yaml and its profiles keep out of reach of the environment and the command line.

A lock is a dotted pattern: ``*`` stands for one part of a path, and a path locks everything below it. Everything here
is pure: layers in, mistakes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from soak_action.config.check import Mistake
from soak_action.config.layers import EXCLUSIVE_GROUPS, Entry, Layer, LayerName, Leaves, Path
from soak_action.config.names import VALUES, path_of
from soak_action.config.schema_tree import Schema, known_keys, resolve
from soak_action.config.wording import did_you_mean

LOCKED: Path = ("gate", "locked")
_ANY = "*"
# The mappings whose names the user chooses.
_FREE_MAPS: tuple[Path, ...] = (("kpis",), ("workload", "env"), VALUES)


@dataclass(frozen=True)
class Lock:
    """One pattern of gate.locked and the place where it stands."""

    pattern: Path
    origin: str

    def __str__(self) -> str:
        return ".".join(self.pattern)

    def covers(self, path: Path) -> bool:
        """Whether the value at `path` is locked."""
        return len(self.pattern) <= len(path) and _agree(self.pattern, path)

    def is_overrun_by(self, entry: Entry) -> bool:
        """Whether the entry gives what is locked, or replaces the mapping that it would stand in."""
        replaces = len(entry.path) < len(self.pattern) and entry.value != {}
        return self.covers(entry.path) or (replaces and _agree(self.pattern, entry.path))


def locks_of(layers: Iterable[Layer], place_of: Callable[[LayerName, int], str]) -> tuple[Lock, ...]:
    """Return the locks of `layers`, which are file and profile; `place_of` gives the place of an item by its number."""
    found: dict[Path, Lock] = {}
    for layer in layers:
        for number, pattern in enumerate(_patterns(layer)):
            path = path_of(pattern)
            found.setdefault(path, Lock(path, place_of(layer.name, number)))
    return tuple(found.values())


def with_locks_below(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers of file and profile, where the profile's list of locks begins with all those of the file."""
    kept: dict[str, None] = {}
    result = []
    for layer in layers:
        kept.update(dict.fromkeys(_patterns(layer)))
        entries = [
            replace(entry, value=list(kept)) if entry.path == LOCKED and _is_list_of_texts(entry.value) else entry
            for entry in layer.entries
        ]
        result.append(Layer(layer.name, tuple(entries)))
    return result


def unknown_locks(locks: Iterable[Lock], schema: Schema) -> Iterator[Mistake]:
    """Yield the locks that no key can ever match: a lock with a typing error protects nothing."""
    for lock in locks:
        if "" in lock.pattern:
            continue  # no dotted path at all, which the schema says better
        nodes: list[Schema] = [schema]
        for part in lock.pattern:
            below = [child for node in nodes for child in _children(schema, node, part)]
            if not below:
                known = [key for node in nodes for key in known_keys(node)]
                sentence = f"the lock '{lock}' matches no key, so it would protect nothing{did_you_mean(part, known)}"
                yield Mistake(lock.origin, LOCKED, sentence)
                break
            nodes = below


def idle_locks(locks: Iterable[Lock], leaves: Leaves) -> Iterator[Mistake]:
    """Yield the locks on a KPI or a variable that this configuration does not name."""
    for lock in locks:
        for free in _FREE_MAPS:
            named = lock.pattern[: len(free) + 1]
            is_named = len(named) > len(free) and _agree(named, free)
            if is_named and not any(len(path) >= len(named) and _agree(named, path) for path in leaves):
                sentence = f"the lock '{lock}' protects nothing: there is no '{'.'.join(named)}' in this configuration"
                yield Mistake(lock.origin, LOCKED, sentence)


def tries(locks: Sequence[Lock], below: Leaves, above: Iterable[Layer]) -> Iterator[Mistake]:
    """Yield each try of the layers `above` to override what is locked; `below` is what file and profile come to."""
    for layer in above:
        for entry in layer.entries:
            if reason := _try(locks, below, entry):
                yield Mistake(entry.origin, entry.path, reason)


def _try(locks: Sequence[Lock], below: Leaves, entry: Entry) -> str | None:
    if entry.path == LOCKED:
        return "'gate.locked' can only be given in soak.yaml, at the top or in a profile; leave it out here"
    key = ".".join(entry.path)
    for lock in locks:
        who = f"the lock '{lock}' ({lock.origin})"
        if lock.is_overrun_by(entry):
            return f"'{key}' may not be overridden here because of {who}; change soak.yaml, or leave it out"
        for path in _unset_by(entry.path):
            if path in below and lock.covers(path):
                unset = ".".join(path)
                return f"'{key}' would unset '{unset}', which {who} forbids; change soak.yaml, or leave it out"
    return None


def _unset_by(path: Path) -> list[Path]:
    """Return the keys that a layer unsets in the layers below it when it gives the value at `path`."""
    return [other for group in EXCLUSIVE_GROUPS if path in group for other in group if other != path]


def _agree(one: Path, other: Path) -> bool:
    return all(mine in (_ANY, theirs) for mine, theirs in zip(one, other, strict=False))


def _patterns(layer: Layer) -> list[str]:
    """Return the locks that a layer lists; a list that breaks the schema is told elsewhere."""
    values = [entry.value for entry in layer.entries if entry.path == LOCKED]
    return [pattern for value in values if _is_list_of_texts(value) for pattern in value]


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _children(root: Schema, node: Schema, part: str) -> Iterator[Schema]:
    properties = node.get("properties", {})
    chosen = properties.values() if part == _ANY else [properties[part]] if part in properties else []
    yield from (resolve(root, child) for child in chosen)
    inner = node.get("additionalProperties")
    if isinstance(inner, Mapping) and part not in properties:
        yield resolve(root, inner)
