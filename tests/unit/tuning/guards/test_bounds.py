"""No value leaves its bounds, and a proposal that they leave nothing of says so."""

from __future__ import annotations

import pytest
from tests.unit.tuning.building import INTERVAL, Told, case, change, target

from soak_action.tuning.guards import bounds
from soak_action.tuning.proposal import Kind

OUTSIDE = "{} ms lies outside its bounds 40 ms to 80 ms"
NOTHING = "its bounds 40 ms to 80 ms leave nothing of the change from {} ms"


@pytest.mark.parametrize(
    ("current", "kind", "requested", "why"),
    [
        (70, "target", 80, None),
        (70, "target", 81, OUTSIDE.format(81)),
        (70, "target", 40, None),
        (70, "target", 39.5, OUTSIDE.format(39.5)),
        (70, "change", 500, None),
        (80, "change", 5, NOTHING.format(80)),
        (40, "change", -5, NOTHING.format(40)),
        (80, "change", 4, None),
        (80, "change", 0, None),
        (80, "change", -5, None),
        (80, "target", 80, None),
    ],
)
def test_the_bounds(current: float, kind: Kind, requested: float, why: str | None) -> None:
    assert bounds.why(case(INTERVAL, [current], kind, requested)) == why


def test_a_run_at_its_bounds_suppresses_and_does_not_call_it_a_no_op() -> None:
    told = Told(INTERVAL)
    assert told.outcomes(change(500)) == [("applied", [])]
    assert told.memory.state == {"min_interval_ms": 80}
    assert told.outcomes(change(5)) == [("suppressed", ["bounds"])]
    (decision,) = told.iterate(target(100))
    assert (decision.outcome, decision.to, list(decision.reasons)) == ("suppressed", None, ["bounds"])
