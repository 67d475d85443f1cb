from __future__ import annotations

import errno
import os
import sys

import pytest

from soak_action import files
from soak_action.errors import SurroundingsError, UsageError
from soak_action.migration import undo as undoing
from soak_action.migration.manifest import FOLDER, MANIFEST
from soak_action.migration.plan import Plan, Task, make_plan
from soak_action.migration.undo import archived_in, latest, named_manifest, undo
from soak_action.migration.writing import carry_out, is_needed, lock


@pytest.fixture
def task(tmp_path):
    (tmp_path / "default.json").write_bytes(b'{"iterations": 5}')
    (tmp_path / "soak.yaml").write_bytes(b"version: 1  # ours\n")
    return Task(tmp_path, tmp_path / "soak.yaml", "soak.yaml", ("default.json",))


@pytest.fixture
def plan(task):
    return make_plan(task, lambda _: None)


def at(step, act):
    """Do something the first time that a step is reached; returns the end of that."""
    done = []

    def reach(name):
        if name == step and not done:
            done.append(name)
            act()

    return files.observe(reach)


def test_a_target_that_somebody_changes_meanwhile_stays(plan, tmp_path):
    stop = at("migration:manifest", lambda: (tmp_path / "soak.yaml").write_bytes(b"version: 1\n"))
    with pytest.raises(UsageError, match="soak.yaml: somebody else changed the file meanwhile"):
        carry_out(plan, archive=False)
    stop()
    assert (tmp_path / "soak.yaml").read_bytes() == b"version: 1\n"


def test_a_source_that_somebody_changes_meanwhile_is_not_archived(plan, tmp_path):
    stop = at("migration:verified", lambda: (tmp_path / "default.json").write_bytes(b"{}"))
    with pytest.raises(UsageError, match=r"default.json: somebody else changed the file meanwhile"):
        carry_out(plan, archive=True)
    stop()
    assert (tmp_path / "default.json").read_bytes() == b"{}"


@pytest.mark.parametrize("former", [None, b"version: 1  # ours\n"])
@pytest.mark.parametrize("differently", [b"version: 1\nschedule: {iterations: 6}\n", b"version: ["])
def test_what_reads_back_differently_is_put_back(task, tmp_path, monkeypatch, differently, former):
    if former is None:
        task.target.unlink()
    plan = make_plan(task, lambda _: None)
    real = files.write_atomic

    def write(path, data, **more):
        real(path, differently if data == plan.new else data, **more)

    monkeypatch.setattr(files, "write_atomic", write)
    with pytest.raises(SurroundingsError, match="does not come to the same values; the old file is restored"):
        carry_out(plan, archive=True)
    assert (tmp_path / "default.json").exists()
    assert (task.target.read_bytes() if task.target.exists() else None) == former
    assert undo(tmp_path).restored == ()


def test_a_full_disk_is_told_and_nothing_is_changed(plan, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SurroundingsError, match="the disk is full"):
        carry_out(plan, archive=True)
    monkeypatch.undo()
    assert (tmp_path / "soak.yaml").read_bytes() == b"version: 1  # ours\n"
    assert undo(tmp_path).manifest is None


def test_a_directory_without_permission_is_told(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(SurroundingsError, match=f"cannot create the directory .*{FOLDER}: permission is missing"):
        lock(tmp_path)


def test_a_file_that_cannot_be_removed_is_told(plan, tmp_path, monkeypatch):
    def refuse(self, **_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    with pytest.raises(SurroundingsError, match=r"cannot archive default.json: permission is missing"):
        carry_out(plan, archive=True)
    monkeypatch.undo()
    undo(tmp_path)
    assert (tmp_path / "soak.yaml").read_bytes() == b"version: 1  # ours\n"


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
def test_a_link_is_not_archived(tmp_path, task):
    (tmp_path / "overrides.json").symlink_to("default.json")
    linked = make_plan(Task(tmp_path, task.target, "soak.yaml", ("overrides.json",)), lambda _: None)
    with pytest.raises(UsageError, match=r"overrides.json: this is a symbolic link"):
        carry_out(linked, archive=True)
    assert not (tmp_path / FOLDER).exists()
    carry_out(linked, archive=False)


def test_work_is_needed_for_a_change_or_a_file_to_archive(plan, task):
    assert is_needed(plan, archive=False)
    carry_out(plan, archive=False)
    again: Plan = make_plan(task, lambda _: None)
    assert [is_needed(again, archive=archive) for archive in (False, True)] == [False, True]


def test_a_migration_is_undone_once(plan, tmp_path):
    manifest = carry_out(plan, archive=True)
    assert archived_in(tmp_path, tmp_path / "default.json") == manifest
    assert archived_in(tmp_path, tmp_path / "soak.yaml") is None
    assert named_manifest(manifest.parent) == named_manifest(manifest) == manifest.resolve()
    assert sorted(undo(tmp_path).restored) == ["default.json", "soak.yaml"]
    assert archived_in(tmp_path, tmp_path / "default.json") is None
    with pytest.raises(UsageError, match="there is no migration to undo"):
        latest(tmp_path)


def test_a_damaged_backup_is_not_restored(plan, tmp_path):
    manifest = carry_out(plan, archive=True)
    (manifest.parent / "0002-default.json").write_bytes(b"{}")
    with pytest.raises(UsageError, match=r"0002-default.json: the backup is not what the manifest says"):
        undo(tmp_path)
    (manifest.parent / "0002-default.json").unlink()
    with pytest.raises(UsageError, match=r"0002-default.json: there is no such file"):
        undo(tmp_path)
    assert b"iterations" in (tmp_path / "soak.yaml").read_bytes()


def test_a_removed_file_is_named(plan, tmp_path):
    carry_out(plan, archive=False)
    (tmp_path / "soak.yaml").unlink()
    with pytest.raises(UsageError, match=r"soak.yaml: the file was removed since the migration"):
        undo(tmp_path)


def test_a_manifest_lies_below_its_folder(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match=f"this is not a manifest below {FOLDER}"):
            named_manifest(place)
    (tmp_path / MANIFEST).write_bytes(b"{}")
    with pytest.raises(UsageError, match=f"this is not a manifest below {FOLDER}"):
        named_manifest(tmp_path / MANIFEST)


def test_what_the_machine_refuses_is_told(plan, tmp_path, monkeypatch):
    carry_out(plan, archive=False)

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    for name, message in (("chmod", "restore the mode of "), ("open", "read ")):
        with monkeypatch.context() as patched:
            patched.setattr(f"pathlib.Path.{name}", refuse)
            with pytest.raises(SurroundingsError, match=f"cannot {message}.*: permission is missing"):
                undo(tmp_path)
        if name == "chmod":
            (tmp_path / "soak.yaml").write_bytes(plan.new)
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.unlink", refuse)
        with pytest.raises(SurroundingsError, match="cannot remove "):
            undoing._remove(tmp_path / "soak.yaml")
