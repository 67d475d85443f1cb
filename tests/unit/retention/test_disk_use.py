"""Disk space is counted once, and a change of anything changes the fingerprint."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from soak_action.retention.disk_use import DiskUse, disk_use

posix = pytest.mark.skipif(sys.platform == "win32", reason="blocks, links and pipes are those of POSIX")


def used(path: Path) -> DiskUse:
    return disk_use(path, os.lstat(path).st_dev)


def filled(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    (run / "out").mkdir(parents=True)
    (run / "out" / "log").write_bytes(b"x" * 10_000)
    (run / "run.json").write_bytes(b"{}")
    return run


@posix
def test_it_is_what_du_counts(tmp_path):
    run = filled(tmp_path)
    os.link(run / "out/log", run / "twin")
    with (run / "sparse").open("wb") as file:
        file.truncate(10**9)
    (run / "away").symlink_to("/usr")
    found = used(run)
    told = int(subprocess.run(["du", "-s", "-B1", run], capture_output=True, check=True).stdout.split()[0])
    assert found.bytes + sum(shared.bytes for shared in found.shared) == told
    assert told < 1_000_000
    assert len(found.shared) == 1


def test_a_single_file_is_measured_too(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 5000)
    assert used(tmp_path / "a").bytes >= 5000


@pytest.mark.parametrize("what", ["content", "time", "new", "gone", "renamed", "replaced"])
def test_every_change_changes_the_fingerprint(tmp_path, what):
    run = filled(tmp_path)
    before = used(run).stamp
    assert used(run).stamp == before
    log = run / "out/log"
    if what == "content":
        log.write_bytes(b"y" * 9999)
    elif what == "time":
        os.utime(log, (1, 1))
    elif what == "new":
        (run / "more").write_bytes(b"")
    elif what == "gone":
        log.unlink()
    elif what == "renamed":
        log.rename(run / "out/gol")
    else:
        status = log.stat()
        shutil.copy2(log, run / "copy")
        (run / "copy").replace(log)
        os.utime(log, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert used(run).stamp != before


def test_the_lock_and_its_text_change_nothing(tmp_path):
    run = filled(tmp_path)
    before = used(run).stamp
    (run / ".lock").write_bytes(b"pid 1")
    assert used(run).stamp == before


@posix
def test_what_cannot_be_compressed_is_told(tmp_path):
    run = filled(tmp_path)
    assert used(run).strange is None
    os.mkfifo(run / "out" / "pipe")
    assert used(run).strange == "cannot be compressed: out/pipe is neither a file nor a folder"


def test_another_file_system_is_an_obstacle(tmp_path):
    assert "another file system is mounted in it: itself" in str(disk_use(filled(tmp_path), -1).obstacle)


def test_folders_without_end_are_an_obstacle(tmp_path):
    deep = filled(tmp_path)
    for _ in range(210):
        deep = deep / "d"
    deep.mkdir(parents=True)
    assert "goes more than 200 folders deep" in str(used(tmp_path / "run").obstacle)


def test_what_is_gone_is_no_item(tmp_path):
    with pytest.raises(FileNotFoundError):
        disk_use(tmp_path / "gone", 0)
