"""The size that is planned is the size that comes out, and nothing half stays where a run is looked for."""

from __future__ import annotations

import os
import shutil
import sys

import pytest
from tests.unit.retention.runs import NOW, OLD, content_of, make_run, output

from soak_action import files
from soak_action.errors import SurroundingsError
from soak_action.evidence.archive import difference
from soak_action.retention.compressing import estimator, make_archive
from soak_action.retention.inventory import take_inventory


@pytest.fixture
def root(tmp_path):
    return output(tmp_path / "runs")


def found_in(root):
    return take_inventory(root, NOW.timestamp()).found


def test_the_estimate_is_what_the_archive_takes(root):
    run = make_run(root, OLD, size=3_000_000)
    found = found_in(root)
    expected = estimator(root, found.__getitem__)(found[run.name].item)
    archive = make_archive(root, found[run.name])
    status = archive.stat()
    assert expected == getattr(status, "st_blocks", status.st_size / 512) * 512
    assert difference(run, archive) is None
    assert [path.name for path in root.glob(".trash*")] == []


def test_a_run_that_went_cannot_be_estimated_and_that_is_told(root):
    run = make_run(root, OLD)
    found = found_in(root)
    shutil.rmtree(run)
    assert str(estimator(root, found.__getitem__)(found[run.name].item)).startswith("cannot be compressed: ")


def test_what_does_not_come_back_as_it_was_written_is_refused(root):
    run = make_run(root, OLD)
    found = found_in(root)

    def spoil(step: str) -> None:
        if step == "compress:synced":
            (aside,) = root.glob(".trash*")
            aside.write_bytes(aside.read_bytes()[:-30])

    stop = files.observe(spoil)
    try:
        with pytest.raises(SurroundingsError, match="the archive is damaged"):
            make_archive(root, found[run.name])
    finally:
        stop()
    assert sorted(path.name for path in root.glob("[2.]*") if path.name != ".gitignore") == [
        ".soak-artifacts",
        run.name,
    ]
    assert content_of(run)


def test_what_changed_while_it_was_written_is_refused(root):
    run = make_run(root, OLD)
    found = found_in(root)

    def disturb(step: str) -> None:
        if step == "compress:written":
            (run / "run.json").write_bytes(b"{}")

    stop = files.observe(disturb)
    try:
        with pytest.raises(SurroundingsError, match="does not hold what is there: run.json differs"):
            make_archive(root, found[run.name])
    finally:
        stop()
    assert not (root / f"{run.name}.tar.gz").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="owners are those of POSIX")
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_an_archive_belongs_to_whom_the_run_belonged(root):
    run = make_run(root, OLD)
    os.chown(run, 65534, 65534)
    status = make_archive(root, found_in(root)[run.name]).stat()
    assert (status.st_uid, status.st_gid) == (65534, 65534)
