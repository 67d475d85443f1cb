"""Where a compressed run is found, that it is unpacked once, and where it counts as being kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak_action.errors import EvidenceError
from soak_action.evidence import run_dir
from soak_action.evidence.archive import write
from soak_action.evidence.compressed import archive_of, home_of, opened

NAME = "20261123T005200Z-smoke-ab12cd"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    run = tmp_path / "made" / NAME
    run.mkdir(parents=True)
    (run / "run.json").write_bytes(b"{}")
    place = tmp_path / f"{NAME}.tar.gz"
    with place.open("wb") as file:
        write(run, file)
    return place


def test_a_run_is_found_by_its_archive_and_by_the_name_it_had(archive, tmp_path):
    assert archive_of(archive) == archive
    assert archive_of(tmp_path / NAME) == archive
    assert archive_of(tmp_path / "other") is None
    assert archive_of(tmp_path / "other.tar.gz") is None
    assert archive_of(Path()) is None
    assert archive_of(tmp_path / ("n" * 300)) is None
    assert archive_of(tmp_path / f"{'n' * 300}.tar.gz") is None


def test_a_directory_comes_before_its_archive(archive, tmp_path):
    (tmp_path / NAME).mkdir()
    assert archive_of(tmp_path / NAME) is None
    assert opened(tmp_path / NAME) == tmp_path / NAME


def test_it_is_unpacked_once_and_has_its_name(archive, tmp_path):
    place = opened(archive)
    assert place.name == NAME
    assert place.parent.parent != tmp_path
    assert opened(tmp_path / NAME) == place
    assert run_dir.find(archive).path == place.resolve()
    assert home_of(place) == tmp_path / NAME
    assert home_of(tmp_path) == tmp_path


def test_a_damaged_archive_is_told(archive):
    archive.write_bytes(archive.read_bytes()[:100])
    with pytest.raises(EvidenceError, match="the archive is damaged"):
        run_dir.find(archive)


def test_a_path_that_is_no_directory_beside_is_left_alone(tmp_path):
    with pytest.raises(EvidenceError, match="there is no such run"):
        run_dir.find(tmp_path / NAME)
