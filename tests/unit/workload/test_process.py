from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

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
    done = _Run(child, UndeadTree(), PeakMemory(), captures, hard=0.1).finish(60, StopRequest(), grace=0.1)
    assert (done.outcome, done.exit_code) == ("ok", 0)
    assert done.detail == "exited with 0; could not be stopped: undead (pid 12)"
    assert done.leftovers == ("undead (pid 12)",)
    assert (tmp_path / "out").read_text().strip() == "1"
