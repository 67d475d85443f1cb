from __future__ import annotations

import pytest

from soak_action.config.length import expected_iterations, expected_seconds, step_seconds
from soak_action.config.model import Schedule


def schedule(**given) -> Schedule:
    nothing = dict.fromkeys(("iterations", "duration", "every", "pause", "budget", "min_active"))
    return Schedule(**{**nothing, "warmup": 0, "failures": 0, **given})


@pytest.mark.parametrize(
    ("given", "iteration", "seconds"),
    [
        ({"duration": 60.0}, None, 60),
        ({"iterations": 3}, None, None),
        ({"iterations": 3}, 10.0, 30),
        ({"iterations": 3, "pause": 5.0}, 10.0, 45),
        ({"iterations": 3, "every": 60.0}, 10.0, 180),
        ({"iterations": 3, "every": 60.0}, None, 180),
        ({"iterations": 3, "every": 60.0}, 60.0, 180),
        ({"iterations": 3, "every": 60.0}, 61.0, 360),
        ({"iterations": 3, "duration": 60.0}, None, None),
        ({"iterations": 3, "duration": 60.0}, 10.0, 60),
        ({"iterations": 9, "duration": 60.0}, 10.0, 90),
        ({"iterations": 9, "duration": 60.0, "budget": 70.0}, 10.0, 70),
        ({"iterations": 3, "budget": 70.0}, None, 70),
        ({}, 10.0, None),
        ({"budget": 70.0}, 10.0, 70),
    ],
)
def test_a_schedule_takes_as_long_as_its_promise_and_never_longer_than_its_budget(given, iteration, seconds):
    assert expected_seconds(schedule(**given), iteration) == seconds


@pytest.mark.parametrize(
    ("given", "iteration", "count"),
    [
        ({"iterations": 3}, None, 3),
        ({"duration": 60.0, "every": 7.0}, None, 9),
        ({"duration": 60.0}, None, None),
        ({"duration": 60.0}, 0.0, None),
        ({"duration": 60.0}, 7.0, 9),
        ({"duration": 60.0, "pause": 3.0}, 7.0, 6),
        ({"duration": 60.0, "iterations": 3}, None, None),
        ({"duration": 60.0, "iterations": 3}, 7.0, 9),
        ({"duration": 60.0, "iterations": 30}, 7.0, 30),
        ({"duration": 1.0}, 7.0, 1),
        ({}, 7.0, None),
    ],
)
def test_the_iterations_of_a_schedule_are_those_promised_or_those_that_there_is_time_for(given, iteration, count):
    assert expected_iterations(schedule(**given), iteration) == count


@pytest.mark.parametrize(
    ("given", "iteration", "step"),
    [
        ({}, 7.0, 7),
        ({"pause": 3.0}, 7.0, 10),
        ({"every": 10.0}, 7.0, 10),
        ({"every": 10.0}, 0.0, 10),
        ({"every": 10.0}, 10.0, 10),
        ({"every": 10.0}, 10.5, 20),
    ],
)
def test_an_iteration_that_runs_over_slots_begins_later_and_never_between_two(given, iteration, step):
    assert step_seconds(schedule(**given), iteration) == step
