"""The loop: run the workload again and again, measure it, and record every iteration before the next one begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from soak_action import units
from soak_action.config.model import Config
from soak_action.course import Course
from soak_action.errors import SoakError
from soak_action.evidence.ledger import Ledger
from soak_action.evidence.measurements import State
from soak_action.evidence.outputs import remove_after
from soak_action.evidence.run_dir import IterationDir, RunDir, digests_below, stamp
from soak_action.kpi.answers import Answers
from soak_action.kpi.extract import Extraction, IterationOutput, Reading, extract
from soak_action.suspends import Suspends
from soak_action.tuner import Tuner
from soak_action.workload import process
from soak_action.workload.awake import NOT_NEEDED, Awake
from soak_action.workload.launching import Launcher, Surroundings, check_workload, record_of_end
from soak_action.workload.resource_record import Watched
from soak_action.workload.servers import Servers
from soak_action.workload.service import Ended, Service
from soak_action.workload.stop import LinkedStop, StopRequest
from soak_action.workload.window import watch_window

_CLOCK_STEP_SECONDS = 2.0
# A suspend is known to lie between two looks, so a pause of hours is no single wait.
_LONGEST_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Segment:
    """An uninterrupted part of a run: its number, the soak time at which it begins, and how long it may last.

    Both times are in seconds; without a `limit` it lasts as long as the run. `awake` tells at any time whether the
    machine is kept awake. The service had `exits_before` unplanned exits in earlier segments.
    """

    number: int = 1
    begins: float = 0.0
    limit: float | None = None
    awake: Callable[[], Awake] = lambda: NOT_NEEDED
    exits_before: int = 0


_WHOLE_RUN = Segment()


@dataclass(frozen=True)
class Clock:
    """The three clocks.

    `monotonic` gives seconds that only advance while the machine is awake, `now` the wall clock in UTC for labels,
    `slept` the seconds that the machine was suspended since any moment, or None where nothing tells.
    """

    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    slept: Callable[[], float | None] = lambda: None


class Progress(Protocol):
    """Whoever wants to know how the run goes on."""

    def begin_iteration(self, number: int) -> None:
        """The iteration `number` begins."""

    def end_iteration(self, record: Mapping[str, Any], soak_seconds: float) -> None:
        """The iteration's record is on disk; `soak_seconds` have passed since the run began."""


class Loop:
    """One segment of a run, from its first iteration to the record that ends it."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a run is made of
        self,
        run: RunDir,
        config: Config,
        ledger: Ledger,
        surroundings: Surroundings,
        clock: Clock,
        stop: StopRequest,
        progress: Progress,
        tuner: Tuner | None = None,
    ) -> None:
        """`tuner` moves the parameters between the iterations, None when there are none."""
        self._run = run
        self._config = config
        self._workload = check_workload(config, surroundings)
        self._launcher = Launcher(self._workload, surroundings, run, config.evidence.log_limit)
        self._ledger = ledger
        self._clock = clock
        self._stop = stop
        # Also requested when there is no service any more: whoever waits or runs has nothing to wait for then.
        self._halt = stop if self._workload.service is None else LinkedStop(stop)
        self._service: Service | None = None
        self._service_record: Mapping[str, Any] = {}
        self._progress = progress
        self._tuner = tuner
        self._segment = Segment()
        self._began = 0.0
        self._started_at = clock.now()
        self._suspends = Suspends(clock.slept, clock.now)
        self._course = Course(config)
        self._before = 0

    def execute(self, segment: Segment = _WHOLE_RUN, past: Iterable[Mapping[str, Any]] = ()) -> State:
        """Run until the schedule is met, budget or segment are used up, a live rule aborts or a stop is requested.

        `past` are the records of earlier segments. A segment makes at least one iteration before it pauses, and later
        ones only if the longest iteration so far would still end in time. Raises SurroundingsError when evidence can no
        longer be written; what was written before stays readable, and the run can be resumed.
        """
        for record in past:
            self._learn(record)
        self._segment, self._before = segment, self._course.number
        self._begin_clocks()
        state: State = "interrupted"
        reason = "soak itself failed"
        readings: Mapping[str, Any] = {}
        try:
            with self._serving():
                state, reason = self._iterate()
                # Before the service is stopped: that is no soak time any more.
                readings = self._readings()
        except SoakError as error:
            state, reason = "interrupted", str(error)
            raise
        finally:
            self._ledger.end_segment(
                {
                    "segment": segment.number,
                    "started_at": stamp(self._started_at),
                    "state": state,
                    "reason": reason,
                    "iterations": self._course.number,
                    "awake": segment.awake().to_dict(),
                    **(readings or self._readings()),
                    **self._service_record,
                }
            )
        return state

    def _readings(self) -> dict[str, Any]:
        """Return what the clocks tell of the segment now."""
        return {
            "ended_at": stamp(self._clock.now()),
            "measured_seconds": self._since_start(),
            "clock_drift_seconds": self._clock_drift(),
            "missed_slots": self._course.missed_slots,
            "suspends": self._suspends.take(),
            "suspended_seconds": self._suspends.seconds,
        }

    def _begin_clocks(self) -> None:
        self._started_at = self._clock.now()
        self._began = self._clock.monotonic()
        self._suspends = Suspends(self._clock.slept, self._clock.now)

    @contextmanager
    def _serving(self) -> Iterator[None]:
        """Have the service running, if there is one; the soak time begins when it is ready."""
        settings = self._workload.service
        if settings is None:
            yield
            return
        self._service = service = Service(
            settings,
            self._launcher.service,
            self._launcher.probe,
            stop=self._stop,
            halt=self._halt,
            elapsed=self._elapsed,
            starts=self._run.starts(),
            exits=self._segment.exits_before,
        )
        try:
            service.begin()
            self._begin_clocks()
            yield
        finally:
            planned = None
            try:
                planned = service.end()
            finally:
                self._service_record = {
                    "service": {
                        "exits": [record_of_end(ended, self._run) for ended in service.take_exits()],
                        "not_ready": service.not_ready,
                        "stop": None if planned is None else record_of_end(planned, self._run),
                    }
                }

    def _iterate(self) -> tuple[State, str]:
        while True:
            if over := self._why_over():
                return over
            if self._wait_for_slot():
                continue
            if self._segment_left() < self._course.longest:
                return "paused", self._why_paused()
            if self._service is not None and not self._service.wait_until_ready():
                continue
            outcome = self._iteration(self._course.number + 1)
            if outcome == "cancelled" and not self._stop.requested:
                return "aborted", "budget exhausted"

    def _why_over(self) -> tuple[State, str] | None:
        """Return how and why the segment has come to its end, or None when it goes on."""
        if breached := self._course.breached():
            return "aborted", f"aborted by {breached}.abort"
        if self._stop.requested:
            return "interrupted", f"stopped by signal {self._stop.signal}"
        if self._service is not None and self._service.gave_up:
            return "aborted", self._service.gave_up
        if edited := self._edited():
            return "aborted", edited
        if self._is_met():
            return "finished", "schedule met"
        if self._budget_left() <= 0:
            return "aborted", "budget exhausted"
        return ("paused", self._why_paused()) if self._segment_left() <= 0 else None

    def _edited(self) -> str | None:
        return None if self._tuner is None or self._tuner.look() else self._tuner.edited

    def _is_met(self) -> bool:
        schedule = self._config.schedule
        return self._has_enough() and (schedule.duration is None or self._elapsed() >= schedule.duration)

    def _has_enough(self) -> bool:
        iterations = self._config.schedule.iterations
        return iterations is None or self._course.completed >= iterations

    def _budget_left(self) -> float:
        budget = self._config.schedule.budget
        return float("inf") if budget is None else budget - self._elapsed()

    def _segment_left(self) -> float:
        """Return the seconds that the segment has left; until its first iteration was made it has all the time."""
        if self._segment.limit is None or self._course.number == self._before:
            return float("inf")
        return self._segment.limit - self._since_start()

    def _why_paused(self) -> str:
        limit = units.format_duration(self._segment.limit or 0.0)
        return f"no further iteration would end within the segment of {limit}"

    def _wait_for_slot(self) -> bool:
        """Wait for the next iteration's turn; return whether anything but that turn ended the wait."""
        left = self._course.next_start() - self._elapsed()
        if left <= 0:
            return False
        schedule = self._config.schedule
        until_met = float("inf")
        if schedule.duration is not None and self._has_enough():
            until_met = schedule.duration - self._elapsed()
        self._halt.wait(min(left, until_met, self._budget_left(), self._segment_left(), _LONGEST_WAIT_SECONDS))
        self._suspends.look()
        return self._halt.requested or self._course.next_start() > self._elapsed() or self._is_over()

    def _is_over(self) -> bool:
        return self._is_met() or self._budget_left() <= 0 or self._segment_left() <= 0 or self._edited() is not None

    def _iteration(self, number: int) -> str:
        self._progress.begin_iteration(number)
        folder = self._run.begin_iteration(number)
        if self._tuner is not None:
            self._tuner.prepare(number, folder, self._elapsed(), self._budget_left(), self._launcher, self._halt)
        not_before_ns = folder.out.stat().st_mtime_ns
        started_at = self._clock.now()
        offset = self._elapsed()
        shift = self._wall_shift()
        watched = Watched(self._config.resources)
        servers = Servers(self._config.kpis, folder, self._halt)
        servers.ask("begin")
        finished = self._start_and_wait(folder, number, watched)
        if finished.outcome == "ok":
            servers.ask("end")
        answers = servers.keep()
        exits = [] if self._service is None else self._service.take_exits()
        # What is sampled is the service, if there is one; what the system accounts is the command.
        sampled = watched.readings(finished.cpu_seconds if self._service is None else None)
        step = self._wall_shift() - shift
        if step < -_CLOCK_STEP_SECONDS:
            not_before_ns += int(step * 1e9)
        found = self._collect(folder, finished, not_before_ns, {"service_exits": float(len(exits)), **sampled}, answers)
        record = {
            "iteration": number,
            "segment": self._segment.number,
            "started_at": stamp(started_at),
            "offset_seconds": offset,
            "missed_slots": self._course.missed_before(offset),
            "seconds": round(finished.seconds, 6),
            "clock_drift_seconds": self._clock_drift(),
            "suspends": self._suspends.take(),
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
            **watched.record(sampled),
            **self._service_part(exits),
            **({} if self._tuner is None else self._tuner.record(number, folder)),
        }
        self._ledger.add_iteration(record, watched.samples(record))
        self._learn(record)
        self._progress.end_iteration(record, self._elapsed())
        remove_after(record, self._run, self._config)
        return finished.outcome

    def _learn(self, record: Mapping[str, Any]) -> None:
        self._course.add(record)
        if self._tuner is not None:
            self._tuner.observe(record)

    def _start_and_wait(self, folder: IterationDir, number: int, watched: Watched) -> process.Finished:
        """Make the iteration, with its command or as a window of the service, and return how it ended."""
        service, budget_left = self._service, self._budget_left()
        timeout = min(self._workload.timeout, budget_left)
        if service is None:
            finished = self._launcher.command(folder, number, timeout=timeout, stop=self._halt, **watched.arguments())
        else:
            with watched.over(service.tree):
                finished = self._with_service(folder, number, timeout, service)
        if finished.outcome == "timeout" and budget_left < self._workload.timeout:
            return replace(finished, outcome="cancelled", detail="stopped because the budget of the run was exhausted")
        return finished

    def _with_service(self, folder: IterationDir, number: int, timeout: float, service: Service) -> process.Finished:
        if self._workload.run is None:
            window = service.window
            finished = watch_window(window, self._halt, self._clock.monotonic, longest=timeout)
        else:
            finished = self._launcher.command(folder, number, timeout=timeout, stop=self._halt)
        if finished.outcome == "ok" or self._stop.requested:
            return finished
        service.settle()
        return finished if service.gave_up is None else replace(finished, outcome="crashed", detail=service.gave_up)

    def _service_part(self, exits: Sequence[Ended]) -> dict[str, Any]:
        if self._service is None:
            return {}
        ends = [record_of_end(ended, self._run) for ended in exits]
        return {"service": {"start": self._service.start, "exits": ends}}

    def _collect(
        self,
        folder: IterationDir,
        finished: process.Finished,
        not_before_ns: int,
        measured: Mapping[str, float | Reading],
        answers: Mapping[str, Answers],
    ) -> Extraction:
        output = IterationOutput(
            out_dir=folder.out,
            stdout=folder.stdout,
            stderr=folder.stderr,
            stdout_cut=finished.stdout.cut,
            stderr_cut=finished.stderr.cut,
            not_before_ns=not_before_ns,
            answers=answers,
        )
        built_in: dict[str, float | Reading | None] = {
            "exit_code": None if finished.exit_code is None else float(finished.exit_code),
            "wall_seconds": round(finished.seconds, 6),
            "peak_rss_mib": finished.peak_rss_mib,
            **measured,
        }
        return extract(self._config.kpis, output, built_in, workload_ok=finished.outcome == "ok")

    def _elapsed(self) -> float:
        """Return the soak time in seconds: that of all segments, without the gaps between them."""
        return round(self._segment.begins + self._since_start(), 6)

    def _since_start(self) -> float:
        return round(self._clock.monotonic() - self._began, 6)

    def _clock_drift(self) -> float:
        """Return how far the wall clock has moved away from the monotonic one since the segment began, in seconds."""
        return round((self._clock.now() - self._started_at).total_seconds() - self._since_start(), 3)

    def _wall_shift(self) -> float:
        """Return how far somebody has set the wall clock since the segment began, in seconds: no suspend moves it."""
        self._suspends.look()
        return self._clock_drift() - (self._suspends.seconds or 0.0)
