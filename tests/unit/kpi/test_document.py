from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from soak_action.kpi.document import LARGEST_DOCUMENT, DocumentError, read_document


def test_a_document_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": [1, 2.5, null]}\r\n')
    assert read_document(path) == {"a": [1, 2.5, None]}


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read: "):
        read_document(tmp_path / "m.json")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="is a directory"):
        read_document(tmp_path)


def test_other_failures_of_the_system_are_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read: "):
        read_document(tmp_path / ("x" * 5000))


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes in directories exist on POSIX only")
def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.json")
    with pytest.raises(DocumentError, match="is not a regular file"):
        read_document(tmp_path / "m.json")


def test_the_largest_document(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(b"[1, 2]")
    assert read_document(path, 6) == [1, 2]
    with pytest.raises(DocumentError, match="is larger than 5 Bytes"):
        read_document(path, 5)


def test_the_default_limit(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    with path.open("wb") as file:
        file.truncate(LARGEST_DOCUMENT + 1)
    with pytest.raises(DocumentError, match=r"is larger than 64.0 MiB"):
        read_document(path)
