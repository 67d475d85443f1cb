"""What has proven stable is kept for a while."""

from __future__ import annotations

from soak_action.tuning.case import Case


def why(case: Case) -> str | None:
    """Return since when and how long the parameter is frozen, None when it is not."""
    frozen = case.frozen
    if frozen is None or case.parameter.name not in frozen.parameters:
        return None
    return f"frozen from iteration {frozen.since} to {frozen.until}, since state {frozen.signature[:12]} was stable"
