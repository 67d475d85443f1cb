"""What a migration would do: the new text of soak.yaml, each change with its origin, and all that stands against it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as File

from soak_action import resources
from soak_action.config import layers, model
from soak_action.config.check import in_order
from soak_action.config.layers import Path
from soak_action.config.names import parse_configuration
from soak_action.config.schema_tree import Schema
from soak_action.config.wording import shortened
from soak_action.config.yaml_source import Document, parse_mapping
from soak_action.errors import ConfigurationError, UsageError
from soak_action.migration.comment import lost_comments, remarks_of
from soak_action.migration.conflict import Conflict, settle
from soak_action.migration.renaming import Renaming, read_renaming
from soak_action.migration.rendering import rendered
from soak_action.migration.resolution import Merged, check, differences, merged
from soak_action.migration.role import role_and_file
from soak_action.migration.source import Source, read_bytes, read_sources
from soak_action.migration.undo import archived_in
from soak_action.migration.value import Reader, Reading, Unknown, Value, is_same, kpis_of, values_of


@dataclass(frozen=True)
class Task:
    """What the user asks for: which files, into which one, with which mapping, and whom to believe."""

    directory: File
    target: File
    shown: str
    words: tuple[str, ...]
    mapping: str | None = None
    preferred: tuple[str, ...] = ()

    @property
    def base(self) -> File:
        """The directory that the workload runs in, and that keeps the backups."""
        folder = self.target.parent
        return folder.parent if folder.name == ".github" else folder


@dataclass(frozen=True)
class Change:
    """One value that soak.yaml will hold; `former` is what it holds now, if anything."""

    value: Value
    former: Value | None


@dataclass(frozen=True)
class Plan:
    """The outcome of reading everything; `new` is the text to write, and `former` the present one, None without one."""

    task: Task
    sources: tuple[Source, ...]
    changes: tuple[Change, ...]
    conflicts: tuple[Conflict, ...]
    unknown: tuple[Unknown, ...]
    notes: tuple[str, ...]
    former: bytes | None
    new: bytes
    expected: Merged

    @property
    def is_possible(self) -> bool:
        """Whether nothing stands against it."""
        return not self.conflicts and not self.unknown

    def differences(self, data: bytes) -> list[str]:
        """Return the keys that a text of soak.yaml does not resolve to what the old files come to.

        Raises ConfigurationError when it cannot be read.
        """
        return list(differences(self.expected, parse_configuration(data, self.task.shown), resources.schema("soak")))


def make_plan(task: Task, check_source: Callable[[model.Source], str | None]) -> Plan:
    """Return the plan. Raises UsageError, or ConfigurationError with every mistake in the files and in their values."""
    schema = resources.schema("soak")
    former = read_bytes(task.target, task.shown) if os.path.lexists(task.target) else None
    base = former if former is not None and former.strip() else _skeleton(schema)
    document = parse_mapping(base, task.shown)
    words, gone = _present(task)
    sources = read_sources(words, task.directory, task.target)
    preferred = _preferred(task, sources)
    renaming = read_renaming(task.mapping, task.directory, schema) if task.mapping is not None else Renaming()
    reading = Reader(schema, renaming, kpis_of(document, schema)).read(sources)
    chosen, conflicts = settle([*values_of(document), *reading.values], preferred)
    expected = merged(task.shown, chosen)
    notes = (*gone, *reading.dropped, *_unused(renaming, reading))
    changes = _changes(document, chosen)
    if conflicts or reading.unknown:
        unmoved = former or b""
        return Plan(
            task, sources, tuple(changes), tuple(conflicts), tuple(reading.unknown), notes, former, unmoved, expected
        )
    if reading.mistakes:
        raise ConfigurationError([str(mistake) for mistake in in_order(reading.mistakes)])
    check(expected, schema, check_source)
    new = base
    if changes:
        is_new = base is not former
        ordered = _in_order(changes, schema) if is_new else changes
        moved = {change.value.path: change.value for change in ordered}
        remarks = remarks_of(sources, moved, _known_paths(document))
        new = rendered(base, document, {path: value.value for path, value in moved.items()}, remarks, spaced=is_new)
    elif former is None:
        raise UsageError("the files hold no values, so there is nothing to write")
    plan = Plan(task, sources, tuple(changes), (), (), notes, former, new, expected)
    _prove(plan, new)
    for line, text in lost_comments(base, new):
        raise UsageError(
            f"{task.shown}:{line}:1: the file cannot be rewritten without losing the comment '{shortened(text)}'; "
            f"move it, or put the values in by hand"
        )
    return plan


def _skeleton(schema: Schema) -> bytes:
    return f"# yaml-language-server: $schema={schema['$id']}\nversion: 1\n".encode()


def _present(task: Task) -> tuple[list[str], list[str]]:
    """Return the words whose files are there, or were never; and a note about each file that was archived before."""
    words, notes = [], []
    for word in task.words:
        file = role_and_file(word)[1]
        manifest = None if os.path.lexists(task.directory / file) else archived_in(task.base, task.directory / file)
        if manifest is None:
            words.append(word)
        else:
            notes.append(f"{file} was archived before, see {manifest}")
    return words, notes


def _preferred(task: Task, sources: Iterable[Source]) -> list[str]:
    """Return the preferred files as they are called elsewhere. Raises UsageError for one that takes no part."""
    known = {os.path.realpath(source.path): source.shown for source in sources}
    known[os.path.realpath(task.target)] = task.shown
    found = []
    for file in task.preferred:
        name = known.get(os.path.realpath(task.directory / file))
        if name is None:
            raise UsageError(f"--prefer {file}: this file takes no part; name one of {', '.join(known.values())}")
        found.append(name)
    return found


def _changes(document: Document, chosen: Mapping[Path, Value]) -> list[Change]:
    present = {value.path: value for value in values_of(document)}
    changes = []
    for path, value in chosen.items():
        former = present.get(path)
        if former is None or not is_same(former.value, value.value):
            changes.append(Change(value, former))
    return changes


def _in_order(changes: list[Change], schema: Schema) -> list[Change]:
    order = list(schema["properties"])
    return sorted(changes, key=lambda change: order.index(change.value.path[0]))


def _known_paths(document: Document) -> set[Path]:
    return {value.path[:length] for value in values_of(document) for length in range(1, len(value.path) + 1)}


def _unused(renaming: Renaming, reading: Reading) -> list[str]:
    return [
        f"{origin}: no file holds the name '{name}'"
        for name, origin in renaming.origins.items()
        if name not in reading.used
    ]


def _prove(plan: Plan, new: bytes) -> None:
    """Raise UsageError when the new text does not hold exactly what it should: anchors can tie values together."""
    written = parse_configuration(new, plan.task.shown)
    if is_same(dict(written.data), dict(plan.expected.data)):
        return
    found = {value.path: value.value for value in values_of(written)}
    wanted = {entry.path: entry.value for entry in layers.flatten(plan.expected.data, plan.expected.where)}
    wrong = sorted(
        path
        for path in found.keys() | wanted.keys()
        if path not in found or path not in wanted or not is_same(found[path], wanted[path])
    )
    raise UsageError(
        f"{plan.task.shown}: the file cannot be rewritten without changing '{'.'.join(wrong[0])}' as well "
        f"(an anchor, maybe); put the values in by hand"
    )
