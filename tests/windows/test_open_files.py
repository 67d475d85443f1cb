"""Files on Windows: what is open cannot be replaced, locks bind between processes, a line ends in LF."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from soak_action import canonical
from soak_action.errors import ExitCode, SurroundingsError
from soak_action.files import DirectoryLock, LineWriter, LockedError, digest_of_file, read_lines, write_atomic

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
HOLDER = """
import sys, time
from pathlib import Path
from soak_action.files import DirectoryLock
with DirectoryLock(Path(sys.argv[1]), "the first one"):
    print("held", flush=True)
    time.sleep(120)
"""


def test_this_is_windows() -> None:
    assert (sys.platform, os.name, os.sep) == ("win32", "nt", "\\")


def test_a_file_that_a_reader_holds_open_is_replaced_when_the_reader_is_done(tmp_path: Path) -> None:
    target = tmp_path / "verdict.json"
    target.write_bytes(b"old")
    reader = target.open("rb")
    refused = threading.Event()

    def pause(seconds: float) -> None:
        refused.set()
        reader.close()
        time.sleep(seconds)

    write_atomic(target, b"new\n", sleep=pause)
    assert refused.is_set(), "Windows let an open file be replaced"
    assert target.read_bytes() == b"new\n"
    assert os.listdir(tmp_path) == ["verdict.json"]


def test_a_file_that_stays_open_is_given_up_politely_and_nothing_is_lost(tmp_path: Path) -> None:
    target = tmp_path / "verdict.json"
    target.write_bytes(b"old")
    waits: list[float] = []
    with target.open("rb"), pytest.raises(SurroundingsError, match="another program holds it open") as caught:
        write_atomic(target, b"new", sleep=waits.append)
    assert sum(waits) == pytest.approx(2.55)
    assert target.read_bytes() == b"old"
    kept = Path(str(caught.value).rpartition(" in ")[2])
    assert kept.read_bytes() == b"new"


def test_a_directory_in_the_way_is_named_at_once_and_nothing_stays_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(SurroundingsError, match="it is a directory"):
        write_atomic(tmp_path / "taken", b"x", sleep=lambda _: pytest.fail("waited for a directory to go away"))
    assert os.listdir(tmp_path) == ["taken"]


def test_lines_and_documents_end_in_lf_and_are_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    with LineWriter(path) as writer:
        writer.append(b'{"a":1}')
        writer.append('{"b":"ü\U0001f600"}'.encode())
    write_atomic(tmp_path / "document.json", canonical.pretty({"b": [1, 2], "a": "\r\n\u20ac"}))
    assert path.read_bytes() == '{"a":1}\n{"b":"ü\U0001f600"}\n'.encode()
    assert b"\r" not in (tmp_path / "document.json").read_bytes()
    assert next(line for _, line in read_lines(path)) == b'{"a":1}'
    assert len(digest_of_file(path)) == 64


def test_a_torn_line_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"whole\ntor")
    with LineWriter(path) as writer:
        writer.append(b"next")
    assert path.read_bytes() == b"whole\nnext\n"
    assert (tmp_path / "lines.jsonl.torn-1").read_bytes() == b"tor"


def test_a_second_process_is_refused_and_a_dead_owners_lock_is_free(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline().strip() == b"held"
            with pytest.raises(LockedError, match="held by the first one") as caught, DirectoryLock(tmp_path, "second"):
                pytest.fail("two processes hold one lock")
            assert caught.value.exit_code == ExitCode.USAGE
        finally:
            holder.kill()
    with DirectoryLock(tmp_path, "third"):
        assert (tmp_path / ".lock").read_bytes() == b"third"
