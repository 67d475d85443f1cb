"""Rows of text in columns that line up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

_WIDEST = 40


def aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each row; a cell that is wider than 40 does not widen its column, it only pushes the rest."""
    table = [tuple(row) for row in rows]
    widths = [max(min(len(cell), _WIDEST) for cell in column) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
