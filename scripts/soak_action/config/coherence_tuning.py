"""What is only suspicious about parameters, tuning and guards."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from soak_action.config.layers import Path
from soak_action.config.model import Config, Parameter
from soak_action.config.wording import flow

_GUARDS: Path = ("guards",)
_WARMUP: Path = ("guards", "warmup")


def suspicions(config: Config, *, guarded: bool) -> Iterator[tuple[Path, str]]:
    """Yield a path and what may be meant otherwise; `guarded` tells whether somebody wrote guards."""
    tuning = config.tuning if config.tuning is not None and config.tuning.enabled else None
    if guarded and tuning is None:
        yield _GUARDS, "the guards have no effect, because nobody proposes anything: tuning.enabled is false"
    if tuning is None or config.parameters is None:
        return
    planned = config.schedule.planned_iterations
    if planned is not None and config.guards.warmup >= planned:
        yield (
            _WARMUP,
            f"{config.guards.warmup} iterations of warm-up leave none of {planned} to move a parameter before",
        )
    declared = {parameter.name: parameter for parameter in config.parameters.values}
    for number, rule in enumerate(tuning.rules):
        for name, change in rule.changes.items():
            if told := _lost_in_rounding(declared[name], change):
                yield ("tuning", "rules", str(number), "change"), f"rule {number + 1}: '{name}' {told}"


def _lost_in_rounding(parameter: Parameter, change: float) -> str | None:
    if parameter.step is None or abs(Decimal(repr(change))) >= Decimal(repr(parameter.step)):
        return None
    return f"is changed by {flow(change)}, less than its step of {flow(parameter.step)}, which moves it nowhere"
