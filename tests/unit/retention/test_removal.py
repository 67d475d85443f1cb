"""Removing takes all of a directory and nothing else."""

from __future__ import annotations

import os
import sys

import pytest

from soak_action.retention.removal import remove

posix = pytest.mark.skipif(sys.platform == "win32", reason="links and modes are those of POSIX")


def test_a_file_and_a_directory_are_removed(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    remove(tmp_path / "a")
    (tmp_path / "b" / "c" / "d").mkdir(parents=True)
    (tmp_path / "b" / "c" / "e").write_bytes(b"x")
    remove(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


@posix
def test_no_link_is_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"x")
    inner = tmp_path / "run" / "out"
    inner.mkdir(parents=True)
    (inner / "away").symlink_to(outside)
    (inner / "file").symlink_to(outside / "precious")
    (inner / "loop").symlink_to("loop")
    os.link(outside / "precious", inner / "twin")
    remove(tmp_path / "run")
    assert (outside / "precious").read_bytes() == b"x"
    (tmp_path / "link").symlink_to(outside)
    remove(tmp_path / "link")
    assert (outside / "precious").exists()


@posix
def test_folders_that_a_program_left_without_permission_go_too(tmp_path):
    inner = tmp_path / "run" / "cache" / "deep"
    inner.mkdir(parents=True)
    (inner / "a").write_bytes(b"x")
    inner.chmod(0)
    inner.parent.chmod(0o500)
    remove(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_what_is_gone_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        remove(tmp_path / "gone")
