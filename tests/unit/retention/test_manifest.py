"""What a run says about itself, and that a manifest which cannot be believed is none."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime

import pytest
from tests.unit.retention.runs import OLD, make_run, output

from soak_action.evidence.archive import write
from soak_action.retention.item import Group
from soak_action.retention.manifest import manifest_of, manifest_of_archive


@pytest.fixture
def root(tmp_path):
    return output(tmp_path / "runs")


def test_a_finished_run_tells_its_verdict(root):
    run = make_run(root, OLD, verdict="fail", profile="nightly")
    found = manifest_of(run)
    assert found is not None
    assert (found.run_id, found.group, found.verdict) == (run.name, Group("api", "nightly"), "fail")
    assert (found.started, found.has_ended) == (OLD.timestamp(), True)


def test_a_run_without_a_receipt_has_not_ended(root):
    found = manifest_of(make_run(root, OLD, verdict=None))
    assert found is not None
    assert (found.group, found.verdict, found.has_ended) == (Group("api", "default"), None, False)


def test_a_judgement_is_of_a_group_of_its_own(root):
    found = manifest_of(make_run(root, OLD, promise="gate"))
    assert found is not None
    assert found.group == Group("api", "default", judgements=True)


@pytest.mark.parametrize(
    "receipt",
    [b"", b"{", b"[]", b'{"kind": "gate"}', b"\xff", b'{"kind": "run"}', b'{"kind": "run", "run_id": 3}', b"9" * 2**21],
)
def test_a_corrupt_receipt_makes_a_run_unfinished_not_unknown(root, receipt):
    run = make_run(root, OLD)
    (run / "receipt.json").write_bytes(receipt)
    found = manifest_of(run)
    assert found is not None
    assert not found.has_ended


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("run_id", None),
        ("suite", 3),
        ("profile", ["x"]),
        ("started_at", "yesterday"),
        ("started_at", 12),
        ("started_at", None),
    ],
)
def test_a_manifest_that_cannot_be_read_is_none(root, key, value):
    run = make_run(root, OLD, verdict=None)
    document = json.loads((run / "run.json").read_text("utf-8"))
    (run / "run.json").write_text(json.dumps({**document, key: value}), encoding="utf-8")
    assert manifest_of(run) is None


def test_no_manifest_is_none(root):
    run = make_run(root, OLD)
    (run / "run.json").unlink()
    assert manifest_of(run) is None
    (run / "run.json").mkdir()
    (run / "receipt.json").unlink()
    assert manifest_of(run) is None


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and links are those of POSIX")
def test_neither_a_pipe_nor_a_link_is_read(root):
    run = make_run(root, OLD, verdict=None)
    (run / "run.json").rename(root / "elsewhere")
    (run / "run.json").symlink_to(root / "elsewhere")
    assert manifest_of(run) is None
    (run / "run.json").unlink()
    os.mkfifo(run / "run.json")
    assert manifest_of(run) is None


def test_an_archive_says_the_same_as_its_directory(root, tmp_path):
    for run in (make_run(root, OLD, verdict="pass"), make_run(root, OLD, suffix="000000", promise="gate")):
        archive = tmp_path / "a.tar.gz"
        with archive.open("wb") as file:
            write(run, file)
        assert manifest_of_archive(archive) == manifest_of(run)


def test_only_the_beginning_of_an_archive_is_read(root, tmp_path):
    run = make_run(root, OLD, size=50_000_000)
    archive = tmp_path / "a.tar.gz"
    with archive.open("wb") as file:
        write(run, file)
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    assert manifest_of_archive(archive) == manifest_of(run)


@pytest.mark.parametrize("content", [b"", b"plain", b"\x1f\x8b\x08\x00", b"\x1f\x8b" + b"\0" * 5000])
def test_a_damaged_archive_says_nothing(tmp_path, content):
    (tmp_path / "a.tar.gz").write_bytes(content)
    assert manifest_of_archive(tmp_path / "a.tar.gz") is None
    assert manifest_of_archive(tmp_path / "none.tar.gz") is None


def test_an_archive_without_a_receipt_is_no_run(root, tmp_path):
    with (tmp_path / "a.tar.gz").open("wb") as file:
        write(make_run(root, OLD, verdict=None), file)
    assert manifest_of_archive(tmp_path / "a.tar.gz") is None


def test_a_moment_without_an_offset_is_utc(root):
    run = make_run(root, OLD, verdict=None)
    document = json.loads((run / "run.json").read_text("utf-8"))
    (run / "run.json").write_text(json.dumps({**document, "started_at": "2026-11-01T00:00:00"}), encoding="utf-8")
    found = manifest_of(run)
    assert found is not None
    assert found.started == datetime(2026, 11, 1, tzinfo=UTC).timestamp()
