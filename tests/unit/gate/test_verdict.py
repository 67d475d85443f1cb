"""The one verdict: combination, order, reasons, and what may never improve it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import cast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from soak_action.config.model import Abort, BuiltInSource, Direction, JsonSource, Kpi, Schedule, Sustained, Window
from soak_action.evidence.measurements import Column, Conduct, Incidents, Measurements, Problem, State
from soak_action.gate.case import Case
from soak_action.gate.result import Result, RuleResult, badness
from soak_action.gate.verdict import MOCK_NOTE, combine, judge

LATENCY = Kpi(
    name="p95_latency_ms",
    source=JsonSource("metrics.json", "latency.p95"),
    title="p95_latency_ms",
    unit="ms",
    better="lower",
    range=(0, 60000),
    stat="mean",
    window=Window(iterations=8),
    hard=400,
    soft=350,
    sustained=Sustained(within="soft", at_least=6, of=8, severity="hard"),
    abort=Abort(beyond=1000, iterations=3),
    allowed_missing=0.0,
    must_vary=False,
)
ERROR_RATE = replace(
    LATENCY,
    name="error_rate",
    source=JsonSource("metrics.json", "errors.rate"),
    unit=None,
    range=(0, 1),
    window=Window(),
    hard=0.01,
    soft=None,
    sustained=None,
    abort=None,
)
EXAMPLE = (LATENCY, ERROR_RATE)
NIGHTLY = Schedule(
    iterations=24, duration=None, every=3600, pause=None, warmup=2, failures=0, budget=93600, min_active=None
)
SMOKE = Schedule(iterations=3, duration=None, every=None, pause=0, warmup=0, failures=0, budget=120, min_active=None)


def measured(columns: dict[str, Sequence[float | str]], outcomes: Sequence[str] | None = None) -> Measurements:
    count = len(next(iter(columns.values()), ()))
    built = {}
    for name, values in columns.items():
        built[name] = Column()
        for value in values:
            if isinstance(value, str):
                built[name].add_missing(value)
            else:
                built[name].add(value)
    starts = [3600.0 * position for position in range(count)]
    return Measurements(range(1, count + 1), outcomes or ["ok"] * count, [1] * count, starts, [60.0] * count, built)


def case(
    measurements: Measurements,
    kpis: Sequence[Kpi] = EXAMPLE,
    promise: Schedule | None = NIGHTLY,
    *,
    state: State = "finished",
    mock: bool = False,
    problems: Sequence[Problem] = (),
) -> Case:
    conduct = Conduct(state, 3600.0 * measurements.count, 60.0 * measurements.count, 1.0, mock)
    if promise is None:
        measurements = replace(measurements, starts=[], seconds=[])
    overrides = ({"path": "gate.fail_on", "value": ["fail"]},)
    return Case(
        tuple(kpis),
        promise,
        measurements,
        None if promise is None else conduct,
        tuple(problems),
        {},
        overrides,
        "soak verify RUN",
    )


def healthy(iterations: int, seed: int = 1) -> Measurements:
    random = Random(seed)
    latencies = [random.gauss(300, 15) for _ in range(iterations)]
    return measured({"p95_latency_ms": latencies, "error_rate": [0.0] * iterations})


@pytest.mark.parametrize("seed", range(20))
def test_the_healthy_example_passes_a_night(seed: int) -> None:
    verdict = judge(case(healthy(24, seed)))
    assert (verdict.verdict, verdict.reasons) == ("pass", ())
    assert {rule.id: rule.result for rule in verdict.rules} == {
        "sanity.evidence": "pass",
        "sanity.iterations": "pass",
        "sanity.duration": "not_applicable",
        "sanity.state": "pass",
        "schedule.failures": "pass",
        "sanity.time": "pass",
        "sanity.constant:metrics.json": "pass",
        "p95_latency_ms.measured": "pass",
        "p95_latency_ms.hard": "pass",
        "p95_latency_ms.soft": "pass",
        "p95_latency_ms.sustained": "pass",
        "p95_latency_ms.abort": "pass",
        "error_rate.measured": "pass",
        "error_rate.hard": "pass",
    }


@pytest.mark.parametrize("seed", range(20))
def test_the_healthy_example_passes_the_smoke_run(seed: int) -> None:
    verdict = judge(case(healthy(3, seed), promise=SMOKE))
    assert verdict.verdict == "pass"
    results = {rule.id: rule for rule in verdict.rules}
    assert results["p95_latency_ms.sustained"].result == "not_applicable"
    assert results["p95_latency_ms.sustained"].reason == "needs 8 judged iterations, 3 promised"
    assert results["p95_latency_ms.abort"].result == "pass"
    assert results["sanity.constant:metrics.json"].result == "not_applicable"


def test_the_rules_stand_in_a_fixed_order_and_have_their_own_ids() -> None:
    kpis = (replace(LATENCY, must_vary=True), ERROR_RATE)
    ids = [rule.id for rule in judge(case(healthy(24), kpis, replace(NIGHTLY, min_active=1.0))).rules]
    assert ids == [
        *("sanity.evidence", "sanity.iterations", "sanity.duration", "sanity.state"),
        *("schedule.min_active", "schedule.failures", "sanity.time", "sanity.constant:metrics.json"),
        *("p95_latency_ms.measured", "p95_latency_ms.constant", "p95_latency_ms.hard", "p95_latency_ms.soft"),
        *("p95_latency_ms.sustained", "p95_latency_ms.abort", "error_rate.measured", "error_rate.hard"),
    ]


def hard(result: Result) -> RuleResult:
    return RuleResult(id="x.hard", kpi="x", kind="limit", result=result)


def sanity(result: Result) -> RuleResult:
    return RuleResult(id="sanity.x", result=result)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([], "invalid"),
        ([sanity("pass")], "invalid"),
        ([sanity("pass"), replace(hard("pass"), kind="sanity")], "inconclusive"),
        ([sanity("pass"), replace(hard("pass"), severity="soft")], "inconclusive"),
        ([sanity("pass"), hard("not_applicable")], "inconclusive"),
        ([sanity("fail"), hard("not_applicable")], "fail"),
        ([sanity("pass"), hard("pass")], "pass"),
        ([sanity("not_applicable"), hard("pass")], "pass"),
        ([sanity("warn"), hard("pass")], "warn"),
        ([sanity("warn"), hard("inconclusive")], "inconclusive"),
        ([sanity("invalid"), hard("inconclusive")], "invalid"),
        ([sanity("invalid"), hard("fail")], "fail"),
        ([sanity("fail"), hard("invalid")], "fail"),
    ],
)
def test_the_worst_result_is_the_verdict_and_a_good_one_is_earned(results: list[RuleResult], expected: str) -> None:
    assert combine(results) == expected
    assert combine(results[::-1]) == expected


@pytest.mark.parametrize("promise", [NIGHTLY, None])
def test_trap_03_no_metrics_are_invalid(promise: Schedule | None) -> None:
    verdict = judge(case(measured({"unasked": [1.0] * 24}), (), promise))
    assert verdict.verdict == "invalid"
    assert verdict.reasons == ("no KPI is configured, so nothing was measured: add one under kpis",)


@pytest.mark.parametrize("promise", [NIGHTLY, None])
def test_trap_03_no_rows_and_no_columns_are_invalid(promise: Schedule | None) -> None:
    assert judge(case(measured({}), EXAMPLE, promise)).verdict == "invalid"
    absent = replace(healthy(24), kpis={})
    assert judge(case(absent, EXAMPLE, promise)).verdict == "invalid"


def test_trap_02_a_kpi_file_that_is_never_written_is_invalid_and_named() -> None:
    gaps: list[float | str] = ["file_missing"] * 24
    verdict = judge(case(measured({"p95_latency_ms": gaps, "error_rate": gaps})))
    assert verdict.verdict == "invalid"
    assert any("metrics.json#latency.p95" in reason and "file_missing" in reason for reason in verdict.reasons)
    assert {rule.value for rule in verdict.rules if rule.kind == "limit"} == {None}


def test_trap_06_a_report_of_zeros_does_not_pass() -> None:
    verdict = judge(case(measured({"p95_latency_ms": [0.0] * 24, "error_rate": [0.0] * 24})))
    assert verdict.verdict == "warn"
    assert "unchanged over 22 measured iterations" in verdict.reasons[0]


def test_trap_01_a_workload_that_always_fails_is_a_fail() -> None:
    gaps: list[float | str] = ["workload_failed"] * 3
    verdict = judge(case(measured({"p95_latency_ms": gaps, "error_rate": gaps}, ["failed"] * 3), promise=SMOKE))
    assert verdict.verdict == "fail"
    assert verdict.reasons[0] == "schedule.failures: 3 of 3 iterations failed: 3 failed; tolerated 0"


def test_trap_16_a_negative_ratio_is_invalid_and_not_excellent() -> None:
    rates = [0.001] * 23 + [-0.07]
    assert (
        judge(case(measured({"p95_latency_ms": [300.0 + at for at in range(24)], "error_rate": rates}))).verdict
        == "invalid"
    )


def test_trap_17_identical_stamps_and_flat_metrics_are_invalid() -> None:
    flat = replace(measured({"p95_latency_ms": [300.0] * 24, "error_rate": [0.0] * 24}), starts=[7.0] * 24)
    verdict = judge(case(flat))
    assert verdict.verdict == "invalid"
    assert verdict.reasons[0].startswith("sanity.time: ")
    assert verdict.reasons[-1].startswith("sanity.constant:metrics.json: ")


def test_trap_20_a_schedule_of_warmup_only_is_not_a_pass() -> None:
    verdict = judge(case(healthy(3), promise=replace(SMOKE, warmup=3)))
    assert verdict.verdict == "inconclusive"
    assert verdict.reasons == (
        (
            "no hard rule on a KPI is applicable: promise more judged iterations "
            "(more schedule.iterations, less schedule.warmup)"
        ),
    )


def test_trap_21_trap_22_a_run_that_looped_too_little_is_not_a_pass() -> None:
    day = replace(SMOKE, iterations=None, duration=86400.0)
    assert judge(case(healthy(3), promise=day)).verdict == "invalid"
    assert judge(case(healthy(3), promise=day, state="interrupted")).verdict == "inconclusive"
    assert judge(case(measured({"p95_latency_ms": [], "error_rate": []}), promise=SMOKE)).verdict == "invalid"
    assert judge(case(healthy(24), promise=day)).verdict == "pass"


def test_trap_23_one_good_newest_iteration_does_not_gate_a_day() -> None:
    latencies: list[float] = [900.0 + at for at in range(23)] + [10.0]
    verdict = judge(case(measured({"p95_latency_ms": latencies, "error_rate": [0.0] * 24})))
    assert verdict.verdict == "fail"
    assert [reason.partition(":")[0] for reason in verdict.reasons] == [
        "p95_latency_ms.hard",
        "p95_latency_ms.sustained",
        "p95_latency_ms.soft",
    ]


def test_nothing_hard_asked_is_inconclusive_and_says_what_to_add() -> None:
    verdict = judge(case(healthy(24), (replace(ERROR_RATE, hard=None, soft=0.5),)))
    assert verdict.verdict == "inconclusive"
    assert verdict.reasons[0] == "nothing hard was asked of any KPI: give at least one a limit, for example hard: 400"


def test_bare_result_files_can_pass() -> None:
    assert judge(case(healthy(3), promise=None)).verdict == "pass"
    assert judge(case(healthy(24), promise=None)).verdict == "pass"


def test_default_kpis_of_a_healthy_program_pass() -> None:
    exit_code = replace(ERROR_RATE, name="exit_code", source=BuiltInSource("exit_code"), range=None, hard=0)
    assert judge(case(measured({"exit_code": [0.0] * 24}), (exit_code,))).verdict == "pass"


def test_a_mock_run_keeps_its_verdict_and_is_stamped() -> None:
    real, mock = judge(case(healthy(24))), judge(case(healthy(24), mock=True))
    assert (real.mock, mock.mock) == (False, True)
    assert mock.verdict == real.verdict == "pass"
    assert mock.reasons == (MOCK_NOTE,)
    assert judge(case(healthy(23), mock=True)).reasons[-1] == MOCK_NOTE


def test_it_becomes_plain_json() -> None:
    verdict = judge(case(healthy(24)))
    data = verdict.to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert sorted(data) == ["changes", "mock", "overrides", "reasons", "rules", "schema_version", "verdict"]
    assert data["schema_version"] == 1
    assert data["overrides"] == [{"path": "gate.fail_on", "value": ["fail"]}]
    assert data["rules"] == [rule.to_dict() for rule in verdict.rules]


VALUES: st.SearchStrategy[float | str] = st.one_of(
    st.integers(0, 1200).map(float),
    st.sampled_from([0.0, 350.0, 400.0, 1001.0, 70000.0, "file_missing", "stale", "workload_failed"]),
)


@st.composite
def cases(draw: st.DrawFn, longest: int = 12) -> Case:
    """Runs of all kinds: good, bad, short, torn, failed, with limits of either direction over any window."""
    count = draw(st.integers(0, longest))
    values: list[float | str] = draw(st.lists(VALUES, min_size=count, max_size=count))
    outcomes = ["failed" if value == "workload_failed" else "ok" for value in values]
    kpi = replace(
        LATENCY,
        stat=draw(st.sampled_from(["mean", "median", "min", "max", "p95", "last", "sum", "count", "rate"])),
        window=draw(st.sampled_from([Window(), Window(iterations=3), Window(seconds=7200)])),
        better=cast(Direction, draw(st.sampled_from(["lower", "higher"]))),
        hard=draw(st.sampled_from([None, 400.0])),
        soft=draw(st.sampled_from([None, 350.0])),
        sustained=draw(st.sampled_from([None, Sustained("hard", 2, 3, "hard"), Sustained("soft", 3, 4, "soft")])),
        abort=draw(st.sampled_from([None, Abort(1000, 2)])),
        allowed_missing=draw(st.sampled_from([0.0, 0.5])),
        must_vary=draw(st.booleans()),
    )
    promise = replace(
        SMOKE, iterations=draw(st.integers(1, 12)), warmup=draw(st.integers(0, 2)), failures=draw(st.integers(0, 2))
    )
    problems = draw(st.sampled_from([(), (Problem("run.json", "edited"),)]))
    state = cast(
        State, draw(st.sampled_from(["finished", "finished", "interrupted", "paused", "aborted", "unfinished"]))
    )
    measurements = measured({kpi.name: values}, outcomes)
    return case(measurements, (kpi,), draw(st.sampled_from([promise, None])), state=state, problems=problems)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_trap_07_verdict_rules_and_reasons_never_disagree(judged: Case) -> None:
    verdict = judge(judged)
    bad = [rule for rule in verdict.rules if not rule.is_good]
    assert (verdict.verdict == "pass") is (verdict.reasons == ())
    assert all(badness(rule.result) <= badness(verdict.verdict) for rule in verdict.rules)
    assert all(any(reason == f"{rule.id}: {rule.reason}" for reason in verdict.reasons) for rule in bad)
    worst_first = [
        badness(rule.result) for reason in verdict.reasons for rule in bad if reason == f"{rule.id}: {rule.reason}"
    ]
    assert worst_first == sorted(worst_first, reverse=True)
    assert verdict.verdict == combine(verdict.rules)
    json.dumps(verdict.to_dict(), allow_nan=False)


@settings(max_examples=80, deadline=None)
@given(cases())
def test_a_problem_never_improves_the_verdict(judged: Case) -> None:
    worse = replace(judged, problems=(*judged.problems, Problem("iterations.jsonl:2", "the chain is broken")))
    assert badness(judge(worse).verdict) >= badness(judge(judged).verdict)
    assert judge(worse).verdict in ("invalid", "fail")


@settings(max_examples=120, deadline=None)
@given(cases(longest=7), st.data())
def test_a_worse_value_never_improves_the_verdict(judged: Case, data: st.DataObject) -> None:
    # Seven iterations at most, because a worse value may well end a suspicious standstill; and no range, because what
    # leaves it is no longer a bad value but none.
    assume(judged.measurements.count > 0)
    kpi = replace(judged.kpis[0], range=None, must_vary=False)
    promise = judged.promise and replace(judged.promise, iterations=min(judged.measurements.count, 7))
    judged = replace(judged, kpis=(kpi,), promise=promise)
    position = data.draw(st.integers(0, judged.measurements.count - 1))
    column = judged.measurements.kpis[kpi.name]
    assume(position not in column.missing)
    values = column.values[:]
    values[position] += data.draw(st.integers(1, 1500)) * (-1 if kpi.better == "higher" else 1)
    changed = replace(
        judged, measurements=replace(judged.measurements, kpis={kpi.name: Column(values, column.missing)})
    )
    assert badness(judge(changed).verdict) >= badness(judge(judged).verdict)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 24), st.integers(0, 2), st.integers(0, 99))
def test_a_finished_run_that_lost_its_last_iteration_is_never_pass(iterations: int, warmup: int, seed: int) -> None:
    promise = replace(NIGHTLY, iterations=iterations, warmup=warmup)
    whole, torn = healthy(iterations, seed), healthy(iterations - 1, seed)
    assert judge(case(whole, promise=promise)).verdict == ("pass" if iterations > warmup else "inconclusive")
    assert judge(case(torn, promise=promise)).verdict == "invalid"


@settings(max_examples=80, deadline=None)
@given(cases())
def test_an_unfinished_promise_is_never_good(judged: Case) -> None:
    assume(judged.promise is not None)
    verdict = judge(judged)
    done = judged.conduct is not None and judged.conduct.state == "finished"
    promised = judged.promise.iterations if judged.promise and judged.promise.iterations else 0
    if not done or judged.measurements.count < promised:
        assert verdict.verdict not in ("pass", "warn")


def test_a_suspend_is_told_beside_the_verdict_and_does_not_change_it() -> None:
    made = case(healthy(24))
    assert made.conduct is not None
    incidents = Incidents(suspends=2, suspended_seconds=3600.0)
    verdict = judge(replace(made, conduct=replace(made.conduct, incidents=incidents)))
    assert verdict.verdict == "pass"
    (reason,) = verdict.reasons
    assert reason.startswith("SUSPENDED: the machine slept during the run (2 times, 1h in all); ")


def test_what_was_changed_under_way_is_told_beside_the_verdict_and_bounded() -> None:
    change = {
        "key": "workload.run",
        "before": {"value": ["a"], "origin": "x"},
        "now": {"value": ["b" * 200], "origin": "x"},
        "first_iteration": 4,
        "last_iteration": 9,
    }
    one = {**change, "key": "workload.env.X", "before": None, "now": {"value": "1", "origin": "x"}, "last_iteration": 4}
    verdict = judge(replace(case(healthy(24)), changes=(change, one)))
    assert (verdict.verdict, verdict.to_dict()["changes"]) == ("pass", [change, one])
    first, second = verdict.reasons
    assert first.startswith('CHANGED: workload.run was ["a"], and ["bbb')
    assert first.endswith("... in iterations 4 to 9")
    assert len(first) < 200
    assert second == 'CHANGED: workload.env.X was not given, and "1" in iteration 4'
    many = judge(replace(case(healthy(24)), changes=(change,) * 25))
    assert (len(many.reasons), many.reasons[-1]) == (21, "CHANGED: and 5 more")
