"""A parameter changes by no more than its share of an hour since it last changed."""

from __future__ import annotations

from soak_action.tuning.candidate import exact
from soak_action.tuning.case import Case


def why(case: Case) -> str | None:
    """Return by how much the parameter would change too fast, None when it would not."""
    value, speed = case.new_value, case.parameter.max_change_per_hour
    if value is None or speed is None:
        return None
    limit = f"at most {case.quantity(speed)} per hour"
    elapsed = exact(case.now) - exact(case.past.changed_at)
    if elapsed <= 0:
        return f"no time has passed since it last changed, and it may change by {limit}"
    change = abs(exact(value) - exact(case.current))
    if change <= exact(speed) * elapsed / 3600:
        return None
    return f"a change of {case.quantity(float(change))} within {float(elapsed):g} s, and it may change by {limit}"
