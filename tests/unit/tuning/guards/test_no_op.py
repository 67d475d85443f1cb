"""What changes nothing is no change."""

from __future__ import annotations

import pytest
from tests.unit.tuning.building import FREE, INTERVAL, Told, case, change, target

from soak_action.config.model import Guards, Parameter
from soak_action.tuning.guards import no_op
from soak_action.tuning.proposal import Kind


@pytest.mark.parametrize(
    ("parameter", "current", "kind", "requested", "why"),
    [
        (INTERVAL, 70, "change", 0, "70 ms holds already"),
        (INTERVAL, 70, "target", 70.0, "70 ms holds already"),
        (INTERVAL, 70, "change", 4, "no step of 5 ms is reached from 70 ms"),
        (INTERVAL, 70, "target", 66, "no step of 5 ms is reached from 70 ms"),
        (FREE, 70.0, "change", 1e-300, "70 holds already"),
        (INTERVAL, 70, "change", 5, None),
        (INTERVAL, 70, "target", 65, None),
        (INTERVAL, 80, "change", 5, None),
        (INTERVAL, 80, "target", 85, None),
    ],
)
def test_what_changes_nothing(
    parameter: Parameter, current: float, kind: Kind, requested: float, why: str | None
) -> None:
    assert no_op.why(case(parameter, [current], kind, requested)) == why


def test_it_is_suppressed_when_something_else_holds_too() -> None:
    assert Told(INTERVAL).outcomes(change(0)) == [("no_op", ["no_op"])]
    assert Told(INTERVAL, guards=Guards(warmup=1)).outcomes(change(0)) == [("suppressed", ["warmup", "no_op"])]


def test_trap_37_a_target_that_is_proposed_again_and_again_does_not_compound() -> None:
    told = Told(INTERVAL)
    assert [told.outcomes(target(75))[0][0] for _ in range(5)] == ["applied", *["no_op"] * 4]
    assert told.memory.state == {"min_interval_ms": 75}
