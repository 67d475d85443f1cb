"""No value leaves the bounds of its parameter."""

from __future__ import annotations

from soak_action.tuning.case import Case


def why(case: Case) -> str | None:
    """Return how the bounds are in the way, None when something is left of the proposal within them."""
    bounds = f"{case.quantity(case.parameter.minimum)} to {case.quantity(case.parameter.maximum)}"
    if case.candidate.value is None:
        return f"{case.quantity(case.proposal.requested)} lies outside its bounds {bounds}"
    if case.candidate.is_clamped_away:
        return f"its bounds {bounds} leave nothing of the change from {case.quantity(case.current)}"
    return None
