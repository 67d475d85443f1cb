"""One proposal for a parameter before an iteration: the first one stands, whatever became of it."""

from __future__ import annotations

from soak_action.tuning.case import Case


def why(case: Case) -> str | None:
    """Return why the proposal conflicts with an earlier one, None when it does not."""
    if case.earlier is None:
        return None
    return f"{case.earlier.source} has already proposed for it before this iteration"
