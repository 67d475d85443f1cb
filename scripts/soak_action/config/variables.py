"""The table of the environment variables that a configuration understands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from soak_action.canonical import storable_text
from soak_action.config.environment import CONFIG, OVERRIDES, PROFILE, variable_names
from soak_action.config.masking import MASK, mask_text
from soak_action.config.schema_tree import Schema, schema_at
from soak_action.config.wording import kinds

_FOR_SOAK = ((CONFIG, "path"), (PROFILE, "name"), (OVERRIDES, "mapping"))


@dataclass(frozen=True)
class Variable:
    """A variable: its name, the key that it sets (None for soak's own), the type of its value, and what it says now."""

    name: str
    key: str | None
    type: str
    value: str | None

    def to_dict(self) -> dict[str, Any]:
        """The variable as it stands in the JSON document."""
        return {"name": self.name, "key": self.key, "type": self.type, "value": self.value}


def variables(
    schema: Schema, kpi_names: Iterable[str], environ: Mapping[str, str], secrets: Iterable[str] = ()
) -> Iterator[Variable]:
    """Yield soak's own variables, then one for each value that the schema knows, in the order of the schema.

    `schema` holds what can be set from outside; `secrets` do not appear in what is said. Empty is not given.
    """
    said = {name.upper(): storable_text(value) for name, value in sorted(environ.items()) if value.strip()}
    hidden = tuple(secrets)

    def value_of(name: str) -> str | None:
        return mask_text(said[name], hidden) if name in said else None

    for name, kind in _FOR_SOAK:
        # The overrides may hold anything, secrets of the workload included.
        yield Variable(name, None, kind, MASK if name == OVERRIDES and name in said else value_of(name))
    for name, path in variable_names(schema, kpi_names).items():
        node = schema_at(schema, path) or {}
        if not node.get("x-file-only"):
            yield Variable(name, ".".join(path), type_in_short(node), value_of(name))


def type_in_short(node: Schema) -> str:
    """Return the unit of a value, its choices, or its types: ``duration``, ``lower|higher``, ``string|array``."""
    if "x-unit" in node:
        return str(node["x-unit"])
    items = node.get("items", {})
    if "enum" in node or ("array" in kinds(node) and "enum" in items):
        choices = "|".join(map(str, node.get("enum", items.get("enum", ()))))
        return choices if "enum" in node else f"list of {choices}"
    return "|".join(kinds(node))
