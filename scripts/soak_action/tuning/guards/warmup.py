"""The first iterations run with the parameters that the run begins with."""

from __future__ import annotations

from soak_action.tuning.case import Case


def why(case: Case) -> str | None:
    """Return why it is too early for a change, None when it is not."""
    warmup = case.guards.warmup
    if case.iteration > warmup:
        return None
    return f"iteration {case.iteration} is in the warm-up, which ends with iteration {warmup}"
