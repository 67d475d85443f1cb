"""Merging layers of configuration, so that every value knows where it came from and what it hid.

Layers from low to high: default, file, profile, env, cli. Mappings merge deep; scalars and lists replace. Everything
here is pure: layers in, leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Path = tuple[str, ...]
LayerName = Literal["default", "file", "profile", "env", "cli"]

EXCLUSIVE_GROUPS: tuple[tuple[Path, ...], ...] = (
    (("schedule", "iterations"), ("schedule", "duration")),
    (("schedule", "every"), ("schedule", "pause")),
    tuple(("workload", "service", "ready", kind) for kind in ("http", "tcp", "log", "command")),
)


@dataclass(frozen=True)
class Entry:
    """One value that a layer gives: a scalar, a list, or an empty mapping."""

    path: Path
    value: Any
    origin: str


@dataclass(frozen=True)
class Layer:
    """The entries of one layer in the order in which they were given; a later entry hides an earlier one."""

    name: LayerName
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Shadowed:
    """A value that lost, and under which key when that is not the winner's own."""

    path: Path
    value: Any
    layer: LayerName
    origin: str


@dataclass(frozen=True)
class Leaf:
    """A value in force, its origin, and the values that it hid, nearest first."""

    path: Path
    value: Any
    layer: LayerName
    origin: str
    shadowed: tuple[Shadowed, ...] = ()

    @property
    def key(self) -> str:
        """The dotted name of the leaf."""
        return ".".join(self.path)

    def as_shadowed(self) -> tuple[Shadowed, ...]:
        """This leaf and all that it hid, as hidden by somebody else."""
        return (Shadowed(self.path, self.value, self.layer, self.origin), *self.shadowed)

    def to_dict(self) -> dict[str, Any]:
        """The leaf as it stands in config-sources.json."""
        hidden = [
            {"key": ".".join(item.path), "value": item.value, "layer": item.layer, "origin": item.origin}
            for item in self.shadowed
        ]
        return {"key": self.key, "value": self.value, "layer": self.layer, "origin": self.origin, "shadowed": hidden}


Leaves = dict[Path, Leaf]


def flatten(data: Mapping[str, Any], origin_of: Callable[[Path], str], prefix: Path = ()) -> Iterator[Entry]:
    """Yield the leaves of nested mappings; an empty mapping is a leaf, for it may name a KPI without settings."""
    for key, value in data.items():
        path = (*prefix, key)
        if isinstance(value, Mapping) and value:
            yield from flatten(value, origin_of, path)
        else:
            yield Entry(path, value, origin_of(path))


def merge(layers: Iterable[Layer]) -> Leaves:
    """Return the leaves in force when `layers` are laid over each other, lowest first."""
    leaves: Leaves = {}
    for layer in layers:
        for entry in layer.entries:
            _lay(leaves, entry, layer.name)
        _unset_excluded(leaves, layer)
    return leaves


def tree(leaves: Iterable[Leaf]) -> dict[str, Any]:
    """Return the nested mappings that the leaves spell out."""
    root: dict[str, Any] = {}
    for leaf in leaves:
        node = root
        for key in leaf.path[:-1]:
            node = node.setdefault(key, {})
        node[leaf.path[-1]] = leaf.value
    return root


def contradictions(layer: Layer) -> Iterator[tuple[Entry, Entry]]:
    """Yield pairs of entries of one layer that exclude each other: a pace cannot be both `every` and `pause`."""
    every, pause = EXCLUSIVE_GROUPS[1]
    given = {entry.path: entry for entry in layer.entries}
    if every in given and pause in given:
        yield given[every], given[pause]


def _lay(leaves: Leaves, entry: Entry, layer: LayerName) -> None:
    # No leaf stands below another one: what replaces a leaf in its place hides nothing else.
    is_new = entry.path not in leaves
    below = _below(leaves, entry.path) if is_new else []
    if below and entry.value == {}:
        return
    hidden: list[Shadowed] = []
    for path in [*_above(entry.path), *below] if is_new else [entry.path]:
        former = leaves.get(path)
        if former is not None:
            hidden.extend(former.shadowed if former.value == {} else former.as_shadowed())
            if is_new:
                del leaves[path]
    leaves[entry.path] = Leaf(entry.path, entry.value, layer, entry.origin, tuple(hidden))


def _above(path: Path) -> list[Path]:
    return [path[:length] for length in range(len(path) - 1, 0, -1)]


def _below(leaves: Leaves, path: Path) -> list[Path]:
    return [known for known in leaves if len(known) > len(path) and known[: len(path)] == path]


def _unset_excluded(leaves: Leaves, layer: Layer) -> None:
    given = {entry.path for entry in layer.entries} & leaves.keys()
    for group in EXCLUSIVE_GROUPS:
        winner = next((leaves[path] for path in group if path in given), None)
        if winner is None:
            continue
        losers = [leaves.pop(path) for path in group if path in leaves and path not in given]
        hidden = [shadowed for loser in losers for shadowed in loser.as_shadowed()]
        leaves[winner.path] = replace(winner, shadowed=(*winner.shadowed, *hidden))
