"""Counting slots from times alone, and finding records that count otherwise."""

from __future__ import annotations

import pytest

from soak_action.config.model import Schedule
from soak_action.evidence.slots import SlotCheck, Slots


def schedule(**changes) -> Schedule:
    base = {"iterations": None, "duration": None, "every": 60.0, "pause": None, "warmup": 0, "failures": 0}
    return Schedule(**{**base, "budget": None, "min_active": None, **changes})


def record(offset: float, seconds: float, **changes) -> dict:
    base = {"offset_seconds": offset, "seconds": seconds, "outcome": "ok", "segment": 1, "missed_slots": 0}
    return {**base, **changes}


def counted(made: Schedule, *times: tuple[float, float]) -> tuple[list[int], int]:
    """Return the slots missed before each iteration, and in all."""
    slots, before = Slots(made), []
    for offset, seconds in times:
        before.append(slots.missed_before(offset))
        slots.add(record(offset, seconds))
    return before, slots.missed


@pytest.mark.parametrize(
    ("made", "times", "before", "in_all"),
    [
        (schedule(iterations=3), [(0, 1), (60, 1), (120, 1)], [0, 0, 0], 0),
        (schedule(iterations=3), [(0, 150), (180, 1), (240, 1)], [0, 2, 0], 2),
        (schedule(iterations=3), [(0, 1), (200, 1)], [0, 2], 2),
        (schedule(iterations=3), [(130, 1)], [2], 2),
        (schedule(iterations=2), [(0, 1), (60, 500)], [0, 0], 0),
        (schedule(iterations=9), [(0, 1), (60, 500)], [0, 0], 8),
        (schedule(duration=300), [(0, 1), (60, 500)], [0, 0], 3),
        (schedule(duration=300), [(0, 1), (60, 60), (120, 1)], [0, 0, 0], 0),
        (schedule(iterations=1, duration=180), [(0, 130)], [0], 2),
        (schedule(every=None, iterations=3), [(0, 500), (900, 1)], [0, 0], 0),
        (schedule(every=0.1, iterations=5), [(0, 0.05), (0.1, 0.05), (0.2, 0.05), (0.3, 0.1)], [0, 0, 0, 0], 0),
    ],
    ids=[
        "kept",
        "run over",
        "begun late",
        "first one late",
        "nothing due any more",
        "run over at the end",
        "run over the end of the duration",
        "until the very next slot",
        "iterations enough but not the duration",
        "no pace",
        "rounding",
    ],
)
def test_missed_slots_follow_from_starts_and_lengths(made, times, before, in_all):
    assert counted(made, *times) == (before, in_all)


def test_a_cancelled_iteration_takes_its_slot_and_is_still_owed():
    slots = Slots(schedule(iterations=1))
    slots.add(record(0, 130, outcome="cancelled"))
    assert (slots.next, slots.missed) == (3, 2)


def checked(records: list[dict], ends: list[int]) -> list[str]:
    check = SlotCheck(schedule(iterations=9))
    found = [problem for line, made in enumerate(records, 1) for problem in check.add(made, line)]
    found += check.check_ends([{"missed_slots": number} for number in ends])
    return [problem.where for problem in found]


def test_records_that_count_right_are_believed_over_several_segments():
    records = [record(0, 150), record(180, 1, missed_slots=2, segment=3)]
    assert checked(records, [2, 2, 2]) == []


@pytest.mark.parametrize("claimed", [0, 1, 3, None, "2"])
def test_records_that_count_otherwise_are_not(claimed):
    records = [record(0, 150), record(180, 1, missed_slots=claimed)]
    assert checked(records, [2]) == ["iterations.jsonl:2"]
    assert checked([record(0, 150)], [claimed]) == ["segments.jsonl:1"]


def test_a_record_without_times_is_left_to_the_schema():
    assert checked([{"segment": 1}, record(None, 1), record(0, 1, segment="x"), record(float("inf"), 1)], [0]) == []
