"""The guards in the order in which they are asked: each says in a sentence why a proposal is suppressed, or None."""

from __future__ import annotations

from collections.abc import Callable

from soak_action.tuning.case import Case
from soak_action.tuning.guards import bounds, conflict, cooldown, freeze, no_op, oscillation, velocity, warmup

GUARDS: tuple[tuple[str, Callable[[Case], str | None]], ...] = (
    ("conflict", conflict.why),
    ("warmup", warmup.why),
    ("freeze", freeze.why),
    ("cooldown", cooldown.why),
    ("oscillation", oscillation.why),
    ("velocity", velocity.why),
    ("bounds", bounds.why),
    ("no_op", no_op.why),
)


def reasons_of(case: Case) -> dict[str, str]:
    """Return the sentence of every guard that holds, in the order of the guards."""
    return {name: reason for name, guard in GUARDS if (reason := guard(case)) is not None}
