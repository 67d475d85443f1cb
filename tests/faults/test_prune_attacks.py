"""What goes wrong around a prune: full and read-only disks, missing permission, links, odd names, wrong clocks."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.conftest import clean_environment, full
from tests.integration.watching import wait_for
from tests.unit.retention.runs import content_of, log_of, make_run, output

from soak_action.evidence.archive import unpack
from soak_action.evidence.run_dir import find
from soak_action.verify import verify

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits, links, modes and signals are those of POSIX")

NOW = datetime.now(UTC)
KEEP_ONE = ("--set", "retention.keep_last=1")
# Lets a file grow to so many bytes only, as a full disk does.
LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
from soak_action.cli import main
sys.exit(main(sys.argv[2:]))
"""

# Becomes another user once all code is loaded: that user may not be allowed to read it.
AS_NOBODY = """
import contextlib, io, os, sys
from soak_action.cli import main
output = io.StringIO()
os.makedirs("warm", exist_ok=True)
open("warm/.soak-artifacts", "w").close()
with contextlib.redirect_stdout(output):
    assert main(["prune", "warm"]) == 0
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return output(tmp_path / ".soak")


def history(root: Path, *days: float, **more: object) -> list[Path]:
    return [make_run(root, NOW - timedelta(days=day), **more) for day in days]


def noise(run: Path, size: int) -> None:
    """Add what does not become smaller."""
    (run / "noise").write_bytes(random.Random(run.name).randbytes(size))


def limited(place: Path, size: int, *words: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", LIMITED, str(size), *words]
    return subprocess.run(command, cwd=place, env=clean_environment(), capture_output=True, check=False)


def test_a_full_disk_leaves_what_it_would_not_take_and_deletes_what_goes(soak, root, tmp_path):
    runs = history(root, 0, 9, 10, 11)
    noise(runs[1], 300_000)
    before = content_of(runs[1])
    words = ("prune", ".soak", "--set", "retention.keep_last=3")
    done = limited(tmp_path, 100_000, *words)
    assert done.returncode == 5
    assert b"Traceback" not in done.stderr
    assert b"the file would be larger than the system allows" in done.stdout
    assert not runs[3].exists()
    assert not runs[2].exists()
    assert content_of(runs[1]) == before
    assert sorted(path.name for path in root.glob("2*")) == sorted(
        [runs[0].name, runs[1].name, f"{runs[2].name}.tar.gz"]
    )
    assert list(root.glob(".trash*")) == []
    assert soak(*words).code == 0
    unpack(root / f"{runs[1].name}.tar.gz", tmp_path / "again")
    assert content_of(tmp_path / "again") == before


def test_a_log_without_room_does_not_keep_a_prune_from_making_some(soak, root, tmp_path):
    runs = history(root, 0, 1)
    (root / "retention-log.jsonl").write_bytes(b"{}\n" * 3000)
    done = limited(tmp_path, 9010, "prune", ".soak", *KEEP_ONE)
    assert done.returncode == 5
    assert b"append to" in done.stdout
    assert not runs[1].exists()
    assert list(root.glob(".trash*")) == []
    assert (root / "retention-log.jsonl").read_bytes().endswith(b"\n")
    assert soak("prune", ".soak", *KEEP_ONE).code == 0


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A place that belongs to a user who may not do everything; whoever is not root is one already."""
    place = Path(tempfile.mkdtemp())
    yield place
    subprocess.run(["chmod", "-R", "u+rwX", place], check=True)
    shutil.rmtree(place)


def as_nobody(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    for path in (place, *place.rglob("*")) if os.geteuid() == 0 else ():
        os.chown(path, 65534, 65534, follow_symlinks=False)
    command = [sys.executable, "-c", AS_NOBODY, *words]
    environ = clean_environment(HOME=str(place))
    return subprocess.run(command, cwd=place, env=environ, capture_output=True, check=False, text=True)


def test_a_run_without_permission_is_told_and_the_others_are_pruned(nobody):
    root = output(nobody / "runs")
    runs = history(root, 0, 1, 2, 3)
    runs[1].chmod(0o500)  # cannot be locked
    (runs[2] / "iterations").chmod(0)  # cannot be looked into
    done = as_nobody(nobody, "prune", "runs", *KEEP_ONE)
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
    assert "permission is missing" in done.stdout
    assert "cannot be looked at: Permission denied" in done.stdout
    assert [run.exists() for run in runs] == [True, True, True, False]


def test_what_a_workload_left_without_permission_for_itself_goes_with_its_run(nobody):
    root = output(nobody / "runs")
    runs = history(root, 0, 1)
    cache = runs[1] / "iterations/00001/out/cache"
    cache.mkdir()
    (cache / "a").write_bytes(b"x")
    cache.chmod(0o500)
    done = as_nobody(nobody, "prune", "runs", *KEEP_ONE)
    assert done.returncode == 0, done.stderr + done.stdout
    assert not runs[1].exists()
    assert list(root.glob(".trash*")) == []


def test_a_directory_that_nobody_may_write_to_is_planned_and_not_pruned(nobody):
    root = output(nobody / "runs")
    runs = history(root, 0, 9)
    root.chmod(0o500)
    dry = as_nobody(nobody, "prune", "runs", *KEEP_ONE, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    done = as_nobody(nobody, "prune", "runs", *KEEP_ONE)
    assert done.returncode == 5
    assert "permission is missing" in done.stderr
    assert all(run.exists() for run in runs)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; only root may have one."""
    place = tmp_path / "mounted"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "none", place], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this user may not mount anything")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_read_only_file_system_is_planned_and_not_pruned(soak, mounted):
    root = output(mounted / "runs")
    runs = history(root, 0, 9)
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    dry = soak("prune", root, *KEEP_ONE, "--dry-run")
    assert dry.code == 0
    assert "deleted 1" in dry.out
    done = soak("prune", root, *KEEP_ONE)
    assert done.code == 5
    assert "the file system is read-only" in done.err
    assert all(run.exists() for run in runs)


def test_a_really_full_disk_is_emptied(soak, mounted):
    subprocess.run(["mount", "-o", "remount,size=2m", mounted], check=True)
    root = output(mounted / "runs")
    runs = history(root, 0, 1, 2)
    with pytest.raises(OSError, match="No space left"):
        noise(root, 10_000_000)
    done = soak("prune", root, *KEEP_ONE)
    assert done.code == 0, done.err + done.out
    assert [run.exists() for run in runs] == [True, False, False]


def test_another_file_system_in_a_run_is_left_alone(soak, root, mounted):
    runs = history(root, 0, 9, 10)
    inner = runs[1] / "iterations" / "mount"
    inner.mkdir()
    (mounted / "precious").write_bytes(b"x")
    subprocess.run(["mount", "--bind", mounted, inner], check=True)
    try:
        done = soak("prune", ".soak", *KEEP_ONE)
        assert done.code == 0, done.err
        assert "another file system is mounted in it" in done.out
        assert [run.exists() for run in runs] == [True, True, False]
        assert (mounted / "precious").exists()
    finally:
        subprocess.run(["umount", inner], check=True)


def test_links_lead_nowhere(soak, root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"x")
    runs = history(root, 0, 9, 10)
    for run in runs[1:]:
        out = run / "iterations/00001/out"
        (out / "away").symlink_to(outside)
        (out / "file").symlink_to(outside / "precious")
        (out / "loop").symlink_to("loop")
        (out / "up").symlink_to("..")
    (root / "away").symlink_to(outside)
    (root / "other.tar.gz").symlink_to(outside / "precious")
    done = soak("prune", ".soak", "--set", "retention.keep_last=2")
    assert done.code == 0, done.err
    assert (outside / "precious").read_bytes() == b"x"
    assert sorted(path.name for path in root.glob("[2ao]*")) == sorted(
        [runs[0].name, f"{runs[1].name}.tar.gz", "away", "other.tar.gz"]
    )
    assert done.out.count("is a link, which is never followed") == 2


def test_hard_links_and_holes_are_counted_as_they_are(soak, root):
    runs = history(root, 0, 9, 10)
    os.link(runs[0] / "iterations/00001/stdout.log", runs[2] / "twin")
    with (runs[1] / "sparse").open("wb") as file:
        file.truncate(10**8)
    used = int(subprocess.run(["du", "-s", "-B1", *runs, "-c"], capture_output=True, check=True).stdout.split()[-2])
    found = soak("prune", ".soak", "--dry-run", "--json").json
    assert found["roots"][0]["bytes_before"] == used
    done = soak("prune", ".soak", *KEEP_ONE, "--set", "retention.max_total=1MB", "--json")
    assert done.code == 0
    after = int(subprocess.run(["du", "-s", "-B1", runs[0]], capture_output=True, check=True).stdout.split()[0])
    assert done.json["outcome"]["freed_bytes"] == used - after


def test_names_of_all_kinds_are_compressed_and_deleted(soak, root, tmp_path):
    names = ["e\u0301", "\u00e9", "new\nline", "trailing. ", "-rf", "*", "$(touch x)", "l" * 255, os.fsdecode(b"\xff")]
    runs = history(root, 0, 9, 10)
    for run in runs[1:]:
        out = run / "iterations/00001/out"
        for name in names:
            (out / name).write_bytes(os.fsencode(name))
        deep = out / ("d" * 150) / ("e" * 150)
        deep.mkdir(parents=True)
        (deep / "leaf").write_bytes(b"x")
    before = content_of(runs[1])
    assert soak("prune", ".soak", "--set", "retention.keep_last=2").code == 0
    assert not runs[2].exists()
    unpack(root / f"{runs[1].name}.tar.gz", tmp_path / "again")
    assert content_of(tmp_path / "again") == before


def test_runs_of_all_names_are_told_kept_and_deleted(soak, root):
    names = ["e\u0301", "\u00e9", "new\nline", os.fsdecode(b"\xff\xfe"), "n" * 240]
    for number, name in enumerate(names):
        make_run(root, NOW - timedelta(days=number)).rename(root / name)
    done = soak("prune", ".soak", "--set", "retention.keep_last=3", "--json")
    assert done.code == 0, done.err
    assert sorted(path.name for path in root.iterdir() if path.is_dir()) == sorted(names[:3])
    assert len(log_of(root)) == 2


@pytest.mark.parametrize("years", [-1, 10])
def test_a_clock_that_is_wrong_by_years_costs_no_run_that_a_count_keeps(root, years):
    from soak_action.config.model import Retention
    from soak_action.retention.local import carry_out, plan_prune

    runs = history(root, 0, 1, 2, 40)
    killed = make_run(root, NOW - timedelta(days=1), verdict=None, suffix="000000")
    moment = NOW + timedelta(days=365 * years)
    prune = plan_prune(root, Retention(keep_last=3), moment)
    carry_out(prune, lambda: moment)
    left = {path.name.removesuffix(".tar.gz") for path in root.glob("2*")}
    assert {run.name for run in runs[:3]} <= left
    assert runs[3].name not in left
    # Only what nobody finished is taken for an orphan, ten years later.
    assert (killed.name in left) == (years < 0)


def test_runs_of_the_future_are_told_and_kept(soak, root):
    (future,) = history(root, -3650)
    history(root, 1)
    done = soak("prune", ".soak", *KEEP_ONE)
    assert done.code == 0
    assert future.exists()
    assert "says that it began in the future; it counts as new" in done.out


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xff", b"[]", b'{"run_id": 1}', b"null", b'{"a":' * 200])
def test_what_has_a_corrupt_manifest_is_never_deleted_before_its_time(soak, root, content):
    runs = history(root, 0, 500, 501)
    for run in runs[1:]:
        (run / "run.json").write_bytes(content)
        (run / "receipt.json").unlink()
    done = soak("prune", ".soak", *KEEP_ONE)
    assert done.code == 0, done.err
    assert all(run.exists() for run in runs)
    assert done.out.count("unknown, younger than orphan_age") == 2


def test_a_corrupt_old_archive_stays_and_is_told(soak, root):
    history(root, 0, verdict="pass")
    (root / "20200101T000000Z-default-ab12cd.tar.gz").write_bytes(b"\x1f\x8b\x08broken")
    done = soak("prune", ".soak", *KEEP_ONE, "--set", "retention.max_total=1kB")
    assert done.code == 1
    assert "is damaged, or no archive of a run; it stays" in done.out
    assert (root / "20200101T000000Z-default-ab12cd.tar.gz").exists()


def test_equally_old_runs_are_told_apart_by_their_ids(soak, root):
    runs = [make_run(root, NOW, suffix=f"00000{digit}") for digit in "3120"]
    assert soak("prune", ".soak", "--set", "retention.keep_last=2").code == 0
    assert [run.exists() for run in runs] == [True, False, True, False]


def test_only_one_prunes_at_a_time(soak, root):
    from soak_action.retention.root import lock

    runs = history(root, 0, 1)
    with lock(root, "now"):
        done = soak("prune", ".soak", *KEEP_ONE)
        assert done.code == 2
        assert "is in use: held by soak prune, pid" in done.err
        assert soak("pin", runs[1]).code == 2
        assert soak("prune", ".soak", *KEEP_ONE, "--dry-run").code == 0
    assert all(run.exists() for run in runs)
    assert log_of(root) == []


def test_many_at_once_end_where_one_would(root, tmp_path):
    runs = history(root, *range(40))
    command = [sys.executable, "-m", "soak_action", "prune", ".soak", "--set", "retention.keep_last=20", "--json"]
    options = {"cwd": tmp_path, "env": clean_environment(), "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    both = [subprocess.Popen(command, **options) for _ in range(4)]
    found = [(json.loads(process.communicate(timeout=90)[0]), process.returncode) for process in both]
    assert {code for _, code in found} <= {0, 2}
    assert sum(document["outcome"]["deleted"] for document, code in found if code == 0) == 20
    left = {path.name.removesuffix(".tar.gz") for path in root.glob("2*")}
    assert left == {run.name for run in runs[:20]}


def test_runs_that_start_go_on_and_end_while_others_prune_are_not_disturbed(soak, root, tmp_path):
    """Prune over and over with the strictest policy there is while real runs come and go."""
    ended = threading.Event()
    codes: list[int] = []
    words = ("prune", ".soak", *KEEP_ONE, "--set", "retention.orphan_age=1h", "--set", "retention.compress_after=0s")

    def prune() -> None:
        while not ended.is_set():
            codes.append(soak(*words, cwd=tmp_path).code)

    pruner = threading.Thread(target=prune)
    pruner.start()
    try:
        found = []
        for _ in range(full(20, 3)):
            done = soak("run", "--iterations", "3", "--json", "--", sys.executable, "-S", "-c", "print('x' * 1000)")
            assert done.code == 0, done.err
            found.append(done.json)
        wait_for(lambda: len(codes) >= 2)
    finally:
        ended.set()
        pruner.join()
    assert set(codes) == {0}
    assert verify(find(root / found[-1]["run_id"])).exit_code == 0
