"""Counting suspends, missed slots and steps of the wall clock from records alone."""

from __future__ import annotations

import pytest

from soak_action.evidence.incidents import IncidentCount
from soak_action.evidence.measurements import Incidents


def iteration(*, segment: int = 1, drift: float = 0.0, slept: tuple[float, ...] = (), missed: int = 0) -> dict:
    suspends = [{"seconds": seconds} for seconds in slept]
    return {"segment": segment, "clock_drift_seconds": drift, "suspends": suspends, "missed_slots": missed}


def end(segment: int = 1, *, told: float | None = 0.0, **more) -> dict:
    return {**iteration(segment=segment, **more), "suspended_seconds": told}


def counted(iterations: list[dict], ends: list[dict]) -> tuple[Incidents, list[str]]:
    count = IncidentCount()
    for record in iterations:
        count.add(record)
    incidents, problems = count.finish(ends)
    return incidents, [problem.where for problem in problems]


def test_a_quiet_run_has_no_incidents():
    assert counted([iteration(), iteration(drift=0.4)], [end(drift=1.9)]) == (Incidents(), [])


def test_suspends_are_added_up_over_iterations_ends_and_segments():
    iterations = [iteration(drift=60, slept=(60,)), iteration(segment=2, drift=7, slept=(5, 2))]
    ends = [end(drift=160, slept=(100,), told=160), end(2, drift=7, told=7)]
    assert counted(iterations, ends) == (Incidents(suspends=4, suspended_seconds=167), [])


def test_the_wall_clock_that_goes_on_during_a_suspend_takes_no_step():
    found, _ = counted([iteration(drift=3600, slept=(3600,)), iteration(drift=3600)], [end(drift=3600, told=3600)])
    assert (found.clock_steps, found.suspends) == (0, 1)


def test_steps_of_the_wall_clock_are_told_from_slow_drift_and_from_other_segments():
    iterations = [
        iteration(drift=3600),
        iteration(drift=3601.5),
        iteration(drift=-3600),
        iteration(segment=2, drift=1),
    ]
    found, _ = counted(iterations, [end(drift=-3600), end(2, drift=-4)])
    assert (found.clock_steps, found.largest_step_seconds) == (3, -7201.5)


def test_missed_slots_are_those_before_iterations_and_those_that_only_the_end_tells():
    iterations = [iteration(), iteration(missed=2), iteration(missed=1)]
    assert counted(iterations, [])[0].missed_slots == 3
    assert counted(iterations, [end(missed=5)])[0].missed_slots == 5


def test_what_one_segment_does_not_know_is_unknown_for_the_run():
    assert counted([], [end(told=None), end(2, told=0)])[0].suspended_seconds is None


def test_suspends_of_a_segment_without_an_end_count():
    found, problems = counted([iteration(slept=(9,), drift=9)], [])
    assert (found.suspends, found.suspended_seconds, problems) == (1, 9, [])


@pytest.mark.parametrize("told", [0.0, None, 59.0, 61.0, float("nan")])
def test_an_end_that_tells_other_suspends_than_its_records_is_found(told):
    assert counted([iteration(slept=(60,), drift=60)], [end(told=told, drift=60)])[1] == ["segments.jsonl:1"]


@pytest.mark.parametrize("missing", ["suspends", "suspended_seconds", "missed_slots", "clock_drift_seconds", "segment"])
def test_an_end_that_lacks_something_is_found(missing):
    broken = {key: value for key, value in end().items() if key != missing}
    assert counted([], [broken])[1] == ["segments.jsonl:1"]
