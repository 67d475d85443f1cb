"""What the tests of the gate judge: a KPI with a hard limit, its column, a schedule."""

from __future__ import annotations

from collections.abc import Sequence

from soak_action.config.model import JsonSource, Kpi, Schedule, Window
from soak_action.evidence.measurements import Column

KPI = Kpi(
    name="p95_ms",
    source=JsonSource("metrics.json", "latency.p95"),
    title="p95_ms",
    unit="ms",
    better="lower",
    range=(0, 60000),
    stat="mean",
    window=Window(),
    hard=400,
    soft=None,
    sustained=None,
    abort=None,
    allowed_missing=0.0,
    must_vary=False,
)


def column(values: Sequence[float | str]) -> Column:
    """A column in which a string is a gap's reason."""
    built = Column()
    for value in values:
        if isinstance(value, str):
            built.add_missing(value)
        else:
            built.add(value)
    return built


def promised(iterations: int | None, warmup: int = 0, duration: float | None = None, failures: int = 0) -> Schedule:
    return Schedule(iterations, duration, None, None, warmup, failures, None, None)
