"""What a configuration comes to: the values in force for the top level alone and for each profile, leaf by leaf."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from soak_action.config import layers
from soak_action.config.build import Builder
from soak_action.config.check import Mistake, in_order, mistakes_of
from soak_action.config.layers import Leaf, Path
from soak_action.config.model import Source
from soak_action.config.schema_tree import Schema, built_in_kpis, settable
from soak_action.config.stack import gather, section
from soak_action.config.yaml_source import Document
from soak_action.errors import ConfigurationError
from soak_action.migration.value import Value, is_same


@dataclass(frozen=True)
class Merged(Document):
    """The values of several files as if they stood in one; a place is the one in the file that a value came from."""

    origins: Mapping[Path, str] = field(default_factory=dict)

    def where(self, path: Path) -> str:
        """Return the place of the value at `path`, else of one below it, else of one above it."""
        if path in self.origins:
            return self.origins[path]
        below = (origin for known, origin in self.origins.items() if known[: len(path)] == path)
        above = (self.origins[path[:length]] for length in range(len(path), 0, -1) if path[:length] in self.origins)
        return next(above, None) or next(below, None) or f"{self.name}:1:1"


def merged(name: str, chosen: Mapping[Path, Value]) -> Merged:
    """Return the chosen values as the document that soak.yaml is to become."""
    data = layers.tree(Leaf(value.path, value.value, "file", value.origin) for value in chosen.values())
    return Merged(name, data, {}, {path: value.origin for path, value in chosen.items()})


def profiles_of(document: Document) -> tuple[str | None, ...]:
    """Return what can be resolved: None for the top level alone, and the name of each profile."""
    profiles = document.data.get("profiles")
    return (None, *profiles) if isinstance(profiles, Mapping) else (None,)


def resolved(document: Document, profile: str | None, schema: Schema) -> dict[Path, Any]:
    """Return the values in force, defaults included."""
    stack = gather(schema, document, profile, {}, None, ())
    return {path: leaf.value for path, leaf in layers.merge(stack.layers).items()}


def differences(one: Document, other: Document, schema: Schema) -> Iterator[str]:
    """Yield the keys, behind their profile's name, that two documents do not resolve to the same value."""
    for profile in dict.fromkeys([*profiles_of(one), *profiles_of(other)]):
        former, latter = resolved(one, profile, schema), resolved(other, profile, schema)
        for path in sorted(former.keys() | latter.keys()):
            if path not in former or path not in latter or not is_same(former[path], latter[path]):
                yield f"{'' if profile is None else f'profile {profile}: '}{'.'.join(path)}"


def check(document: Document, schema: Schema, check_source: Callable[[Source], str | None]) -> None:
    """Raise ConfigurationError with everything for which soak would refuse the document, under any profile."""
    mistakes: list[Mistake] = []
    for profile in profiles_of(document):
        mistakes += _mistakes(document, profile, schema, check_source)
    told = list(dict.fromkeys(str(mistake).removeprefix("profile ") for mistake in in_order(mistakes)))
    if told:
        raise ConfigurationError(told)


def _mistakes(
    document: Document, profile: str | None, schema: Schema, check_source: Callable[[Source], str | None]
) -> list[Mistake]:
    stack = gather(schema, document, profile, {}, None, ())
    if stack.mistakes:
        return list(stack.mistakes)
    leaves = layers.merge(stack.layers)
    values = layers.tree(leaves.values())

    def where(path: Path) -> str:
        own = ("profiles", profile, *path) if profile is not None else path
        has_own = any(leaf.layer == "profile" and leaf.path[: len(path)] == path for leaf in leaves.values())
        return document.where(own if has_own else path)

    mistakes = mistakes_of(values, settable(schema), where, partial=False)
    broken = {section(mistake.path, profile) for mistake in mistakes}
    builder = Builder(where, check_source, built_in_kpis(schema))
    builder.check(values, broken)
    return [*mistakes, *builder.mistakes]
