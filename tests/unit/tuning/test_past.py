"""What is remembered of one parameter, and that it stays small."""

from __future__ import annotations

import pytest
from tests.unit.tuning.building import INTERVAL

from soak_action.config.model import Cooldown, Guards, Oscillation, Tolerance
from soak_action.tuning.past import Past, is_jump


def guards(window: int = 3, threshold: float | None = None) -> Guards:
    cooldown = None if threshold is None else Cooldown(threshold, 3)
    return Guards(oscillation=Oscillation(window, Tolerance(0)), cooldown=cooldown)


@pytest.mark.parametrize(
    ("window", "held"), [(1, (75,)), (2, (75,)), (3, (65, 75)), (4, (70, 65, 75)), (9, (70, 65, 75))]
)
def test_so_many_values_are_remembered_as_the_window_needs(window: int, held: tuple[float, ...]) -> None:
    past = Past((70,)).moved(INTERVAL, guards(window), 65, 2, 60.0).moved(INTERVAL, guards(window), 75, 3, 120.0)
    assert past == Past(held, 120.0, None)
    assert past.current == 75


def test_a_small_change_leaves_the_last_large_one_in_mind() -> None:
    past = (
        Past((70,))
        .moved(INTERVAL, guards(threshold=0.2), 50, 2, 60.0)
        .moved(INTERVAL, guards(threshold=0.2), 55, 9, 90)
    )
    assert past == Past((50, 55), 90, 2)


@pytest.mark.parametrize(
    ("threshold", "after", "jumps"),
    [(None, 80, False), (0.25, 80, False), (0.24, 80, True), (0.25, 60, False), (0.24, 60, True), (0.0, 71, True)],
)
def test_a_large_change_is_one_of_more_than_the_threshold(threshold: float | None, after: float, jumps: bool) -> None:
    assert is_jump(INTERVAL, guards(threshold=threshold), 70, after) is jumps
