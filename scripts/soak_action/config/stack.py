"""The five layers of one request, gathered and checked one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from soak_action.config.check import Mistake, mistakes_of
from soak_action.config.command_line import Setting, read_settings
from soak_action.config.environment import read_environment
from soak_action.config.layers import Entry, Layer, LayerName, Path, contradictions, flatten, merge, tree
from soak_action.config.locks import LOCKED, Lock, locks_of, tries, unknown_locks, with_locks_below
from soak_action.config.schema_tree import Schema, default_layer, settable
from soak_action.config.wording import did_you_mean, shortened
from soak_action.config.yaml_source import Document

# What a profile of this name says when the file does not define one.
BUILT_IN_PROFILES: Mapping[str, Mapping[str, Any]] = {
    "smoke": {"schedule": {"iterations": 3, "pause": "0s", "warmup": 0, "budget": "2m"}},
}


@dataclass(frozen=True)
class Stack:
    """The layers from low to high, and what is wrong with each of them on its own.

    `kpis` are the KPIs that the layers name, `locks` what file and profile keep from the layers above them.
    """

    layers: tuple[Layer, ...]
    mistakes: tuple[Mistake, ...]
    warnings: tuple[str, ...]
    kpis: tuple[str, ...] = ()
    locks: tuple[Lock, ...] = ()


def gather(
    schema: Schema,
    document: Document | None,
    profile: str | None,
    environ: Mapping[str, str],
    overrides: Document | None,
    settings: Iterable[Setting],
) -> Stack:
    """Return the layers; `schema` is that of the whole file."""
    outside = settable(schema)
    mistakes: list[Mistake] = []
    file_layers = list(_file_layers(document, profile, schema, mistakes))
    given = tuple(flatten(overrides.data, overrides.where)) if overrides else ()
    command_line = Layer("cli", tuple(read_settings(settings, outside, mistakes)))
    kpis = _kpi_names([*file_layers, Layer("env", given), command_line])
    reading = read_environment(environ, outside, kpis, overrides)
    mistakes += reading.mistakes
    if overrides is not None:
        mistakes += mistakes_of(overrides.data, outside, overrides.where, partial=True)
    mistakes += _mistakes_of_entries(reading.entries, outside)
    mistakes += _mistakes_of_entries(command_line.entries, outside)
    locks = locks_of(file_layers, _place_of_lock(document, profile))
    high = (Layer("env", (*reading.entries, *given)), command_line)
    mentioned = {entry.path for layer in (*file_layers, *high) for entry in layer.entries}
    low = (default_layer(schema, kpis, mentioned), *with_locks_below(file_layers))
    layers = (*low, *high)
    mistakes += [*unknown_locks(locks, outside), *tries(locks, merge(low) if locks else {}, high)]
    for layer in layers:
        for one, other in contradictions(layer):
            what = f"'pause' cannot stand beside 'every' ({one.origin}); keep one of them"
            mistakes.append(Mistake(other.origin, other.path, what))
    return Stack(layers, tuple(mistakes), reading.warnings, kpis, locks)


def section(path: Path, profile: str | None) -> Path:
    """Return the part of the configuration that a path belongs to: a KPI or a top-level key."""
    if path[:2] == ("profiles", profile):
        path = path[2:]
    return path[:2] if path[:1] == ("kpis",) else path[:1]


def _file_layers(
    document: Document | None, profile: str | None, schema: Schema, mistakes: list[Mistake]
) -> Iterator[Layer]:
    if document is not None:
        mistakes += mistakes_of(document.data, schema, document.where, partial=True)
        if "version" not in document.data:
            what = "the file does not say which format it has; add the line version: 1"
            mistakes.append(Mistake(f"{document.name}:1:1", ("version",), what))
        top = {key: value for key, value in document.data.items() if key not in {"version", "profiles"}}
        yield Layer("file", tuple(flatten(top, document.where)))
    if profile is not None:
        yield from _profile_layers(document, profile, mistakes)


def _place_of_lock(document: Document | None, profile: str | None) -> Callable[[LayerName, int], str]:
    def place(layer: LayerName, number: int) -> str:
        path = (*LOCKED, str(number))
        full = path if layer == "file" else ("profiles", str(profile), *path)
        stands = "" if document is None else document.where(full)
        return stands if layer == "file" else f"profile {profile} {stands}"

    return place


def _profile_layers(document: Document | None, profile: str, mistakes: list[Mistake]) -> Iterator[Layer]:
    profiles = {} if document is None else document.data.get("profiles")
    known: Mapping[str, Any] = profiles if isinstance(profiles, Mapping) else {}
    if document is not None and profile in known:
        place = document.where

        def origin(path: Path) -> str:
            return f"profile {profile} {place(('profiles', profile, *path))}"

        if isinstance(known[profile], Mapping):
            yield Layer("profile", tuple(flatten(known[profile], origin)))
    elif profile in BUILT_IN_PROFILES:
        yield Layer("profile", tuple(flatten(BUILT_IN_PROFILES[profile], lambda _: f"built-in profile {profile}")))
    else:
        mistakes.append(_unknown_profile(document, profile, known))


def _unknown_profile(document: Document | None, profile: str, known: Mapping[str, Any]) -> Mistake:
    shown = shortened(profile)
    if document is None:
        what = "is not defined, because there is no soak.yaml; write one, or leave the profile out"
        return Mistake(f"profile '{shown}'", ("profiles",), what)
    hint = did_you_mean(profile, (*known, *BUILT_IN_PROFILES))
    return Mistake(document.where(("profiles",)), ("profiles",), f"there is no profile '{shown}'{hint}")


def _kpi_names(layers: Iterable[Layer]) -> tuple[str, ...]:
    """Return the KPIs that the layers name, in the order in which they are first named."""
    paths = [entry.path for layer in layers for entry in layer.entries]
    return tuple(dict.fromkeys(path[1] for path in paths if path[0] == "kpis" and len(path) > 1))


def _mistakes_of_entries(entries: tuple[Entry, ...], schema: Schema) -> list[Mistake]:
    """Check values that were given one by one; each is checked as far as nothing of the same layer replaces it."""

    def where(path: Path) -> str:
        related = [entry for entry in entries if entry.path[: len(path)] == path[: len(entry.path)]]
        return related[-1].origin

    return mistakes_of(tree(merge([Layer("cli", entries)]).values()), schema, where, partial=True)
