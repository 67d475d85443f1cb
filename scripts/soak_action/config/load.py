"""Loading the configuration: finding soak.yaml, laying the layers, checking all of it, building the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soak_action import resources
from soak_action.config import environment, layers
from soak_action.config.build import Builder
from soak_action.config.check import Mistake, in_order, mistakes_of
from soak_action.config.command_line import Setting
from soak_action.config.layers import Leaf, Leaves
from soak_action.config.locate import Found, find_file
from soak_action.config.masking import mask_leaf, secret_values
from soak_action.config.model import Config, Source
from soak_action.config.schema_tree import built_in_kpis, settable
from soak_action.config.stack import Stack, gather, section
from soak_action.config.yaml_source import Document, parse_mapping
from soak_action.errors import ConfigurationError, EvidenceError

__all__ = ["Loaded", "Request", "Setting", "load", "read_back"]


@dataclass(frozen=True)
class Request:
    """What the caller asks for: which file, which profile, which settings on top."""

    directory: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    config: str | None = None
    profile: str | None = None
    settings: tuple[Setting, ...] = ()
    lookup: bool = True
    result_files: bool = False


@dataclass(frozen=True)
class Loaded:
    """The configuration in force and everything that is known about where it came from.

    `base` is the directory that the workload runs in and that configured paths are relative to; `file` is the path of
    the configuration relative to it, None when there is none; `absent` are the files that were looked for in vain.
    """

    config: Config
    leaves: Leaves
    base: Path
    file: str | None
    absent: tuple[str, ...]
    profile: str | None
    warnings: tuple[str, ...]
    secrets: frozenset[str]

    @property
    def public_leaves(self) -> tuple[Leaf, ...]:
        """The leaves in the order of their keys, secrets masked."""
        return tuple(mask_leaf(self.leaves[path]) for path in sorted(self.leaves))

    @property
    def public_tree(self) -> dict[str, Any]:
        """The merged configuration as plain data, secrets masked."""
        return layers.tree(self.public_leaves)


def load(request: Request, check_source: Callable[[Source], str | None]) -> Loaded:
    """Return the configuration that `request` asks for; `check_source` says what is wrong with a KPI's source, or None.

    Raises ConfigurationError with every mistake that was found, UsageError when a file that was named is not there.
    """
    schema = resources.schema("soak")
    words = environment.reserved(request.environ)
    found = find_file(request.directory, request.config or words.get(environment.CONFIG), lookup=request.lookup)
    profile = request.profile or words.get(environment.PROFILE)
    document, overrides = _parse(found, request.environ)
    stack = gather(schema, document, profile, request.environ, overrides, request.settings)
    leaves = layers.merge(stack.layers)
    merged = layers.tree(leaves.values())
    where = _where(leaves, stack)
    builder = Builder(where, check_source, built_in_kpis(schema), result_files=request.result_files)
    mistakes = list(stack.mistakes)
    broken = {section(mistake.path, profile) for mistake in mistakes}
    unmet = mistakes_of(merged, settable(schema), where, partial=False)
    mistakes += [mistake for mistake in unmet if section(mistake.path, profile) not in broken]
    broken |= {section(mistake.path, profile) for mistake in unmet}
    if broken:
        builder.check(merged, broken)
        _raise(mistakes + builder.mistakes)
    config = builder.build(merged, _suite_of(found.base))
    _raise(builder.mistakes)
    return Loaded(
        config=config,
        leaves=leaves,
        base=found.base,
        file=found.path,
        absent=found.absent,
        profile=profile,
        warnings=stack.warnings,
        secrets=secret_values(leaves),
    )


def read_back(data: Mapping[str, Any], kpi_order: Iterable[str], suite: str) -> Config:
    """Return the Config that a run's config.json spells out, with its KPIs in the order that run.json records.

    Raises EvidenceError when the file does not hold a configuration that soak could have written.
    """
    schema = resources.schema("soak")

    def where(path: tuple[str, ...]) -> str:
        return f"config.json:{'.'.join(path)}"

    mistakes = mistakes_of(data, settable(schema), where, partial=False)
    if mistakes:
        raise EvidenceError("\n".join(map(str, mistakes)))
    order = {name: index for index, name in enumerate(kpi_order)}
    kpis = dict(sorted(data.get("kpis", {}).items(), key=lambda item: order.get(item[0], len(order))))
    builder = Builder(where, lambda _: None, built_in_kpis(schema), result_files=True)
    try:
        config = builder.build({**data, "kpis": kpis}, suite)
    except KeyError as error:
        raise EvidenceError(f"config.json: {error} is missing") from None
    if builder.mistakes:
        raise EvidenceError("\n".join(map(str, builder.mistakes)))
    return config


def _parse(found: Found, environ: Mapping[str, str]) -> tuple[Document | None, Document | None]:
    """Return the file and SOAK_OVERRIDES; raises ConfigurationError with what is wrong in both."""
    mistakes: list[str] = []
    document = overrides = None
    try:
        document = parse_mapping(found.text, found.shown) if found.path else None
    except ConfigurationError as error:
        mistakes += error.mistakes
    try:
        overrides = environment.parse_overrides(environ)
    except ConfigurationError as error:
        mistakes += error.mistakes
    if mistakes:
        raise ConfigurationError(mistakes)
    return document, overrides


def _suite_of(base: Path) -> str:
    name = "".join(character if character.isascii() and character.isalnum() else "-" for character in base.name)
    return name.strip("-")[:64] or "soak"


def _where(leaves: Leaves, stack: Stack) -> Callable[[tuple[str, ...]], str]:
    """Return a function that names the place to look at for a path: the value's own, else one below or above it."""

    def where(path: tuple[str, ...]) -> str:
        return next(_places(path, leaves, stack), "soak.yaml")

    return where


def _places(path: tuple[str, ...], leaves: Leaves, stack: Stack) -> Iterator[str]:
    given = [leaf for leaf in leaves.values() if leaf.layer != "default"]
    yield from (leaf.origin for leaf in given if leaf.path == path)
    yield from (leaf.origin for leaf in given if leaf.path[: len(path)] == path)
    entries = [entry for layer in reversed(stack.layers) if layer.name != "default" for entry in layer.entries]
    yield from (entry.origin for entry in entries if entry.path == path[: len(entry.path)])


def _raise(mistakes: Iterable[Mistake]) -> None:
    """Raise ConfigurationError when there are mistakes, each told once and in the order of the places."""
    told = list(dict.fromkeys(map(str, in_order(mistakes))))
    if told:
        raise ConfigurationError(told)
