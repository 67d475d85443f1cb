from __future__ import annotations

from pathlib import Path

import pytest

from soak_action.kpi.document import DocumentError
from soak_action.kpi.formats import jsonl
from soak_action.kpi.formats.lines import LONGEST_LINE, lines_of


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_lines_keep_their_ends_and_lose_the_mark(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "m"
    path.write_bytes(mark + b"a\r\n\nb")
    assert list(lines_of(path)) == [b"a\r\n", b"\n", b"b"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_an_endless_line_is_refused_after_the_good_ones(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "m"
    path.write_bytes(mark + b"1234567\nabcdefgh\n")
    lines = lines_of(path, 8)
    assert next(lines) == b"1234567\n"
    with pytest.raises(DocumentError, match="has a line of 8 bytes or more"):
        next(lines)
    assert list(lines_of(path, 9)) == [b"1234567\n", b"abcdefgh\n"]


def test_an_endless_line_is_an_error_of_its_row(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"1\n" + b" " * LONGEST_LINE)
    first, endless = jsonl.rows(path)
    assert first.document == 1
    assert endless.where == "m.jsonl:2"
    assert "has a line of" in str(endless.error)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read: "):
        list(lines_of(tmp_path / "m"))
