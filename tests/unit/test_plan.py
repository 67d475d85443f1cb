from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action.errors import UsageError
from soak_action.github.job_limits import runners_of
from soak_action.plan import MOST_SLOTS, Plan, make_plan

HOUR = 3600.0
HOSTED = runners_of("ubuntu-latest", "x")
OWN = runners_of("self-hosted", "x")


def of(duration: float, segment: float, runners=HOSTED, iteration: float = 0.0) -> Plan:
    return make_plan(duration, segment, runners, iteration)


@pytest.mark.parametrize(("duration", "working"), [(24, 5), (25, 5), (25.01, 6), (5, 1), (1, 1), (75, 15)])
def test_there_is_a_slot_for_each_segment_and_one_to_spare(duration, working):
    plan = of(duration * HOUR, 5 * HOUR)
    assert [slot.number for slot in plan.slots] == list(range(1, working + 2))
    document = plan.to_dict()
    assert (document["planned"], document["spare"]) == (working + 1, 1)
    assert {slot.seconds for slot in plan.slots} == {5 * HOUR}


def test_trap_52_a_slot_ends_by_itself_before_its_job_does():
    plan = of(24 * HOUR, 5 * HOUR)
    assert {slot.timeout_minutes for slot in plan.slots} == {5 * 60 + 15}
    assert of(24 * HOUR, 5.75 * HOUR).slots[0].timeout_minutes == 360
    with pytest.raises(UsageError, match=r"6h does not fit.* ends after 6h.* largest segment that fits is 5h45m$"):
        of(24 * HOUR, 6 * HOUR)


def test_a_slot_waits_for_an_iteration_that_began_late_as_long_as_the_runner_allows():
    assert of(24 * HOUR, 5 * HOUR, iteration=600).slots[0].timeout_minutes == 325
    assert of(24 * HOUR, 5 * HOUR, iteration=2 * HOUR).slots[0].timeout_minutes == 360
    assert of(24 * HOUR, 5 * HOUR, OWN, iteration=2 * HOUR).slots[0].timeout_minutes == 435


def test_runners_of_one_s_own_take_five_days():
    assert of(200 * HOUR, 119.75 * HOUR, OWN).slots[0].timeout_minutes == 5 * 24 * 60
    with pytest.raises(UsageError, match=r"does not fit.*self-hosted.* after 5d.* is 4d23h45m$"):
        of(200 * HOUR, 120 * HOUR, OWN)


def test_more_slots_than_there_are_are_refused_with_the_smallest_segment_that_fits():
    with pytest.raises(UsageError, match=r"3d in segments of 4h needs 18 slots and 1 spare, .* that fits is 4h48m$"):
        of(72 * HOUR, 4 * HOUR)
    assert len(of(72 * HOUR, 4.8 * HOUR).slots) == MOST_SLOTS


def test_a_soak_that_no_segment_makes_possible_is_refused_with_what_is():
    with pytest.raises(UsageError, match=r"no segment fits on these runners, where 15 of 5h45m make 3d14h15m; soak "):
        of(100 * HOUR, 5 * HOUR)


@pytest.mark.parametrize(
    ("labels", "minutes"), [("ubuntu-latest", 1516), ("windows-latest", 3032), ("macos-15", 15160)]
)
def test_the_cost_is_counted_in_minutes(labels, minutes):
    plan = of(24 * HOUR, 5 * HOUR, runners_of(labels, "x"))
    assert plan.to_dict()["wall_seconds"] == 24 * HOUR + 5 * 900
    assert plan.runner_minutes == minutes


@given(st.integers(1, 90 * 3600), st.integers(1, 7 * 3600))
def test_a_refused_segment_is_refused_with_one_that_works(duration, segment):
    from soak_action.units import parse_duration

    try:
        plan = of(duration, segment)
    except UsageError as error:
        named = str(error).rpartition(" is ")[2]
        if "no segment fits" not in str(error) and "does not fit" not in str(error):
            assert of(duration, parse_duration(named)).slots
    else:
        assert sum(slot.seconds for slot in plan.slots[:-1]) >= duration
        assert all(slot.seconds / 60 < slot.timeout_minutes <= 360 for slot in plan.slots)
