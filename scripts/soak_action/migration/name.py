"""Legacy names: the keys of soak.yaml that they stand for, written nested, with dots, flat or as variables."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cached_property

from soak_action.config import environment
from soak_action.config.command_line import node_at
from soak_action.config.layers import Path
from soak_action.config.schema_tree import Schema, fixed_leaves, is_optional, settable
from soak_action.config.wording import nearest
from soak_action.migration.role import Role

_SEPARATORS = re.compile(r"(?:__|[-.])")


def is_reserved(name: str) -> bool:
    """Whether soak itself or the workload gets something else under this name than a value of the configuration."""
    return name.upper() in {*environment.FOR_SOAK, *environment.FOR_THE_WORKLOAD}


class Names:
    """The names that a file of one role may use; `kpis` are the KPIs that its variables may speak of."""

    def __init__(self, schema: Schema, role: Role, kpis: tuple[str, ...] = ()) -> None:
        self._schema = schema
        self._role = role
        self._kpis = kpis

    def path_of(self, name: str) -> Path | None:
        """Return the path below the role's place in soak.yaml, or None when the name stands for no key or for several.

        A flat name stands for the key that it spells out (``schedule_iterations``), or for the only one that ends so
        (``iterations``), where keys of sections that need not be there come second.
        """
        path = tuple(name.split("."))
        if node_at(self._schema, (*self._role.prefix, *path)) is not None:
            return path
        if path[0] == "profiles" and len(path) > 2 and self._role.profile is None:
            inner = Names(self._schema, Role(path[1])).path_of(".".join(path[2:]))
            return None if inner is None else (*path[:2], *inner)
        if self._role.is_environment and not is_reserved(name):
            variables = self._variables
            if name.upper() in variables:
                return variables[name.upper()]
        candidates = self._nearest(self._flat.get(_flat(name), set()))
        return next(iter(candidates)) if len(candidates) == 1 else None

    def suggestion(self, name: str) -> str | None:
        """Return the key that was probably meant, or None."""
        if is_reserved(name) or name.startswith("profiles."):
            return None
        plain = name.lower().removeprefix("soak_").replace("__", ".")
        above, _, last = plain.rpartition(".")
        known = [".".join(path) for path in self._leaves]
        kpi = above.rpartition(".")[2]
        if re.fullmatch(r"[a-z][a-z0-9_]*", kpi):
            known += [f"kpis.{kpi}.{'.'.join(path)}" for path, _ in fixed_leaves(self._schema, self._one_kpi)]
        same_end = [key for key in known if key.rpartition(".")[2] == last]
        same_end = [".".join(path) for path in self._nearest({tuple(key.split(".")) for key in same_end})]
        if len(same_end) == 1:
            return same_end[0]
        near = nearest(plain, known, 0.75)
        if near or above:
            return near
        known.sort(key=lambda key: not is_optional(self._schema, tuple(key.split("."))))
        ends = {key.rpartition(".")[2]: key for key in known}
        end = nearest(last, list(ends), 0.75)
        return ends[end] if end else None

    def _nearest(self, paths: set[Path]) -> set[Path]:
        """Return those of the paths that lie in no optional section; all of them when each does."""
        return {path for path in paths if not is_optional(self._schema, path)} or paths

    @cached_property
    def _one_kpi(self) -> Schema:
        node: Schema = self._schema["properties"]["kpis"]["additionalProperties"]
        return node

    @cached_property
    def _leaves(self) -> tuple[Path, ...]:
        paths = [path for path, _ in fixed_leaves(settable(self._schema))]
        return tuple(path for path in paths if node_at(self._schema, (*self._role.prefix, *path)) is not None)

    @cached_property
    def _variables(self) -> dict[str, Path]:
        return environment.variable_names(settable(self._schema), self._kpis)

    @cached_property
    def _flat(self) -> dict[str, set[Path]]:
        found: dict[str, set[Path]] = defaultdict(set)
        for path in self._leaves:
            found["_".join(path)].add(path)
            found[path[-1]].add(path)
        return found


def _flat(name: str) -> str:
    return _SEPARATORS.sub("_", name.lower()).removeprefix("soak_")
