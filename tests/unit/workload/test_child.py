from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from soak_action.workload.child import Child

PYTHON = [sys.executable, "-S", "-c"]


def started(text: str, folder: Path) -> Child:
    child = Child([*PYTHON, text], folder, os.environ)
    child.watch()
    return child


def close(child: Child) -> None:
    child.stdout.close()
    child.stderr.close()


def test_from_start_to_end(tmp_path: Path) -> None:
    child = started("import time; time.sleep(0.3); raise SystemExit(3)", tmp_path)
    assert not child.wait(0)
    assert (child.ended, child.exit_code) == (False, None)
    running = child.seconds
    assert child.wait(60)
    assert child.wait(0)
    assert (child.ended, child.exit_code) == (True, 3)
    assert child.seconds >= max(0.3, running)
    assert child.seconds == child.seconds
    assert child.peak_rss_bytes is not None
    close(child)


@pytest.mark.skipif(sys.platform == "win32", reason="reaps as POSIX does")
def test_a_lost_status_is_unknown(tmp_path: Path) -> None:
    child = Child([*PYTHON, ""], tmp_path, os.environ)
    os.waitpid(child.pid, 0)
    child.watch()
    assert child.wait(60)
    assert (child.exit_code, child.peak_rss_bytes) == (None, None)
    child.abandon()
    close(child)


def test_an_abandoned_process_warns_nobody(tmp_path: Path) -> None:
    child = Child([*PYTHON, "input()"], tmp_path, os.environ)
    child.abandon()
    assert not child.ended
    child.watch()
    assert child.wait(60)
    close(child)


def test_what_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no-such-program"):
        Child([str(tmp_path / "no-such-program")], tmp_path, {})


def test_it_reads_nothing_or_the_file_that_it_is_given(tmp_path: Path) -> None:
    given = tmp_path / "gegeben - ü.json"
    content = b'{"a":"\xc3\xbc"}\r\n\x00\x1a' * 20_000
    given.write_bytes(content)
    text = "import sys; sys.stdout.buffer.write(b'%d' % len(sys.stdin.buffer.read()))"
    for stdin, length in ((None, 0), (given, len(content))):
        child = Child([*PYTHON, text], tmp_path, os.environ, stdin)
        child.watch()
        assert child.stdout.readall() == b"%d" % length
        assert child.wait(60)
        close(child)


def test_what_cannot_be_read_starts_nothing(tmp_path: Path) -> None:
    for stdin in (tmp_path / "absent", tmp_path):
        with pytest.raises(OSError, match=r"absent|regular file"):
            Child([*PYTHON, "open('started', 'w')"], tmp_path, os.environ, stdin)
    assert list(tmp_path.iterdir()) == []
