from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action.errors import EvidenceError, SurroundingsError
from soak_action.workload.capture import Capture, Captured


def pipe() -> tuple[FileIO, FileIO]:
    reading, writing = os.pipe()
    return FileIO(reading, "r"), FileIO(writing, "w")


def captured(path: Path, limit: int, blocks: list[bytes]) -> Captured:
    capture = Capture(path, limit)
    reading, writing = pipe()
    capture.start(reading)
    with writing:
        for block in blocks:
            rest = memoryview(block)
            while rest:
                rest = rest[cast("int", writing.write(rest)) :]
    done = capture.finish(60)
    assert reading.closed
    return done


@pytest.mark.parametrize(
    ("limit", "data", "kept", "log"),
    [
        (10, b"", 0, b""),
        (10, b"0123456789", 10, b"0123456789"),
        (10, b"0123456789a", 10, b"01234\n[soak: 1 bytes cut here]\n6789a"),
        (10, b"0123\n567\n9abc", 10, b"0123\n[soak: 3 bytes cut here]\n\n9abc"),
        (3, b"abcdef", 3, b"ab\n[soak: 3 bytes cut here]\nf"),
        (1, b"abc", 1, b"a\n[soak: 2 bytes cut here]\n"),
        (0, b"abc", 0, b"[soak: 3 bytes cut here]\n"),
        (0, b"", 0, b""),
    ],
)
def test_first_and_last_half(tmp_path: Path, limit: int, data: bytes, kept: int, log: bytes) -> None:
    path = tmp_path / "log"
    assert captured(path, limit, [data]) == Captured(len(data), kept, cut=kept < len(data))
    assert path.read_bytes() == log


@given(limit=st.integers(0, 40), blocks=st.lists(st.binary(max_size=30), max_size=12))
def test_any_blocks_under_any_limit(tmp_path_factory: pytest.TempPathFactory, limit: int, blocks: list[bytes]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.log"
    data = b"".join(blocks)
    done = captured(path, limit, blocks)
    assert done == Captured(len(data), min(len(data), limit), cut=len(data) > limit)
    head, tail = data[: (limit + 1) // 2], data[len(data) - limit // 2 :]
    line = f"[soak: {len(data) - limit} bytes cut here]\n".encode()
    separator = b"" if not head or head.endswith(b"\n") else b"\n"
    assert path.read_bytes() == (head + separator + line + tail if done.cut else data)


def test_more_than_one_read_in_the_tail(tmp_path: Path) -> None:
    data = os.urandom(1_000_000)
    path = tmp_path / "log"
    done = captured(path, 400_000, [data])
    assert done == Captured(1_000_000, 400_000, cut=True)
    assert path.read_bytes() == data[:200_000] + b"\n[soak: 600000 bytes cut here]\n" + data[-200_000:] or (
        data[199_999:200_000] == b"\n"
    )


def test_a_stream_that_never_ends_is_left(tmp_path: Path) -> None:
    path = tmp_path / "log"
    capture = Capture(path, 100)
    reading, writing = pipe()
    capture.start(reading)
    writing.write(b"early")
    while path.read_bytes() != b"early":
        threading.Event().wait(0.001)
    assert capture.finish(0.01) == Captured(5, 5, cut=False)
    writing.write(b"late")
    writing.close()
    assert capture._thread is not None
    capture._thread.join(60)
    assert reading.closed
    assert path.read_bytes() == b"early"


def test_never_started(tmp_path: Path) -> None:
    assert Capture(tmp_path / "log", 100).finish(0) == Captured(0, 0, cut=False)
    assert (tmp_path / "log").read_bytes() == b""


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SurroundingsError, match=r"log: the workload's output cannot be written: "):
        Capture(tmp_path / "nowhere" / "log", 100)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no device that is always full")
def test_a_full_disk_does_not_stop_the_reading() -> None:
    capture = Capture(Path("/dev/full"), 100)
    reading, writing = pipe()
    capture.start(reading)
    with writing:
        for _ in range(50):
            writing.write(b"x" * 10_000)
    with pytest.raises(SurroundingsError, match="No space left on device"):
        capture.finish(60)
    assert reading.closed


def meddled(path: Path, meddle: Callable[[Path], object]) -> None:
    capture = Capture(path, 100)
    reading, writing = pipe()
    capture.start(reading)
    with writing:
        writing.write(b"x=999\n")
    while path.stat().st_size < 6:
        time.sleep(0.01)
    meddle(path)
    capture.finish(60)


def replaced(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"x=111\n")


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be replaced there")
@pytest.mark.parametrize("meddle", [replaced, Path.unlink, lambda path: path.write_bytes(b"x=111\n")])
def test_a_log_that_the_workload_replaces_or_changes_is_no_evidence(
    tmp_path: Path, meddle: Callable[[Path], object]
) -> None:
    with pytest.raises(EvidenceError, match="was replaced or changed while the workload ran"):
        meddled(tmp_path / "stdout.log", meddle)


def test_a_log_that_is_only_read_meanwhile_is_evidence(tmp_path: Path) -> None:
    meddled(tmp_path / "stdout.log", Path.read_bytes)
    assert (tmp_path / "stdout.log").read_bytes() == b"x=999\n"
