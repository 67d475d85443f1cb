from __future__ import annotations

from pathlib import Path

import pytest

from soak_action.kpi.formats.csv_table import rows
from soak_action.kpi.formats.row import Row


def read(tmp_path: Path, data: bytes | str, name: str = "m.csv") -> list[Row]:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return list(rows(path))


def documents(found: list[Row]) -> list[object]:
    assert [row.error for row in found] == [None] * len(found)
    return [row.document for row in found]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("p95,name\n1.5,x\n2,y\n", [{"p95": 1.5, "name": "x"}, {"p95": 2.0, "name": "y"}]),
        ("p95;name\n1.5;a,b\n", [{"p95": 1.5, "name": "a,b"}]),
        ("p95\tname\n1.5\tx\n", [{"p95": 1.5, "name": "x"}]),
        ("p95\n1e3\n-.5\n", [{"p95": 1000.0}, {"p95": -0.5}]),
        (' p95 , "95%" \n 1 , 2 \n'.replace(', "95%" ', ",95%"), [{"p95": 1.0, "95%": 2.0}]),
        ('"a;b","c\td"\n1,2\n', [{"a;b": 1.0, "c\td": 2.0}]),
        ('a,b\n1,"x\ny"\n3,z\n', [{"a": 1.0, "b": "x\ny"}, {"a": 3.0, "b": "z"}]),
        ("a,b\n1,2", [{"a": 1.0, "b": 2.0}]),
    ],
)
def test_a_row_per_line(tmp_path: Path, data: str, expected: list[object]) -> None:
    assert documents(read(tmp_path, data)) == expected


def test_places_count_lines_of_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, 'a,b\n1,"x\ny"\n3,z\n')
    assert [row.where for row in found] == ["m.csv:2", "m.csv:4"]


def test_trap_02_an_empty_cell_is_missing_and_text_stays_text(tmp_path: Path) -> None:
    found = read(tmp_path, "a,b,c,d,e\n,1_5, ,nan,N/A\n")
    assert documents(found) == [{"b": "1_5", "d": "nan", "e": "N/A"}]


@pytest.mark.parametrize("data", ["\ufeffa,b\r\n1,2\r\n", "\ufeffa,b\r\r\n1,2\r\r\n", "a,b\n1,2\n"])
def test_trap_48_marks_and_line_ends(tmp_path: Path, data: str) -> None:
    assert documents(read(tmp_path, data)) == [{"a": 1.0, "b": 2.0}]


def test_trap_48_a_decimal_comma_is_no_number(tmp_path: Path) -> None:
    assert documents(read(tmp_path, "a;b\n1,5;2\n")) == [{"a": "1,5", "b": 2.0}]


def test_a_tsv_file_is_split_at_tabs_only(tmp_path: Path) -> None:
    assert documents(read(tmp_path, "a,x\tb;y\n1\t2\n", "m.tsv")) == [{"a,x": 1.0, "b;y": 2.0}]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("a,b,a", "the header has 'a' more than once"),
        ("a, a", "the header has 'a' more than once"),
        ("a,,b", "column 2 of the header has no name"),
        ("a,b,", "column 3 of the header has no name"),
        ("", "the header is an empty line"),
        ("  ", "column 1 of the header has no name"),
        ("a,b;c", "comma and semicolon in the header"),
        ("1.5,2,3", "the first line is not a header"),
        ('"a,b', "unexpected end of data"),
    ],
)
def test_a_bad_header_is_one_row_with_an_error(tmp_path: Path, header: str, says: str) -> None:
    (row,) = read(tmp_path, f"{header}\n1,2,3\n")
    assert (row.where, row.document) == ("m.csv:1", None)
    assert says in str(row.error)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1", "1 cells for 2 columns"),
        ("1,2,3", "3 cells for 2 columns"),
        ("", "an empty line"),
        ('1,"2"x', "expected after"),
        ("1," + "x" * 200_000, "field larger than field limit"),
    ],
)
def test_trap_43_a_bad_row_is_a_row_with_an_error_and_the_next_is_read(tmp_path: Path, line: str, says: str) -> None:
    first, bad, last = read(tmp_path, f"a,b\n1,2\n{line}\n5,6\n")
    assert (first.document, last.document) == ({"a": 1.0, "b": 2.0}, {"a": 5.0, "b": 6.0})
    assert (bad.where, bad.document) == ("m.csv:3", None)
    assert says in str(bad.error)


def test_an_open_quote_at_the_end_is_an_error(tmp_path: Path) -> None:
    first, bad = read(tmp_path, 'a,b\n1,2\n3,"4\n')
    assert first.error is None
    assert bad.where == "m.csv:3"
    assert "unexpected end of data" in str(bad.error)


def test_other_encodings_stop_the_reading_with_an_error(tmp_path: Path) -> None:
    first, bad = read(tmp_path, b"a,b\n1,2\n3,\xff\n5,6\n")
    assert first.error is None
    assert bad.where == "m.csv:3"
    assert bad.error == "byte 3 of the line is not UTF-8; the rest of the file was not read"


def test_trap_03_a_header_alone_is_an_error(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "a,b\n")
    assert row.error == "no row below the header"
