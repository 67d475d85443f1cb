"""Whether the evidence of a run can be believed: whole, as long as promised, complete, advancing in time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from soak_action.config.model import Schedule, Service
from soak_action.evidence.measurements import Measurements, State
from soak_action.gate.case import Case
from soak_action.gate.parameters import judge_parameters
from soak_action.gate.result import Result, RuleResult
from soak_action.gate.wording import counted, duration, plural

_LISTED_PROBLEMS = 10
_OVERLAP_SECONDS = 1e-6  # what adding a start and a duration may lose to rounding

_WHAT_HAPPENED: dict[State, str] = {
    "paused": "the run is paused {after}; its next segment goes on from there",
    "interrupted": "the run was interrupted {after}",
    "aborted": "the run was stopped early {after}, by an abort rule, an exhausted budget or the loss of its service",
    "unfinished": "the run never came to its end: it was killed or is still going, {after}",
}


def judge_run(case: Case) -> list[RuleResult]:
    """Return the results of the rules on the run as a whole."""
    results = [_judge_evidence(case), _judge_iterations(case), _judge_duration(case), _judge_state(case)]
    if case.promise is not None and case.promise.min_active is not None:
        results.append(_judge_min_active(case, case.promise.min_active))
    results.append(_judge_failures(case))
    if case.service is not None:
        results += [_judge_readiness(case), _judge_restarts(case, case.service)]
    results.append(_judge_time(case))
    if case.conduct is not None and case.conduct.not_awake:
        results.append(_warn_of_sleep(case, case.conduct.not_awake))
    results += judge_parameters(case)
    return results


def _rule(case: Case, rule_id: str, *paths: str) -> RuleResult:
    return RuleResult(id=rule_id, origin=case.origin(*paths), reproduce=case.reproduce)


def _shortfall(case: Case) -> Result:
    """Return what too little of a promise means: a contradiction if the run claims to have finished."""
    return "invalid" if case.conduct is not None and case.conduct.state == "finished" else "inconclusive"


def _judge_evidence(case: Case) -> RuleResult:
    rule = _rule(case, "sanity.evidence")
    if not case.problems:
        return replace(rule, result="pass", n=0, reason="no contradiction was found in the files")
    listed = [str(problem) for problem in case.problems[:_LISTED_PROBLEMS]]
    more = len(case.problems) - len(listed)
    reason = "; ".join(listed) + (f"; and {more} more" if more else "")
    return replace(rule, result="invalid", n=len(case.problems), reason=reason)


def _judge_iterations(case: Case) -> RuleResult:
    promise = case.promise
    planned = None if promise is None else promise.planned_iterations
    rule = replace(_rule(case, "sanity.iterations", "schedule.iterations"), n=case.completed, limit=planned)
    if case.completed == 0:
        return replace(rule, result="invalid", value=0, reason="not a single iteration was measured")
    if promise is None or planned is None:
        return replace(
            rule, result="not_applicable", value=case.completed, reason="no number of iterations was promised"
        )
    reason = f"{case.completed} of {plural(planned, 'promised iteration')} measured"
    missed = 0 if case.conduct is None else case.conduct.incidents.missed_slots
    if missed:
        reason += f"; {plural(missed, 'slot')} of schedule.every went by without an iteration"
    result = _measured_often(case, promise, planned)
    return replace(rule, result=result, value=case.completed, reason=_claimed(result, reason))


def _measured_often(case: Case, promise: Schedule, planned: int) -> Result:
    if promise.iterations is not None and case.completed < promise.iterations:
        return _shortfall(case)
    # The rest is what a pace and a duration imply: there an iteration that was cancelled has used up its slot. One that
    # took too long is told and breaks no promise of its own, but what was measured once in a while decides nothing.
    started = case.measurements.count
    if started >= planned:
        return "pass"
    has_finished = case.conduct is not None and case.conduct.state == "finished"
    return "warn" if has_finished and 2 * started >= planned else "inconclusive"


def _judge_duration(case: Case) -> RuleResult:
    promised = None if case.promise is None else case.promise.duration
    rule = replace(_rule(case, "sanity.duration", "schedule.duration"), limit=promised)
    if promised is None:
        return replace(rule, result="not_applicable", reason="no duration was promised")
    if case.conduct is None:
        return replace(rule, result="invalid", reason="how long the run took is not recorded")
    measured = case.conduct.measured_seconds
    reason = f"{duration(measured)} of the promised {duration(promised)} measured"
    result = "pass" if measured >= promised else _shortfall(case)
    return replace(rule, result=result, value=measured, reason=_claimed(result, reason))


def _claimed(result: Result, reason: str) -> str:
    return f"{reason}, but the run claims to have finished" if result == "invalid" else reason


def _judge_state(case: Case) -> RuleResult:
    rule = _rule(case, "sanity.state")
    if case.is_bare and case.conduct is None:
        return replace(rule, result="not_applicable", reason="result files alone are no run")
    if case.conduct is None:
        return replace(rule, result="invalid", reason="how the run ended is not recorded")
    if case.conduct.state == "finished":
        return replace(rule, result="pass", reason="the run finished")
    after = f"after {plural(case.completed, 'iteration')}"
    return replace(rule, result="inconclusive", reason=_WHAT_HAPPENED[case.conduct.state].format(after=after))


def _judge_min_active(case: Case, demanded: float) -> RuleResult:
    rule = replace(_rule(case, "schedule.min_active", "schedule.min_active"), limit=demanded)
    if case.conduct is None:
        return replace(rule, result="invalid", reason="how long the workload was active is not recorded")
    active = case.conduct.active_seconds
    reason = f"the workload was active for {duration(active)}, at least {duration(demanded)} demanded"
    return replace(rule, result="pass" if active >= demanded else "inconclusive", value=active, reason=reason)


def _judge_failures(case: Case) -> RuleResult:
    rule = _rule(case, "schedule.failures", "schedule.failures")
    if case.promise is None:
        return replace(
            rule, result="not_applicable", reason="result files alone do not say whether the workload failed"
        )
    rule = replace(rule, limit=case.promise.failures)
    if not case.judged:
        if case.planned_judged == 0:
            return replace(rule, result="not_applicable", reason="no judged iteration was promised")
        return replace(rule, result="inconclusive", reason="no judged iteration was measured")
    return _count_failures(case, case.promise, rule)


def _count_failures(case: Case, promise: Schedule, rule: RuleResult) -> RuleResult:
    outcomes = case.measurements.outcomes
    failed = [position for position in case.judged if outcomes[position] != "ok"]
    kinds = f": {counted(outcomes[position] for position in failed)}" if failed else ""
    of = plural(len(case.judged), "iteration")
    reason = f"{len(failed)} of {of} failed{kinds}; tolerated {promise.failures}"
    unjudged = sum(outcome not in ("ok", "cancelled") for outcome in outcomes[: promise.warmup])
    reason += f"; {plural(unjudged, 'failure')} during the warm-up not judged" if unjudged else ""
    rule = replace(rule, result="pass", value=len(failed), n=len(case.judged), reason=reason)
    if len(failed) <= promise.failures:
        return rule
    return replace(rule, result="fail", first_breach=case.measurements.numbers[failed[0]])


def _judge_readiness(case: Case) -> RuleResult:
    rule = _rule(case, "service.ready", "workload.service.ready", "workload.service")
    service = None if case.conduct is None else case.conduct.service
    if service is None:
        return replace(rule, result="invalid", reason="what became of the service is not recorded")
    if service.not_ready is not None:
        return replace(rule, result="fail", reason=service.not_ready)
    return replace(rule, result="pass", reason="the service was ready in time whenever it was started")


def _judge_restarts(case: Case, promise: Service) -> RuleResult:
    paths = ("workload.service.restarts", "workload.service")
    rule = replace(_rule(case, "service.restarts", *paths), limit=promise.restarts)
    service = None if case.conduct is None else case.conduct.service
    if service is None:
        return replace(rule, result="invalid", reason="what became of the service is not recorded")
    told = f"the first: {service.how}" if service.exits else "it never ended by itself"
    reason = f"{plural(service.exits, 'unplanned exit')} of the service, tolerated {promise.restarts}; {told}"
    rule = replace(rule, result="pass", value=service.exits, n=case.completed, reason=reason)
    if service.exits <= promise.restarts:
        return rule
    return replace(rule, result="fail", first_breach=service.first_exit)


def _judge_time(case: Case) -> RuleResult:
    rule = replace(_rule(case, "sanity.time"), n=case.measurements.count)
    if case.measurements.has_clock:
        contradictions = list(_time_contradictions(case.measurements))
        if not contradictions:
            return replace(rule, result="pass", reason="time advances from iteration to iteration")
        first, what = contradictions[0]
        more = len(contradictions) - 1
        reason = f"iteration {first} {what}" + (f"; and {more} more like it" if more else "")
        return replace(rule, result="invalid", value=len(contradictions), first_breach=first, reason=reason)
    if case.is_bare or case.measurements.count == 0:
        return replace(rule, result="not_applicable", reason="there are no times to check")
    return replace(rule, result="invalid", reason="the iterations of a run carry no times")


def _warn_of_sleep(case: Case, segments: tuple[str, ...]) -> RuleResult:
    rule = replace(_rule(case, "sanity.awake"), severity="soft", result="warn", n=len(segments))
    listed = "; ".join(segments[:_LISTED_PROBLEMS])
    more = len(segments) - _LISTED_PROBLEMS
    told = listed + (f"; and {more} more" if more > 0 else "")
    return replace(rule, reason=f"the machine was not kept awake and may have slept: {told}")


def _time_contradictions(measurements: Measurements) -> Iterator[tuple[int, str]]:
    """Yield the number of each iteration whose time is impossible, and how. NaN is impossible, hence the negations."""
    segment, previous, end = None, 0.0, 0.0
    columns = (measurements.numbers, measurements.segments, measurements.starts, measurements.seconds)
    for number, current, start, seconds in zip(*columns, strict=True):
        if not seconds >= 0:
            yield number, f"took {seconds:g} seconds"
        elif current == segment and not start > previous:
            yield number, "does not start later than the one before it"
        elif current == segment and not start >= end - _OVERLAP_SECONDS:
            yield number, "starts before the one before it ended"
        segment, previous, end = current, start, start + seconds
