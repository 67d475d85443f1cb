"""Values that contradict each other: one key, two files, and nothing but the user to say which one is meant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from soak_action.config.layers import Path
from soak_action.config.wording import quote
from soak_action.migration.value import Value, is_same


@dataclass(frozen=True)
class Conflict:
    """Two values that cannot both stand in soak.yaml."""

    one: Value
    other: Value

    def __str__(self) -> str:
        sides = [f"{quote(side.value, side.path)} at {side.origin}" for side in (self.one, self.other)]
        keys = dict.fromkeys(".".join(side.path) for side in (self.one, self.other))
        what = " and ".join(f"'{key}'" for key in keys)
        if self.one.source == self.other.source:
            advice = f"remove one of them from {self.one.source}"
        else:
            advice = f"decide with --prefer {self.one.source} or --prefer {self.other.source}"
        return f"{what} is {sides[0]}, but {sides[1]}; {advice}"


def settle(values: Iterable[Value], preferred: Sequence[str]) -> tuple[dict[Path, Value], list[Conflict]]:
    """Return the values by their paths, each path once, and the conflicts that `preferred` files do not decide.

    The first value of a path stays when a later one is equal.
    """
    board = _Board(preferred)
    for value in values:
        board.place(value)
    return board.chosen, board.conflicts


class _Board:
    def __init__(self, preferred: Sequence[str]) -> None:
        self.chosen: dict[Path, Value] = {}
        self.conflicts: list[Conflict] = []
        self._rank = {name: index for index, name in reversed(list(enumerate(preferred)))}
        self._below: dict[Path, set[Path]] = defaultdict(set)

    def place(self, value: Value) -> None:
        rivals = self._rivals(value)
        mine = self._rank_of(value)
        stronger = [rival for rival in rivals if self._rank_of(rival) < mine]
        equal = [rival for rival in rivals if self._rank_of(rival) == mine]
        if equal and not stronger:
            self.conflicts += [Conflict(rival, value) for rival in equal]
        elif not stronger and not self._is_said(value):
            for rival in rivals:
                self._remove(rival.path)
            self._add(value)

    def _is_said(self, value: Value) -> bool:
        """Whether the value adds nothing: an equal one is there, or it is an empty mapping that others fill."""
        former = self.chosen.get(value.path)
        if former is not None and is_same(former.value, value.value):
            return True
        return value.value == {} and bool(self._below.get(value.path))

    def _rivals(self, value: Value) -> list[Value]:
        found = [self.chosen[path] for path in _heads(value.path) if path in self.chosen]
        rivals = [above for above in found if above.path == value.path or above.value != {}]
        rivals = [rival for rival in rivals if rival.path != value.path or not is_same(rival.value, value.value)]
        if value.value != {}:
            rivals += [self.chosen[path] for path in sorted(self._below.get(value.path, ()))]
        return rivals

    def _rank_of(self, value: Value) -> int:
        return self._rank.get(value.source, len(self._rank))

    def _add(self, value: Value) -> None:
        for head in _heads(value.path)[:-1]:
            if head in self.chosen and self.chosen[head].value == {}:
                self._remove(head)
            self._below[head].add(value.path)
        self.chosen[value.path] = value

    def _remove(self, path: Path) -> None:
        del self.chosen[path]
        for head in _heads(path)[:-1]:
            self._below[head].discard(path)


def _heads(path: Path) -> list[Path]:
    return [path[:length] for length in range(1, len(path) + 1)]
