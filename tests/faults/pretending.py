"""A world for the real loop in which days are seconds: its clocks and its workload only pretend."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from soak_action.loop import Clock
from soak_action.workload.process import Captured, Finished

HOUR = 3600.0
NOTHING = Captured(0, 0, False)


class World:
    """Three clocks that stand still unless somebody waits or works, and a workload that writes one number."""

    requested = False
    signal = None

    def __init__(self, takes: Callable[[int], float] = lambda _: 60.0) -> None:
        self.takes = takes
        self.seconds = 5000.0
        self.slept = 0.0
        self.moment = datetime(2026, 11, 23, tzinfo=UTC)
        self.during: dict[int, Callable[[], None]] = {}
        self.asleep_at: float | None = None

    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, lambda: self.moment, lambda: self.slept)

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds
        self.moment += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.moment += timedelta(seconds=seconds)

    def set_clock(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def wait(self, seconds: float) -> bool:
        assert seconds > 0
        self.pass_by(seconds)
        if self.asleep_at is not None and self.seconds >= 5000 + self.asleep_at:
            self.asleep_at = None
            self.sleep(8 * HOUR)
        return False

    def start(self, argv: object, *, env: dict[str, str], stdout: Path, stderr: Path, **_: object) -> Finished:
        number = int(env["SOAK_ITERATION"])
        stdout.touch()
        stderr.touch()
        (Path(env["SOAK_OUT"]) / "m.json").write_text(json.dumps({"v": number}))
        self.pass_by(self.takes(number))
        self.during.get(number, lambda: None)()
        return Finished("ok", 0, None, "exited with 0", self.takes(number), 1.0, (), NOTHING, NOTHING)

    def begin_iteration(self, number: int) -> None: ...

    def end_iteration(self, record: object, soak_seconds: float) -> None: ...
