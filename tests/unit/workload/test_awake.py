from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from soak_action.workload.awake import Awake, Caffeinate, ThreadState, keeper_of_this_system, kept_awake

posix = pytest.mark.skipif(sys.platform == "win32", reason="starts programs as macOS does")


def test_a_system_without_a_way_needs_none() -> None:
    with kept_awake(None) as awake:
        assert awake() == Awake("not_needed")


class WindowsThread:
    """Remembers the execution state of a thread as Windows does."""

    def __init__(self) -> None:
        self.flags = 0x80000000
        self.refuses = False

    def set_state(self, flags: int) -> int:
        if self.refuses:
            return 0
        before, self.flags = self.flags, flags
        return before


def test_windows_is_required_for_as_long_and_not_longer() -> None:
    thread = WindowsThread()
    with kept_awake(ThreadState(thread.set_state)) as awake:
        assert thread.flags == 0x80000001
        assert [awake(), awake()] == [Awake("held")] * 2
    assert thread.flags == 0x80000000


def test_windows_may_refuse_and_the_run_goes_on() -> None:
    thread = WindowsThread()
    thread.refuses = True
    with kept_awake(ThreadState(thread.set_state)) as awake:
        told = awake()
    assert told.state == "failed"
    assert "Windows refuses" in str(told.reason)


def test_who_takes_the_requirement_back_is_noticed() -> None:
    thread = WindowsThread()
    with kept_awake(ThreadState(thread.set_state)) as awake:
        thread.flags = 0x80000000
        assert awake() == Awake("failed", "something took back that the system is required")


def test_an_exception_lets_the_machine_sleep() -> None:
    thread = WindowsThread()
    with pytest.raises(RuntimeError), kept_awake(ThreadState(thread.set_state)):
        raise RuntimeError
    assert thread.flags == 0x80000000


def program(folder: Path, text: str) -> tuple[str, ...]:
    """A stand-in for caffeinate, which writes its words and then does what `text` says."""
    (folder / "caffeinate").write_text(f'#!/bin/sh\necho "$*" >"{folder}/words"\n{text}\n')
    (folder / "caffeinate").chmod(0o755)
    return (str(folder / "caffeinate"), "-i")


def wait_for_words(folder: Path) -> str:
    deadline = time.monotonic() + 60
    while not (folder / "words").exists() or not (folder / "words").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return (folder / "words").read_text().strip()


@posix
def test_the_program_of_macos_runs_for_as_long_and_waits_for_soak(tmp_path: Path) -> None:
    with kept_awake(Caffeinate(program(tmp_path, f'echo $$ >"{tmp_path}/pid"; exec sleep 600'))) as awake:
        assert wait_for_words(tmp_path) == f"-i -w {os.getpid()}"
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        assert awake() == Awake("held")
        pid = int((tmp_path / "pid").read_text())
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)


@posix
def test_trap_50_what_ended_before_the_run_did_keeps_nobody_awake(tmp_path: Path) -> None:
    with kept_awake(Caffeinate(program(tmp_path, "exit 3"))) as awake:
        deadline = time.monotonic() + 60
        while awake().state == "held":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert awake() == Awake("failed", f"{tmp_path}/caffeinate ended early, with 3")


@posix
def test_a_program_that_will_not_end_is_killed(tmp_path: Path) -> None:
    text = f'trap "" TERM; echo deaf >"{tmp_path}/deaf"; while true; do sleep 1; done'
    keeper = Caffeinate(program(tmp_path, text), patience=0.1)
    with kept_awake(keeper):
        while not (tmp_path / "deaf").exists():
            time.sleep(0.01)
    assert str(keeper.lost()).endswith("ended early, with -9")


@posix
def test_a_program_that_is_not_there_is_a_reason(tmp_path: Path) -> None:
    with kept_awake(Caffeinate((str(tmp_path / "none"),))) as awake:
        assert awake() == Awake("failed", f"No such file or directory: '{tmp_path}/none'")


def test_a_keeper_that_holds_nothing_has_nothing_to_release() -> None:
    keeper = Caffeinate()
    assert keeper.lost() is None
    keeper.release()


def test_this_system_is_kept_awake_if_it_may_sleep_by_itself() -> None:
    with kept_awake(keeper_of_this_system()) as awake:
        assert awake() == Awake("held" if sys.platform in ("win32", "darwin") else "not_needed")
