"""Resolving one request: the layers laid over each other, all of it checked, the model built when nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from soak_action.config import layers
from soak_action.config.build import Builder
from soak_action.config.check import Mistake, in_order, mistakes_of
from soak_action.config.command_line import Setting
from soak_action.config.layers import Leaves, Path
from soak_action.config.model import Config, Source
from soak_action.config.schema_tree import Schema, built_in_kpis, settable
from soak_action.config.stack import Stack, gather, section
from soak_action.config.yaml_source import Document


@dataclass(frozen=True)
class Given:
    """What the layers are made of: the parsed file, which profile of it, the environment and the command line."""

    document: Document | None
    profile: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    overrides: Document | None = None
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True)
class Rules:
    """What values are held to: the schema of the file, what a KPI's source must be, and whether it needs no FILE.

    `check_source` returns what is wrong with a source, or None; `suite` is the name to use when none is given.
    """

    schema: Schema
    check_source: Callable[[Source], str | None]
    suite: str
    result_files: bool = False


@dataclass(frozen=True)
class Resolution:
    """What a request comes to. `config` is None when there are mistakes; `where` gives the place to look at."""

    stack: Stack
    leaves: Leaves
    mistakes: tuple[Mistake, ...]
    config: Config | None
    where: Callable[[Path], str]


def resolve(given: Given, rules: Rules) -> Resolution:
    """Return what `given` comes to, with every mistake that can be told at once."""
    schema, profile = rules.schema, given.profile
    stack = gather(schema, given.document, profile, given.environ, given.overrides, given.settings)
    leaves = layers.merge(stack.layers)
    merged = layers.tree(leaves.values())
    where = _where(leaves, stack)
    builder = Builder(where, rules.check_source, built_in_kpis(schema), result_files=rules.result_files)
    broken = {section(mistake.path, profile) for mistake in stack.mistakes}
    unmet = mistakes_of(merged, settable(schema), where, partial=False)
    mistakes = [*stack.mistakes, *(mistake for mistake in unmet if section(mistake.path, profile) not in broken)]
    broken |= {section(mistake.path, profile) for mistake in unmet}
    config = None
    if broken:
        builder.check(merged, broken)
    else:
        config = builder.build(merged, rules.suite)
    mistakes += builder.mistakes
    return Resolution(stack, leaves, tuple(in_order(mistakes)), None if mistakes else config, where)


def _where(leaves: Leaves, stack: Stack) -> Callable[[Path], str]:
    """Return a function that names the place to look at for a path: the value's own, else one below or above it."""

    def where(path: Path) -> str:
        return next(_places(path, leaves, stack), "soak.yaml")

    return where


def _places(path: Path, leaves: Leaves, stack: Stack) -> Iterator[str]:
    given = [leaf for leaf in leaves.values() if leaf.layer != "default"]
    yield from (leaf.origin for leaf in given if leaf.path == path)
    yield from (leaf.origin for leaf in given if leaf.path[: len(path)] == path)
    entries = [entry for layer in reversed(stack.layers) if layer.name != "default" for entry in layer.entries]
    yield from (entry.origin for entry in entries if entry.path == path[: len(entry.path)])
