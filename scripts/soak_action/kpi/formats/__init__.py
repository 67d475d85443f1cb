"""The formats of result files: one module each, and the table that finds it by the file's extension."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from soak_action.errors import UsageError
from soak_action.kpi.formats import csv_table, json_file, jsonl
from soak_action.kpi.formats.row import Row

__all__ = ["Reader", "Row", "reader_for"]

Reader = Callable[[Path], Iterator[Row]]

_READERS: dict[str, Reader] = {
    ".json": json_file.rows,
    ".jsonl": jsonl.rows,
    ".ndjson": jsonl.rows,
    ".csv": csv_table.rows,
    ".tsv": csv_table.rows,
}


def reader_for(path: Path) -> Reader:
    """Return the function that yields the rows of `path`; raises UsageError for an extension nobody knows."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        what = f"the extension '{path.suffix}'" if path.suffix else "no extension"
        raise UsageError(f"{path.name}: {what} says nothing about the format; name it {', '.join(_READERS)}")
    return reader
