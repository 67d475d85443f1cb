"""After a large change the next iterations are blocked: 2, 1, 0 remain, then it is free."""

from __future__ import annotations

import pytest
from tests.unit.tuning.building import INTERVAL, Told, case, change

from soak_action.config.model import Cooldown, Guards
from soak_action.tuning.guards import cooldown

GUARDS = Guards(cooldown=Cooldown(0.10, 3))


@pytest.mark.parametrize(("iteration", "remaining"), [(4, None), (5, 2), (6, 1), (7, 0), (8, None), (4000, None)])
def test_the_iterations_after_a_large_change(iteration: int, remaining: int | None) -> None:
    why = cooldown.why(case(INTERVAL, [70, 75], "change", 5, GUARDS, iteration=iteration, jumped_before=4))
    says = "changed by more than 10 % of its range before iteration 4; iterations of cooldown left after this one: "
    assert why == (None if remaining is None else f"{says}{remaining}")


def test_without_a_large_change_or_without_the_guard_nothing_cools_down() -> None:
    assert cooldown.why(case(INTERVAL, [70], "change", 5, GUARDS)) is None
    assert cooldown.why(case(INTERVAL, [70], "change", 5, jumped_before=8)) is None


def test_a_run_counts_two_one_zero_and_is_free() -> None:
    told = Told(INTERVAL, guards=GUARDS)
    assert told.outcomes(change(-5)) == [("applied", [])]
    details = [told.iterate(change(-5))[0].reasons for _ in range(3)]
    assert [said["cooldown"][-1] for said in details] == ["2", "1", "0"]
    assert told.outcomes(change(-5)) == [("applied", [])]


@pytest.mark.parametrize(("threshold", "cools"), [(0.124, True), (0.125, False), (0.126, False)])
def test_a_change_of_exactly_the_threshold_is_not_large(threshold: float, cools: bool) -> None:
    told = Told(INTERVAL, guards=Guards(cooldown=Cooldown(threshold, 1)))
    told.iterate(change(5))
    assert told.outcomes(change(5)) == [("suppressed", ["cooldown"]) if cools else ("applied", [])]


def test_suppressed_changes_do_not_begin_it_anew() -> None:
    told = Told(INTERVAL, guards=GUARDS)
    told.iterate(change(-5))
    for _ in range(3):
        told.iterate(change(-25))
    assert told.outcomes(change(-5)) == [("applied", [])]
