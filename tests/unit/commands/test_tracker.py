"""Where a run stands, by its records and a clock that the test sets."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.commands.test_progress import config

from soak_action.commands.tracker import Tracker
from soak_action.loop import Segment
from soak_action.report.estimate import Position


class Clock:
    def __init__(self) -> None:
        self.seconds = 700.0

    def __call__(self) -> float:
        return self.seconds


def record(number: int, offset: float, seconds: float, outcome: str = "ok") -> dict:
    base = {"iteration": number, "segment": 1, "offset_seconds": offset, "seconds": seconds, "kpis": {}}
    return {**base, "outcome": outcome}


def test_a_run_that_just_began_has_no_typical_iteration():
    assert Tracker(config(), clock=Clock()).position == Position()


def test_time_passes_between_records_and_each_record_corrects_it():
    clock = Clock()
    tracker = Tracker(config(iterations=9), clock=clock)
    clock.seconds += 4
    tracker.begin()
    clock.seconds += 10
    assert tracker.position == Position(soak_seconds=14, next_start=4)
    tracker.end(record(1, 4.0, 9.0), 13.0)
    assert tracker.position == Position(soak_seconds=13, completed=1, next_start=13, typical=9)
    clock.seconds += 2
    assert tracker.position.soak_seconds == 15


def test_the_third_segment_knows_what_was_before_and_counts_no_cancelled_iteration():
    made = config(iterations=6)
    past = [record(1, 0.0, 10.0), record(2, 10.0, 3.0, "cancelled"), record(3, 13.0, 20.0)]
    tracker = Tracker(made, Segment(3, 40.0, 100.0), past, Clock())
    assert tracker.position == Position(40.0, 2, 40.0, 15.0, 140.0)
    assert tracker.told() == "40s of soak, about 1m left"


def test_the_next_slot_of_a_pace_is_when_it_goes_on():
    made = replace(config(iterations=6), schedule=replace(config(iterations=6).schedule, every=60.0, pause=None))
    tracker = Tracker(made, past=[record(1, 0.0, 10.0)], clock=Clock())
    assert tracker.position.next_start == 60


def test_recent_iterations_tell_how_long_one_takes():
    past = [record(number, number * 100.0, 90.0 if number < 30 else 10.0) for number in range(1, 51)]
    assert Tracker(config(iterations=60), past=past, clock=Clock()).position.typical == 10
