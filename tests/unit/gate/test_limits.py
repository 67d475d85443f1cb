"""Limits, sustained limits and abort conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.gate.building import KPI, column, promised

from soak_action.config.model import Abort, Direction, Kpi, Schedule, Sustained, Window
from soak_action.evidence.measurements import Conduct, Measurements, State
from soak_action.gate.case import Case
from soak_action.gate.limits import abort_breached, judge_kpi
from soak_action.gate.result import RuleResult


def case(
    values: Sequence[float | str],
    kpi: Kpi = KPI,
    *,
    promise: Schedule | None = None,
    clock: bool = True,
    seconds: float = 4.0,
    state: State = "finished",
) -> Case:
    count = len(values)
    measurements = Measurements(
        numbers=range(1, count + 1),
        outcomes=["failed" if value == "workload_failed" else "ok" for value in values],
        segments=[1] * count,
        starts=[10.0 * position for position in range(count)] if clock else [],
        seconds=[seconds] * count if clock else [],
        kpis={kpi.name: column(values)},
    )
    conduct = Conduct(state, 10.0 * count, 4.0 * count, 10.0 * count, mock=False)
    origins = {
        f"kpis.p95_ms.{key}": f"soak.yaml:{line}:5" for line, key in enumerate(("hard", "soft", "sustained.of"), 4)
    }
    return Case((kpi,), promise or promised(count), measurements, conduct, (), origins, (), "soak verify RUN")


def bare(values: Sequence[float | str], kpi: Kpi = KPI) -> Case:
    return replace(case(values, kpi, clock=False), promise=None, conduct=None)


def only(judged: Case) -> RuleResult:
    (rule,) = judge_kpi(judged, judged.kpis[0])
    return rule


def test_a_kpi_without_rules_has_no_results() -> None:
    assert judge_kpi(case([1.0]), replace(KPI, hard=None)) == []


def test_a_breach_says_by_how_much_over_which_window_and_since_when() -> None:
    kpi = replace(KPI, window=Window(iterations=8))
    rule = only(case([100, 300, *[412.3] * 8], kpi))
    assert rule == RuleResult(
        id="p95_ms.hard",
        kpi="p95_ms",
        kind="limit",
        severity="hard",
        result="fail",
        value=412.3,
        limit=400,
        window="last 8",
        n=8,
        statistic="mean",
        first_breach=3,
        origin="soak.yaml:4:5",
        reason="mean over the last 8 iterations is 412.3 ms, limit 400 ms (+3.1 %), first beyond it at iteration 3",
        reproduce="soak verify RUN",
    )


@pytest.mark.parametrize(
    ("better", "value", "result"),
    [
        ("lower", 400, "pass"),
        ("lower", 400.1, "fail"),
        ("higher", 400, "pass"),
        ("higher", 399.9, "fail"),
        (None, 401, "fail"),
    ],
)
def test_equality_is_within_the_limit(better: Direction | None, value: float, result: str) -> None:
    kpi = replace(KPI, better=better)
    rule = only(case([value], kpi))
    assert (rule.result, rule.value) == (result, value)
    assert rule.first_breach == (None if result == "pass" else 1)


def test_a_soft_limit_warns_and_both_are_listed() -> None:
    rules = judge_kpi(case([360.0, 370.0]), replace(KPI, soft=350))
    assert [(rule.id, rule.result) for rule in rules] == [("p95_ms.hard", "pass"), ("p95_ms.soft", "warn")]
    assert [rule.origin for rule in rules] == ["soak.yaml:4:5", "soak.yaml:5:5"]


def test_a_mean_beyond_its_limit_by_values_outside_the_window_only() -> None:
    kpi = replace(KPI, better="higher", stat="min", window=Window(iterations=1))
    assert only(case([1, 500], kpi)).result == "pass"
    assert only(case([500, 1], kpi)).first_breach == 2


@pytest.mark.parametrize(
    ("stat", "limit", "values"),
    [("sum", 10, [6.0, 7.0]), ("count", 1, [1.0, 1.0]), ("rate", 1, [5.0, 8.0]), ("mean", 2.5, [2.0, 4.0])],
)
def test_an_aggregate_has_no_first_single_breach(stat: str, limit: float, values: list[float]) -> None:
    rule = only(case(values, replace(KPI, stat=stat, hard=limit)))
    assert rule.result == "fail"
    assert rule.first_breach == (2 if stat == "mean" else None)
    assert ("first beyond" in rule.reason) == (stat == "mean")


def test_trap_23_the_newest_single_iteration_cannot_carry_the_day() -> None:
    values = [900.0] * 23 + [10.0]
    assert only(case(values, KPI)).result == "fail"
    sustained = Sustained(within="hard", at_least=6, of=8, severity="hard")
    assert [rule.result for rule in judge_kpi(case(values), replace(KPI, sustained=sustained))] == ["fail", "fail"]


@pytest.mark.parametrize(
    ("window", "values", "text", "n"),
    [
        (Window(), [1, 2, 3], "mean over 3 iterations", 3),
        (Window(), [1], "mean over 1 iteration", 1),
        (Window(), [1, "file_missing", 3], "mean over 2 of 3 iterations", 2),
        (Window(iterations=8), [1, 2, 3], "mean over 3 of the last 8 iterations", 3),
        (Window(iterations=2), [1, 2, 3], "mean over the last 2 iterations", 2),
        (Window(iterations=2), [1, "stale", 3], "mean over 1 of the last 2 iterations", 1),
        (Window(seconds=15), [1, 2, 3], "mean over the last 15s (2 iterations)", 2),
    ],
)
def test_the_window_is_what_there_is_of_it(window: Window, values: list[float | str], text: str, n: int) -> None:
    rule = only(case(values, replace(KPI, window=window)))
    assert rule.reason.startswith(f"{text} is ")
    assert (rule.n, rule.window, rule.result) == (n, str(window), "pass")


@pytest.mark.parametrize(
    ("values", "result", "reason"),
    [
        (["file_missing"] * 3, "invalid", "no value was measured (3 iterations: file_missing)"),
        (
            ["stale", "workload_failed"],
            "invalid",
            "no value was measured (1 iteration: stale, 1 iteration: workload_failed)",
        ),
        (["workload_failed"] * 2, "inconclusive", "no value was measured (2 iterations: workload_failed)"),
    ],
)
def test_trap_02_no_value_is_a_reason_and_never_a_number(values: list[float | str], result: str, reason: str) -> None:
    rule = only(case(values))
    assert (rule.result, rule.reason, rule.value, rule.n) == (result, reason, None, 0)


@pytest.mark.parametrize("warmup", [3, 5])
def test_trap_20_a_promise_without_a_judged_iteration_decides_nothing(warmup: int) -> None:
    rule = only(case([1, 2, 3], promise=promised(3, warmup=warmup)))
    assert (rule.result, rule.reason) == ("not_applicable", "needs 1 judged iteration, 0 promised")


def test_a_promise_with_a_judged_iteration_that_never_came_is_inconclusive() -> None:
    rule = only(case([1, 2], promise=promised(3, warmup=2), state="interrupted"))
    assert (rule.result, rule.reason) == ("inconclusive", "no judged iteration was measured")


@pytest.mark.parametrize("kpi", [replace(KPI, stat="rate"), replace(KPI, window=Window(seconds=60))])
def test_rules_that_need_a_clock(kpi: Kpi) -> None:
    assert only(bare([1, 2], kpi)).result == "not_applicable"
    assert only(case([1, 2], kpi, clock=False)).result == "inconclusive"
    assert only(case([1, 2], kpi)).result == "pass"


def test_a_rate_counts_only_the_seconds_of_the_measured_iterations() -> None:
    kpi = replace(KPI, stat="rate")
    assert only(case([8.0, "file_missing", 16.0], kpi)).value == 3.0
    rule = only(case([8.0], kpi, seconds=0.0))
    assert (rule.result, rule.n) == ("inconclusive", 1)


def test_bare_files_are_held_to_their_limits() -> None:
    assert only(bare([399, 400])).result == "pass"
    assert only(bare([500])).result == "fail"


def test_of_a_paused_run_only_the_live_rule_is_judged() -> None:
    kpi = replace(KPI, sustained=Sustained("hard", 1, 2, "hard"), abort=Abort(beyond=1000, iterations=2))
    rules = judge_kpi(case([900, 1100], kpi, state="paused"), kpi)
    assert [rule.result for rule in rules] == ["inconclusive", "inconclusive", "pass"]
    rules = judge_kpi(case([1100, 1100], kpi, state="paused"), kpi)
    assert [rule.result for rule in rules] == ["inconclusive", "inconclusive", "fail"]


SUSTAINED = Sustained(within="soft", at_least=3, of=4, severity="hard")


def sustained_kpi(**changes: object) -> Kpi:
    return replace(KPI, hard=None, soft=350, sustained=replace(SUSTAINED, **changes))  # type: ignore[arg-type]


def sustained_rule(judged: Case) -> RuleResult:
    return judge_kpi(judged, judged.kpis[0])[-1]


@pytest.mark.parametrize(
    ("values", "result", "within", "first"),
    [
        ([1, 1, 1, 1], "pass", 4, None),
        ([1, 1, 1, 351], "pass", 3, None),
        ([1, 351, 1, 350], "pass", 3, None),
        ([1, 351, 352, 1], "fail", 2, 2),
        ([999, 999, 1, 1, 1, 1], "pass", 4, None),
        ([1, 1, "stale", 999, "workload_failed", 999], "fail", 0, 4),
        ([1, 1, 1, "file_missing"], "pass", 3, None),
        ([1, 1, "file_missing", "file_missing"], "fail", 2, None),
    ],
)
def test_sustained_counts_how_many_of_the_last_are_within(
    values: list[float | str], result: str, within: int, first: int | None
) -> None:
    rule = sustained_rule(case(values, sustained_kpi()))
    assert (rule.id, rule.kind, rule.result) == ("p95_ms.sustained", "sustained", result)
    assert (rule.value, rule.limit, rule.first_breach) == (within, 3, first)
    assert rule.reason.startswith(f"{within} of the last 4 iterations within the soft limit 350 ms, at least 3 needed")
    assert rule.origin == "soak.yaml:6:5"


def test_sustained_names_the_gaps() -> None:
    rule = sustained_rule(case([1, 1, "stale", 999], sustained_kpi()))
    assert rule.reason.endswith("needed; no value in 1 iteration: stale, first beyond it at iteration 4")
    assert rule.n == 3


def test_sustained_has_the_severity_and_the_limit_it_names() -> None:
    values = [380.0] * 4
    soft = sustained_rule(case(values, sustained_kpi(severity="soft")))
    assert (soft.severity, soft.result) == ("soft", "warn")
    within_hard = replace(sustained_kpi(within="hard"), hard=400)
    assert sustained_rule(case(values, within_hard)).result == "pass"
    nothing = sustained_rule(case(values, sustained_kpi(within="hard")))
    assert (nothing.result, nothing.reason) == ("inconclusive", "p95_ms has no hard limit to stay within")


@pytest.mark.parametrize(
    ("values", "promise", "result", "reason"),
    [
        ([1, 1, 1], promised(3), "not_applicable", "needs 4 judged iterations, 3 promised"),
        ([1] * 5, promised(5, warmup=2), "not_applicable", "needs 4 judged iterations, 3 promised"),
        ([1, 1, 1], promised(4), "inconclusive", "needs 4 judged iterations, 3 measured"),
        ([1, 1, 1], promised(None, duration=60), "inconclusive", "needs 4 judged iterations, 3 measured"),
        ([1] * 4, promised(None, duration=60), "pass", None),
    ],
)
def test_sustained_asks_the_promise_first(
    values: list[float | str], promise: Schedule, result: str, reason: str | None
) -> None:
    rule = sustained_rule(case(values, sustained_kpi(), promise=promise))
    assert rule.result == result
    assert reason is None or rule.reason == reason


def test_bare_files_promise_their_rows() -> None:
    assert sustained_rule(bare([1, 1, 1], sustained_kpi())).result == "not_applicable"
    assert sustained_rule(bare([1, 1, 1, 1], sustained_kpi())).result == "pass"


@pytest.mark.parametrize(("gap", "result"), [("file_missing", "invalid"), ("workload_failed", "inconclusive")])
def test_trap_02_nothing_measured_is_not_a_breach_but_no_evidence(gap: str, result: str) -> None:
    values: list[float | str] = [gap] * 4
    assert sustained_rule(case(values, sustained_kpi())).result == result
    assert only(case(values, ABORT_KPI)).result == result


ABORT_KPI = replace(KPI, hard=None, abort=Abort(beyond=1000, iterations=3))


@pytest.mark.parametrize(
    ("values", "result", "row", "first"),
    [
        ([1, 2, 3], "pass", 0, None),
        ([1001, 1001, 1000, 1001], "pass", 2, None),
        ([1, 1001, 1002, 1003, 1], "fail", 3, 2),
        ([1001, 1001, "file_missing", 1001, 1], "pass", 2, None),
        ([1001] * 5, "fail", 3, 1),
    ],
)
def test_abort_needs_an_unbroken_row(values: list[float | str], result: str, row: int, first: int | None) -> None:
    rule = only(case(values, ABORT_KPI))
    assert (rule.id, rule.kind, rule.severity, rule.result) == ("p95_ms.abort", "abort", "hard", result)
    assert (rule.value, rule.limit, rule.first_breach) == (row, 3, first)


def test_abort_says_since_when() -> None:
    rule = only(case([1, 1001, 1002, 1003], ABORT_KPI))
    assert rule.reason == "3 iterations in a row beyond 1000 ms, from iteration 2 on"
    rule = only(case([1, 1001, 1], ABORT_KPI))
    assert rule.reason == "at most 1 iteration in a row beyond 1000 ms, 3 would abort"


@pytest.mark.parametrize(
    ("count", "promise", "result"),
    [
        (2, promised(2), "not_applicable"),
        (2, promised(3), "inconclusive"),
        (2, promised(None, duration=9), "inconclusive"),
    ],
)
def test_abort_asks_the_promise_first(count: int, promise: Schedule, result: str) -> None:
    assert only(case([1] * count, ABORT_KPI, promise=promise)).result == result


@pytest.mark.parametrize(
    ("recent", "breached"),
    [
        ([], False),
        ([1001, 1001], False),
        ([1001, 1001, 1001], True),
        ([1001, nan, 1001], False),
        ([1001, 1001, 1001, 1], False),
        ([1, 1001, 1001, 1001], True),
        ([1000, 1001, 1001], False),
    ],
)
def test_the_live_rule_looks_at_the_last_values(recent: list[float], breached: bool) -> None:
    assert abort_breached(ABORT_KPI, recent) is breached


def test_a_kpi_without_an_abort_condition_never_aborts() -> None:
    assert not abort_breached(KPI, [1e9] * 99)


@settings(max_examples=60)
@given(st.lists(st.sampled_from([1.0, 1001.0, nan]), min_size=3, max_size=12))
def test_the_end_finds_an_abort_exactly_if_the_live_rule_would_have(values: list[float]) -> None:
    live = any(abort_breached(ABORT_KPI, values[:end]) for end in range(1, len(values) + 1))
    gaps: list[float | str] = ["file_missing" if isnan(value) else value for value in values]
    assert (only(case(gaps, ABORT_KPI)).result == "fail") is live
