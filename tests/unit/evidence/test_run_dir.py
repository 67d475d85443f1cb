from __future__ import annotations

import hashlib
import os
import sys
from datetime import UTC, datetime
from itertools import repeat

import pytest

from soak_action.errors import EvidenceError, SurroundingsError
from soak_action.evidence.run_dir import RUN_ID, RunDir, create, digests_below, find, stamp

NOW = datetime(2026, 11, 23, 0, 52, tzinfo=UTC)


def test_a_run_is_named_after_its_start_and_profile(tmp_path):
    run = create(tmp_path / ".soak", NOW, "smoke", iter(["ab12cd"]))
    assert run.run_id == "20261123T005200Z-smoke-ab12cd"
    assert RUN_ID.fullmatch(run.run_id)
    assert RUN_ID.fullmatch(create(tmp_path / ".soak", NOW, None, iter(["ab12cd"])).run_id)


def test_trap_26_a_name_is_never_used_twice(tmp_path):
    first = create(tmp_path, NOW, None, iter(["aaaaaa"]))
    second = create(tmp_path, NOW, None, iter(["aaaaaa", "bbbbbb"]))
    assert second.run_id.endswith("bbbbbb")
    assert first.path != second.path
    with pytest.raises(SurroundingsError, match="unused name"):
        create(tmp_path, NOW, None, repeat("aaaaaa"))


def test_the_output_directory_ignores_itself_and_carries_the_marker(tmp_path):
    create(tmp_path / "a/b", NOW, None, iter(["aaaaaa"]))
    assert (tmp_path / "a/b/.gitignore").read_text() == "*\n"
    assert (tmp_path / "a/b/.soak-artifacts").exists()
    (tmp_path / "a/b/.gitignore").write_text("mine\n")
    create(tmp_path / "a/b", NOW, None, iter(["bbbbbb"]))
    assert (tmp_path / "a/b/.gitignore").read_text() == "mine\n"


def test_an_output_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SurroundingsError):
        create(tmp_path / "file", NOW, None, iter(["aaaaaa"]))


def begun(tmp_path, number=1):
    (tmp_path / "iterations").mkdir()
    return RunDir(tmp_path).begin_iteration(number)


def test_trap_58_an_iteration_begins_empty_and_refuses_to_share_a_folder(tmp_path):
    run = RunDir(tmp_path)
    folder = begun(tmp_path)
    assert list(folder.out.iterdir()) == []
    (folder.out / "old.json").write_text("{}")
    with pytest.raises(SurroundingsError):
        run.begin_iteration(1)


def test_trap_46_iteration_folders_sort_by_number(tmp_path):
    names = [RunDir(tmp_path).iteration(number).path.name for number in (1, 2, 10, 99999, 100000)]
    assert names[:4] == ["00001", "00002", "00010", "99999"]
    assert names[4] == "100000"


def test_every_file_of_an_iteration_is_digested(tmp_path):
    folder = begun(tmp_path)
    (folder.out / "sub").mkdir()
    (folder.out / "sub/ü b.json").write_bytes(b"x")
    folder.stdout.write_bytes(b"")
    assert digests_below(folder) == {
        "out/sub/ü b.json": hashlib.sha256(b"x").hexdigest(),
        "stdout.log": hashlib.sha256(b"").hexdigest(),
    }


def test_more_than_256_results_are_digested_as_one_and_still_notice_a_change(tmp_path):
    folder = begun(tmp_path)
    for number in range(257):
        (folder.out / str(number)).write_text("x")
    folder.stdout.write_text("")
    before = digests_below(folder)
    assert set(before) == {"out/", "stdout.log"}
    (folder.out / "7").write_text("y")
    assert digests_below(folder)["out/"] != before["out/"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX file names and links")
def test_links_pipes_and_odd_names_are_digested_without_being_followed(tmp_path):
    folder = begun(tmp_path)
    (folder.out / "loop").symlink_to(folder.out)
    (folder.out / "broken").symlink_to("nowhere")
    os.mkfifo(folder.out / "pipe")
    (folder.out / os.fsdecode(b"bad\xffname")).write_text("x")
    found = digests_below(folder)
    assert set(found) == {"out/loop", "out/broken", "out/bad\\udcffname"}
    assert found["out/broken"] == hashlib.sha256(b"link to nowhere").hexdigest()


def test_a_run_is_found_by_its_directory_or_receipt(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "receipt.json").write_text("{}")
    assert find(tmp_path).path == find(tmp_path / "receipt.json").path == tmp_path.resolve()


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text("x")])
def test_what_is_not_a_run_is_refused(tmp_path, make):
    make(tmp_path / "x")
    with pytest.raises(EvidenceError, match="x"):
        find(tmp_path / "x")


def test_a_moment_is_written_in_utc_with_milliseconds():
    assert stamp(datetime(2026, 1, 2, 3, 4, 5, 67891, tzinfo=UTC)) == "2026-01-02T03:04:05.067Z"


def test_the_folder_of_a_start_is_made_once_and_counted(tmp_path):
    run = RunDir(tmp_path)
    assert run.starts() == 0
    folder = run.begin_service(1)
    assert (folder.path, folder.stdout.name, folder.stderr.name) == (
        tmp_path / "service" / "00001",
        "stdout.log",
        "stderr.log",
    )
    run.begin_service(12)
    (tmp_path / "service" / "notes").mkdir()
    assert run.starts() == 12
    with pytest.raises(SurroundingsError, match="somebody else created it"):
        run.begin_service(12)


def test_a_start_carries_a_mark_of_its_own_below_that_of_all(tmp_path):
    run = RunDir(tmp_path / "r")
    assert (run.service_mark(3), run.service_marks) == ("r/service/3", "r/service")


@pytest.mark.parametrize("place", ["service", "service/00001"])
def test_a_folder_of_a_start_that_cannot_be_made_is_told(tmp_path, place):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).touch()
    with pytest.raises(SurroundingsError, match="cannot create"):
        RunDir(tmp_path).begin_service(1)


@pytest.mark.skipif(sys.platform != "linux", reason="nobody makes a folder in /proc of Linux")
def test_a_folder_of_a_start_that_is_refused_is_told(tmp_path):
    (tmp_path / "service").symlink_to("/proc")
    with pytest.raises(SurroundingsError, match="cannot create"):
        RunDir(tmp_path).begin_service(1)


def test_starts_that_no_record_tells_of_are_set_aside(tmp_path):
    run = RunDir(tmp_path)
    run.set_aside_starts(0)
    assert not (tmp_path / "unrecorded").exists()
    for _ in range(2):
        for start in (1, 2, 3):
            if not run.service(start).path.exists():
                run.begin_service(start).stdout.write_text(str(start))
        (tmp_path / "service" / "9999999999").mkdir()
        run.set_aside_starts(1)
        assert run.starts() == 1
    assert sorted(path.name for path in (tmp_path / "unrecorded").iterdir()) == [
        *("service-00002-1", "service-00002-2", "service-00003-1", "service-00003-2"),
        *("service-9999999999-1", "service-9999999999-2"),
    ]
