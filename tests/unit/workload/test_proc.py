from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("reads Linux' /proc", allow_module_level=True)

from soak_action.workload.proc import ProcessStat, read_mark, read_stat


@contextmanager
def sleeping(program: str, environment: Mapping[str, str]) -> Iterator[int]:
    with subprocess.Popen([program, "600"], env=environment) as process:
        try:
            # Popen returns in the midst of the exec; it is over when the kernel knows the new arguments.
            while b"600" not in Path(f"/proc/{process.pid}/cmdline").read_bytes():
                time.sleep(0.001)
            yield process.pid
        finally:
            process.kill()


def test_our_own_entry() -> None:
    stat = read_stat(os.getpid(), 0)
    assert stat is not None
    assert (stat.pid, stat.parent, stat.group, stat.session) == (
        os.getpid(),
        os.getppid(),
        os.getpgid(0),
        os.getsid(0),
    )
    assert not stat.dead
    assert read_stat(os.getpid(), stat.started) == stat
    assert read_stat(os.getpid(), stat.started + 1) is None


def test_a_name_that_looks_like_fields(tmp_path: Path) -> None:
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to("/bin/sleep")
    with sleeping(str(program), os.environ) as pid:
        stat = read_stat(pid, 0)
    assert stat is not None
    assert (stat.name, stat.parent) == ("a) Z 1 (b", os.getpid())


def test_who_is_gone_has_no_entry() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    with pytest.raises(ProcessLookupError):
        read_stat(process.pid, 0)
    assert read_mark(process.pid, os.geteuid()) is None


@pytest.mark.parametrize(
    ("state", "threads", "dead"), [(b"S", 1, False), (b"Z", 1, True), (b"X", 0, True), (b"Z", 2, False)]
)
def test_who_is_dead(state: bytes, threads: int, dead: bool) -> None:
    assert ProcessStat(1, "a", state, 0, 1, 1, threads, 1).dead is dead


@pytest.mark.parametrize(
    ("environment", "mark"),
    [
        ({"SOAK_RUN_MARK": "m 1"}, b"m 1"),
        ({"A": "1", "SOAK_RUN_MARK": "m", "B": "2"}, b"m"),
        ({"X_SOAK_RUN_MARK": "m"}, None),
        ({"A": "SOAK_RUN_MARK=m"}, None),
        ({}, None),
    ],
)
def test_the_mark(environment: dict[str, str], mark: bytes | None) -> None:
    with sleeping("/bin/sleep", environment) as pid:
        assert read_mark(pid, os.geteuid()) == mark
        assert read_mark(pid, os.geteuid() + 1) is None
