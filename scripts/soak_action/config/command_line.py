"""The cli layer: values from --set and its relatives, and from action inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from soak_action.config.check import Mistake
from soak_action.config.coerce import coerce
from soak_action.config.layers import Entry, Path, flatten
from soak_action.config.names import normal, path_of
from soak_action.config.schema_tree import Schema, known_keys, schema_at
from soak_action.config.wording import did_you_mean, kinds, shortened


@dataclass(frozen=True)
class Setting:
    """One value from the command line or an action input, still as text; `origin` is what people see."""

    key: str
    value: Any
    origin: str


def read_settings(settings: Iterable[Setting], schema: Schema, mistakes: list[Mistake]) -> Iterator[Entry]:
    """Yield the entries that the settings spell out and collect their mistakes; `schema` holds what can be set."""
    for setting in settings:
        path: Path = path_of(setting.key)
        node = node_at(schema, path)
        if node is None:
            what = f"unknown key '{shortened(setting.key)}'{_hint(schema, path)}"
            mistakes.append(Mistake(setting.origin, path, what))
            continue
        try:
            value = coerce(setting.value, node, path) if isinstance(setting.value, str) else setting.value
        except ValueError as error:
            mistakes.append(Mistake(setting.origin, path, f"'{setting.key}': {error}"))
            continue
        for entry in flatten({path[-1]: value}, _constant(setting.origin), path[:-1]):
            yield replace(entry, path=normal(entry.path))


def _constant(origin: str) -> Any:
    return lambda _: origin


def node_at(schema: Schema, path: Path) -> Schema | None:
    """Return the schema of a key, or None; the items of a list have none, for a list is only set as a whole."""
    above = [schema_at(schema, path[:length]) for length in range(len(path))]
    if "" in path or any(node is None or kinds(node) == ("array",) for node in above):
        return None
    return schema_at(schema, path)


def _hint(schema: Schema, path: Path) -> str:
    known = next(length for length in range(len(path), -1, -1) if node_at(schema, path[:length]) is not None)
    if "" in path[1:]:
        return "; a part of the key is empty"
    node = schema_at(schema, path[:known]) or {}
    if kinds(node) == ("array",):
        return f"; set the whole list '{'.'.join(path[:known])}', such as [1, 2]"
    return did_you_mean(path[known], known_keys(node))
