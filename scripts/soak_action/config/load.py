"""Loading the configuration: finding soak.yaml, laying the layers, checking all of it, building the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soak_action import resources
from soak_action.config import environment, layers
from soak_action.config.build import Builder
from soak_action.config.check import mistakes_of
from soak_action.config.command_line import Setting
from soak_action.config.layers import Leaf, Leaves
from soak_action.config.locate import Found, find_file
from soak_action.config.masking import mask_leaf, secret_values
from soak_action.config.model import Config, Source
from soak_action.config.names import parse_configuration
from soak_action.config.resolve import Given, Resolution, Rules, resolve
from soak_action.config.schema_tree import built_in_kpis, settable
from soak_action.config.yaml_source import Document
from soak_action.errors import ConfigurationError, EvidenceError

__all__ = ["Examined", "Loaded", "Request", "Setting", "examine", "load", "loaded", "read_back"]


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


@dataclass(frozen=True)
class Examined:
    """A request looked at without stopping at its mistakes: the file, what was given, the rules, what it comes to."""

    found: Found
    given: Given
    rules: Rules
    resolution: Resolution


def load(request: Request, check_source: Callable[[Source], str | None]) -> Loaded:
    """Return the configuration that `request` asks for; `check_source` says what is wrong with a KPI's source, or None.

    Raises ConfigurationError with every mistake that was found, UsageError when a file that was named is not there.
    """
    return loaded(examine(request, check_source))


def examine(request: Request, check_source: Callable[[Source], str | None]) -> Examined:
    """Return what `request` comes to, its mistakes included.

    Raises ConfigurationError when file or SOAK_OVERRIDES cannot be read as YAML, UsageError when a file is not there.
    """
    words = environment.reserved(request.environ)
    found = find_file(request.directory, request.config or words.get(environment.CONFIG), lookup=request.lookup)
    document, overrides = _parse(found, request.environ)
    profile = request.profile or words.get(environment.PROFILE)
    given = Given(document, profile, request.environ, overrides, request.settings)
    rules = Rules(resources.schema("soak"), check_source, _suite_of(found.base), request.result_files)
    return Examined(found, given, rules, resolve(given, rules))


def loaded(examined: Examined) -> Loaded:
    """Return the configuration in force. Raises ConfigurationError with every mistake, each told once."""
    resolution = examined.resolution
    if resolution.config is None:
        raise ConfigurationError(list(dict.fromkeys(map(str, resolution.mistakes))))
    return Loaded(
        config=resolution.config,
        leaves=resolution.leaves,
        base=examined.found.base,
        file=examined.found.path,
        absent=examined.found.absent,
        profile=examined.given.profile,
        warnings=resolution.stack.warnings,
        secrets=secret_values(resolution.leaves),
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
        document = parse_configuration(found.text, found.shown) if found.path else None
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
