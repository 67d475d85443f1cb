"""What a case is judged by, as the configuration and the origins of its values say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from soak_action.config.model import Config, Kpi

_OVERRIDE_LAYERS = frozenset({"env", "cli"})
_OVERRIDE_FIELDS = ("key", "value", "layer", "origin", "shadowed")


@dataclass(frozen=True)
class Rules:
    """The KPIs with their limits, where each value was given, and what environment and command line overrode.

    `reproduce` is the command that judges by these rules again.
    """

    kpis: tuple[Kpi, ...]
    origins: Mapping[str, str]
    overrides: tuple[Mapping[str, object], ...]
    reproduce: str

    @classmethod
    def of(cls, config: Config, leaves: Sequence[Mapping[str, object]], reproduce: str) -> Self:
        """Return the rules of a configuration, whose `leaves` are those of config-sources.json."""
        return cls(
            kpis=config.kpis,
            origins={str(leaf.get("key")): str(leaf.get("origin")) for leaf in leaves},
            overrides=tuple(_overrides(leaves)),
            reproduce=reproduce,
        )


def _overrides(leaves: Sequence[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    for leaf in leaves:
        if leaf.get("layer") in _OVERRIDE_LAYERS:
            yield {field: leaf.get(field) for field in _OVERRIDE_FIELDS}
