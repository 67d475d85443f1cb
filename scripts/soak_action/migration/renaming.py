"""The mapping file: which legacy name became which key of soak.yaml, and which names are dropped on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as File

from soak_action.config.check import Mistake
from soak_action.config.command_line import node_at
from soak_action.config.layers import Path, flatten
from soak_action.config.schema_tree import Schema, known_keys, settable
from soak_action.config.wording import did_you_mean, quote, shortened
from soak_action.errors import ConfigurationError
from soak_action.migration.source import parse, read_bytes


@dataclass(frozen=True)
class Renaming:
    """New paths by old dotted names, None for what is dropped; what stands below a name goes with it."""

    targets: Mapping[str, Path | None] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    def entry_for(self, name: str) -> str | None:
        """Return the longest name of the mapping that is `name` or stands above it."""
        parts = name.split(".")
        heads = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((head for head in heads if head in self.targets), None)

    def new_path(self, entry: str, name: str) -> Path | None:
        """Return where `name`, for which `entry` speaks, goes; None when it is dropped."""
        target = self.targets[entry]
        rest = name[len(entry) + 1 :]
        return None if target is None else (*target, *(rest.split(".") if rest else ()))


def read_renaming(shown: str, directory: File, schema: Schema) -> Renaming:
    """Return what a mapping file says. Raises UsageError, or ConfigurationError with every mistake in it."""
    document = parse(read_bytes(directory / shown, shown), shown)
    targets: dict[str, Path | None] = {}
    origins: dict[str, str] = {}
    mistakes: list[str] = []
    for entry in flatten(document.data, document.where):
        name = ".".join(entry.path)
        if name in targets:
            mistakes.append(f"{entry.origin}: '{shortened(name)}' is given twice, also at {origins[name]}")
        origins[name] = entry.origin
        targets[name] = tuple(entry.value.split(".")) if isinstance(entry.value, str) else None
        if problem := _problem(entry.value, schema):
            mistakes.append(str(Mistake(entry.origin, entry.path, problem)))
    if mistakes:
        raise ConfigurationError(mistakes)
    return Renaming(targets, origins)


def _problem(value: object, schema: Schema) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        return f"{quote(value)} is not a key; write a key of soak.yaml, such as schedule.iterations, or null to drop it"
    outside = {**schema, "properties": {**settable(schema)["properties"], "profiles": schema["properties"]["profiles"]}}
    path = tuple(value.split("."))
    if node_at(outside, path) is not None:
        return None
    known = next(length for length in range(len(path), -1, -1) if node_at(outside, path[:length]) is not None)
    hint = did_you_mean(path[known], known_keys(node_at(outside, path[:known]) or {}))
    return f"there is no key '{shortened(value)}' in soak.yaml{hint}"
