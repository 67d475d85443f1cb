"""Which directory may be pruned, and one clear line for every other one."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from tests.unit.retention.runs import output

from soak_action.errors import SurroundingsError, UsageError
from soak_action.files import DirectoryLock, LockedError
from soak_action.retention import root
from soak_action.retention.root import checked_root, is_own, leftovers_in, name_of_leftover, trash_for

needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links are those of POSIX")


def refused(path: Path, home: Path, words: str) -> None:
    before = sorted(os.listdir(path)) if path.is_dir() else None
    with pytest.raises(UsageError) as caught:
        checked_root(path, home)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert before == (sorted(os.listdir(path)) if path.is_dir() else None)


def test_an_output_directory_may_be_pruned(tmp_path, monkeypatch):
    place = output(tmp_path / "runs")
    assert checked_root(place, tmp_path) == place.resolve()
    monkeypatch.chdir(tmp_path)
    assert checked_root(Path("runs"), Path("/nowhere/me")) == place.resolve()


def test_no_mark_makes_home_a_repository_or_everything_expendable(tmp_path):
    refused(Path(tmp_path.anchor), tmp_path, "the root of a file system")
    home = output(tmp_path / "home")
    refused(home, home, "home directory")
    refused(home, home / "inner" / "me", "home directory")
    repository = output(tmp_path / "repository")
    (repository / ".git").mkdir()
    refused(repository, home, "the root of a repository, which is never pruned; name the .soak in it")
    (repository / ".git").rmdir()
    (repository / ".git").write_text("gitdir: elsewhere")
    refused(repository, home, "the root of a repository")
    (repository / ".git").unlink()
    assert checked_root(repository, home) == repository.resolve()


def test_what_soak_did_not_mark_is_refused(tmp_path):
    (tmp_path / "plain").mkdir()
    refused(tmp_path / "plain", Path("/nowhere/me"), "this holds no .soak-artifacts")
    (tmp_path / "plain/.soak-artifacts").mkdir()
    refused(tmp_path / "plain", Path("/nowhere/me"), "this holds no .soak-artifacts")
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", Path("/nowhere/me"), "this is not a directory")
    refused(tmp_path / "file" / "below", Path("/nowhere/me"), "there is no such directory")
    refused(tmp_path / "none", Path("/nowhere/me"), "there is no such directory")


@needs_links
def test_no_link_is_followed(tmp_path):
    place = output(tmp_path / "runs")
    (tmp_path / "link").symlink_to(place)
    refused(tmp_path / "link", Path("/nowhere/me"), "this is a link, which is never followed")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(tmp_path / "loop", Path("/nowhere/me"), "this is a link")
    marker = place / ".soak-artifacts"
    marker.rename(tmp_path / "marker")
    marker.symlink_to(tmp_path / "marker")
    refused(place, Path("/nowhere/me"), "this holds no .soak-artifacts")


@needs_links
@pytest.mark.parametrize("name", [".pins", "retention-log.jsonl", ".lock"])
def test_what_is_written_to_does_not_lead_out(tmp_path, name):
    place = output(tmp_path / "runs")
    (place / name).symlink_to(tmp_path)
    refused(place, Path("/nowhere/me"), f"{name}: this is a link, which is never followed; remove it")


def test_what_is_its_own_is_no_item():
    assert all(map(is_own, [".trash-1-x", ".pins", ".lock", ".gitignore", ".soak-artifacts"]))
    assert all(map(is_own, ["retention-log.jsonl", "retention-log.1.jsonl", "retention-log.jsonl.torn-1"]))
    assert not any(map(is_own, [".tmp-1", "20261123T005200Z-smoke-ab12cd", "retention"]))


def test_a_name_in_the_trash_is_never_taken_and_never_too_long(tmp_path):
    first = trash_for(tmp_path, "run")
    assert name_of_leftover(first.name) == "run"
    first.mkdir()
    second = trash_for(tmp_path, "run")
    second.write_bytes(b"")
    assert leftovers_in(tmp_path) == [first.name, second.name]
    longest = trash_for(tmp_path, "n" * 255)
    longest.mkdir()
    assert trash_for(tmp_path, "n" * 255) != longest
    assert name_of_leftover(longest.name) == longest.name


def test_a_full_disk_takes_no_name_and_the_lock_holds_all_the_same(tmp_path, monkeypatch):
    class Full(DirectoryLock):
        def __init__(self, path: Path, owner: str) -> None:
            super().__init__(path, owner)
            self.owner = owner

        def __enter__(self):
            if self.owner:
                raise SurroundingsError("full") from OSError(errno.ENOSPC, "full")
            return super().__enter__()

    monkeypatch.setattr(root, "DirectoryLock", Full)
    with root.lock(tmp_path, "now"), pytest.raises(LockedError), DirectoryLock(tmp_path, "me"):
        pytest.fail("two owners")


@needs_links
def test_a_lock_that_leads_elsewhere_is_not_followed(tmp_path):
    (tmp_path / "precious").write_bytes(b"x")
    (tmp_path / ".lock").symlink_to(tmp_path / "precious")
    with pytest.raises(SurroundingsError, match="its lock is a link"), root.lock(tmp_path, "now"):
        pytest.fail("held")
    assert (tmp_path / "precious").read_bytes() == b"x"


def test_another_refusal_of_a_lock_is_told(tmp_path):
    (tmp_path / ".lock").mkdir()
    with pytest.raises(SurroundingsError, match="cannot lock"), root.lock(tmp_path, "now"):
        pytest.fail("not held")
