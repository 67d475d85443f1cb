from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.gate.building import KPI

from soak_action.doctor.dry_run import DryRun, judge_dry_run
from soak_action.kpi.extract import REASONS


def dry(outcome: str = "ok", value: float | None = 212.4, reason: str = "stale") -> DryRun:
    record = {
        "outcome": outcome,
        "detail": "exited with 7",
        "seconds": 1.25,
        "kpis": {} if value is None else {"p95_ms": value},
        "missing": {"p95_ms": reason} if value is None else {},
        "details": {"p95_ms": "this is why"} if value is None else {},
    }
    return DryRun(record, 4096, 8192, 1024)


def test_a_workload_that_succeeds_and_a_kpi_with_a_value_are_ok():
    workload, kpi = judge_dry_run(dry(), [KPI])
    assert (workload.id, workload.status) == ("workload", "ok")
    assert workload.sentence == "one iteration took 1.25s and wrote 13.0 KiB"
    assert (kpi.id, kpi.status, kpi.sentence, kpi.advice) == ("kpi.p95_ms", "ok", "212.4 ms", "")
    (_, bare) = judge_dry_run(dry(value=0.0), [replace(KPI, unit=None)])
    assert (bare.status, bare.sentence) == ("ok", "0")


@pytest.mark.parametrize("outcome", ["failed", "timeout", "crashed"])
def test_a_workload_that_fails_is_the_one_problem(outcome):
    workload, kpi = judge_dry_run(dry(outcome, None, "workload_failed"), [KPI])
    assert (workload.status, workload.sentence) == ("problem", f"one iteration was {outcome}: exited with 7")
    assert (kpi.status, kpi.sentence) == ("unknown", "this is why")


@pytest.mark.parametrize("reason", sorted(REASONS - {"workload_failed"}))
def test_a_missing_kpi_is_a_problem_with_its_reason_and_what_to_do(reason):
    _, kpi = judge_dry_run(dry(value=None, reason=reason), [KPI])
    assert (kpi.status, kpi.sentence) == ("problem", f"no value ({reason}): this is why")
    assert kpi.advice
    assert "{" not in kpi.advice


@pytest.mark.parametrize(("reason", "status"), [("file_missing", "warning"), ("stale", "problem")])
def test_a_gap_that_the_kpi_allows_is_a_warning_unless_its_source_lies(reason, status):
    _, kpi = judge_dry_run(dry(value=None, reason=reason), [replace(KPI, allowed_missing=0.05)])
    assert kpi.status == status
