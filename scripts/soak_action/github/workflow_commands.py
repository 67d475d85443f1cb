"""The commands that a step of a GitHub Actions job prints: annotations, groups, masks and fences, as text.

The runner reads commands from every line of both streams, so text from elsewhere is escaped or printed behind a fence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "notice"]

MOST_OF_A_LEVEL = 10
_MOST_CHARACTERS = 4_000


@dataclass(frozen=True)
class Annotation:
    """A message that GitHub shows beside a line of a file; without `file` it stands on the page of the run alone.

    `file` is relative to the repository's root with forward slashes; `line` and `column` count from 1.
    """

    level: Level
    title: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        places = {"file": self.file, "line": self.line, "col": self.column} if self.file else {}
        return command(self.level, self.message[:_MOST_CHARACTERS], {**places, "title": self.title})


def command(name: str, message: str = "", properties: dict[str, str | int | None] | None = None) -> str:
    """Return one command line; properties that are None are left out."""
    given = {key: str(value) for key, value in (properties or {}).items() if value is not None}
    words = ",".join(f"{key}={escape_property(value)}" for key, value in given.items())
    return f"::{name}{' ' if words else ''}{words}::{escape_data(message)}"


def escape_data(text: str) -> str:
    """Return text as the message of a command, which ends at the end of the line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Return text as the value of a property, which also ends at a comma or a colon."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


def at_most(annotations: Iterable[Annotation], most: int = MOST_OF_A_LEVEL) -> Iterator[Annotation]:
    """Yield at most `most` annotations of each level: GitHub drops further ones, so the last one says how many."""
    wanted = list(annotations)
    total = Counter(annotation.level for annotation in wanted)
    seen = Counter[Level]()
    for annotation in wanted:
        seen[annotation.level] += 1
        if total[annotation.level] <= most or seen[annotation.level] < most:
            yield annotation
        elif seen[annotation.level] == most:
            left = total[annotation.level] - most + 1
            message = f"{left} more of this kind are in the summary and in the log"
            yield Annotation(annotation.level, "and more", message)
