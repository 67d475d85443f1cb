"""The values of the legacy files under their new names, and the names that nothing is known about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from soak_action import canonical
from soak_action.config import environment
from soak_action.config.check import Mistake
from soak_action.config.coerce import coerce
from soak_action.config.command_line import node_at
from soak_action.config.layers import Path, flatten
from soak_action.config.schema_tree import Schema, schema_at
from soak_action.config.yaml_source import Document, parse_mapping
from soak_action.errors import ConfigurationError
from soak_action.migration.name import Names, is_reserved
from soak_action.migration.renaming import Renaming
from soak_action.migration.source import Source

_MOST_SUGGESTIONS = 200


@dataclass(frozen=True)
class Value:
    """One value on its way: `raw` is its path in the file `source`, `path` its path in soak.yaml."""

    path: Path
    value: Any
    origin: str
    source: str
    raw: Path

    @property
    def name(self) -> str:
        """The dotted name in the legacy file."""
        return ".".join(self.raw)


@dataclass(frozen=True)
class Unknown:
    """A legacy name that leads nowhere, and the key that was probably meant, if any."""

    origin: str
    name: str
    suggestion: str | None
    reason: str = ""

    def __str__(self) -> str:
        what = f"{self.origin}: unknown name '{self.name}'"
        if self.suggestion is not None:
            advice = f"{self.name}: {self.suggestion}"
            return f"{what} - did you mean '{self.suggestion}'? Then put into the mapping file: {advice}"
        advice = f"{self.name}: null drops it, a key in place of null moves it"
        return f"{what}{self.reason}; put into the mapping file: {advice}"


@dataclass
class Reading:
    """What reading the sources came to."""

    values: list[Value] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Reader:
    """Finds the new name of every value; `kpis` are the KPIs that exist, which names in an environment may speak of."""

    schema: Schema
    renaming: Renaming
    kpis: tuple[str, ...] = ()

    def read(self, sources: Iterable[Source]) -> Reading:
        """Return the values of the sources in their order; those of environments may use the KPIs of all others."""
        plain = Reading()
        ordered = list(sources)
        for source in ordered:
            if not source.role.is_environment:
                self._read_source(source, Names(self.schema, source.role), plain)
        named = [value.path[len(_prefix(value.path)) :] for value in plain.values]
        kpis = (*self.kpis, *(path[1] for path in named if path[:1] == ("kpis",) and len(path) > 1))
        for source in ordered:
            if source.role.is_environment:
                self._read_source(source, Names(self.schema, source.role, tuple(dict.fromkeys(kpis))), plain)
        return plain

    def _read_source(self, source: Source, names: Names, found: Reading) -> None:
        for raw, value, origin in _leaves(source, found):
            path = self._path_of(".".join(raw), origin, names, found)
            if path is None or (path == ("version",) and is_same(value, 1)):
                continue
            absolute = (*source.role.prefix, *path)
            node = node_at(self.schema, absolute)
            if node is None:
                found.unknown.append(self._unknown(".".join(raw), origin, names, found))
            elif source.role.is_environment and isinstance(value, str):
                self._read_text(Value(absolute, value, origin, source.shown, raw), node, found)
            else:
                found.values.append(Value(absolute, value, origin, source.shown, raw))

    def _path_of(self, name: str, origin: str, names: Names, found: Reading) -> Path | None:
        """Return the new path of a name, or None when there is none: it was dropped, or noted as unknown."""
        entry = self.renaming.entry_for(name)
        if entry is None:
            path = names.path_of(name)
            if path is None:
                found.unknown.append(self._unknown(name, origin, names, found))
            return path
        found.used.add(entry)
        path = self.renaming.new_path(entry, name)
        if path is None:
            found.dropped.append(f"{origin}: '{name}' is dropped, as the mapping file says")
        return path

    @staticmethod
    def _unknown(name: str, origin: str, names: Names, found: Reading) -> Unknown:
        # Looking for something alike takes its time; nobody reads more than a few of them.
        suggestion = names.suggestion(name) if len(found.unknown) < _MOST_SUGGESTIONS else None
        reason = "; soak reads it from the environment only" if is_reserved(name) else ""
        return Unknown(origin, name, suggestion, reason)

    @staticmethod
    def _read_text(text: Value, node: Schema, found: Reading) -> None:
        """Note a variable's value as what the schema wants it to be; an empty one is not given."""
        if not text.value.strip():
            found.dropped.append(f"{text.origin}: '{text.name}' is empty, which counts as not given")
            return
        try:
            value = coerce(text.value, node, text.path)
        except ValueError as error:
            found.mistakes.append(Mistake(text.origin, text.path, f"'{'.'.join(text.path)}': {error}"))
            return
        for leaf in flatten({text.path[-1]: value}, lambda _: text.origin, text.path[:-1]):
            found.values.append(replace(text, path=leaf.path, value=leaf.value))


def is_same(one: object, other: object) -> bool:
    """Whether two values are the same configuration: 1 and 1.0 are, 1 and true are not."""
    return canonical.canonical_bytes(one) == canonical.canonical_bytes(other)


def values_of(document: Document) -> Iterator[Value]:
    """Yield the values that stand in soak.yaml already."""
    for entry in flatten(document.data, document.where):
        yield Value(entry.path, entry.value, entry.origin, document.name, entry.path)


def kpis_of(document: Document | None, schema: Schema) -> tuple[str, ...]:
    """Return the KPIs that soak.yaml names already, and those that soak measures itself."""
    given = [] if document is None else [value.path for value in values_of(document)]
    paths = [path[len(_prefix(path)) :] for path in given]
    named = [path[1] for path in paths if path[:1] == ("kpis",) and len(path) > 1]
    built_in = (schema_at(schema, ("kpis",)) or {}).get("x-built-in", {})
    return tuple(dict.fromkeys([*named, *built_in]))


def _prefix(path: Path) -> Path:
    return path[:2] if path[:1] == ("profiles",) else ()


def _leaves(source: Source, found: Reading) -> Iterator[tuple[Path, Any, str]]:
    """Yield raw path, value and place of every leaf; the mapping in SOAK_OVERRIDES is opened."""
    for key, value in source.document.data.items():
        where = source.document.where((key,))
        if source.role.is_environment and key.upper() == environment.OVERRIDES and value not in ("", None):
            try:
                inner = parse_mapping(value.encode(), key).data if isinstance(value, str) else value
            except ConfigurationError as error:
                found.mistakes += [Mistake(where, (), f"in {line}") for line in error.mistakes]
                continue
            if isinstance(inner, dict):
                yield from ((entry.path, entry.value, where) for entry in flatten(inner, lambda _: ""))
                continue
        for entry in flatten({key: value}, source.document.where):
            yield entry.path, entry.value, entry.origin
