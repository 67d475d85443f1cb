from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from soak_action.workload.capture import Capture
from soak_action.workload.child import Child
from soak_action.workload.memory import PeakMemory
from soak_action.workload.process import _Run
from soak_action.workload.process_tree import Member
from soak_action.workload.stop import StopRequest


class UndeadTree:
    """One process that nothing can end."""

    peak_rss_bytes = 0

    def started(self, main: int) -> None: ...
    def close(self) -> None: ...
    def observe(self) -> None: ...

    def present(self) -> list[Member]:
        return self.members()

    def ask(self, members: Iterable[Member]) -> None: ...
    def kill(self, members: Iterable[Member]) -> None: ...

    def members(self) -> list[Member]:
        return [Member(12, 1.0, "undead")]


def test_who_cannot_be_stopped_is_named(tmp_path: Path) -> None:
    captures = Capture(tmp_path / "out", 100), Capture(tmp_path / "err", 100)
    child = Child([sys.executable, "-S", "-c", "print(1)"], tmp_path, os.environ)
    done = _Run(child, UndeadTree(), PeakMemory(), captures, lambda: None, hard=0.1).finish(
        60, StopRequest(), grace=0.1
    )
    assert (done.outcome, done.exit_code) == ("ok", 0)
    assert done.detail == "exited with 0; could not be stopped: undead (pid 12)"
    assert done.leftovers == ("undead (pid 12)",)
    assert (tmp_path / "out").read_text().strip() == "1"


@pytest.mark.skipif(sys.platform == "win32", reason="its words are those of POSIX signals")
@pytest.mark.parametrize(
    ("text", "out_of_memory", "detail"),
    [
        ("os.kill(os.getpid(), 9)", True, "killed by SIGKILL (out of memory)"),
        ("os.kill(os.getpid(), 9)", False, "killed by SIGKILL (not out of memory)"),
        ("os._exit(137)", True, "exited with 137: usually killed by SIGKILL, out of memory"),
        ("os._exit(1)", True, "exited with 1; meanwhile the kernel ended a process for lack of memory"),
        ("os._exit(1)", False, "exited with 1"),
        (
            "time.sleep(600)",
            True,
            "stopped after 300ms (timeout); meanwhile the kernel ended a process for lack of memory",
        ),
        ("time.sleep(600)", None, "stopped after 300ms (timeout)"),
    ],
)
def test_trap_53_a_lack_of_memory_is_told(tmp_path: Path, text: str, out_of_memory: bool | None, detail: str) -> None:
    from soak_action.workload.portable_tree import PortableTree

    captures = Capture(tmp_path / "out", 100), Capture(tmp_path / "err", 100)
    child = Child([sys.executable, "-S", "-c", f"import os, time; {text}"], tmp_path, os.environ)
    tree = PortableTree()
    tree.started(child.pid)
    timeout = 0.3 if "sleep" in text else 60
    done = _Run(child, tree, PeakMemory(), captures, lambda: out_of_memory).finish(timeout, StopRequest(), grace=30)
    assert done.detail == detail
