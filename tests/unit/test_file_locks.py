"""Locks on directories and files that follow their owner's life, however it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import clean_environment
from tests.unit.test_files import largest_file, names

from soak_action.errors import ExitCode, SurroundingsError
from soak_action.file_locks import LOCK_NAME, DirectoryLock, FileLock, LockedError, describe_owner

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX limits, links and signals")
Lock = Callable[[Path, str], "DirectoryLock | FileLock"]
both = pytest.mark.parametrize("kind", [DirectoryLock, FileLock])

HOLD = """
import subprocess, sys
from pathlib import Path
from soak_action import file_locks
kind, path, option = sys.argv[1:]
with getattr(file_locks, kind)(Path(path), file_locks.describe_owner("2026-11-23T00:00:00Z")):
    print("held", flush=True)
    if option == "with-child":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print(child.pid, flush=True)
    sys.stdin.read()
"""
# Takes the lock again and again, and never finds anybody else inside.
CONTEND = """
import os, sys, time
from pathlib import Path
from soak_action.file_locks import FileLock, LockedError
path, inside, turns = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
while turns:
    try:
        with FileLock(path, "x"):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            turns -= 1
            inside.unlink()
    except LockedError:
        time.sleep(0.001)
"""


def environment() -> dict[str, str]:
    # A killed process leaves a broken measurement behind, so none is taken of it.
    return {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")}


def holder(kind: type[DirectoryLock | FileLock], path: Path, option: str = "") -> subprocess.Popen[str]:
    """Another process that holds the lock until its standard input closes."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, kind.__name__, str(path), option],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


@both
def test_a_living_owner_is_named_and_its_old_lock_respected_trap_54(kind: Lock, tmp_path: Path) -> None:
    with holder(kind, tmp_path) as process:
        os.utime(kind(tmp_path, "me").path, (0, 0))
        for _ in range(2):
            with pytest.raises(LockedError) as caught, kind(tmp_path, "me"):
                pytest.fail("two owners")
            message = str(caught.value)
            assert message.startswith(f"{tmp_path} is in use: held by pid {process.pid} on host ")
            assert message.endswith(" since 2026-11-23T00:00:00Z")
            assert caught.value.exit_code == ExitCode.USAGE
        process.communicate("")
        with kind(tmp_path, "me") as lock:
            assert lock.path.read_text() == "me"


@both
def test_the_lock_of_a_killed_owner_is_free_at_once_trap_54(kind: Lock, tmp_path: Path) -> None:
    with holder(kind, tmp_path) as process:
        process.kill()
        process.wait()
        assert kind(tmp_path, "me").path.read_text().startswith(f"pid {process.pid} ")
        with kind(tmp_path, "me") as lock:
            assert lock.path.read_text() == "me"


@posix
@both
def test_a_child_of_a_killed_owner_does_not_keep_the_lock(kind: Lock, tmp_path: Path) -> None:
    with holder(kind, tmp_path, "with-child") as process:
        assert process.stdout
        child = int(process.stdout.readline())
        try:
            process.kill()
            process.wait()
            os.kill(child, 0)
            with kind(tmp_path, "me"):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


@both
@pytest.mark.parametrize(
    ("owner", "shown"), [("the\x1b[31m first\n", r"the \[31m first"), ("", "another process"), ("\udead", r"\?")]
)
def test_one_process_cannot_hold_a_lock_twice(owner: str, shown: str, kind: Lock, tmp_path: Path) -> None:
    refused = pytest.raises(LockedError, match=f"held by {shown}$")
    with kind(tmp_path, owner), refused, kind(tmp_path, "second"):
        pytest.fail("two owners")


@posix
@both
def test_a_lock_that_cannot_name_its_owner_is_not_held(kind: Lock, tmp_path: Path) -> None:
    with largest_file(0), pytest.raises(SurroundingsError, match=r"^cannot lock .*: the file would be larger"):
        kind(tmp_path, "me").__enter__()
    with kind(tmp_path, "me"):
        pass


@both
def test_a_lock_can_be_entered_again_after_an_error(kind: Lock, tmp_path: Path) -> None:
    lock = kind(tmp_path, "me")
    for _ in range(2):
        with pytest.raises(KeyError), lock:
            raise KeyError


def test_an_owner_is_described() -> None:
    assert re.fullmatch(rf"pid {os.getpid()} on host \S+ since noon", describe_owner("noon"))


def test_the_lock_of_a_directory_stays_behind_empty(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path, "me"):
        pass
    assert (tmp_path / LOCK_NAME).read_bytes() == b""


@posix
def test_the_lock_of_a_file_stands_beside_it_and_leaves_nothing(tmp_path: Path) -> None:
    for name in ("a.json", "ä b.json"):
        with FileLock(tmp_path / name, "me") as lock:
            assert lock.path == tmp_path / f"{name}.lock"
            assert names(tmp_path) == [f"{name}.lock"]
        assert names(tmp_path) == []


@posix
def test_a_file_has_one_lock_by_whatever_name_it_is_reached(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.json").symlink_to("real/a.json")
    refused = pytest.raises(LockedError, match=r"link\.json is in use: held by first$")
    with FileLock(tmp_path / "real" / "a.json", "first"), refused, FileLock(tmp_path / "link.json", "second"):
        pytest.fail("two owners")


@posix
def test_a_lock_file_that_is_removed_while_it_is_waited_for_is_no_lock(tmp_path: Path) -> None:
    class Late(FileLock):
        """Opens the lock file just before its holder removes it."""

        takes = 0

        def _take(self, descriptor: int) -> None:
            self.takes += 1
            if self.takes == 1:
                self.path.unlink()
            super()._take(descriptor)

    with Late(tmp_path / "a", "me") as lock:
        assert lock.takes == 2
        assert lock.path.read_text() == "me"


def test_of_many_owners_one_is_inside_at_a_time(tmp_path: Path) -> None:
    words = [sys.executable, "-c", CONTEND, str(tmp_path / "a.json"), str(tmp_path / "inside"), "100"]
    owners = [subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [owner.communicate(timeout=120)[1] for owner in owners] == ["", "", ""]
    assert [owner.returncode for owner in owners] == [0, 0, 0]
