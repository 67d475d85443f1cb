"""One row of a result file: the measurements of one iteration, or why they cannot be read."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A document, or an `error`; `line` is None when the whole file is one document.

    A named tuple because a million of them are made: a frozen dataclass costs twice the time.
    """

    name: str
    line: int | None
    document: object
    error: str | None

    @property
    def where(self) -> str:
        """The place, for example ``results.jsonl:17``."""
        return self.name if self.line is None else f"{self.name}:{self.line}"
