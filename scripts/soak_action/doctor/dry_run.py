"""What one dry iteration of the workload came to, and what that says about a soak of many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soak_action.config.model import Kpi
from soak_action.doctor.finding import Finding, Status
from soak_action.units import format_duration, format_number, format_size

_ADVICE = {
    "file_missing": "let the workload write it below SOAK_OUT, or correct kpis.{0}.from",
    "stale": "let the workload write it anew in every iteration",
    "no_answer": "let the server answer with 200, or correct kpis.{0}.from.http",
    "path_missing": "correct kpis.{0}.from, or what the workload writes",
    "not_a_number": "correct kpis.{0}.from so that it names a number",
    "out_of_range": "correct what the workload writes, or kpis.{0}.range",
    "import_error": "correct what the workload writes, or kpis.{0}.from",
    "not_available": "leave kpis.{0} out on this system, or set kpis.{0}.missing.allow",
}
_AFTER_FAILURE = "let the workload succeed first"


@dataclass(frozen=True)
class DryRun:
    """One iteration: its record as a run would keep it, and the bytes that it left behind."""

    record: Mapping[str, Any]
    result_bytes: int
    log_bytes: int
    record_bytes: int

    @property
    def ok(self) -> bool:
        """Whether the workload succeeded; else neither its time nor its size say anything about a soak."""
        return bool(self.record["outcome"] == "ok")

    @property
    def seconds(self) -> float:
        """How long the workload took."""
        return float(self.record["seconds"])

    @property
    def total_bytes(self) -> int:
        """What the iteration wrote, all in all."""
        return self.result_bytes + self.log_bytes + self.record_bytes


def judge_dry_run(dry: DryRun, kpis: Sequence[Kpi]) -> Iterator[Finding]:
    """Yield what is to be said about the workload and about each KPI."""
    if dry.ok:
        told = f"one iteration took {format_duration(round(dry.seconds, 3))} and wrote {format_size(dry.total_bytes)}"
        yield Finding("workload", "ok", told)
    else:
        told = f"one iteration was {dry.record['outcome']}: {dry.record['detail']}"
        yield Finding("workload", "problem", told, "run the command by hand in the directory of the configuration")
    for kpi in kpis:
        yield _judge_kpi(dry, kpi)


def _judge_kpi(dry: DryRun, kpi: Kpi) -> Finding:
    name = f"kpi.{kpi.name}"
    value = dry.record["kpis"].get(kpi.name)
    if value is not None:
        return Finding(name, "ok", f"{format_number(value)}{f' {kpi.unit}' if kpi.unit else ''}")
    reason, detail = dry.record["missing"][kpi.name], dry.record["details"][kpi.name]
    if reason == "workload_failed":
        return Finding(name, "unknown", detail, _AFTER_FAILURE)
    is_tolerable = kpi.allowed_missing > 0 and reason not in {"stale", "out_of_range"}
    status: Status = "warning" if is_tolerable else "problem"
    return Finding(name, status, f"no value ({reason}): {detail}", _ADVICE[reason].format(kpi.name))
