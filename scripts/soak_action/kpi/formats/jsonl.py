"""JSON Lines: one document per line, that is one iteration per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from soak_action import canonical
from soak_action.kpi.document import DocumentError
from soak_action.kpi.formats.lines import lines_of
from soak_action.kpi.formats.row import Row

_LINE_ENDS = ("\n", "\r\n")


def rows(path: Path) -> Iterator[Row]:
    """Yield one row per line in constant memory; a line that is not strict JSON is a row with an error.

    An empty line is an error too: it is what a measurement that printed nothing leaves behind. Nothing follows the
    error of an unreadable file or an endless line.
    """
    name = path.name
    number = 0
    decode = _DECODER.raw_decode
    try:
        for number, line in enumerate(lines_of(path), 1):
            try:
                text = line.decode()
                document, end = decode(text)
                if text[end:] in _LINE_ENDS:
                    yield Row(name, number, document, None)
                    continue
            except (ValueError, RecursionError):
                pass
            yield _careful(name, number, line)
    except DocumentError as error:
        yield Row(name, number + 1 if number else None, None, str(error))


def _careful(name: str, number: int, line: bytes) -> Row:
    """Read a line that the fast way did not take; the strict reader has the last word and the better message."""
    if not line.strip():
        return Row(name, number, None, "an empty line; a row is one JSON document")
    is_ended = line.endswith(b"\n")
    try:
        document = canonical.parse(line.rstrip(b"\r\n"), name, number)
    except canonical.CanonicalError as error:
        what = f"column {str(error).removeprefix(f'{name}:{number}:')}"
        return Row(
            name, number, None, what if is_ended else f"{what}; the last line has no line end, it may be cut off"
        )
    if not is_ended and not isinstance(document, dict | list):
        # Half a number is a number: only brackets show that nothing is missing.
        return Row(name, number, None, "the last line has no line end, the number may be cut off")
    return Row(name, number, document, None)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate key")
    return members


def _refuse(constant: str) -> object:
    raise ValueError(constant)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
