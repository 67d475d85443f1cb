"""A value does not return to one that it left a short while ago."""

from __future__ import annotations

from fractions import Fraction

from soak_action.config.model import Tolerance
from soak_action.tuning.candidate import exact
from soak_action.tuning.case import Case


def why(case: Case) -> str | None:
    """Return to which value the parameter would return, None when to none that it left within the window.

    Only values that were held count, the new one and the one in force included.
    """
    value, oscillation = case.new_value, case.guards.oscillation
    if value is None or oscillation is None:
        return None
    held = case.past.held[-max(1, oscillation.window - 1) :]
    for position, earlier in enumerate(held):
        allowed = _allowed(oscillation.tolerance, earlier)
        if _distance(earlier, value) <= allowed:
            for later in held[position + 1 :]:
                if _distance(earlier, later) > allowed:
                    return f"would return to {case.quantity(earlier)}, which it left for {case.quantity(later)}"
    return None


def _distance(one: float, other: float) -> Fraction:
    return abs(exact(one) - exact(other))


def _allowed(tolerance: Tolerance, earlier: float) -> Fraction:
    amount = exact(tolerance.amount)
    return amount * abs(exact(earlier)) if tolerance.is_share else amount
