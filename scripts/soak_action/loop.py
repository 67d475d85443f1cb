"""The loop: run the workload again and again, measure it, and record every iteration before the next one begins."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil, nan
from pathlib import Path
from typing import Any, Protocol

from soak_action.config.model import Config, Kpi, Workload
from soak_action.errors import SoakError, UsageError
from soak_action.evidence.ledger import Ledger
from soak_action.evidence.measurements import State
from soak_action.evidence.run_dir import IterationDir, RunDir, digests_below, stamp
from soak_action.gate.limits import abort_breached
from soak_action.kpi.extract import Extraction, IterationOutput, extract
from soak_action.workload import process
from soak_action.workload.command import find_program, resolve_command
from soak_action.workload.environment import child_environment
from soak_action.workload.stop import StopRequest

_CLOCK_STEP_SECONDS = 2.0
_SEGMENT = 1


@dataclass(frozen=True)
class Clock:
    """The two clocks: seconds that only advance, and the wall clock in UTC for labels."""

    monotonic: Callable[[], float]
    now: Callable[[], datetime]


class Progress(Protocol):
    """Whoever wants to know how the run goes on."""

    def begin_iteration(self, number: int) -> None:
        """The iteration `number` begins."""

    def end_iteration(self, record: Mapping[str, Any], soak_seconds: float) -> None:
        """The iteration's record is on disk; `soak_seconds` have passed since the run began."""


@dataclass(frozen=True)
class Surroundings:
    """What the workload is started with: where, with which environment, interpreter and profile, and by what."""

    directory: Path
    environ: Mapping[str, str]
    python: str
    profile: str | None
    start: Callable[..., process.Finished] = process.run

    def variables(self, run: Path, out: Path, iteration: int) -> dict[str, str]:
        """Return the SOAK_ variables of one iteration."""
        return {
            "SOAK_OUT": str(out),
            "SOAK_ITERATION": str(iteration),
            "SOAK_RUN_DIR": str(run),
            "SOAK_ACTIVE_PROFILE": self.profile or "",
            "SOAK_PYTHON": self.python,
        }


def check_workload(config: Config, surroundings: Surroundings) -> Workload:
    """Return the workload, sure that it can be started.

    Raises UsageError when there is none, when its program does not exist, or when it names an unknown variable.
    """
    workload = config.workload
    if workload is None:
        raise UsageError("nothing to run: give a command after --, or write workload.run in soak.yaml")
    variables = surroundings.variables(Path("run"), Path("out"), 1)
    try:
        argv = resolve_command(workload.run, workload.shell, variables)
    except ValueError as error:
        raise UsageError(f"workload.run: {error}") from None
    environment = child_environment(surroundings.environ, workload.env, variables)
    if problem := find_program(argv, surroundings.directory, environment):
        raise UsageError(f"workload.run: {problem}")
    return workload


class Loop:
    """One segment of a run, from its first iteration to the record that ends it."""

    def __init__(
        self,
        run: RunDir,
        config: Config,
        ledger: Ledger,
        surroundings: Surroundings,
        clock: Clock,
        stop: StopRequest,
        progress: Progress,
    ) -> None:
        self._run = run
        self._config = config
        self._workload = check_workload(config, surroundings)
        self._ledger = ledger
        self._surroundings = surroundings
        self._clock = clock
        self._stop = stop
        self._progress = progress
        self._began = 0.0
        self._started_at = clock.now()
        self._done = 0
        self._slot = 0
        self._last_end = 0.0
        self._recent = {
            kpi.name: deque[float](maxlen=kpi.abort.iterations) for kpi in config.kpis if kpi.abort is not None
        }

    def execute(self) -> State:
        """Run until the schedule is met, the budget is exhausted, a live rule aborts or a stop is requested.

        Raises SurroundingsError when evidence can no longer be written; what was written before stays readable.
        """
        self._started_at = started_at = self._clock.now()
        self._began = self._clock.monotonic()
        state: State = "aborted"
        reason = "soak itself failed"
        try:
            state, reason = self._iterate()
        except SoakError as error:
            reason = str(error)
            raise
        finally:
            self._ledger.end_segment(
                {
                    "segment": _SEGMENT,
                    "started_at": stamp(started_at),
                    "ended_at": stamp(self._clock.now()),
                    "state": state,
                    "reason": reason,
                    "iterations": self._done,
                    "measured_seconds": self._elapsed(),
                    "clock_drift_seconds": self._clock_drift(),
                }
            )
        return state

    def _iterate(self) -> tuple[State, str]:
        while True:
            if self._stop.requested:
                return "interrupted", f"stopped by signal {self._stop.signal}"
            if self._is_met():
                return "finished", "schedule met"
            if self._budget_left() <= 0:
                return "aborted", "budget exhausted"
            if self._wait_for_slot():
                continue
            outcome = self._iteration(self._done + 1)
            if outcome == "cancelled" and not self._stop.requested:
                return "aborted", "budget exhausted"
            if breached := self._breached():
                return "aborted", f"aborted by {breached}.abort"

    def _is_met(self) -> bool:
        schedule = self._config.schedule
        enough = schedule.iterations is None or self._done >= schedule.iterations
        return enough and (schedule.duration is None or self._elapsed() >= schedule.duration)

    def _budget_left(self) -> float:
        budget = self._config.schedule.budget
        return float("inf") if budget is None else budget - self._elapsed()

    def _wait_for_slot(self) -> bool:
        """Wait for the next iteration's turn; return whether anything but that turn ended the wait."""
        left = self._next_start() - self._elapsed()
        if left <= 0:
            return False
        schedule = self._config.schedule
        until_met = float("inf")
        if schedule.duration is not None and (schedule.iterations is None or self._done >= schedule.iterations):
            until_met = schedule.duration - self._elapsed()
        self._stop.wait(min(left, until_met, self._budget_left()))
        return (
            self._stop.requested or self._is_met() or self._budget_left() <= 0 or self._next_start() > self._elapsed()
        )

    def _next_start(self) -> float:
        """Return the soak time at which the next iteration is due; a slot that was missed is skipped."""
        schedule = self._config.schedule
        if self._done == 0:
            return 0.0
        if schedule.every:
            return self._slot * schedule.every
        return self._last_end + (schedule.pause or 0.0)

    def _iteration(self, number: int) -> str:
        self._progress.begin_iteration(number)
        folder = self._run.begin_iteration(number)
        not_before_ns = folder.out.stat().st_mtime_ns
        started_at = self._clock.now()
        offset = self._elapsed()
        drift = self._clock_drift()
        finished = self._start_and_wait(folder, number)
        step = self._clock_drift() - drift
        if step < -_CLOCK_STEP_SECONDS:
            not_before_ns += int(step * 1e9)
        found = self._collect(folder, finished, not_before_ns)
        record = {
            "iteration": number,
            "segment": _SEGMENT,
            "started_at": stamp(started_at),
            "offset_seconds": offset,
            "seconds": round(finished.seconds, 6),
            "clock_drift_seconds": self._clock_drift(),
            "outcome": finished.outcome,
            "exit_code": finished.exit_code,
            "signal": finished.signal,
            "detail": finished.detail,
            "leftovers": list(finished.leftovers),
            "kpis": found.values,
            "missing": found.missing,
            "details": found.details,
            "mock": found.mock,
            "output_bytes": {"stdout": finished.stdout.bytes_total, "stderr": finished.stderr.bytes_total},
            "results": digests_below(folder),
        }
        self._ledger.add_iteration(record)
        self._done = number
        self._last_end = self._elapsed()
        self._advance_slot()
        self._remember(number, found)
        self._progress.end_iteration(record, self._last_end)
        return finished.outcome

    def _start_and_wait(self, folder: IterationDir, number: int) -> process.Finished:
        workload = self._workload
        variables = self._surroundings.variables(self._run.path, folder.out, number)
        budget_left = self._budget_left()
        finished = self._surroundings.start(
            resolve_command(workload.run, workload.shell, variables),
            cwd=self._surroundings.directory,
            env=child_environment(self._surroundings.environ, workload.env, variables),
            stdout=folder.stdout,
            stderr=folder.stderr,
            log_limit=self._config.evidence.log_limit,
            timeout=min(workload.timeout, budget_left),
            stop=self._stop,
            mark=f"{self._run.run_id}/{number}",
        )
        if finished.outcome == "timeout" and budget_left < workload.timeout:
            return replace(finished, outcome="cancelled", detail="stopped because the budget of the run was exhausted")
        return finished

    def _collect(self, folder: IterationDir, finished: process.Finished, not_before_ns: int) -> Extraction:
        output = IterationOutput(
            out_dir=folder.out,
            stdout=folder.stdout,
            stderr=folder.stderr,
            stdout_cut=finished.stdout.cut,
            stderr_cut=finished.stderr.cut,
            not_before_ns=not_before_ns,
        )
        built_in = {
            "exit_code": None if finished.exit_code is None else float(finished.exit_code),
            "wall_seconds": round(finished.seconds, 6),
            "peak_rss_mib": finished.peak_rss_mib,
        }
        return extract(self._config.kpis, output, built_in, workload_ok=finished.outcome == "ok")

    def _advance_slot(self) -> None:
        every = self._config.schedule.every
        if every:
            self._slot = max(self._slot + 1, ceil(self._last_end / every))

    def _remember(self, number: int, found: Extraction) -> None:
        if number > self._config.schedule.warmup:
            for name, recent in self._recent.items():
                recent.append(found.values.get(name, nan))

    def _breached(self) -> str | None:
        for kpi in self._config.kpis:
            if self._is_breached(kpi):
                return kpi.name
        return None

    def _is_breached(self, kpi: Kpi) -> bool:
        return kpi.abort is not None and abort_breached(kpi, list(self._recent[kpi.name]))

    def _elapsed(self) -> float:
        return round(self._clock.monotonic() - self._began, 6)

    def _clock_drift(self) -> float:
        """Return how far the wall clock has moved away from the monotonic one since the segment began, in seconds."""
        return round((self._clock.now() - self._started_at).total_seconds() - self._elapsed(), 3)
