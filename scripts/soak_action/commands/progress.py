"""How a run goes on, for the person or the log that watches."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from soak_action.commands.tracker import Tracker
from soak_action.config.model import Config
from soak_action.loop import Progress
from soak_action.tuning.candidate import written
from soak_action.units import format_duration, format_number

HEARTBEAT_SECONDS = 60.0
_MOST_KPIS = 4
_MOST_MOVES = 3


@contextmanager
def open_progress(tracker: Tracker, config: Config, stream: TextIO) -> Iterator[Progress]:
    """Give a progress bar on a terminal, else a line per iteration and one at least every minute."""
    if stream.isatty():
        bar = _Bar(tracker, config, stream)
        try:
            yield bar
        finally:
            bar.close()
        return
    with open_lines(tracker, config, stream) as lines:
        yield lines


@contextmanager
def open_lines(tracker: Tracker, config: Config, stream: TextIO) -> Iterator[Lines]:
    """Give a line per iteration and one at least every minute."""
    lines = Lines(tracker, config, stream)
    heartbeat = threading.Thread(target=lines.beat, daemon=True)
    heartbeat.start()
    try:
        yield lines
    finally:
        lines.close()
        heartbeat.join()


class Lines:
    """One line per iteration, and a heartbeat while an iteration or a pause takes long."""

    def __init__(
        self, tracker: Tracker, config: Config, stream: TextIO, heartbeat_seconds: float = HEARTBEAT_SECONDS
    ) -> None:
        self._tracker = tracker
        self._config = config
        self._stream = stream
        self._heartbeat_seconds = heartbeat_seconds
        self._closed = threading.Event()
        self._doing = "before the first iteration"
        self._last_line = time.monotonic()

    def begin_iteration(self, number: int) -> None:
        """Remember what is running."""
        self._tracker.begin()
        self._doing = f"iteration {number}"

    def end_iteration(self, record: Mapping[str, Any], soak_seconds: float) -> None:
        """Print the iteration's line."""
        self._tracker.end(record, soak_seconds)
        self._doing = f"after iteration {record['iteration']}"
        self._print(f"{describe(self._config, record)} | {self._tracker.told()}")

    def beat(self) -> None:
        """Print a line whenever nothing was printed for a minute, until closed."""
        while not self._closed.wait(max(0.01, self._last_line + self._heartbeat_seconds - time.monotonic())):
            if time.monotonic() - self._last_line >= self._heartbeat_seconds:
                self._print(f"still soaking: {self._doing} | {self._tracker.told()}")

    def close(self) -> None:
        """Stop the heartbeat."""
        self._closed.set()

    def _print(self, text: str) -> None:
        self._last_line = time.monotonic()
        # Nobody may be reading any more, or the terminal is gone: the soak goes on all the same.
        with contextlib.suppress(OSError, ValueError):
            print(text, file=self._stream, flush=True)


class _Bar:
    """A bar with the time that is left."""

    def __init__(self, tracker: Tracker, config: Config, stream: TextIO) -> None:
        from tqdm import tqdm

        self._tracker = tracker
        self._config = config
        schedule = config.schedule
        self._by_time = schedule.duration is not None
        self._total = schedule.duration or schedule.iterations or 0
        self._began = time.monotonic()
        self._moved = False
        self._bar = tqdm(total=self._total, file=stream, unit="s" if self._by_time else "iteration", leave=False)

    def begin_iteration(self, number: int) -> None:
        """Show which iteration runs."""
        self._tracker.begin()
        with contextlib.suppress(OSError, ValueError):
            self._bar.set_description(f"iteration {number}")

    def end_iteration(self, record: Mapping[str, Any], soak_seconds: float) -> None:
        """Print the iteration's line above the bar and advance it."""
        self._tracker.end(record, soak_seconds)
        position = soak_seconds if self._by_time else record["iteration"]
        with contextlib.suppress(OSError, ValueError):
            if not self._moved:
                before = soak_seconds - (time.monotonic() - self._began) if self._by_time else position - 1
                self._begin_at(max(0, before))
            self._bar.write(f"{describe(self._config, record)} | {self._tracker.told()}", file=self._bar.fp)
            self._bar.update(min(position, self._total) - self._bar.n)

    def _begin_at(self, position: float) -> None:
        """Count what earlier segments did as done, but not for the pace that the time left is reckoned by."""
        self._moved = True
        self._bar.initial = self._bar.n = min(position, self._total)

    def close(self) -> None:
        """Remove the bar."""
        with contextlib.suppress(OSError, ValueError):
            self._bar.close()


def describe(config: Config, record: Mapping[str, Any]) -> str:
    """Return one line about an iteration: how it ended, how long it took, its first KPIs, what was decided before."""
    number, planned = record["iteration"], config.schedule.planned_iterations
    warmup = " (warm-up)" if number <= config.schedule.warmup else ""
    parts = [
        f"iteration {number}{f'/{planned}' if planned and number <= planned else ''}{warmup}",
        record["outcome"],
        format_duration(round(record["seconds"], 3)),
    ]
    if record["outcome"] != "ok":
        parts.append(record["detail"])
    for kpi in config.kpis[:_MOST_KPIS]:
        if kpi.name in record["kpis"]:
            unit = f" {kpi.unit}" if kpi.unit else ""
            parts.append(f"{kpi.name} {format_number(record['kpis'][kpi.name])}{unit}")
        elif record["outcome"] == "ok":
            parts.append(f"{kpi.name} missing ({record['missing'].get(kpi.name)})")
    return " | ".join([*parts, *_decided(config, record.get("decisions", ()))])


def _decided(config: Config, decisions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what was applied before an iteration, and how much was suppressed by which guards."""
    parameters = () if config.parameters is None else config.parameters.values
    units = {parameter.name: parameter.unit for parameter in parameters}
    applied = [decision for decision in decisions if decision["outcome"] == "applied"]
    for decision in applied[:_MOST_MOVES]:
        name = decision["parameter"]
        yield f"{name} {written(decision['from'])} -> {written(decision['to'], units.get(name))}"
    if len(applied) > _MOST_MOVES:
        yield f"and {len(applied) - _MOST_MOVES} more applied"
    guards = [decision["reason"] for decision in decisions if decision["outcome"] == "suppressed"]
    if guards:
        yield f"{len(guards)} suppressed ({', '.join(dict.fromkeys(guards))})"
