"""CSV and TSV: a header line, then one iteration per row."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from soak_action.kpi.document import DocumentError
from soak_action.kpi.formats.lines import lines_of
from soak_action.kpi.formats.row import Row
from soak_action.kpi.reading import parse_number

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}


def rows(path: Path) -> Iterator[Row]:
    """Yield one row per line below the header: a mapping from column to number, or to text where it is no number.

    An empty cell has no key. The delimiter is read off the header line (always a tab in .tsv files). A row that does
    not fit the header is a row with an error. Nothing follows the error of a bad header or of other than UTF-8.
    """
    lines = _Lines(path)
    try:
        yield from _table(path, lines)
    except (DocumentError, csv.Error) as error:
        yield Row(path.name, lines.number or None, None, str(error))


def _table(path: Path, lines: _Lines) -> Iterator[Row]:
    header_line = next(lines)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter_of(header_line)
    header = _header(next(csv.reader([header_line], delimiter=delimiter, strict=True)))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    cells: list[str] | None
    count = 0
    while True:
        first = lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Row(path.name, first, None, str(error))
            count += 1
            continue
        if cells is None:
            break
        count += 1
        yield _row(path.name, first, header, cells)
    if not count:
        raise DocumentError("no row below the header")


def _row(name: str, line: int, header: list[str], cells: list[str]) -> Row:
    if not cells:
        return Row(name, line, None, "an empty line; a row has one cell per column")
    if len(cells) != len(header):
        return Row(name, line, None, f"{len(cells)} cells for {len(header)} columns")
    document: dict[str, object] = {}
    for column, cell in zip(header, cells, strict=True):
        bare = cell.strip(" \t")
        if bare:
            number = parse_number(bare)
            document[column] = bare if number is None else number
    return Row(name, line, document, None)


def _header(names: list[str]) -> list[str]:
    """Return the column names without blanks around them, or raise DocumentError."""
    header = [name.strip() for name in names]
    if not header:
        raise DocumentError("the header is an empty line")
    if not all(header):
        raise DocumentError(f"column {header.index('') + 1} of the header has no name")
    repeated = [name for name, count in Counter(header).items() if count > 1]
    if repeated:
        raise DocumentError(f"the header has {', '.join(map(repr, repeated))} more than once")
    if all(parse_number(name) is not None for name in header):
        raise DocumentError("the first line is not a header, it holds only numbers")
    return header


def _delimiter_of(header_line: str) -> str:
    """Return the one delimiter that stands outside quotes in the header; a comma when there is a single column."""
    outside = "".join(header_line.split('"')[::2])
    found = [delimiter for delimiter in _DELIMITERS if delimiter in outside.strip()]
    if len(found) > 1:
        names = " and ".join(_DELIMITERS[delimiter] for delimiter in found)
        raise DocumentError(f"{names} in the header; put names that hold one of them in quotes")
    return found[0] if found else ","


class _Lines:
    """The decoded lines of a file, and the number of the last one taken (a quoted cell may span several)."""

    def __init__(self, path: Path) -> None:
        self._lines = lines_of(path)
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            what = f"byte {error.start + 1} of the line is not UTF-8; the rest of the file was not read"
            raise DocumentError(what) from None
