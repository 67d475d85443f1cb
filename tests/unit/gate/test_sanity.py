"""The rules on a run as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, nan

import pytest

from soak_action.config.model import Schedule, Service
from soak_action.evidence.measurements import Conduct, Incidents, Measurements, Problem, ServiceConduct, State
from soak_action.gate.case import Case
from soak_action.gate.result import RuleResult
from soak_action.gate.sanity import judge_run

PROMISE = Schedule(
    iterations=3, duration=None, every=None, pause=None, warmup=0, failures=0, budget=None, min_active=None
)


def case(
    outcomes: Sequence[str] = ("ok", "ok", "ok"),
    *,
    promise: Schedule | None = PROMISE,
    state: State | None = "finished",
    measured: float = 30.0,
    problems: Sequence[Problem] = (),
    starts: Sequence[float] | None = None,
    seconds: Sequence[float] | None = None,
    segments: Sequence[int] | None = None,
) -> Case:
    count = len(outcomes)
    measurements = Measurements(
        numbers=range(1, count + 1),
        outcomes=outcomes,
        segments=[1] * count if segments is None else segments,
        starts=[10.0 * position for position in range(count)] if starts is None else starts,
        seconds=[4.0] * count if seconds is None else seconds,
        kpis={},
    )
    conduct = None if state is None else Conduct(state, measured, 12.0, measured, mock=False)
    origins = {"schedule.iterations": "soak.yaml:2:3", "schedule.failures": "schema default"}
    return Case((), promise, measurements, conduct, tuple(problems), origins, (), "soak verify RUN")


def bare(rows: int = 3) -> Case:
    return case(["ok"] * rows, promise=None, state=None, starts=[], seconds=[])


def rule(judged: Case, rule_id: str) -> RuleResult:
    (found,) = [result for result in judge_run(judged) if result.id == rule_id]
    return found


def test_a_healthy_run_passes_every_rule_that_applies() -> None:
    assert [(result.id, result.result) for result in judge_run(case())] == [
        ("sanity.evidence", "pass"),
        ("sanity.iterations", "pass"),
        ("sanity.duration", "not_applicable"),
        ("sanity.state", "pass"),
        ("schedule.failures", "pass"),
        ("sanity.time", "pass"),
    ]
    assert {(result.kind, result.severity, result.kpi, result.reproduce) for result in judge_run(case())} == {
        ("sanity", "hard", None, "soak verify RUN")
    }


def test_a_machine_that_was_kept_awake_is_not_mentioned_and_one_that_was_not_is_a_warning_trap_50() -> None:
    assert [result for result in judge_run(case()) if result.id == "sanity.awake"] == []
    found = case()
    assert found.conduct is not None
    lost = replace(found, conduct=replace(found.conduct, not_awake=("segment 2: the program ended early",)))
    warning = rule(lost, "sanity.awake")
    assert (warning.result, warning.severity, warning.n) == ("warn", "soft", 1)
    assert warning.reason == ("the machine was not kept awake and may have slept: segment 2: the program ended early")


def test_many_segments_without_sleep_kept_away_are_counted() -> None:
    found = case()
    assert found.conduct is not None
    many = tuple(f"segment {number}: refused" for number in range(1, 13))
    warning = rule(replace(found, conduct=replace(found.conduct, not_awake=many)), "sanity.awake")
    assert warning.n == 12
    assert warning.reason.endswith("segment 10: refused; and 2 more")


def test_bare_files_are_judged_as_far_as_they_go() -> None:
    assert [(result.id, result.result) for result in judge_run(bare())] == [
        ("sanity.evidence", "pass"),
        ("sanity.iterations", "not_applicable"),
        ("sanity.duration", "not_applicable"),
        ("sanity.state", "not_applicable"),
        ("schedule.failures", "not_applicable"),
        ("sanity.time", "not_applicable"),
    ]


def test_a_promise_without_a_record_of_the_run_is_invalid() -> None:
    promise = replace(PROMISE, duration=20.0, min_active=1.0)
    results = {result.id: result.result for result in judge_run(case(promise=promise, state=None))}
    for rule_id in ("sanity.duration", "sanity.state", "schedule.min_active"):
        assert results[rule_id] == "invalid"


def test_problems_are_invalid_and_listed() -> None:
    found = rule(
        case(problems=[Problem("iterations.jsonl:3", "the chain is broken"), Problem("run.json", "missing")]),
        "sanity.evidence",
    )
    assert (found.result, found.n) == ("invalid", 2)
    assert found.reason == "iterations.jsonl:3: the chain is broken; run.json: missing"


@pytest.mark.parametrize(("count", "ending"), [(10, "f9: torn"), (11, "f9: torn; and 1 more"), (500, "; and 490 more")])
def test_at_most_ten_problems_are_listed(count: int, ending: str) -> None:
    found = rule(case(problems=[Problem(f"f{position}", "torn") for position in range(count)]), "sanity.evidence")
    assert found.reason.endswith(ending)
    assert found.reason.count("torn") == min(count, 10)


@pytest.mark.parametrize(
    ("outcomes", "state", "result"),
    [
        (["ok"] * 3, "finished", "pass"),
        (["ok"] * 4, "finished", "pass"),
        (["ok", "failed", "timeout"], "finished", "pass"),
        (["ok"] * 2, "finished", "invalid"),
        (["ok", "ok", "cancelled"], "finished", "invalid"),
        (["ok", "ok", "cancelled"], "interrupted", "inconclusive"),
        (["ok"] * 2, "aborted", "inconclusive"),
        (["ok"] * 2, "paused", "inconclusive"),
        (["ok"] * 2, "unfinished", "inconclusive"),
        (["ok"] * 3, "interrupted", "pass"),
    ],
)
def test_as_many_iterations_as_promised(outcomes: list[str], state: State, result: str) -> None:
    found = rule(case(outcomes, state=state), "sanity.iterations")
    assert found.result == result
    assert (found.limit, found.origin) == (3, "soak.yaml:2:3")
    assert ("claims to have finished" in found.reason) == (result == "invalid")


@pytest.mark.parametrize("promise", [None, PROMISE, replace(PROMISE, iterations=None, duration=60.0)])
@pytest.mark.parametrize("outcomes", [[], ["cancelled"]])
def test_trap_22_no_iteration_at_all_is_invalid(promise: Schedule | None, outcomes: list[str]) -> None:
    found = rule(case(outcomes, promise=promise), "sanity.iterations")
    assert (found.result, found.reason) == ("invalid", "not a single iteration was measured")


def test_a_promise_of_time_has_no_number_of_iterations() -> None:
    promise = replace(PROMISE, iterations=None, duration=30.0)
    assert rule(case(promise=promise), "sanity.iterations").result == "not_applicable"


DAY = 86400.0


@pytest.mark.parametrize(
    ("measured", "state", "result"),
    [
        (DAY, "finished", "pass"),
        (DAY + 1, "finished", "pass"),
        (DAY - 0.001, "finished", "invalid"),
        (9.0, "finished", "invalid"),
        (9.0, "interrupted", "inconclusive"),
        (9.0, "paused", "inconclusive"),
    ],
)
def test_trap_21_a_day_of_soak_measured_a_day(measured: float, state: State, result: str) -> None:
    promise = replace(PROMISE, duration=DAY)
    found = rule(case(promise=promise, measured=measured, state=state), "sanity.duration")
    assert (found.result, found.value, found.limit) == (result, measured, DAY)


def test_trap_21_the_reason_shows_both_durations() -> None:
    found = rule(case(promise=replace(PROMISE, duration=3 * DAY), measured=4.5), "sanity.duration")
    assert found.reason == "4.5s of the promised 72h measured, but the run claims to have finished"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("paused", "paused after 3 iterations; its next segment"),
        ("interrupted", "interrupted after 3 iterations"),
        ("aborted", "stopped early after 3 iterations, by an abort rule"),
        ("unfinished", "never came to its end: it was killed or is still going, after 3 iterations"),
    ],
)
def test_every_state_but_finished_is_at_best_inconclusive(state: State, words: str) -> None:
    found = rule(case(state=state), "sanity.state")
    assert found.result == "inconclusive"
    assert words in found.reason


@pytest.mark.parametrize(("demanded", "result"), [(12.0, "pass"), (12.5, "inconclusive")])
def test_min_active_is_judged_when_it_is_configured(demanded: float, result: str) -> None:
    found = rule(case(promise=replace(PROMISE, min_active=demanded)), "schedule.min_active")
    assert (found.result, found.value, found.limit) == (result, 12.0, demanded)
    assert found.reason == f"the workload was active for 12s, at least {demanded:g}s demanded"


@pytest.mark.parametrize(
    ("outcomes", "failures", "result", "reason", "first"),
    [
        (["ok", "ok", "ok"], 0, "pass", "0 of 3 iterations failed; tolerated 0", None),
        (["ok", "failed", "ok"], 1, "pass", "1 of 3 iterations failed: 1 failed; tolerated 1", None),
        (["ok", "crashed", "ok"], 0, "fail", "1 of 3 iterations failed: 1 crashed; tolerated 0", 2),
        (["ok", "cancelled"], 0, "pass", "0 of 1 iteration failed; tolerated 0", None),
    ],
)
def test_the_error_budget(outcomes: list[str], failures: int, result: str, reason: str, first: int | None) -> None:
    found = rule(case(outcomes, promise=replace(PROMISE, failures=failures)), "schedule.failures")
    assert (found.result, found.reason, found.first_breach) == (result, reason, first)
    assert (found.limit, found.origin) == (failures, "schema default")


def test_trap_01_every_iteration_failed_is_a_fail() -> None:
    found = rule(case(["failed", "timeout", "failed"]), "schedule.failures")
    assert found.result == "fail"
    assert found.reason == "3 of 3 iterations failed: 2 failed, 1 timeout; tolerated 0"


def test_trap_20_failures_of_the_warmup_are_listed_and_not_judged() -> None:
    promise = replace(PROMISE, warmup=2)
    found = rule(case(["failed", "crashed", "ok"], promise=promise), "schedule.failures")
    assert found.result == "pass"
    assert found.reason == "0 of 1 iteration failed; tolerated 0; 2 failures during the warm-up not judged"
    found = rule(case(["ok", "ok", "failed"], promise=promise), "schedule.failures")
    assert (found.result, found.first_breach) == ("fail", 3)


@pytest.mark.parametrize(("warmup", "result"), [(3, "not_applicable"), (2, "inconclusive")])
def test_failures_without_a_judged_iteration(warmup: int, result: str) -> None:
    assert rule(case(["ok", "ok"], promise=replace(PROMISE, warmup=warmup)), "schedule.failures").result == result


def test_trap_17_identical_timestamps_are_invalid() -> None:
    found = rule(case(["ok"] * 24, starts=[5.0] * 24, seconds=[0.0] * 24), "sanity.time")
    assert (found.result, found.value, found.first_breach) == ("invalid", 23, 2)
    assert found.reason == "iteration 2 does not start later than the one before it; and 22 more like it"


@pytest.mark.parametrize(
    ("starts", "seconds", "reason"),
    [
        ([0, 10, 5], [1, 1, 1], "iteration 3 does not start later than the one before it"),
        ([0, 10, nan], [1, 1, 1], "iteration 3 does not start later than the one before it"),
        ([0, 10, 20], [1, 10.001, 1], "iteration 3 starts before the one before it ended"),
        ([0, 10, 20], [1, 1, -1], "iteration 3 took -1 seconds"),
        ([0, 10, 20], [1, 1, nan], "iteration 3 took nan seconds"),
    ],
)
def test_time_that_does_not_advance_is_invalid(starts: list[float], seconds: list[float], reason: str) -> None:
    found = rule(case(starts=starts, seconds=seconds), "sanity.time")
    assert (found.result, found.reason) == ("invalid", reason)


@pytest.mark.parametrize(
    ("starts", "seconds", "segments"),
    [
        ([0, 10, 20], [10, 10, 0], [1, 1, 1]),
        ([0, 10, 20], [10, 10.0000005, 1], [1, 1, 1]),
        ([0, 10, 10], [1, 0, 1], [1, 1, 2]),
        ([0, 10, 15], [1, 9, 1], [1, 1, 2]),
    ],
)
def test_time_that_advances_within_each_segment(starts: list[float], seconds: list[float], segments: list[int]) -> None:
    assert rule(case(starts=starts, seconds=seconds, segments=segments), "sanity.time").result == "pass"


def test_a_run_without_times_is_invalid_and_one_without_iterations_has_none_to_check() -> None:
    assert rule(case(starts=[], seconds=[]), "sanity.time").result == "invalid"
    assert rule(case([]), "sanity.time").result == "not_applicable"


@pytest.mark.parametrize(
    ("every", "outcomes", "result"),
    [
        (10.0, ["ok"] * 3, "pass"),
        (10.0, ["ok", "cancelled", "ok"], "pass"),
        (8.0, ["ok"] * 3, "warn"),
        (5.0, ["ok"] * 3, "warn"),
        (4.0, ["ok"] * 3, "inconclusive"),
        (4.0, ["cancelled"] * 3, "invalid"),
    ],
)
def test_a_duration_with_a_pace_promises_iterations_and_missing_ones_are_told(every, outcomes, result) -> None:
    paced = replace(PROMISE, iterations=None, duration=30.0, every=every)
    found = rule(case(outcomes, promise=paced), "sanity.iterations")
    assert (found.result, found.limit) == (result, ceil(30 / every))
    assert rule(case(outcomes, promise=paced), "sanity.duration").result == "pass"


def test_a_run_that_goes_on_still_owes_its_slots() -> None:
    paced = replace(PROMISE, iterations=None, duration=30.0, every=8.0)
    for state in ("paused", "interrupted", "aborted", "unfinished"):
        assert rule(case(promise=paced, state=state), "sanity.iterations").result == "inconclusive"


def test_the_iterations_that_were_promised_in_so_many_words_are_a_harder_promise_than_slots() -> None:
    both = replace(PROMISE, iterations=4, duration=30.0, every=10.0)
    assert rule(case(promise=both), "sanity.iterations").result == "invalid"
    assert rule(case(promise=both, state="paused"), "sanity.iterations").result == "inconclusive"


def test_missed_slots_are_told_and_change_nothing_where_the_iterations_were_made_all_the_same() -> None:
    made = case(promise=replace(PROMISE, every=10.0))
    assert made.conduct is not None
    made = replace(made, conduct=replace(made.conduct, incidents=Incidents(missed_slots=2)))
    found = rule(made, "sanity.iterations")
    assert found.result == "pass"
    assert found.reason == (
        "3 of 3 promised iterations measured; 2 slots of schedule.every went by without an iteration"
    )


def served(service: ServiceConduct | None, *, restarts: int = 0, state: State | None = "finished") -> Case:
    judged = case(state=state)
    conduct = None if judged.conduct is None else replace(judged.conduct, service=service)
    origins = {"workload.service": "soak.yaml:4:3", "workload.service.restarts": "soak.yaml:5:3"}
    promise = Service(("server",), None, restarts, 10.0, 60.0)
    return replace(judged, conduct=conduct, origins=origins, service=promise)


def test_without_a_service_nothing_is_said_of_one() -> None:
    assert not [result for result in judge_run(case()) if result.id.startswith("service.")]


def test_a_service_that_was_ready_and_stayed_up_passes() -> None:
    judged = served(ServiceConduct())
    ready, restarts = rule(judged, "service.ready"), rule(judged, "service.restarts")
    assert (ready.result, ready.kind, ready.severity, ready.origin) == ("pass", "sanity", "hard", "soak.yaml:4:3")
    assert ready.reason == "the service was ready in time whenever it was started"
    assert (restarts.result, restarts.value, restarts.limit, restarts.n) == ("pass", 0, 0, 3)
    assert restarts.origin == "soak.yaml:5:3"
    assert restarts.reason == "0 unplanned exits of the service, tolerated 0; it never ended by itself"


def test_a_service_that_was_not_ready_in_time_fails_in_its_own_words() -> None:
    found = rule(served(ServiceConduct(not_ready="the service was not ready within 1m")), "service.ready")
    assert (found.result, found.reason) == ("fail", "the service was not ready within 1m")


@pytest.mark.parametrize(("tolerated", "result", "breach"), [(1, "fail", 2), (2, "pass", None), (3, "pass", None)])
def test_exits_beyond_the_budget_fail_and_within_it_they_do_not(tolerated, result, breach) -> None:
    conduct = ServiceConduct(exits=2, first_exit=2, how="exited with 3 after 5s")
    found = rule(served(conduct, restarts=tolerated), "service.restarts")
    assert (found.result, found.value, found.limit, found.first_breach) == (result, 2, tolerated, breach)
    assert found.reason == (
        f"2 unplanned exits of the service, tolerated {tolerated}; the first: exited with 3 after 5s"
    )


@pytest.mark.parametrize("judged", [served(None), served(None, state=None)], ids=["no service", "no conduct"])
def test_a_service_that_nothing_is_recorded_of_is_invalid(judged: Case) -> None:
    for name in ("service.ready", "service.restarts"):
        found = rule(judged, name)
        assert (found.result, found.reason) == ("invalid", "what became of the service is not recorded")


def test_the_loss_of_the_service_is_named_where_a_run_was_stopped_early() -> None:
    assert "the loss of its service" in rule(case(state="aborted"), "sanity.state").reason
