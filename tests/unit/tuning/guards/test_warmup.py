"""Nothing changes before the end of the warm-up."""

from __future__ import annotations

import pytest
from tests.unit.tuning.building import INTERVAL, Told, case, change

from soak_action.config.model import Guards
from soak_action.tuning.guards import warmup


@pytest.mark.parametrize(("iteration", "length", "holds"), [(1, 2, True), (2, 2, True), (3, 2, False), (1, 0, False)])
def test_the_warm_up(iteration: int, length: int, holds: bool) -> None:
    why = warmup.why(case(INTERVAL, [70], "change", 5, Guards(warmup=length), iteration=iteration))
    assert why == (f"iteration {iteration} is in the warm-up, which ends with iteration {length}" if holds else None)


def test_a_run_warms_up_once() -> None:
    told = Told(INTERVAL, guards=Guards(warmup=2))
    assert [told.outcomes(change(5))[0] for _ in range(4)] == [
        *[("suppressed", ["warmup"])] * 2,
        *[("applied", [])] * 2,
    ]
