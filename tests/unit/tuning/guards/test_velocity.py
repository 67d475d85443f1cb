"""A parameter changes by no more than its share of an hour, measured in time and not in changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.tuning.building import FREE, Told, case, target

from soak_action.tuning.guards import velocity

SLOW = replace(FREE, initial=100.0, max_change_per_hour=10.0, unit="ms")


@pytest.mark.parametrize(
    ("value", "hours", "holds"),
    [
        (105, 1, False),
        (120, 1, True),
        (150, 5, False),
        (105, 0, True),
        (105, -1, True),
        (80, 1, True),
        # The boundary belongs to what is allowed.
        (110, 1, False),
        (110.0001, 1, True),
        (90, 1, False),
        (89.9999, 1, True),
        (100.1, 0.01, False),
        (100.1, 0.009999, True),
        # No change is never too fast.
        (100, 1, False),
        (100, 0, False),
        (100, -1, False),
    ],
)
def test_trap_32_a_change_within_hours(value: float, hours: float, holds: bool) -> None:
    judged = case(SLOW, [100.0], "target", value, now=36000 + 3600 * hours, changed_at=36000.0)
    assert (velocity.why(judged) is not None) is holds


def test_it_says_how_fast_it_would_be() -> None:
    fast = case(SLOW, [100.0], "target", 120, now=1800, changed_at=0.0)
    assert velocity.why(fast) == "a change of 20 ms within 1800 s, and it may change by at most 10 ms per hour"
    still = case(SLOW, [100.0], "target", 120, now=1800, changed_at=1800.0)
    assert (
        velocity.why(still) == "no time has passed since it last changed, and it may change by at most 10 ms per hour"
    )


def test_without_a_limit_nothing_is_too_fast() -> None:
    assert velocity.why(case(FREE, [1.0], "target", 900, now=0.0)) is None


def test_a_target_out_of_bounds_has_no_speed() -> None:
    assert velocity.why(case(SLOW, [100.0], "target", 2000, now=0.0)) is None


def test_tenths_are_exact() -> None:
    tenth = replace(FREE, max_change_per_hour=0.1)
    assert velocity.why(case(tenth, [0.2], "target", 0.3, now=3600.0)) is None


def test_trap_32_many_slow_changes_are_allowed_and_one_fast_one_is_not() -> None:
    told = Told(SLOW)
    told.iterate()
    for step in range(1, 30):
        assert told.outcomes(target(100.0 + step, SLOW), seconds=360) == [("applied", [])]
    assert told.outcomes(target(131.0, SLOW), seconds=360) == [("suppressed", ["velocity"])]


def test_the_clock_of_a_parameter_begins_with_the_run_and_goes_on_while_it_is_suppressed() -> None:
    other = replace(SLOW, name="other")
    told = Told(SLOW, other)
    told.iterate()
    told.iterate(target(110, other))
    assert told.outcomes(target(130, SLOW), target(120, other)) == [("suppressed", ["velocity"]), ("applied", [])]
    assert told.outcomes(target(130, SLOW), target(140, other)) == [("applied", []), ("suppressed", ["velocity"])]


def test_the_first_iteration_begins_with_the_run() -> None:
    assert Told(SLOW).outcomes(target(101, SLOW)) == [("suppressed", ["velocity"])]
