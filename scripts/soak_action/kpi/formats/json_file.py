"""JSON: one file is one document, that is one iteration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from soak_action.kpi.document import DocumentError, read_document
from soak_action.kpi.formats.row import Row


def rows(path: Path) -> Iterator[Row]:
    """Yield the file's one row."""
    try:
        yield Row(path.name, None, read_document(path), None)
    except DocumentError as error:
        yield Row(path.name, None, None, str(error))
