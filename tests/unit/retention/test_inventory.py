"""What an output directory holds: runs, archives, both, neither, and what is odd about them."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.retention.runs import NOW, OLD, content_of, make_run, output, pruned

from soak_action.config.model import Retention
from soak_action.evidence.archive import write
from soak_action.files import DirectoryLock
from soak_action.retention.inventory import take_inventory
from soak_action.retention.item import Group
from soak_action.retention.pins import pin

posix = pytest.mark.skipif(sys.platform == "win32", reason="links are those of POSIX")


@pytest.fixture
def root(tmp_path):
    return output(tmp_path / "runs")


def taken(root):
    return take_inventory(root, NOW.timestamp())


def archive_of(run):
    place = run.with_name(f"{run.name}.tar.gz")
    with place.open("wb") as file:
        write(run, file)
    return place


def test_an_empty_output_directory_holds_nothing(root):
    found = taken(root)
    assert (found.items, found.leftovers, found.notes) == ([], (), ())


def test_runs_are_items_with_what_their_manifests_say(root):
    run = make_run(root, OLD, verdict="pass")
    (item,) = taken(root).items
    assert (item.id, item.group, item.kind, item.verdict) == (run.name, Group("api", "default"), "run", "pass")
    assert (item.started, item.is_running, item.is_compressed, item.obstacle) == (OLD.timestamp(), False, False, None)
    assert item.bytes >= 50_000


def test_the_age_is_that_of_the_manifest_not_of_the_files(root):
    run = make_run(root, OLD)
    for path in run.rglob("*"):
        os.utime(path, (1, 1))
    assert taken(root).items[0].started == OLD.timestamp()


def test_an_unfinished_run_is_as_old_as_its_last_change(root):
    make_run(root, datetime(2020, 1, 1, tzinfo=UTC), verdict=None)
    (item,) = taken(root).items
    assert item.kind == "unfinished"
    assert item.started > datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def test_a_run_whose_lock_is_held_is_running(root):
    run = make_run(root, OLD, verdict=None)
    assert not taken(root).items[0].is_running
    with DirectoryLock(run, "me"):
        assert taken(root).items[0].is_running
    # A killed run leaves its name in the lock and nobody who holds it.
    (run / ".lock").write_bytes(b"pid 1 on host x since y")
    assert not taken(root).items[0].is_running
    assert (run / ".lock").read_bytes() == b"pid 1 on host x since y"


def test_an_archive_is_the_run_that_it_holds(root):
    run = make_run(root, OLD, verdict="pass")
    archive = archive_of(run)
    shutil.rmtree(run)
    (item,) = taken(root).items
    assert (item.id, item.is_compressed, item.verdict, item.kind) == (run.name, True, "pass", "run")
    assert item.bytes < 10_000
    archive.write_bytes(b"x")
    found = taken(root)
    assert (found.items[0].id, found.items[0].kind) == (archive.name, "damaged")
    assert found.notes == (f"{archive.name} is damaged, or no archive of a run; it stays",)


def test_an_archive_beside_the_same_directory_is_one_run(root):
    run = make_run(root, OLD)
    alone = taken(root).items[0].bytes
    archive_of(run)
    (found,) = taken(root).found.values()
    assert found.twin
    assert found.item.bytes == alone + found.twin
    assert not found.item.is_compressed


@pytest.mark.parametrize("change", ["directory", "archive", "not an archive"])
def test_an_archive_beside_another_directory_stays_and_is_told(root, change):
    run = make_run(root, OLD)
    archive = archive_of(run)
    if change == "directory":
        (run / "more").write_bytes(b"x")
    else:
        archive.write_bytes(archive.read_bytes()[:-9] if change == "archive" else b"")
    found = taken(root)
    assert {item.id: item.kind for item in found.items} == {run.name: "run", archive.name: "damaged"}
    assert found.notes == (f"{archive.name} does not hold what the directory beside it does; both stay",)
    assert found.found[run.name].twin is None


def test_what_is_pinned_is_known_as_what_it_is_kept_as(root):
    names = [make_run(root, OLD, suffix=f"00000{number}").name for number in range(4)]
    for name, kind in zip(names, ("pinned", "baseline", "release"), strict=False):
        pin(root, name, kind, NOW)
    assert [(item.is_pinned, item.kind) for item in taken(root).items] == [
        (True, "run"),
        (True, "baseline"),
        (True, "release"),
        (False, "run"),
    ]


def test_directories_that_nobody_knows_are_as_old_as_their_last_change(root):
    (root / "notes").mkdir()
    (root / "notes" / "a").write_bytes(b"x")
    (item,) = taken(root).items
    assert (item.kind, item.group, item.obstacle) == ("unknown", None, None)
    assert item.started > datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def test_files_that_soak_did_not_make_are_left_alone(root):
    (root / "notes.txt").write_bytes(b"x")
    (root / ".tmp-1-ab").write_bytes(b"x")
    assert {item.id: item.obstacle for item in taken(root).items} == {
        "notes.txt": "is nothing that soak made",
        ".tmp-1-ab": None,
    }


@posix
def test_links_are_items_that_nobody_touches(root, tmp_path):
    make_run(output(tmp_path / "elsewhere"), OLD).rename(tmp_path / "run")
    (root / "away").symlink_to(tmp_path / "run")
    (root / "loop").symlink_to("loop")
    told = [(item.id, item.kind, item.obstacle) for item in taken(root).items]
    assert told == [(name, "unknown", "is a link, which is never followed") for name in ("away", "loop")]


def test_a_copy_does_not_count_once_more(root):
    run = make_run(root, OLD, verdict="pass")
    shutil.copytree(run, root / f"{run.name}.passed-over-1")
    shutil.copytree(run, root / "20260101T000000Z-other-ab12cd")
    found = taken(root)
    assert {item.id: item.kind for item in found.items} == {
        run.name: "run",
        f"{run.name}.passed-over-1": "unknown",
        "20260101T000000Z-other-ab12cd": "unknown",
    }
    assert len(found.notes) == 2


def test_a_copy_that_is_being_made_is_no_run_yet(root):
    make_run(root, OLD).rename(root / ".tmp-123-20260101T000000Z-other-ab12cd")
    (item,) = taken(root).items
    assert (item.kind, item.group) == ("unknown", None)


@posix
def test_a_lock_that_is_a_link_is_an_obstacle(root, tmp_path):
    run = make_run(root, OLD)
    (tmp_path / "precious").write_bytes(b"x")
    (run / ".lock").symlink_to(tmp_path / "precious")
    assert "its lock cannot be looked at" in str(taken(root).items[0].obstacle)
    assert (tmp_path / "precious").read_bytes() == b"x"


def test_a_renamed_run_is_still_a_run(root):
    make_run(root, OLD).rename(root / "before the fix")
    (item,) = taken(root).items
    assert (item.id, item.kind) == ("before the fix", "run")


def test_a_run_of_the_future_is_told(root):
    run = make_run(root, NOW + timedelta(days=3650))
    found = taken(root)
    assert found.notes == (f"{run.name} says that it began in the future; it counts as new",)


@posix
def test_a_file_of_several_runs_counts_for_the_newest(root):
    old, new = make_run(root, OLD), make_run(root, NOW, size=0)
    os.link(old / "iterations/00001/stdout.log", new / "twin")
    with_twin = {item.id: item.bytes for item in taken(root).items}
    assert with_twin[new.name] > 50_000 > with_twin[old.name]
    (new / "twin").unlink()
    assert {item.id: item.bytes for item in taken(root).items}[old.name] >= with_twin[old.name] + 50_000


def test_any_change_changes_the_digest(root):
    run = make_run(root, OLD)
    digests = [taken(root).digest, taken(root).digest]
    assert len(set(digests)) == 1
    (run / "more").write_bytes(b"")
    digests.append(taken(root).digest)
    pin(root, run.name, "pinned", NOW)
    digests.append(taken(root).digest)
    make_run(root, NOW)
    digests.append(taken(root).digest)
    assert len(set(digests)) == 4


def test_what_retention_keeps_for_itself_is_no_item(root):
    make_run(root, NOW)
    make_run(root, OLD)
    pruned(root, Retention(keep_last=1))
    assert (root / "retention-log.jsonl").exists()
    assert len(taken(root).items) == 1


def test_looking_changes_nothing(root):
    make_run(root, OLD, verdict=None)
    archive_of(make_run(root, NOW))
    before = content_of(root)
    taken(root)
    assert content_of(root) == before
