"""What changes nothing is not applied, and is not counted as a change."""

from __future__ import annotations

from soak_action.tuning.candidate import exact, step_of
from soak_action.tuning.case import Case


def why(case: Case) -> str | None:
    """Return why nothing would change, None when something would or when the bounds are the cause."""
    if case.candidate.is_clamped_away or case.candidate.value != case.current:
        return None
    proposal, step = case.proposal, step_of(case.parameter)
    is_same = exact(proposal.requested) == (0 if proposal.kind == "change" else exact(case.current))
    if is_same or step is None:
        return f"{case.quantity(case.current)} holds already"
    return f"no step of {case.quantity(step)} is reached from {case.quantity(case.current)}"
