"""Whether a KPI was measured in every judged iteration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.unit.gate.building import KPI, column, promised

from soak_action.config.model import BuiltInSource, HttpSource, Kpi, RegexSource, Schedule, Source
from soak_action.evidence.measurements import Conduct, Measurements
from soak_action.gate.case import Case
from soak_action.gate.presence import judge_presence
from soak_action.gate.result import RuleResult


def judged(values: Sequence[float | str], kpi: Kpi = KPI, promise: Schedule | None = None) -> RuleResult:
    count = len(values)
    outcomes = ["failed" if value == "workload_failed" else "ok" for value in values]
    starts = [10.0 * position for position in range(count)]
    measurements = Measurements(
        range(1, count + 1), outcomes, [1] * count, starts, [4.0] * count, {kpi.name: column(values)}
    )
    conduct = Conduct("finished", 10.0, 4.0, 10.0, mock=False)
    origins = {"kpis.p95_ms.from": "soak.yaml:3:5"}
    case = Case((kpi,), promise or promised(count), measurements, conduct, (), origins, (), "soak verify RUN")
    return judge_presence(case, kpi)


def test_a_value_in_every_judged_iteration() -> None:
    assert judged([1, 2, 3]) == RuleResult(
        id="p95_ms.measured",
        kpi="p95_ms",
        result="pass",
        value=0.0,
        limit=0.0,
        n=3,
        origin="soak.yaml:3:5",
        reason="measured in every judged iteration",
        reproduce="soak verify RUN",
    )


def test_trap_02_a_missing_value_is_invalid_and_names_source_iteration_and_reason() -> None:
    rule = judged([1, "file_missing", "path_missing", "file_missing"])
    assert (rule.result, rule.first_breach, rule.value) == ("invalid", 2, 0.75)
    assert rule.reason == (
        "no value in 3 of 4 iterations from metrics.json#latency.p95: 2 iterations: file_missing, "
        "1 iteration: path_missing; first iteration 2, file_missing; tolerated 0"
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (RegexSource(r"p95=(?P<ms>\d+)", "stderr"), r"stderr (p95=(?P<ms>\d+))"),
        (BuiltInSource("peak_rss_mib"), "peak_rss_mib"),
        (
            HttpSource("http://127.0.0.1:1/metrics", "prometheus", "sum(x)", counter=None),
            "http://127.0.0.1:1/metrics (sum(x))",
        ),
    ],
)
def test_the_source_is_named(source: Source, text: str) -> None:
    assert f"from {text}: " in judged(["not_a_number"], replace(KPI, source=source)).reason


@pytest.mark.parametrize(
    ("missing", "of", "allowed", "result"),
    [
        (1, 20, 0.05, "pass"),
        (2, 20, 0.05, "invalid"),
        (7, 100, 0.07, "pass"),
        (8, 100, 0.07, "invalid"),
        (1, 20, 0, "invalid"),
    ],
)
def test_a_share_may_be_missing(missing: int, of: int, allowed: float, result: str) -> None:
    values: list[float | str] = ["file_missing"] * missing + [1.0] * (of - missing)
    rule = judged(values, replace(KPI, allowed_missing=allowed))
    assert rule.result == result
    assert rule.reason.endswith(f"; tolerated {allowed:g}")


@pytest.mark.parametrize("allowed", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("value", ["stale", "out_of_range", -0.07])
def test_trap_16_trap_58_stale_and_impossible_values_are_never_tolerated(value: float | str, allowed: float) -> None:
    rule = judged([1.0] * 9 + [value], replace(KPI, allowed_missing=allowed))
    assert (rule.result, rule.first_breach) == ("invalid", 10)
    reason = value if isinstance(value, str) else "out_of_range"
    assert f"first iteration 10, {reason}; " in rule.reason
    assert rule.reason.endswith("tolerated 0" if allowed == 0 else f"{reason} is never tolerated")


def test_iterations_whose_workload_failed_are_judged_elsewhere() -> None:
    rule = judged([1, "workload_failed", 3])
    assert (rule.result, rule.reason) == ("pass", "measured in 2 of 3 iterations; the workload failed in the rest")
    rule = judged(["workload_failed", "file_missing"])
    assert (rule.result, rule.value) == ("invalid", 0.5)


@pytest.mark.parametrize(
    ("values", "allowed"),
    [(["workload_failed"] * 3, 0.0), (["file_missing"] * 3, 1.0), (["file_missing", "workload_failed"], 0.5)],
)
def test_nothing_measured_is_never_good(values: list[float | str], allowed: float) -> None:
    assert judged(values, replace(KPI, allowed_missing=allowed)).result == "inconclusive"


def test_trap_20_gaps_of_the_warmup_are_not_judged() -> None:
    assert judged(["file_missing", 1, 2], promise=promised(3, warmup=1)).result == "pass"
    assert judged([1, "file_missing", 2], promise=promised(3, warmup=1)).first_breach == 2


@pytest.mark.parametrize(("warmup", "result"), [(3, "not_applicable"), (1, "inconclusive")])
def test_without_a_judged_iteration(warmup: int, result: str) -> None:
    assert judged([1], promise=promised(3, warmup=warmup)).result == result
