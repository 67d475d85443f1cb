"""The names of parameters: nested and dotted ones are one and the same, and all the rest sees the dotted ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from soak_action.config.layers import Path
from soak_action.config.yaml_source import Document, parse_mapping
from soak_action.errors import ConfigurationError

VALUES: Path = ("parameters", "values")
# The keys of one parameter. No name ends in one of them, so that a dotted key says which of both it means.
SETTINGS = ("type", "initial", "min", "max", "step", "unit", "max_change_per_hour")


def path_of(key: str) -> Path:
    """Return the path of a dotted key, in which the name of a parameter is one part."""
    path = tuple(key.split("."))
    if path[:2] != VALUES or len(path) < 3:
        return path
    name, setting = (path[2:-1], path[-1:]) if path[-1] in SETTINGS else (path[2:], ())
    return (*VALUES, ".".join(name), *setting) if name else path


def normal(path: Path) -> Path:
    """Return a path as it is when the name of a parameter in it is one part."""
    return path_of(".".join(path)) if path[: len(VALUES)] == VALUES else path


def parse_configuration(text: bytes, name: str) -> Document:
    """Parse a YAML mapping of configuration, its parameters by their dotted names.

    Raises ConfigurationError with ``name:line:column`` for every mistake that can be told at once.
    """
    return with_dotted_names(parse_mapping(text, name))


def with_dotted_names(document: Document) -> Document:
    """Return the document with the parameters of the file and of its profiles by their dotted names.

    Raises ConfigurationError when one of them is given twice.
    """
    data = dict(document.data)
    places = dict(document.places)
    mistakes: list[str] = []
    for above in _sections(data):
        found: dict[str, Any] = {}
        for way, value in _parameters(_at(data, (*above, *VALUES))):
            name, path = ".".join(way), (*above, *VALUES, *way)
            if name in found:
                first = document.where(next(p for p in _spellings(places, above, name) if p != path))
                mistakes.append(f"{document.where(path)}: the parameter '{name}' is already given at {first}")
            found[name] = value
            moved = {(*above, *VALUES, name, *p[len(path) :]): place for p, place in places.items() if _below(p, path)}
            places.update(moved)
        data = _with(data, (*above, *VALUES), found)
    if mistakes:
        raise ConfigurationError(mistakes)
    return Document(document.name, data, places)


def _sections(data: Mapping[str, Any]) -> Iterator[Path]:
    """Yield where parameters stand: at the top, and in profiles."""
    profiles = data.get("profiles")
    above: list[Path] = [(), *(("profiles", name) for name in (profiles if isinstance(profiles, Mapping) else ()))]
    yield from (path for path in above if isinstance(_at(data, (*path, *VALUES)), Mapping))


def _parameters(group: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the keys that lead to each parameter, and what is given for it; a mapping of mappings is a group."""
    for key, value in group.items():
        if isinstance(value, Mapping) and value and all(isinstance(item, Mapping) for item in value.values()):
            yield from _parameters(value, (*above, key))
        else:
            yield (*above, key), value


def _at(data: Any, path: Path) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


def _with(data: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return a copy of nested mappings with another value at `path`."""
    return {**data, path[0]: _with(data[path[0]], path[1:], value) if len(path) > 1 else value}


def _below(path: Path, above: Path) -> bool:
    return path[: len(above)] == above


def _spellings(places: Mapping[Path, object], above: Path, name: str) -> Iterator[Path]:
    start = (*above, *VALUES)
    yield from (p for p in places if _below(p, start) and ".".join(p[len(start) :]) == name)
