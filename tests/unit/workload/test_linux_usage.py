from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

if sys.platform != "linux":
    pytest.skip("reads Linux' /proc", allow_module_level=True)

from soak_action.workload import linux_usage
from soak_action.workload.linux_usage import LinuxReader
from soak_action.workload.process_tree import Member

READER = LinuxReader()
# The first thread ends, another one goes on with the memory.
WITHOUT_FIRST = """
import ctypes, sys, threading, time
memory = bytearray(20 << 20)
def go_on():
    print(flush=True)
    time.sleep(600)
threading.Thread(target=go_on).start()
ctypes.CDLL(None).pthread_exit(None)
"""


@contextmanager
def running(*argv: str) -> Iterator[Member]:
    """Start a program that prints a line when it is ready."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            member = READER.member(process.pid)
            assert member is not None
            yield member
        finally:
            process.kill()


def sleeping() -> list[str]:
    return ["/bin/sh", "-c", "echo; read x < /dev/null; exec sleep 600"]


def me() -> Member:
    member = READER.member(os.getpid())
    assert member is not None
    return member


def test_the_figures_are_those_that_psutil_reads() -> None:
    memory = bytearray(b"x") * (30 << 20)
    usage = READER.read(me(), uss=True)
    assert usage is not None
    process = psutil.Process()
    full = process.memory_full_info()
    assert usage.figures["rss_mib"] == pytest.approx(full.rss / (1 << 20), abs=4)
    assert usage.figures["uss_mib"] == pytest.approx(full.uss / (1 << 20), abs=4)
    assert usage.figures["rss_mib"] > usage.figures["uss_mib"] > len(memory) >> 20
    assert usage.figures["threads"] == process.num_threads()
    # The descriptor with which the others are listed is one of them.
    assert abs(usage.figures["fds"] - process.num_fds()) <= 1
    times = process.cpu_times()
    assert usage.figures["cpu_seconds"] == pytest.approx(times.user + times.system, abs=0.5)
    assert not usage.refused


def test_what_is_expensive_is_read_on_demand_only() -> None:
    usage = READER.read(me(), uss=False)
    assert usage is not None
    assert set(usage.figures) == {"rss_mib", "cpu_seconds", "threads", "fds", "io_read_mib", "io_write_mib"}


def test_what_children_wrote_to_disk_counts_for_who_has_waited_for_them(tmp_path: Path) -> None:
    before = READER.read(me(), uss=False)
    text = (
        "import os; file = open('file', 'wb'); file.write(os.urandom(3 << 20)); file.flush(); os.fsync(file.fileno())"
    )
    subprocess.run([sys.executable, "-S", "-c", text], cwd=tmp_path, check=True)
    after = READER.read(me(), uss=False)
    assert before is not None
    assert after is not None
    assert after.figures["io_write_mib"] - before.figures["io_write_mib"] >= 3
    assert after.inherited == {"io_read_mib", "io_write_mib"}


def test_a_kernel_that_does_not_account_it_lacks_it() -> None:
    reader = LinuxReader(accounts_io=False)
    assert set(reader.lacks) - set(READER.lacks) == {"io_read_mib", "io_write_mib"}
    usage = reader.read(me(), uss=False)
    assert usage is not None
    assert set(usage.figures) == {"rss_mib", "cpu_seconds", "threads", "fds"}
    assert not usage.inherited


def test_a_later_process_with_the_same_pid_is_not_read() -> None:
    assert READER.read(replace(me(), started=me().started - 1), uss=True) is None


def test_a_dead_process_is_gone_before_and_after_it_is_reaped() -> None:
    with running(*sleeping()) as member:
        os.kill(member.pid, 9)
        while Path(f"/proc/{member.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.001)
        assert READER.read(member, uss=True) is None
        assert READER.member(member.pid) is None
        os.waitpid(member.pid, 0)
        assert READER.read(member, uss=True) is None
        assert READER.member(member.pid) is None
        READER.forget(member)


def test_a_process_that_goes_on_without_its_first_thread_is_read() -> None:
    with running(sys.executable, "-S", "-c", WITHOUT_FIRST) as member:
        deadline = time.monotonic() + 60
        while Path(f"/proc/{member.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < deadline
            time.sleep(0.001)
        usage = READER.read(member, uss=True)
        assert usage is not None
        assert usage.figures["rss_mib"] > usage.figures["uss_mib"] > 20
        assert not usage.refused


def refuse(*_: object) -> None:
    raise PermissionError


def vanish(*_: object) -> None:
    raise ProcessLookupError


def test_what_the_system_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux_usage, "_private_bytes", refuse)
    usage = READER.read(me(), uss=True)
    assert usage is not None
    assert (usage.refused, "uss_mib" in usage.figures) == (frozenset({"uss_mib"}), False)
    member = me()
    monkeypatch.setattr("os.listdir", refuse)
    usage = READER.read(member, uss=False)
    assert usage is not None
    assert (usage.refused, "fds" in usage.figures) == (frozenset({"fds"}), False)


def test_who_refuses_because_it_ends_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(*sleeping()) as member:

        def end(_: str) -> int:
            os.kill(member.pid, 9)
            os.waitpid(member.pid, 0)
            raise PermissionError

        monkeypatch.setattr(linux_usage, "_private_bytes", end)
        assert READER.read(member, uss=True) is None


def test_who_vanishes_while_it_is_read_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux_usage, "_private_bytes", vanish)
    assert READER.read(me(), uss=True) is None
    member = me()
    monkeypatch.setattr("os.listdir", vanish)
    assert READER.read(member, uss=False) is None


def test_an_old_kernel_has_the_long_table_only(tmp_path: Path) -> None:
    areas = ["00-01 r-xp", "Rss: 9 kB", "Private_Clean: 2 kB", "Private_Dirty: 3 kB", "01-02", "Private_Dirty: 4 kB"]
    (tmp_path / "smaps").write_text("\n".join(areas))
    assert linux_usage._private_bytes(str(tmp_path)) == 9 * 1024
    (tmp_path / "smaps_rollup").write_text("00-02 ---p 0 0:0 0 [rollup]\nPrivate_Dirty: 5 kB\n")
    assert linux_usage._private_bytes(str(tmp_path)) == 5 * 1024


def test_nobody_has_memory_without_threads() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert linux_usage._memory_of(process.pid, 0) == ("", 0)
