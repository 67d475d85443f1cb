from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak_action.kpi.formats.jsonl import rows
from soak_action.kpi.formats.row import Row


def read(tmp_path: Path, data: bytes | str) -> list[Row]:
    path = tmp_path / "m.jsonl"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return list(rows(path))


def test_one_line_is_one_row(tmp_path: Path) -> None:
    found = read(tmp_path, '{"a": 1}\n[2]\n3\nnull\n')
    assert [row.document for row in found] == [{"a": 1}, [2], 3, None]
    assert [row.where for row in found] == ["m.jsonl:1", "m.jsonl:2", "m.jsonl:3", "m.jsonl:4"]
    assert [row.error for row in found] == [None] * 4


@pytest.mark.parametrize("data", ['\ufeff{"a": 1}\r\n{"a": 2}\r\n', ' {"a": 1} \n\t{"a": 2}\t\n', '{"a": 1}\n{"a": 2}'])
def test_trap_48_marks_line_ends_and_blanks(tmp_path: Path, data: str) -> None:
    assert [(row.document, row.error) for row in read(tmp_path, data)] == [({"a": 1}, None), ({"a": 2}, None)]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"", "an empty line"),
        (b"  \r", "an empty line"),
        (b'{"a": 1', "column 8: "),
        (b'{"a": NaN}', "column 7: NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1, "a": 2}', "duplicate key 'a'"),
        (b'{"a": 1} {"a": 2}', "column 10: "),
        (b'{"a": "\xff"}', "is not UTF-8"),
        (b"[" * 100_000, "levels deep"),
        (b"a,b", "column 1: "),
    ],
)
def test_trap_43_a_bad_line_is_a_row_with_an_error_and_the_next_is_read(tmp_path: Path, line: bytes, says: str) -> None:
    first, bad, last = read(tmp_path, b'{"a": 1}\n' + line + b'\n{"a": 3}\n')
    assert (first.document, last.document) == ({"a": 1}, {"a": 3})
    assert (bad.where, bad.document) == ("m.jsonl:2", None)
    assert bad.error is not None
    assert says in bad.error
    assert "m.jsonl" not in bad.error


@pytest.mark.parametrize(
    ("tail", "is_whole"), [('{"a": 2}', True), ("[2]", True), ('{"a": 2', False), ("12", False), ('"x', False)]
)
def test_a_last_line_without_an_end_must_show_that_it_is_whole(tmp_path: Path, tail: str, is_whole: bool) -> None:
    first, last = read(tmp_path, '{"a": 1}\n' + tail)
    assert first.error is None
    assert (last.error is None) is is_whole
    if not is_whole:
        assert "the last line has no line end" in str(last.error)


def test_a_cut_inside_a_character_leaves_the_rest_readable(tmp_path: Path) -> None:
    first, last = read(tmp_path, '{"a": 1}\n{"b": "é'.encode()[:-1])
    assert first.document == {"a": 1}
    assert "is not UTF-8" in str(last.error)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=3), st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, documents: list[dict[str, object]]) -> None:
    lines = "".join(f"{json.dumps(document)}\n" for document in documents)
    found = read(tmp_path_factory.mktemp("jsonl"), lines)
    assert [row.document for row in found] == documents
    assert {row.error for row in found} == {None}
