"""Finding one's way in the JSON Schema of soak.yaml: the sub-schema of a path, its defaults, its environment names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from soak_action.config.layers import Entry, Layer, Path

Schema = Mapping[str, Any]


def schema_at(root: Schema, path: Path) -> Schema | None:
    """Return the sub-schema that governs the value at `path` of the whole `root`, or None when there is no such key."""
    node: Schema | None = root
    for key in path:
        node = _child(root, node, key) if node is not None else None
    return node


def settable(schema: Schema) -> Schema:
    """Return the schema of what can be set from outside the file: everything but its version and its profiles."""
    keys = {key: node for key, node in schema["properties"].items() if key not in {"version", "profiles"}}
    return {**schema, "required": [], "properties": keys}


def known_keys(node: Schema) -> tuple[str, ...]:
    """Return the fixed keys of a mapping."""
    return tuple(node.get("properties", {}))


def fixed_leaves(root: Schema, node: Schema | None = None, path: Path = ()) -> Iterator[tuple[Path, Schema]]:
    """Yield every path of fixed keys that ends in a value, with its schema; free maps are left out."""
    for key, raw in (root if node is None else node).get("properties", {}).items():
        child = resolve(root, raw)
        if "properties" in child and child.get("type") == "object":
            yield from fixed_leaves(root, child, (*path, key))
        elif not isinstance(child.get("additionalProperties"), Mapping):
            yield (*path, key), child


def default_layer(root: Schema, kpi_names: tuple[str, ...], mentioned: Collection[Path] = ()) -> Layer:
    """Return the schema's defaults as a layer; `kpi_names` are the KPIs of the layers above, each with its defaults.

    When there are none, the schema's default KPIs are the ones that are measured. `mentioned` are the paths that the
    layers above give something to: an optional section has defaults only if it is there.
    """
    kpis = root["properties"]["kpis"]
    entries = [
        _default(path, schema)
        for path, schema in fixed_leaves(root)
        if "default" in schema and _is_there(root, path, mentioned)
    ]
    chosen: dict[str, Mapping[str, Any]] = {name: {} for name in kpi_names} or dict(_default_kpis(kpis, mentioned))
    for name, settings in chosen.items():
        built_in = kpis["x-built-in"].get(name, {})
        path: Path = ("kpis", name)
        entries.append(Entry(path, {}, "schema default"))
        for leaf_path, schema in fixed_leaves(root, kpis["additionalProperties"]):
            key = leaf_path[0]
            if "default" in schema and key not in built_in:
                entries.append(_default((*path, *leaf_path), schema))
        entries.extend(Entry((*path, key), value, "schema default") for key, value in {**built_in, **settings}.items())
    return Layer("default", tuple(entries))


def is_optional(root: Schema, path: Path) -> bool:
    """Whether a path lies in a section that has values only when somebody writes it."""
    return any(_optional_sections(root, path))


def _is_there(root: Schema, path: Path, mentioned: Collection[Path]) -> bool:
    optional = _optional_sections(root, path)
    return all(any(given[: len(above)] == above for given in mentioned) for above in optional)


def _optional_sections(root: Schema, path: Path) -> Iterator[Path]:
    sections = (path[:length] for length in range(1, len(path)))
    return (above for above in sections if (schema_at(root, above) or {}).get("x-optional"))


def _default_kpis(kpis: Schema, mentioned: Collection[Path]) -> Mapping[str, Any]:
    has_run = ("workload", "run") in {path[:2] for path in mentioned}
    only_windows = not has_run and ("workload", "service") in {path[:2] for path in mentioned}
    found: Mapping[str, Any] = kpis["x-default-of-windows" if only_windows else "default"]
    return found


def built_in_kpis(root: Schema) -> tuple[str, ...]:
    """Return the names of the KPIs that soak measures itself."""
    return tuple(root["properties"]["kpis"]["x-built-in"])


def resolve(root: Schema, node: Schema) -> Schema:
    """Return `node` with what its $ref points to laid below it; of forms that nest, the flat one."""
    if node.get("x-flattened"):
        return resolve(root, node["anyOf"][0])
    reference = node.get("$ref")
    if reference is None:
        return node
    target: Schema = root
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return {**resolve(root, target), **{key: value for key, value in node.items() if key != "$ref"}}


def _child(root: Schema, node: Schema, key: str) -> Schema | None:
    if key in node.get("properties", {}):
        return resolve(root, node["properties"][key])
    additional = node.get("additionalProperties")
    if isinstance(additional, Mapping):
        return resolve(root, additional)
    if key.isdigit() and isinstance(node.get("items"), Mapping):
        return resolve(root, node["items"])
    return None


def _default(path: Path, schema: Schema) -> Entry:
    return Entry(path, schema["default"], "schema default")
