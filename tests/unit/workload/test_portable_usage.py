from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from soak_action.config.model import SAMPLED
from soak_action.workload.portable_usage import PortableReader, lacks_of
from soak_action.workload.process_tree import Member

OF_WINDOWS = {"private_mib", "handles", "gdi_objects", "user_objects"}
COUNTED = OF_WINDOWS if sys.platform == "win32" else {"fds"}
IO = set() if sys.platform == "darwin" else {"io_read_mib", "io_write_mib"}


def write(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.write(os.urandom(size))
        file.flush()
        os.fsync(file.fileno())


def me(reader: PortableReader) -> Member:
    member = reader.member(os.getpid())
    assert member is not None
    return member


def test_every_figure_that_the_system_has_is_read_and_the_others_have_a_reason() -> None:
    reader = PortableReader()
    usage = reader.read(me(reader), uss=True)
    assert usage is not None
    assert set(usage.figures) | usage.refused == {"rss_mib", "cpu_seconds", "threads", "uss_mib"} | COUNTED | IO
    assert set(usage.figures) >= {"rss_mib", "cpu_seconds", "threads"}
    assert usage.figures["rss_mib"] > 1
    # Wine has no figures for some.
    assert not usage.refused or sys.platform == "win32"
    assert set(reader.lacks) == {*OF_WINDOWS, "fds", "io_read_mib", "io_write_mib"} - COUNTED - IO
    usage = reader.read(me(reader), uss=False)
    assert usage is not None
    assert "uss_mib" not in usage.figures


@pytest.mark.parametrize(
    ("platform", "names"),
    [
        ("win32", {"fds"}),
        ("darwin", {*OF_WINDOWS, "io_read_mib", "io_write_mib"}),
        ("freebsd14", OF_WINDOWS),
    ],
)
def test_each_platform_lacks_something_else_and_says_why(platform: str, names: set[str]) -> None:
    lacks = lacks_of(platform)
    assert set(lacks) == names <= set(SAMPLED)
    assert all(lacks.values())


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not tell it")
def test_what_is_written_to_disk_is_counted(tmp_path: Path) -> None:
    reader = PortableReader()
    before = reader.read(me(reader), uss=False)
    write(tmp_path / "file", 3 << 20)
    after = reader.read(me(reader), uss=False)
    assert before is not None
    assert after is not None
    # Wine counts nothing.
    grown = after.figures["io_write_mib"] - before.figures["io_write_mib"]
    assert grown >= 3 or (sys.platform == "win32" and grown == 0)


def test_a_later_process_with_the_same_pid_is_not_read() -> None:
    reader = PortableReader()
    assert reader.read(replace(me(reader), started=1.0), uss=False) is None


def test_who_is_gone_is_not_read_and_nothing_is_kept_of_it() -> None:
    reader = PortableReader()
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"]) as process:
        member = reader.member(process.pid)
        before = None if member is None else reader.read(member, uss=False)
        process.kill()
        process.wait()
    assert member is not None
    assert before is not None
    assert reader.read(member, uss=False) is None
    reader.forget(member)
    assert reader._open == {}
    assert reader.read(member, uss=False) is None
    assert reader.member(process.pid) is None


def refuse(*_: object) -> None:
    raise psutil.AccessDenied


def test_what_the_system_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = PortableReader()
    monkeypatch.setattr(psutil.Process, "memory_full_info", refuse)
    usage = reader.read(me(reader), uss=True)
    assert usage is not None
    assert ("uss_mib" in usage.refused, "uss_mib" in usage.figures) == (True, False)


def test_a_zero_that_cannot_be_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = PortableReader()
    monkeypatch.setattr(psutil.Process, "num_threads", lambda _: 0)
    usage = reader.read(me(reader), uss=False)
    assert usage is not None
    assert ("threads" in usage.refused, "threads" in usage.figures) == (True, False)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no dead processes")
def test_who_refuses_because_it_is_dead_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = PortableReader()
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"]) as process:
        member = reader.member(process.pid)
        process.kill()
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.001)
        monkeypatch.setattr(psutil.Process, "num_threads", refuse)
        assert member is not None
        assert reader.read(member, uss=False) is None
