"""A frozen parameter does not change."""

from __future__ import annotations

import pytest
from tests.unit.tuning.building import INTERVAL, case

from soak_action.tuning.freeze import Frozen
from soak_action.tuning.guards import freeze

HELD = Frozen(("min_interval_ms",), 8, 11, "0123456789abcdef")


@pytest.mark.parametrize("requested", [5, 0, 500])
def test_a_frozen_parameter(requested: float) -> None:
    why = freeze.why(case(INTERVAL, [70], "change", requested, frozen=HELD))
    assert why == "frozen from iteration 8 to 11, since state 0123456789ab was stable"


@pytest.mark.parametrize("frozen", [None, Frozen(("other",), 8, 11, "0" * 64)])
def test_a_parameter_that_is_not_frozen(frozen: Frozen | None) -> None:
    assert freeze.why(case(INTERVAL, [70], "change", 5, frozen=frozen)) is None
