from __future__ import annotations

from typing import Any

import pytest

from soak_action.report.incidents import incident_lines

QUIET: dict[str, Any] = {
    "missed_slots": 0,
    "suspends": 0,
    "suspended_seconds": 0.0,
    "clock_steps": 0,
    "largest_clock_step_seconds": 0.0,
}


def test_a_quiet_run_and_result_files_have_nothing_to_tell():
    assert list(incident_lines(QUIET)) == []
    assert list(incident_lines(dict.fromkeys(QUIET))) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"missed_slots": 1}, "1 slot of schedule.every went by without an iteration."),
        (
            {"suspends": 2, "suspended_seconds": 5400.0},
            "The machine slept 2 times, 1h30m in all; that is part of no measured time.",
        ),
        (
            {"suspends": 1, "suspended_seconds": None},
            "The machine slept 1 time; that is part of no measured time.",
        ),
        (
            {"clock_steps": 1, "largest_clock_step_seconds": -3600.0},
            "The wall clock was set 1 time, back by 1h; that changed nothing that was measured.",
        ),
        (
            {"clock_steps": 3, "largest_clock_step_seconds": 60.0},
            "The wall clock was set 3 times, at most forward by 1m; that changed nothing that was measured.",
        ),
    ],
)
def test_each_kind_of_incident_is_told_in_words(changes, line):
    assert list(incident_lines({**QUIET, **changes})) == [line]
