"""What a change of the configuration does to its gates: each limit, lock and promise that is looser or tighter.

Pure: the values in force before and after in, changes out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from soak_action.config.layers import Path
from soak_action.units import UnitError, parse_duration, parse_share

Direction = Literal["loosened", "changed", "tightened"]
Values = Mapping[Path, Any]

_ORDER: tuple[Direction, ...] = ("loosened", "changed", "tightened")
_LESS_IS_STRICTER = frozenset({("schedule", "failures"), ("schedule", "warmup")})
_MORE_IS_STRICTER = frozenset({("schedule", "iterations"), ("schedule", "duration"), ("schedule", "min_active")})
_SETS = frozenset({("gate", "fail_on"), ("gate", "locked")})
_ONLY_WORDS = frozenset({"title", "unit"})


@dataclass(frozen=True)
class Change:
    """A gate that differs: the path of its value, what that was and is (None where there is none), what that does."""

    path: Path
    before: Any
    after: Any
    direction: Direction

    @property
    def key(self) -> str:
        """The dotted name of the value."""
        return ".".join(self.path)


def changes(before: Values, after: Values) -> list[Change]:
    """Return what became looser, different or tighter, the looser first, each in the order of the keys."""
    old_kpis, new_kpis = _kpis(before), _kpis(after)
    found = [Change(("kpis", name), "judged", None, "loosened") for name in old_kpis - new_kpis]
    found += [Change(("kpis", name), None, "judged", "tightened") for name in new_kpis - old_kpis]
    for path in {*before, *after}:
        one, other = before.get(path), after.get(path)
        if one != other and _is_gate(path) and (path[0] != "kpis" or path[1] in old_kpis & new_kpis):
            found += _judged(path, one, other, before, after)
    return in_order(found)


def in_order(found: Iterable[Change]) -> list[Change]:
    """Return changes in the order in which people read them: the looser first, each by its key."""
    return sorted(found, key=lambda change: (_ORDER.index(change.direction), change.path))


def _kpis(values: Values) -> set[str]:
    return {path[1] for path in values if path[0] == "kpis" and len(path) > 1}


def _is_gate(path: Path) -> bool:
    if path[0] == "kpis":
        return len(path) > 2 and path[-1] not in _ONLY_WORDS
    return path[0] == "gate" or path in _LESS_IS_STRICTER | _MORE_IS_STRICTER


def _judged(path: Path, old: Any, new: Any, before: Values, after: Values) -> Iterator[Change]:
    """Yield the change, unless both are the same written in two ways."""
    if old is None or new is None:
        # A default that says the same as nothing is not worth a line.
        if old or new:
            yield Change(path, old, new, "tightened" if old is None else "loosened")
        return
    direction = _direction(path, old, new, better=_better(path, before, after))
    if direction is not None:
        yield Change(path, old, new, direction)


def _better(path: Path, before: Values, after: Values) -> str | None:
    """Return which direction is the good one of a KPI, None when that has changed or nobody said it."""
    key = (*path[:2], "better")
    return before.get(key) if before.get(key) == after.get(key) else None


def _direction(path: Path, old: Any, new: Any, better: str | None) -> Direction | None:
    if path in _SETS:
        return _of_sets(set(old), set(new))
    if path[-1] == "range":
        return _of_ranges(old, new)
    one, other = _number(old), _number(new)
    if one is None or other is None:
        return "changed"
    if one == other:
        return None
    if path[-1] in {"hard", "soft"}:
        less_is_stricter = {"lower": True, "higher": False}.get(better or "")
    elif path in _LESS_IS_STRICTER or path[-1] == "allow":
        less_is_stricter = True
    elif path in _MORE_IS_STRICTER or path[-1] in {"at_least", "must_vary"}:
        less_is_stricter = False
    else:
        less_is_stricter = None
    if less_is_stricter is None:
        return "changed"
    return "tightened" if (other < one) == less_is_stricter else "loosened"


def _of_sets(old: set[str], new: set[str]) -> Direction | None:
    if old == new:
        return None
    return "tightened" if old < new else "loosened" if new < old else "changed"


def _of_ranges(old: Any, new: Any) -> Direction:
    """Return what becomes of a range of possible values: a narrower one finds more of them impossible."""
    if new[0] >= old[0] and new[1] <= old[1]:
        return "tightened"
    return "loosened" if new[0] <= old[0] and new[1] >= old[1] else "changed"


def _number(value: Any) -> float | None:
    """Return a number, a truth value, a duration in seconds or a share as a number; None for anything else."""
    if isinstance(value, int | float):
        return float(value)
    for parse in (parse_duration, parse_share):
        try:
            number = parse(str(value))
        except UnitError:
            continue
        return number if math.isfinite(number) else None
    return None
