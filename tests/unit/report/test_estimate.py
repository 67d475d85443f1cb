"""Estimates of the time left: by iterations, duration, pace, budget and segment; and where there is none."""

from __future__ import annotations

import pytest

from soak_action.config.model import Schedule
from soak_action.report.estimate import Position, how_far, seconds_left

HOUR = 3600.0


def schedule(**changes) -> Schedule:
    base = {"iterations": None, "duration": None, "every": None, "pause": 0.0, "warmup": 0, "failures": 0}
    return Schedule(**{**base, "budget": None, "min_active": None, **changes})


@pytest.mark.parametrize(
    ("made", "at", "left"),
    [
        (schedule(iterations=10), Position(40, 4, 40, 10), 60),
        (schedule(iterations=10), Position(45, 4, 40, 10), 55),
        (schedule(iterations=10), Position(90, 4, 40, 10), 50),
        (schedule(iterations=10, pause=5), Position(55, 4, 60, 10), 90),
        (schedule(iterations=10, every=60), Position(190, 4, 240, 10), 360),
        (schedule(iterations=10, every=60), Position(250, 4, 240, 100), 690),
        (schedule(iterations=10), Position(95, 9, 90, 10), 5),
        (schedule(iterations=10), Position(100, 10, 100, 10), 0),
        (schedule(iterations=10), Position(100, 12, 100, 10), 0),
        (schedule(iterations=10), Position(), None),
        (schedule(iterations=10, budget=600), Position(5), None),
        (schedule(iterations=10, budget=70), Position(40, 4, 40, 10), 30),
        (schedule(duration=100), Position(), 100),
        (schedule(duration=100), Position(40, 4, 40, 10), 60),
        (schedule(duration=100), Position(130, 4, 40, 90), 0),
        (schedule(duration=100, budget=80), Position(40, 4, 40, 10), 40),
        (schedule(duration=1000, iterations=10), Position(40, 4, 40, 10), 960),
        (schedule(duration=50, iterations=10), Position(40, 4, 40, 10), 60),
        (schedule(duration=50, iterations=10), Position(40, 0, 40, None), None),
        (schedule(), Position(40), 0),
    ],
    ids=[
        "by iterations",
        "in the midst of one",
        "one that takes longer than usual",
        "with pauses",
        "with a pace",
        "with a pace that is too fast",
        "the last one",
        "all made",
        "more than promised",
        "nothing measured",
        "a budget is no estimate",
        "a budget that comes first",
        "by duration",
        "part of a duration",
        "a duration that is over",
        "a budget before the duration",
        "duration after iterations",
        "iterations after duration",
        "iterations that nobody knows",
        "no promise",
    ],
)
def test_the_time_left_follows_from_promise_and_position(made, at, left):
    assert seconds_left(made, at) == left


def test_a_run_resumed_in_its_third_segment_goes_by_all_of_it():
    made = schedule(iterations=30, every=HOUR)
    at = Position(soak_seconds=10 * HOUR, completed=10, next_start=10 * HOUR, typical=600, segment_ends=15 * HOUR)
    assert seconds_left(made, at) == 19 * HOUR + 600
    assert how_far(made, at) == "10h of soak, about 19h10m left, pauses in about 5h"


@pytest.mark.parametrize(
    ("made", "at", "text"),
    [
        (schedule(iterations=3), Position(0.0421, 1, 0.0421, 0.04), "42ms of soak, about 80ms left"),
        (schedule(iterations=3), Position(12.3), "12s of soak, time left unknown"),
        (schedule(iterations=3), Position(12.3, 3, 12.3, 4.1), "12s of soak"),
        (schedule(duration=24 * HOUR), Position(2 * HOUR + 29, 1, 1, 1), "2h of 24h, about 22h left"),
        (schedule(duration=HOUR), Position(0.0, segment_ends=2 * HOUR), "0s of 1h, about 1h left"),
        (schedule(iterations=3), Position(9.0, segment_ends=8.0), "9s of soak, time left unknown, pauses in about 0s"),
        (schedule(iterations=3), Position(9.0, 3, 9, 3, segment_ends=80.0), "9s of soak"),
    ],
)
def test_what_is_known_is_told_and_what_is_not_is_said_so(made, at, text):
    assert how_far(made, at).replace("1d", "24h") == text
