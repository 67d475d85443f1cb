"""A value does not return to one that was left within the window; only values that were held count."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.tuning.building import FREE, INTERVAL, Told, case, change, target

from soak_action.config.model import Guards, Oscillation, Tolerance
from soak_action.tuning.guards import oscillation

FINE = Tolerance(1e-6)
COARSE = Tolerance(0.001)


@pytest.mark.parametrize(
    ("values", "window", "tolerance", "holds"),
    [
        # The last value is the proposed one.
        ([1, 2, 1], 3, FINE, True),
        ([1, 2, 3], 3, FINE, False),
        ([1, 2.5, 1.8, 3.2], 3, FINE, False),
        ([1, 2.5, 1.8, 3.2], 9, FINE, False),
        ([1, 2, 1.00001], 3, COARSE, True),
        ([1, 2, 1.00001], 3, FINE, False),
        ([1, 2, 1.1], 3, COARSE, False),
        ([75, 80, 75], 3, FINE, True),
        ([2, 1, 2], 3, FINE, True),
        ([0, 5, 1, 2, 1], 3, FINE, True),
        # The boundary of the tolerance belongs to it, also where binary fractions would miss it.
        ([0.3, 2, 0.4], 3, Tolerance(0.1), True),
        ([0.3, 2, 0.41], 3, Tolerance(0.1), False),
        ([1, 2, 1], 3, Tolerance(0), True),
        ([1, 2, 1.0000001], 3, Tolerance(0), False),
        # A value that was never left by more than the tolerance is not returned to.
        ([1, 1.0005, 1.0009], 3, COARSE, False),
        ([1, 1.0011, 1.0005], 3, COARSE, True),
        ([1, 1.001, 1.0005], 3, COARSE, False),
        ([1, 2, 3, 1.05], 4, Tolerance(0.1), True),
        # Larger windows find any return within them, smaller ones none.
        ([1, 2, 3, 1], 3, FINE, False),
        ([1, 2, 3, 1], 4, FINE, True),
        ([1, 2, 3, 2], 4, FINE, True),
        ([1, 2, 3, 4, 5, 1], 5, FINE, False),
        ([1, 2, 3, 4, 5, 1], 6, FINE, True),
        ([1, 2, 1], 2, FINE, False),
        ([1, 2, 1], 1, FINE, False),
        # Relative: a share of the earlier value, whatever its sign.
        ([100, 120, 101], 3, Tolerance(0.01, is_share=True), True),
        ([100, 120, 101.1], 3, Tolerance(0.01, is_share=True), False),
        ([-100, -120, -101], 3, Tolerance(0.01, is_share=True), True),
        ([0, 1, 0.001], 3, Tolerance(0.01, is_share=True), False),
        ([0, 1, 0], 3, Tolerance(0.01, is_share=True), True),
        # The value in force is no return, and a lone value has no past.
        ([1, 2, 2], 3, FINE, False),
        ([1, 2], 3, FINE, False),
        ([1, 1], 3, FINE, False),
    ],
)
def test_trap_33_a_value_that_returns(values: list[float], window: int, tolerance: Tolerance, holds: bool) -> None:
    *held, wanted = values
    judged = case(FREE, held, "target", wanted, Guards(oscillation=Oscillation(window, tolerance)))
    assert (oscillation.why(judged) is not None) is holds


def test_it_says_which_value_was_left_for_which() -> None:
    assert oscillation.why(case(INTERVAL, [75, 80], "change", -5)) == "would return to 75 ms, which it left for 80 ms"


def test_a_target_out_of_bounds_is_no_value() -> None:
    assert oscillation.why(case(INTERVAL, [75, 80], "target", 85)) is None


def test_trap_33_a_change_and_its_reversal_are_seen_whatever_the_numbers_look_like() -> None:
    told = Told(replace(INTERVAL, initial=75))
    assert told.outcomes(change(5)) == [("applied", [])]
    assert told.outcomes(target(75.0)) == [("suppressed", ["oscillation"])]
    assert told.outcomes(change(-5)) == [("suppressed", ["oscillation"])]
    assert told.outcomes(change(-10)) == [("applied", [])]


def test_trap_34_suppressed_values_never_enter_the_history() -> None:
    slow = replace(FREE, max_change_per_hour=2.0)
    told = Told(slow, guards=Guards(oscillation=Oscillation(9, FINE)))
    assert told.outcomes(target(2.0, slow)) == [("suppressed", ["velocity"])]
    assert told.outcomes(target(3.0, slow)) == [("applied", [])]
    assert told.outcomes(target(500.0, slow)) == [("suppressed", ["velocity"])]
    assert told.outcomes(target(2000.0, slow)) == [("suppressed", ["bounds"])]
    assert told.outcomes(target(3.0, slow)) == [("no_op", ["no_op"])]
    assert told.memory.pasts["free"].held == (1.0, 3.0)
    # 2 was wanted before and never held; 1 was held.
    assert told.outcomes(target(1.0, slow)) == [("suppressed", ["oscillation"])]
    assert told.outcomes(target(2.0, slow)) == [("applied", [])]


def test_what_left_the_window_may_return() -> None:
    told = Told(FREE)
    for value in (2.0, 3.0):
        told.iterate(target(value, FREE))
    assert told.outcomes(target(1.0, FREE)) == [("applied", [])]
