"""The comments of a YAML file, and the keys that they speak of."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from soak_action.config.layers import Path
from soak_action.migration.source import Source
from soak_action.migration.value import Value

_CANDIDATE = re.compile(r"(?:^|(?<=[ \t]))#[^\r\n]*", re.MULTILINE)


@dataclass
class Remarks:
    """The comments of one key: the lines above it, and the one behind its value."""

    above: list[str] = field(default_factory=list)
    behind: str | None = None


@dataclass(frozen=True)
class _Comment:
    line: int
    column: int
    text: str
    stands_alone: bool


def remarks_of(sources: Iterable[Source], moved: Mapping[Path, Value], taken: Iterable[Path]) -> dict[Path, Remarks]:
    """Return the comments that go along with the `moved` values, by paths of soak.yaml.

    `taken` are the paths that stand there already: a comment about them stays behind with its key's new neighbours.
    """
    remarks: dict[Path, Remarks] = {}
    present = set(taken)
    for source in sources:
        mine = {value.raw: value for value in moved.values() if value.source == source.shown}
        if mine and not source.is_json:
            keeper = _Keeper(source.document.places, mine, present, remarks)
            for comment in _comments(source.data.decode("utf-8-sig")):
                keeper.keep(comment)
    return remarks


def lost_comments(former: bytes, new: bytes) -> list[tuple[int, str]]:
    """Return line and text of each comment of a YAML text that a newer one does not have."""
    left = Counter(comment.text for comment in _comments(new.decode("utf-8-sig")))
    lost = []
    for comment in _comments(former.decode("utf-8-sig")):
        left[comment.text] -= 1
        if left[comment.text] < 0:
            lost.append((comment.line, comment.text))
    return lost


class _Keeper:
    """Finds for each comment of one file the key that it goes along with: `moved` are the values by their old paths."""

    def __init__(
        self,
        places: Mapping[Path, tuple[int, int]],
        moved: Mapping[Path, Value],
        present: set[Path],
        remarks: dict[Path, Remarks],
    ) -> None:
        self._places = places
        self._moved = moved
        self._present = present
        self._remarks = remarks
        self._keys = sorted(places, key=lambda path: places[path])
        self._starts = [places[path] for path in self._keys]
        self._owners = [next((head for head in _upwards(path) if head in moved), None) for path in self._keys]
        self._followers = list(self._owners)
        for index in range(len(self._followers) - 2, -1, -1):
            self._followers[index] = self._followers[index] or self._followers[index + 1]

    def keep(self, comment: _Comment) -> None:
        """Note a comment with the value on its line, else with the next value that moves, else with the last one."""
        index = bisect_right(self._starts, (comment.line, comment.column))
        if not comment.stands_alone and index > 0:
            index -= 1
            owner = self._owners[index]
            if owner is not None and self._places[owner][0] == comment.line:
                remark = self._about(self._moved[owner].path)
                if remark.behind is None:
                    remark.behind = comment.text
                    return
        owner = self._followers[index] if index < len(self._followers) else None
        if owner is not None:
            path = self._anchor(self._keys[index], self._moved[owner])
        else:
            path = self._moved[max(self._moved, key=lambda raw: self._places.get(raw, (0, 0)))].path
        self._about(path).above.append(comment.text)

    def _about(self, path: Path) -> Remarks:
        return self._remarks.setdefault(path, Remarks())

    def _anchor(self, spoken_of: Path, value: Value) -> Path:
        """Return the new path of what a comment speaks of: a mapping that comes along, else the value itself."""
        parts = tuple(".".join(spoken_of).split("."))
        offset = len(value.path) - len(value.name.split("."))
        parent = value.path[: offset + len(parts)]
        comes_along = len(spoken_of) < len(value.raw) and value.raw[: len(spoken_of)] == spoken_of
        if comes_along and offset >= 0 and parent[offset:] == parts and parent not in self._present:
            return parent
        return value.path


def _upwards(path: Path) -> Iterator[Path]:
    return (path[:length] for length in range(len(path), 0, -1))


def _comments(text: str) -> Iterator[_Comment]:
    tokens = yaml.scan(text, Loader=yaml.CSafeLoader)
    spans = [(token.start_mark.index, token.end_mark.index) for token in tokens if isinstance(token, yaml.ScalarToken)]
    starts = [start for start, _ in spans]
    position, counted, line = 0, 0, 1
    while found := _CANDIDATE.search(text, position):
        index = bisect_right(starts, found.start()) - 1
        if index >= 0 and found.start() < spans[index][1]:
            position = spans[index][1]
            continue
        position = found.end()
        line += text.count("\n", counted, found.start())
        counted = found.start()
        line_start = text.rfind("\n", 0, found.start()) + 1
        yield _Comment(
            line=line,
            column=found.start() - line_start + 1,
            text=found.group().rstrip(),
            stands_alone=not text[line_start : found.start()].strip(),
        )
