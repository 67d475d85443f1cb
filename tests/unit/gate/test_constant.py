"""Series that stand still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.gate.building import KPI, column, promised

from soak_action.config.model import BuiltInSource, Direction, HttpSource, JsonSource, Kpi, RegexSource, Schedule
from soak_action.evidence.measurements import Measurements
from soak_action.gate.case import Case
from soak_action.gate.constant import judge_must_vary, judge_sources
from soak_action.gate.result import RuleResult

ERRORS = replace(
    KPI, name="error_rate", source=JsonSource("metrics.json", "errors"), range=(0, 1), unit=None, hard=0.01
)
MOVING = [float(position) for position in range(1, 13)]
STILL = [3.0] * 12


def case(columns: Mapping[Kpi, Sequence[float | str]], promise: Schedule | None = None) -> Case:
    count = len(next(iter(columns.values())))
    built = {kpi.name: column(values) for kpi, values in columns.items()}
    measurements = Measurements(range(1, count + 1), ["ok"] * count, [1] * count, [], [], built)
    origins = {"kpis.p95_ms.from": "soak.yaml:3:5", "kpis.p95_ms.must_vary": "soak.yaml:4:5"}
    return Case(tuple(columns), promise, measurements, None, (), origins, (), "soak gate FILES")


def source_rule(columns: Mapping[Kpi, Sequence[float | str]], promise: Schedule | None = None) -> RuleResult:
    (rule,) = judge_sources(case(columns, promise))
    return rule


def vary_rule(columns: Mapping[Kpi, Sequence[float | str]], promise: Schedule | None = None) -> RuleResult:
    return judge_must_vary(case(columns, promise), next(iter(columns)))


def test_trap_17_a_source_that_stands_still_is_flagged() -> None:
    assert source_rule({KPI: [1.0, *STILL], ERRORS: [0.0] * 13}) == RuleResult(
        id="sanity.constant:metrics.json",
        severity="soft",
        result="warn",
        value=12,
        limit=8,
        window="all",
        n=13,
        first_breach=2,
        origin="soak.yaml:3:5",
        reason="p95_ms, error_rate: unchanged over 12 measured iterations from iteration 2 on",
        reproduce="soak gate FILES",
    )


def test_trap_06_a_report_of_zeros_is_flagged() -> None:
    assert source_rule({KPI: [0.0] * 24, ERRORS: [0.0] * 24}).result == "warn"


def test_trap_06_zeros_at_the_best_bound_are_flagged_when_nothing_else_moves() -> None:
    assert source_rule({ERRORS: [0.0] * 24}).result == "warn"


def test_a_source_with_one_moving_kpi_is_not_flagged() -> None:
    rule = source_rule({KPI: MOVING, ERRORS: [0.0] * 12})
    assert (rule.result, rule.value) == ("pass", 1)


@pytest.mark.parametrize(("row", "result"), [(7, "pass"), (8, "warn")])
def test_eight_in_a_row_are_flagged_wherever_they_are(row: int, result: str) -> None:
    values = [1.0, 2.0, *[5.0] * row, 6.0, 7.0, 8.0]
    rule = source_rule({KPI: values})
    assert (rule.result, rule.value) == (result, row)
    assert rule.first_breach == (3 if result == "warn" else None)


def test_each_source_is_judged_for_itself() -> None:
    other = replace(KPI, name="other", source=JsonSource("other.json", "x"))
    out = replace(KPI, name="out", source=RegexSource("a", "stdout"))
    out_too = replace(KPI, name="out_too", source=RegexSource("b", "stdout"))
    err = replace(KPI, name="err", source=RegexSource("a", "stderr"))
    built_in = replace(KPI, name="exit_code", source=BuiltInSource("exit_code"))
    rules = judge_sources(case({KPI: MOVING, other: STILL, out: STILL, out_too: MOVING, err: STILL, built_in: STILL}))
    assert [(rule.id, rule.result) for rule in rules] == [
        ("sanity.constant:metrics.json", "pass"),
        ("sanity.constant:other.json", "warn"),
        ("sanity.constant:stdout", "pass"),
        ("sanity.constant:stderr", "warn"),
    ]


def test_what_one_server_tells_is_one_source_in_whatever_format() -> None:
    url, other = "http://127.0.0.1:1/metrics", "http://127.0.0.1:2/metrics"
    first = replace(KPI, name="first", source=HttpSource(url, "prometheus", "x", counter=True))
    second = replace(KPI, name="second", source=HttpSource(url, "json", "y", counter=None))
    third = replace(KPI, name="third", source=HttpSource(other, "prometheus", "x", counter=None))
    rules = judge_sources(case({first: STILL, second: MOVING, third: STILL}))
    assert [(rule.id, rule.result) for rule in rules] == [
        (f"sanity.constant:{url}", "pass"),
        (f"sanity.constant:{other}", "warn"),
    ]


def test_a_gap_is_no_movement() -> None:
    rule = source_rule({KPI: [3.0, "file_missing", *[3.0] * 6, "file_missing", 3.0], ERRORS: [0.0] * 10})
    assert (rule.result, rule.value, rule.n) == ("warn", 10, 10)
    rule = source_rule({KPI: [1.0, *[3.0] * 4, "file_missing", *[3.0] * 4], ERRORS: [0.0] * 10})
    assert (rule.result, rule.value, rule.first_breach) == ("warn", 9, 2)
    rule = source_rule({KPI: ["file_missing", *[3.0] * 5, "stale", *[3.0] * 3]})
    assert (rule.result, rule.value, rule.n, rule.first_breach) == ("warn", 8, 8, 2)


def test_a_kpi_that_was_never_measured_does_not_move_its_source() -> None:
    assert source_rule({KPI: ["file_missing"] * 12, ERRORS: [0.0] * 12}).result == "warn"
    assert source_rule({KPI: ["file_missing"] * 12, ERRORS: [value / 12 for value in MOVING]}).result == "pass"


@pytest.mark.parametrize(
    ("values", "promise", "result"),
    [
        ([3.0] * 7, promised(7), "not_applicable"),
        ([3.0] * 9, promised(9, warmup=2), "not_applicable"),
        ([3.0] * 7, None, "not_applicable"),
        ([3.0] * 7, promised(8), "inconclusive"),
        ([3.0] * 6 + [4.0], promised(8), "pass"),
        ([3.0] * 7, promised(None, duration=60), "not_applicable"),
        ([3.0] * 6 + [4.0], promised(None, duration=60), "pass"),
        ([3.0] * 8, promised(None, duration=60), "warn"),
        (["file_missing"] * 8, promised(8), "inconclusive"),
        ([], promised(8), "inconclusive"),
    ],
)
def test_what_the_promise_and_the_measurement_can_decide(
    values: list[float | str], promise: Schedule | None, result: str
) -> None:
    assert source_rule({KPI: values}, promise).result == result


VARY = replace(KPI, must_vary=True)


def test_must_vary_is_hard() -> None:
    rule = vary_rule({VARY: STILL, ERRORS: MOVING})
    assert (rule.id, rule.kpi, rule.severity, rule.result) == ("p95_ms.constant", "p95_ms", "hard", "invalid")
    assert (rule.first_breach, rule.origin) == (1, "soak.yaml:4:5")
    assert rule.reason == "unchanged over 12 measured iterations from iteration 1 on"


def test_must_vary_passes_what_varies() -> None:
    assert vary_rule({VARY: MOVING, ERRORS: STILL}).result == "pass"


def test_must_vary_holds_for_a_built_in_kpi() -> None:
    seconds = replace(VARY, name="wall_seconds", source=BuiltInSource("wall_seconds"))
    assert vary_rule({seconds: STILL, KPI: MOVING}).result == "invalid"
    assert vary_rule({seconds: MOVING, KPI: STILL}).result == "pass"


@pytest.mark.parametrize(
    ("better", "value", "peer", "result"),
    [
        ("lower", 0.0, MOVING, "pass"),
        ("lower", 0.0, STILL, "invalid"),
        ("lower", 0.0, [1.0] + [2.0] * 8 + [3.0] * 3, "invalid"),
        ("lower", 60000.0, MOVING, "invalid"),
        ("higher", 60000.0, MOVING, "pass"),
        ("higher", 0.0, MOVING, "invalid"),
        (None, 0.0, MOVING, "invalid"),
    ],
)
def test_resting_at_the_best_bound_is_exempt_only_while_another_kpi_of_the_source_moves(
    better: Direction | None, value: float, peer: list[float], result: str
) -> None:
    kpi = replace(VARY, better=better)
    assert vary_rule({kpi: [value] * 12, replace(ERRORS, range=None): peer}).result == result


def test_a_kpi_of_another_source_or_no_range_exempts_nothing() -> None:
    elsewhere = replace(KPI, name="other", source=JsonSource("other.json", "x"))
    assert vary_rule({VARY: [0.0] * 12, elsewhere: MOVING}).result == "invalid"
    assert vary_rule({replace(VARY, range=None): [0.0] * 12, ERRORS: MOVING}).result == "invalid"


def test_must_vary_looks_at_the_measured_iterations_of_that_kpi() -> None:
    values: list[float | str] = [3.0, "file_missing", *[3.0] * 7, "file_missing", "file_missing", 4.0]
    rule = vary_rule({VARY: values, ERRORS: MOVING})
    assert (rule.result, rule.value, rule.n, rule.first_breach) == ("invalid", 8, 9, 1)


def test_must_vary_that_nobody_could_decide_is_inconclusive() -> None:
    assert vary_rule({VARY: [3.0] * 7}, promised(None, duration=60)).result == "inconclusive"
    assert vary_rule({VARY: [3.0] * 7}, promised(7)).result == "not_applicable"


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 0.5])), min_size=8, max_size=40))
def test_flagged_exactly_if_some_eight_in_a_row_are_all_equal(rows: list[tuple[float, float]]) -> None:
    expected = any(len(set(rows[at : at + 8])) == 1 for at in range(len(rows) - 7))
    first, second = zip(*rows, strict=True)
    assert (source_rule({KPI: first, ERRORS: second}).result == "warn") is expected
