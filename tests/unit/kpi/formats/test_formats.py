from __future__ import annotations

from pathlib import Path

import pytest

from soak_action.errors import UsageError
from soak_action.kpi.formats import reader_for


@pytest.mark.parametrize("name", ["m.json", "M.JSON", "m.jsonl", "m.ndjson", "m.csv", "m.tsv", "a.b.json"])
def test_known_extensions(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("a\n1\n" if path.suffix in {".csv", ".tsv"} else '{"a": 1}\n')
    assert [row.document for row in reader_for(path)(path)] == [{"a": 1}]


@pytest.mark.parametrize(
    ("name", "says"), [("m.xml", "the extension '.xml'"), ("m", "no extension"), ("m.json.gz", "'.gz'")]
)
def test_unknown_extensions_are_a_usage_error(name: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        reader_for(Path(name))
    assert says in str(caught.value)
    assert ".json, .jsonl, .ndjson, .csv, .tsv" in str(caught.value)


@pytest.mark.parametrize("extension", ["json", "jsonl", "csv"])
def test_trap_03_an_unreadable_or_empty_file_is_a_row_with_an_error(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"m.{extension}"
    (missing,) = reader_for(path)(path)
    assert (missing.where, missing.document) == (f"m.{extension}", None)
    assert missing.error
    path.write_bytes(b"\xef\xbb\xbf")
    (empty,) = reader_for(path)(path)
    assert (empty.where, empty.error) == (f"m.{extension}", "the file is empty")
    path.unlink()
    path.mkdir()
    (directory,) = reader_for(path)(path)
    assert directory.error == "is a directory, not a file"
