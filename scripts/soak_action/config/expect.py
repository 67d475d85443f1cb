"""Expectations about values and the layers that they come from: ``schedule.iterations=3@profile``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from soak_action.config.coerce import coerce
from soak_action.config.keys import is_known, suggestion
from soak_action.config.layers import LayerName, Leaf, Leaves, Path
from soak_action.config.masking import MASK, is_secret, mask_leaf
from soak_action.config.names import path_of
from soak_action.config.schema_tree import Schema, schema_at
from soak_action.config.wording import kinds, like_written, nearest, parsed_unit, quote, shortened

LAYERS: tuple[LayerName, ...] = get_args(LayerName)
_FORM = "write PATH=VALUE or PATH=VALUE@LAYER, such as schedule.iterations=3@profile"
_TYPING_ERROR = 0.75


class ExpectationError(Exception):
    """An expectation that cannot be understood; the text says why."""


@dataclass(frozen=True)
class Expectation:
    """What a leaf shall be; `text` is how it was written, secrets masked, `layer` None when any will do."""

    text: str
    path: Path
    value: Any
    layer: LayerName | None


@dataclass(frozen=True)
class Outcome:
    """What became of an expectation; `leaf` is what is in force, None when there is no value."""

    expectation: Expectation
    leaf: Leaf | None
    ok: bool

    def to_dict(self) -> dict[str, Any]:
        """The outcome as it stands in the JSON document."""
        found = self.leaf
        return {
            "expectation": self.expectation.text,
            "ok": self.ok,
            "value": None if found is None else found.value,
            "layer": None if found is None else found.layer,
            "origin": None if found is None else found.origin,
        }

    def __str__(self) -> str:
        if self.leaf is None:
            return f"expected {shortened(self.expectation.text)}, but no layer gives it a value"
        found = f"{like_written(self.leaf.value)} from {self.leaf.layer} ({self.leaf.origin})"
        return f"expected {shortened(self.expectation.text)}, {'and it is' if self.ok else 'but it is'} {found}"


def parse_expectation(text: str, schema: Schema, leaves: Leaves) -> Expectation:
    """Return what `text` expects; the schema tells the type of VALUE, the leaves which names there are.

    What stands behind the last ``@`` is the layer when it is the name of one. Raises ExpectationError.
    """
    key, equals, rest = text.partition("=")
    path: Path = path_of(key.strip())
    if not equals or not key.strip():
        raise ExpectationError(_FORM)
    node = _node_of(path, schema, leaves)
    raw, layer = _split(rest)
    try:
        value = coerce(raw, node, path)
    except ValueError as error:
        raise ExpectationError(str(error)) from None
    shown = f"{'.'.join(path)}={MASK if is_secret(path) else raw}{f'@{layer}' if layer else ''}"
    return Expectation(shown, path, value, layer)


def outcome_of(expectation: Expectation, schema: Schema, leaves: Leaves) -> Outcome:
    """Return whether value and layer are as expected."""
    leaf = leaves.get(expectation.path)
    if leaf is None:
        return Outcome(expectation, None, ok=False)
    same = _is_same(expectation.value, leaf.value, schema_at(schema, expectation.path) or {})
    return Outcome(expectation, mask_leaf(leaf), ok=same and expectation.layer in (None, leaf.layer))


def _node_of(path: Path, schema: Schema, leaves: Leaves) -> Schema:
    key = shortened(".".join(path))
    if not is_known(path, schema, leaves):
        raise ExpectationError(f"unknown key '{key}'{suggestion(path, schema, leaves)}")
    node = schema_at(schema, path) or {}
    below = [leaf.key for leaf in leaves.values() if leaf.path[: len(path)] == path and leaf.path != path]
    if below or (kinds(node) == ("object",) and path not in leaves):
        example = f", such as {below[0]}" if below else ""
        raise ExpectationError(f"'{key}' is a mapping; expect one value below it{example}")
    return node


def _split(rest: str) -> tuple[str, LayerName | None]:
    raw, at, last = rest.rpartition("@")
    for layer in LAYERS:
        if at and last == layer:
            return raw, layer
    near = nearest(last, LAYERS, _TYPING_ERROR) if at else None
    if near:
        raise ExpectationError(
            f"there is no layer {quote(last)} - did you mean '{near}'? If it belongs to the value, add @ and a layer"
        )
    return rest, None


def _is_same(expected: Any, found: Any, node: Schema) -> bool:
    if isinstance(expected, bool) != isinstance(found, bool):
        return False
    unit = (parsed_unit(expected, node), parsed_unit(found, node))
    return bool(expected == found) or (unit[0] is not None and unit[0] == unit[1])
