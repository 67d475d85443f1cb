"""Runs whose parameters went somewhere, told by their records, and what is reported of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.unit.gate.building import column, promised
from tests.unit.tuning.building import INTERVAL, KPIS, RATIO

from soak_action import canonical
from soak_action.config.model import Config, EvidenceSettings, Gate, Kpi, Parameter, Parameters
from soak_action.evidence.measurements import Measurements
from soak_action.report.tuning import TuningReport, tuning_markdown, tuning_report

PARAMETERS = (INTERVAL, RATIO)
DIGEST = "d" * 64


def configuration(parameters: Sequence[Parameter] = PARAMETERS, kpis: Sequence[Kpi] = KPIS, warmup: int = 0) -> Config:
    """Return the configuration of a run; without parameters when there are none."""
    schedule = promised(10, warmup=warmup)
    held = Parameters("soak.params.json", tuple(parameters)) if parameters else None
    return Config("shop", None, schedule, tuple(kpis), Gate(()), EvidenceSettings(1), parameters=held)


def decision(
    iteration: int,
    before: float,
    to: float | None,
    outcome: str = "applied",
    *,
    parameter: str = "min_interval_ms",
    requested: float = 5,
    kind: str = "change",
    because: str = "a reason",
    details: Mapping[str, str] | None = None,
    source: str = "rule 1",
) -> dict[str, Any]:
    """Return a decision as a record tells it."""
    return {
        "iteration": iteration,
        "offset_seconds": 60.0 * iteration,
        "parameter": parameter,
        "kind": kind,
        "requested": requested,
        "source": source,
        "because": because,
        "from": before,
        "to": to,
        "outcome": outcome,
        "reason": next(iter(details or {}), None),
        "reasons": list(details or {}),
        "details": dict(details or {}),
        "state_hash_before": "a" * 64,
        "state_hash_after": "b" * 64,
    }


def record(
    iteration: int,
    parameters: Mapping[str, float],
    *decisions: Mapping[str, Any],
    frozen: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return the record of an iteration, as far as it tells of parameters; the workload proved what it read."""
    return {
        "iteration": iteration,
        "kpis": {},
        "parameters": dict(parameters),
        "state_hash": canonical.digest(dict(parameters)),
        "decisions": list(decisions),
        "frozen": frozen,
        "parameters_file": {"digest": DIGEST, "digest_read": DIGEST, "edited": False},
        "tuner": None,
        **more,
    }


def reported(records: Iterable[Mapping[str, Any]], **settings: Any) -> TuningReport:
    """Return what is reported of a run with these records."""
    found = tuning_report(configuration(**settings), iter(records))
    assert found is not None
    return found


def measured(values: Mapping[str, Sequence[float | str]]) -> Measurements:
    """Return measurements of KPIs by name; a text is why a value is missing."""
    count = max(map(len, values.values()), default=0)
    return Measurements(
        numbers=range(1, count + 1),
        outcomes=["ok"] * count,
        segments=[1] * count,
        starts=[float(place) for place in range(count)],
        seconds=[1.0] * count,
        kpis={name: column(found) for name, found in values.items()},
    )


def section(
    records: Iterable[Mapping[str, Any]], values: Mapping[str, Sequence[float | str]] | None = None, **settings: Any
) -> list[str]:
    """Return the lines of the section about the parameters of a run."""
    kpis = settings.get("kpis", KPIS)
    return tuning_markdown(reported(records, **settings), kpis, measured(values or {})).splitlines()


def saw(iterations: int) -> list[dict[str, Any]]:
    """Return the records of a run in which a saw moves one parameter each time and is held back each time."""
    made = [record(1, {"min_interval_ms": 40})]
    for number in range(2, iterations + 1):
        value = 40 + 5 * (number % 9)
        before = made[-1]["parameters"]["min_interval_ms"]
        held_back = decision(number, before, before + 5, "suppressed", details={"velocity": f"too fast {number}"})
        other = {**held_back, "requested": float(number), "kind": "target"}
        made.append(record(number, {"min_interval_ms": value}, decision(number, before, value), other))
    return made
