"""The loop under a clock that stands still unless somebody waits or works."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from soak_action.config.model import Abort, Config, EvidenceSettings, Gate, JsonSource, Kpi, Schedule, Window, Workload
from soak_action.errors import SurroundingsError, UsageError
from soak_action.evidence.ledger import Ledger
from soak_action.evidence.run_dir import RunDir
from soak_action.loop import Clock, Loop, Segment
from soak_action.workload.awake import Awake
from soak_action.workload.launching import Surroundings, check_workload
from soak_action.workload.process import Captured, Finished

NOTHING = Captured(0, 0, False)
SCHEDULE = Schedule(
    iterations=None, duration=None, every=None, pause=0.0, warmup=0, failures=0, budget=None, min_active=None
)
HOUR = 3600.0


class FakeTime:
    """Both clocks, and the stop request whose waiting lets the time pass."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.step = 0.0
        self.slept: float | None = 0.0
        self.requested = False
        self.signal = None
        self.stop_at: float | None = None

    def clock(self) -> Clock:
        start = datetime(2026, 11, 23, tzinfo=UTC)
        moment = lambda: start + timedelta(seconds=self.seconds + self.step + (self.slept or 0.0))  # noqa: E731
        return Clock(lambda: self.seconds, moment, lambda: self.slept)

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds
        if self.stop_at is not None and self.seconds >= self.stop_at:
            self.requested, self.signal = True, 15

    def wait(self, seconds: float) -> bool:
        assert seconds > 0
        self.pass_by(seconds)
        return self.requested


class Silent:
    def begin_iteration(self, number: int) -> None: ...

    def end_iteration(self, record, soak_seconds: float) -> None: ...


class FakeWorkload:
    """Takes the given time and writes a value; what it is told about time-outs it obeys."""

    def __init__(self, time: FakeTime, takes=lambda number: 1.0, value=lambda number: 1.0) -> None:
        self.time, self.takes, self.value = time, takes, value

    def __call__(self, argv, *, env, timeout, stdout, stderr, **_) -> Finished:
        number = int(env["SOAK_ITERATION"])
        stdout.touch()
        stderr.touch()
        Path(env["SOAK_OUT"], "m.json").write_text(json.dumps({"v": self.value(number)}))
        took = min(self.takes(number), timeout)
        self.time.pass_by(took)
        outcome = "timeout" if took < self.takes(number) else "ok"
        code = 0 if outcome == "ok" else None
        return Finished(outcome, code, None, "x", took, 1.0, (), NOTHING, NOTHING)


def kpi(**changes) -> Kpi:
    base = Kpi(
        name="v",
        source=JsonSource("m.json", "v"),
        title="v",
        unit=None,
        better="lower",
        range=None,
        stat="mean",
        window=Window(),
        hard=None,
        soft=None,
        sustained=None,
        abort=None,
        allowed_missing=0.0,
        must_vary=False,
    )
    return replace(base, **changes)


@pytest.fixture
def run_loop(tmp_path):
    def call(
        schedule: Schedule,
        time: FakeTime,
        workload: FakeWorkload,
        kpis=(),
        timeout: float = HOUR,
        segment: Segment = Segment(),  # noqa: B008 - it is frozen
        past=(),
    ):
        config = Config(
            suite="s",
            workload=Workload(("/bin/sh",), timeout, {}, None),
            schedule=schedule,
            kpis=tuple(kpis),
            gate=Gate(("fail",)),
            evidence=EvidenceSettings(1000),
        )
        surroundings = Surroundings(tmp_path, {"PATH": "/bin:/usr/bin"}, "/usr/bin/python3", None, start=workload)
        run = RunDir(tmp_path / "20261123T000000Z-default-000000")
        (run.path / "iterations").mkdir(parents=True, exist_ok=True)
        with Ledger(run.path, "0" * 64) as ledger:
            loop = Loop(run, config, ledger, surroundings, time.clock(), time, Silent())
            state = loop.execute(segment, past)
        records = [json.loads(line) for line in (run.path / "iterations.jsonl").read_text().splitlines()]
        *_, end = [json.loads(line) for line in (run.path / "segments.jsonl").read_text().splitlines()]
        assert end["state"] == state
        return records, end

    return call


def starts(records) -> list[float]:
    return [record["offset_seconds"] for record in records]


def test_a_segment_says_at_its_end_whether_the_machine_was_kept_awake_trap_50(run_loop):
    standing = [Awake("held")]

    def value(number: int) -> float:
        standing[0] = Awake("failed", "it ended early")
        return 1.0

    workload = FakeWorkload(time := FakeTime(), value=value)
    _, end = run_loop(replace(SCHEDULE, iterations=2), time, workload, segment=Segment(awake=lambda: standing[0]))
    assert end["awake"] == {"state": "failed", "reason": "it ended early"}


def test_a_segment_that_nobody_keeps_awake_says_so(run_loop):
    _, end = run_loop(replace(SCHEDULE, iterations=1), time := FakeTime(), FakeWorkload(time))
    assert end["awake"] == {"state": "not_needed", "reason": None}


def test_a_pace_is_kept_from_start_to_start_without_drift(run_loop):
    time = FakeTime()
    schedule = replace(SCHEDULE, iterations=4, every=HOUR)
    records, segment = run_loop(schedule, time, FakeWorkload(time, takes=lambda number: 100.0 + number))
    assert starts(records) == [0, HOUR, 2 * HOUR, 3 * HOUR]
    assert (segment["state"], segment["reason"]) == ("finished", "schedule met")


def test_a_missed_slot_is_skipped_and_not_made_up_for(run_loop):
    time = FakeTime()
    schedule = replace(SCHEDULE, iterations=4, every=60.0)
    records, segment = run_loop(schedule, time, FakeWorkload(time, takes=lambda number: 150.0 if number == 2 else 1.0))
    assert starts(records) == [0, 60, 240, 300]
    assert [record["missed_slots"] for record in records] == [0, 0, 2, 0]
    assert segment["missed_slots"] == 2


@pytest.mark.parametrize(
    ("schedule", "missed"),
    [(replace(SCHEDULE, duration=300.0, every=60.0), 3), (replace(SCHEDULE, iterations=2, every=60.0), 0)],
    ids=["due", "nothing due any more"],
)
def test_slots_that_the_last_iteration_ran_over_are_told_at_the_end(run_loop, schedule, missed):
    time = FakeTime()
    _, segment = run_loop(schedule, time, FakeWorkload(time, takes=lambda number: 1.0 if number == 1 else 900.0))
    assert segment["missed_slots"] == missed


def test_trap_21_a_duration_of_days_is_measured_with_its_pauses(run_loop):
    time = FakeTime()
    schedule = replace(SCHEDULE, duration=72 * HOUR, every=HOUR)
    records, segment = run_loop(schedule, time, FakeWorkload(time, takes=lambda number: 60.0))
    assert len(records) == 72
    assert segment["measured_seconds"] == 72 * HOUR


def test_a_pause_lies_between_the_end_and_the_next_start(run_loop):
    time = FakeTime()
    schedule = replace(SCHEDULE, iterations=3, pause=30.0)
    records, segment = run_loop(schedule, time, FakeWorkload(time, takes=lambda number: 10.0))
    assert starts(records) == [0, 40, 80]
    assert segment["measured_seconds"] == 90


def test_the_budget_ends_a_pause_too(run_loop):
    time = FakeTime()
    schedule = replace(SCHEDULE, iterations=9, pause=1000.0, budget=500.0)
    records, segment = run_loop(schedule, time, FakeWorkload(time))
    assert len(records) == 1
    assert (segment["state"], segment["reason"]) == ("aborted", "budget exhausted")
    assert segment["measured_seconds"] == 500


def test_the_budget_cancels_a_running_iteration_but_a_time_out_stays_a_time_out(run_loop, tmp_path):
    time = FakeTime()
    schedule = replace(SCHEDULE, iterations=3, budget=100.0)
    workload = FakeWorkload(time, takes=lambda number: 70.0)
    records, segment = run_loop(schedule, time, workload, timeout=60.0)
    assert [record["outcome"] for record in records] == ["timeout", "cancelled"]
    assert segment["reason"] == "budget exhausted"


def test_a_stop_during_a_wait_interrupts(run_loop):
    time = FakeTime()
    time.stop_at = 1050.0
    schedule = replace(SCHEDULE, iterations=3, every=40.0)
    records, segment = run_loop(schedule, time, FakeWorkload(time))
    assert len(records) == 2
    assert (segment["state"], segment["reason"]) == ("interrupted", "stopped by signal 15")


def test_an_abort_looks_at_judged_iterations_in_a_row_only(run_loop):
    time = FakeTime()
    schedule = replace(SCHEDULE, iterations=9, warmup=2)
    bad = {1, 2, 3, 5, 6}
    workload = FakeWorkload(time, value=lambda number: 10.0 if number in bad else 0.0)
    kpis = [kpi(abort=Abort(beyond=5, iterations=2)), kpi(name="w")]
    records, segment = run_loop(schedule, time, workload, kpis=kpis)
    assert len(records) == 6
    assert segment["reason"] == "aborted by v.abort"


@pytest.mark.parametrize(("step", "recorded"), [(3600.0, 3600.0), (-3600.0, -3600.0), (1.0, 1.0)])
def test_a_step_of_the_wall_clock_is_recorded_and_changes_nothing(run_loop, step, recorded):
    time = FakeTime()

    def takes(number: int) -> float:
        time.step = step
        return 5.0

    records, _ = run_loop(replace(SCHEDULE, iterations=1), time, FakeWorkload(time, takes=takes), kpis=[kpi()])
    assert records[0]["clock_drift_seconds"] == recorded
    assert records[0]["seconds"] == 5
    assert records[0]["kpis"] == {"v": 1}


def test_a_suspend_in_an_iteration_is_in_its_record_and_in_no_measured_time(run_loop):
    time = FakeTime()

    def takes(number: int) -> float:
        time.slept = HOUR if number >= 2 else 0.0
        return 5.0

    records, segment = run_loop(replace(SCHEDULE, iterations=3, pause=10.0), time, FakeWorkload(time, takes=takes))
    assert [[found["seconds"] for found in record["suspends"]] for record in records] == [[], [HOUR], []]
    assert starts(records) == [0, 15, 30]
    assert [record["seconds"] for record in records] == [5, 5, 5]
    assert (segment["measured_seconds"], segment["suspended_seconds"], segment["suspends"]) == (35, HOUR, [])
    assert [record["clock_drift_seconds"] for record in records] == [0, HOUR, HOUR]


def test_a_suspend_in_a_pause_belongs_to_the_iteration_after_it_or_to_the_end(run_loop):
    time = FakeTime()
    schedule = replace(SCHEDULE, duration=3 * HOUR, pause=2 * HOUR)

    class Sleepy(FakeWorkload):
        def __call__(self, *arguments, **more):
            done = super().__call__(*arguments, **more)
            time.nap = 90.0
            return done

    wait = time.wait

    def sleepy_wait(seconds: float) -> bool:
        time.slept, time.nap = time.slept + time.nap, 0.0
        return wait(seconds)

    time.nap, time.wait = 0.0, sleepy_wait
    records, segment = run_loop(schedule, time, Sleepy(time))
    assert [len(record["suspends"]) for record in records] == [0, 1]
    assert [found["seconds"] for found in (*records[1]["suspends"], *segment["suspends"])] == [90, 90]
    assert segment["suspended_seconds"] == 180


def test_where_nothing_tells_of_suspends_the_record_says_so(run_loop):
    time = FakeTime()
    time.slept = None
    records, segment = run_loop(replace(SCHEDULE, iterations=1), time, FakeWorkload(time))
    assert (records[0]["suspends"], segment["suspends"], segment["suspended_seconds"]) == ([], [], None)


def test_evidence_that_cannot_be_written_ends_the_segment_with_the_reason(run_loop, tmp_path):
    time = FakeTime()

    def takes(number: int) -> float:
        raise SurroundingsError("the disk is full")

    with pytest.raises(SurroundingsError, match="the disk is full"):
        run_loop(replace(SCHEDULE, iterations=1), time, FakeWorkload(time, takes=takes))
    (segment,) = (tmp_path / "20261123T000000Z-default-000000/segments.jsonl").read_text().splitlines()
    assert json.loads(segment)["reason"] == "the disk is full"
    assert json.loads(segment)["state"] == "interrupted"


def test_a_configuration_without_a_workload_is_refused(tmp_path):
    config = Config("s", None, SCHEDULE, (), Gate(()), EvidenceSettings(1))
    with pytest.raises(UsageError, match="nothing to run"):
        check_workload(config, Surroundings(tmp_path, {}, "python", None))


def segments_of(run_loop, schedule: Schedule, time: FakeTime, workload: FakeWorkload, limit: float, kpis=()):
    """Run segment after segment, an hour between them, until the run has ended; return records and ends."""
    records, ends, begins = [], [], 0.0
    while not ends or ends[-1]["state"] == "paused":
        assert len(ends) < 50, "it never ends"
        segment = Segment(len(ends) + 1, begins, limit)
        records, end = run_loop(schedule, time, workload, kpis=kpis, segment=segment, past=records)
        ends.append(end)
        begins += end["measured_seconds"]
        time.pass_by(HOUR)
    return records, ends


def test_a_segment_starts_no_iteration_that_would_not_end_in_time(run_loop):
    time = FakeTime()
    workload = FakeWorkload(time, takes=lambda number: 40.0)
    records, end = run_loop(replace(SCHEDULE, iterations=9), time, workload, segment=Segment(limit=100.0))
    assert starts(records) == [0, 40]
    assert (end["state"], end["measured_seconds"], end["iterations"]) == ("paused", 80, 2)
    assert end["reason"] == "no further iteration would end within the segment of 1m40s"


def test_an_iteration_that_ends_with_the_segment_is_still_made(run_loop):
    time = FakeTime()
    workload = FakeWorkload(time, takes=lambda number: 50.0)
    records, _ = run_loop(replace(SCHEDULE, iterations=9), time, workload, segment=Segment(limit=100.0))
    assert starts(records) == [0, 50]


def test_a_schedule_that_is_met_within_the_segment_is_finished_not_paused(run_loop):
    time = FakeTime()
    workload = FakeWorkload(time, takes=lambda number: 50.0)
    _, end = run_loop(replace(SCHEDULE, iterations=2), time, workload, segment=Segment(limit=100.0))
    assert end["state"] == "finished"


def test_a_segment_makes_one_iteration_even_if_that_takes_longer(run_loop):
    time = FakeTime()
    workload = FakeWorkload(time, takes=lambda number: 40.0)
    records, ends = segments_of(run_loop, replace(SCHEDULE, iterations=3), time, workload, limit=1.0)
    assert [record["segment"] for record in records] == [1, 2, 3]
    assert [end["state"] for end in ends] == ["paused", "paused", "finished"]


def test_segments_go_on_with_count_soak_time_and_pace(run_loop):
    time = FakeTime()
    schedule = replace(SCHEDULE, duration=24 * HOUR, every=HOUR)
    records, ends = segments_of(run_loop, schedule, time, FakeWorkload(time, takes=lambda number: 60.0), limit=5 * HOUR)
    assert starts(records) == [hour * HOUR for hour in range(24)]
    assert [record["iteration"] for record in records] == list(range(1, 25))
    assert [end["measured_seconds"] / HOUR for end in ends] == [5, 5, 5, 5, 4]
    assert [end["iterations"] for end in ends] == [5, 10, 15, 20, 24]
    assert [record["segment"] for record in records] == [1 + number // 5 for number in range(24)]


def test_a_pause_between_iterations_goes_on_in_the_next_segment(run_loop):
    time = FakeTime()
    schedule = replace(SCHEDULE, iterations=3, pause=30.0)
    records, ends = segments_of(run_loop, schedule, time, FakeWorkload(time, takes=lambda number: 10.0), limit=25.0)
    assert starts(records) == [0, 40, 80]
    assert [end["measured_seconds"] for end in ends] == [25, 25, 40]


def test_the_budget_counts_the_soak_time_of_all_segments(run_loop):
    time = FakeTime()
    schedule = replace(SCHEDULE, iterations=9, budget=100.0)
    records, ends = segments_of(run_loop, schedule, time, FakeWorkload(time, takes=lambda number: 30.0), limit=60.0)
    assert [record["outcome"] for record in records] == ["ok", "ok", "ok", "cancelled"]
    assert (ends[-1]["reason"], len(ends)) == ("budget exhausted", 2)


def past_record(number: int, value: float | None = 0.0, outcome: str = "ok") -> dict:
    kpis = {} if value is None else {"v": value}
    return {
        "iteration": number,
        "segment": 1,
        "offset_seconds": number - 1.0,
        "seconds": 1.0,
        "outcome": outcome,
        "kpis": kpis,
    }


@pytest.mark.parametrize(
    ("past", "made"),
    [
        ([past_record(1, 9.0)], 1),
        ([past_record(1, 9.0), past_record(2, outcome="cancelled")], 1),
        ([past_record(1, 0.0)], 2),
        ([past_record(1, 9.0), past_record(2, None)], 2),
        ([past_record(1, 9.0), past_record(2, 9.0)], 0),
    ],
    ids=["row goes on", "cancelled breaks no row", "row begins", "gap breaks the row", "breached already"],
)
def test_a_live_rule_looks_back_into_earlier_segments(run_loop, tmp_path, past, made):
    time = FakeTime()
    workload = FakeWorkload(time, value=lambda number: 9.0)
    schedule, live = replace(SCHEDULE, iterations=9), kpi(abort=Abort(beyond=5, iterations=2))
    segment = Segment(2, float(len(past)))
    records, end = run_loop(schedule, time, workload, kpis=[live], segment=segment, past=past)
    assert (len(records), end["reason"]) == (made, "aborted by v.abort")


def test_a_cancelled_iteration_keeps_its_number_and_does_not_count_as_done(run_loop):
    time = FakeTime()
    past = [past_record(1), past_record(2, outcome="cancelled")]
    schedule = replace(SCHEDULE, iterations=3)
    records, end = run_loop(schedule, time, FakeWorkload(time), segment=Segment(2, 2.0), past=past)
    assert [record["iteration"] for record in records] == [3, 4]
    assert (end["state"], end["iterations"]) == ("finished", 4)


def test_the_longest_iteration_of_earlier_segments_counts(run_loop):
    time = FakeTime()
    past = [{**past_record(1), "seconds": 90.0}]
    schedule = replace(SCHEDULE, iterations=5)
    records, end = run_loop(schedule, time, FakeWorkload(time), segment=Segment(2, 90.0, 91.0), past=past)
    assert (starts(records), end["state"]) == ([90, 91], "paused")


def test_a_stop_ends_the_wait_of_a_resumed_run_without_an_iteration(run_loop):
    time = FakeTime()
    time.stop_at = 1010.0
    schedule = replace(SCHEDULE, iterations=5, pause=60.0)
    records, end = run_loop(schedule, time, FakeWorkload(time), segment=Segment(2, 1.0, 5.0), past=[past_record(1)])
    assert (records, end["state"], end["iterations"]) == ([], "interrupted", 1)
