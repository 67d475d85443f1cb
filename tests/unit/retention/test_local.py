"""What is planned is what happens, and what is no longer as planned is left alone."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import timedelta

import pytest
from tests.unit.retention.runs import (
    NOW,
    OLD,
    PLAIN,
    content_of,
    log_of,
    make_run,
    operations,
    output,
    planned,
    pruned,
)

from soak_action.config.model import Retention
from soak_action.errors import ExitCode, SurroundingsError
from soak_action.evidence.archive import difference, write
from soak_action.files import DirectoryLock
from soak_action.retention.inventory import take_inventory
from soak_action.retention.local import carry_out, exit_code, plan_prune
from soak_action.retention.pins import pin

posix = pytest.mark.skipif(sys.platform == "win32", reason="blocks, links and modes are those of POSIX")
ONE = Retention(keep_last=1, compress_after=None)
COMPRESS = Retention(compress_after=86_400.0)


@pytest.fixture
def root(tmp_path):
    return output(tmp_path / "runs")


def test_what_no_rule_keeps_is_deleted_and_logged(root):
    new, old = make_run(root, NOW), make_run(root, OLD)
    prune, outcome = pruned(root, ONE)
    assert (outcome.deleted, outcome.compressed, outcome.skipped) == (1, 0, [])
    assert outcome.freed_bytes == prune.plan.bytes_before - prune.plan.bytes_after
    assert new.exists()
    assert not old.exists()
    (line,) = log_of(root)
    assert (line["operation"], line["run"], line["group"]) == ("delete", old.name, "api/default")
    assert line["reasons"] == ["no rule keeps it"]
    assert line["policy_digest"] == prune.policy_digest
    assert list(root.glob(".trash*")) == []
    assert exit_code(prune, outcome) == ExitCode.DONE


def test_a_run_is_compressed_to_the_bytes_that_were_planned(root):
    run = make_run(root, OLD)
    before = content_of(run)
    copy = shutil.copytree(run, root.parent / run.name)
    prune, outcome = pruned(root, COMPRESS)
    archive = root / f"{run.name}.tar.gz"
    assert outcome.compressed == 1
    assert not run.exists()
    assert difference(copy, archive) is None
    assert content_of(copy) == before
    (decision,) = prune.plan.of("compress")
    assert take_inventory(root, NOW.timestamp()).items[0].bytes == decision.bytes_after
    assert outcome.freed_bytes == decision.item.bytes - decision.bytes_after
    (line,) = log_of(root)
    assert (line["operation"], line["bytes_before"]) == ("compress", decision.item.bytes)
    assert pruned(root, COMPRESS)[1].compressed == 0


def test_trap_55_a_limit_is_brought_back_into_force(root):
    runs = [make_run(root, OLD + timedelta(hours=hour)) for hour in range(10)]
    size = planned(root).plan.bytes_before
    prune, outcome = pruned(root, Retention(compress_after=None, max_total=size - 1))
    assert outcome.deleted == 2
    assert [run.exists() for run in runs] == [False, False] + [True] * 8
    assert take_inventory(root, NOW.timestamp()).items[0].id == runs[2].name
    assert prune.plan.bytes_after == sum(item.bytes for item in take_inventory(root, NOW.timestamp()).items)


def test_trap_55_what_is_protected_stays_and_the_exit_code_tells(root):
    runs = [make_run(root, OLD + timedelta(hours=hour)) for hour in range(2)]
    for run in runs:
        pin(root, run.name, "pinned", NOW)
    prune, outcome = pruned(root, Retention(max_total=1000))
    assert outcome.deleted == 0
    assert all(run.exists() or run.with_name(f"{run.name}.tar.gz").exists() for run in runs)
    assert prune.plan.over_budget > 0
    assert exit_code(prune, outcome) == exit_code(prune, None) == ExitCode.FAIL


def test_trap_56_what_was_planned_is_what_happens(root):
    for days in range(20):
        make_run(root, NOW - timedelta(days=days), size=1000 * days)
    policy = Retention(keep_last=12)
    first = planned(root, policy)
    assert len(first.plan.of("delete")) == 8
    assert len(first.plan.of("compress")) == 4
    prune, outcome = pruned(root, policy)
    assert prune.plan == first.plan
    assert (outcome.deleted, outcome.compressed) == (8, 4)


def test_what_is_in_use_stays_and_is_not_compressed(root):
    old, older = make_run(root, OLD), make_run(root, OLD - timedelta(days=1))
    prune = plan_prune(root, Retention(keep_last=1, max_total=1), NOW, in_use={old.name})
    assert operations(prune) == {old.name: "keep", older.name: "delete"}


@pytest.mark.parametrize("change", ["changed", "pinned", "running", "gone"])
def test_what_is_no_longer_as_planned_is_skipped(root, change):
    make_run(root, NOW)
    old = make_run(root, OLD)
    prune = planned(root, ONE)
    if change == "changed":
        (old / "more").write_bytes(b"x")
    elif change == "pinned":
        pin(root, old.name, "pinned", NOW)
    elif change == "gone":
        shutil.rmtree(old)
    if change == "running":
        with DirectoryLock(old, "somebody"):
            outcome = carry_out(prune, lambda: NOW)
    else:
        outcome = carry_out(prune, lambda: NOW)
    assert outcome.deleted == 0
    assert old.exists() == (change != "gone")
    (skipped,) = outcome.skipped
    assert skipped.id == old.name
    assert not skipped.is_failure
    assert exit_code(prune, outcome) == ExitCode.DONE
    assert [line["operation"] for line in log_of(root)] == ["skip"]


def test_a_run_that_changes_while_it_is_compressed_stays(root, monkeypatch):
    run = make_run(root, OLD)
    prune = planned(root, COMPRESS)

    def disturb(step: str) -> None:
        if step == "compress:compared":
            (run / "more").write_bytes(b"late")

    from soak_action import files

    stop = files.observe(disturb)
    try:
        outcome = carry_out(prune, lambda: NOW)
    finally:
        stop()
    assert outcome.compressed == 0
    assert (run / "more").exists()
    assert [skipped.reason for skipped in outcome.skipped] == ["it changed since the plan was made"]
    # Both are there now, and differ: both stay.
    assert set(operations(planned(root, COMPRESS)).values()) == {"compress", "keep"}


def test_an_archive_that_somebody_made_meanwhile_is_not_replaced(root):
    run = make_run(root, OLD)
    prune = planned(root, COMPRESS)
    archive = root / f"{run.name}.tar.gz"
    archive.write_bytes(b"mine")
    outcome = carry_out(prune, lambda: NOW)
    assert archive.read_bytes() == b"mine"
    assert run.exists()
    assert "somebody else made" in outcome.skipped[0].reason
    assert exit_code(prune, outcome) == ExitCode.SURROUNDINGS


def test_the_archive_that_a_killed_prune_left_is_used(root):
    run = make_run(root, OLD)
    archive = root / f"{run.name}.tar.gz"
    with archive.open("wb") as file:
        write(run, file)
    inode = archive.stat().st_ino
    prune, outcome = pruned(root, COMPRESS)
    assert outcome.compressed == 1
    assert outcome.freed_bytes == prune.plan.bytes_before - prune.plan.bytes_after
    assert not run.exists()
    assert archive.stat().st_ino == inode


def test_a_run_is_deleted_with_the_archive_that_a_killed_prune_left(root):
    make_run(root, NOW)
    old = make_run(root, OLD)
    with (root / f"{old.name}.tar.gz").open("wb") as file:
        write(old, file)
    prune, outcome = pruned(root, ONE)
    assert outcome.deleted == 1
    assert outcome.freed_bytes == prune.plan.bytes_before - prune.plan.bytes_after
    assert outcome.left_bytes == prune.plan.bytes_after
    assert list(root.glob(f"*{old.name}*")) == []


def test_an_archive_beside_another_directory_stays_with_it(root):
    run = make_run(root, OLD)
    (root / f"{run.name}.tar.gz").write_bytes(b"whatever")
    _, outcome = pruned(root, COMPRESS)
    assert run.exists()
    assert (root / f"{run.name}.tar.gz").read_bytes() == b"whatever"
    assert outcome.compressed == 0


def test_what_a_killed_prune_left_in_the_trash_is_removed_and_logged(root):
    (root / ".trash-1-20260101T000000Z-default-ab12cd/out").mkdir(parents=True)
    (root / ".trash-1-half.tar.gz").write_bytes(b"x" * 10_000)
    (root / ".trash-2-").mkdir()
    _, outcome = pruned(root)
    assert list(root.glob(".trash*")) == []
    assert outcome.freed_bytes >= 10_000
    assert [line["run"] for line in log_of(root)] == [*("20260101T000000Z-default-ab12cd", "half.tar.gz", ".trash-2-")]


@posix
def test_an_archive_is_as_private_as_its_directory(root):
    run = make_run(root, OLD)
    run.chmod(0o700)
    pruned(root, COMPRESS)
    assert (root / f"{run.name}.tar.gz").stat().st_mode & 0o777 == 0o600


def test_a_limit_that_does_not_hold_because_something_was_skipped_is_told(root):
    make_run(root, NOW)
    old = make_run(root, OLD)
    size = planned(root).plan.bytes_before
    prune = planned(root, Retention(compress_after=None, max_total=size - 1))
    assert len(prune.plan.of("delete")) == 1
    (old / "more").write_bytes(b"x")
    outcome = carry_out(prune, lambda: NOW)
    assert outcome.left_bytes == size
    assert exit_code(prune, None) == ExitCode.DONE
    assert exit_code(prune, outcome) == ExitCode.FAIL


@posix
def test_a_run_with_a_pipe_is_kept_as_it_is(root):
    run = make_run(root, OLD)
    os.mkfifo(run / "pipe")
    prune, outcome = pruned(root, COMPRESS)
    assert run.exists()
    assert outcome.compressed == 0
    (decision,) = prune.plan.decisions
    assert "cannot be compressed: pipe is neither a file nor a folder" in decision.reasons


@posix
def test_a_name_that_leaves_no_room_for_an_ending_is_kept_as_it_is(root):
    make_run(root, OLD).rename(root / ("n" * 250))
    prune, _ = pruned(root, COMPRESS)
    assert "cannot be compressed: its name is too long" in prune.plan.decisions[0].reasons


def test_a_log_that_cannot_be_written_stops_everything(root):
    make_run(root, NOW)
    old = make_run(root, OLD)
    (root / "retention-log.jsonl").mkdir()
    prune = planned(root, ONE)
    with pytest.raises(SurroundingsError):
        carry_out(prune, lambda: NOW)
    assert old.exists()


def test_what_cannot_be_removed_is_told_and_tried_again(root, monkeypatch):
    from soak_action.retention import local

    make_run(root, NOW)
    old = make_run(root, OLD)

    def refuse(_):
        raise PermissionError(13, "no")

    with monkeypatch.context() as patched:
        patched.setattr(local, "remove", refuse)
        prune, outcome = pruned(root, ONE)
    assert exit_code(prune, outcome) == ExitCode.SURROUNDINGS
    assert "permission is missing" in outcome.skipped[0].reason
    assert not old.exists()
    again, outcome = pruned(root, ONE)
    assert again.inventory.leftovers == (f".trash-1-{old.name}",)
    assert exit_code(again, outcome) == ExitCode.DONE
    assert list(root.glob(".trash*")) == []


def test_orphans_go_and_young_ones_stay(root):
    make_run(root, NOW)
    killed = make_run(root, OLD, verdict=None)
    prune = planned(root, PLAIN)
    # It began long ago, and was changed only now.
    assert operations(prune)[killed.name] == "keep"
    later = plan_prune(root, PLAIN, NOW + timedelta(days=365 * 200))
    assert operations(later)[killed.name] == "delete"
    carry_out(later, lambda: NOW)
    assert not killed.exists()
