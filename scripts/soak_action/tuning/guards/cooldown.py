"""After a large change a parameter stays for some iterations, so that its effect shows."""

from __future__ import annotations

from soak_action.tuning.case import Case


def why(case: Case) -> str | None:
    """Return how many iterations remain after this one until the parameter has cooled down, None when it has."""
    cooldown, jumped_before = case.guards.cooldown, case.past.jumped_before
    if cooldown is None or jumped_before is None:
        return None
    remaining = jumped_before + cooldown.iterations - case.iteration
    if remaining < 0 or case.iteration == jumped_before:
        return None
    what = f"changed by more than {100 * cooldown.threshold:g} % of its range before iteration {jumped_before}"
    return f"{what}; iterations of cooldown left after this one: {remaining}"
