from __future__ import annotations

from pathlib import Path

from soak_action.kpi.formats.json_file import rows


def test_one_file_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(b'\xef\xbb\xbf[\r\n{"a": 1}\r\n]')
    (row,) = rows(path)
    assert (row.where, row.document, row.error) == ("m.json", [{"a": 1}], None)


def test_a_mistake_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text('{\n"a": Infinity}')
    (row,) = rows(path)
    assert (row.where, row.document, row.error) == ("m.json", None, "2:6: Infinity is not JSON")
