"""Whether the parameters were those that the run says it was made with, and whether anybody moved them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from soak_action.evidence.measurements import TuningConduct
from soak_action.gate.case import Case
from soak_action.gate.result import RuleResult
from soak_action.gate.wording import plural


def judge_parameters(case: Case) -> Iterator[RuleResult]:
    """Yield the results of the rules on the parameters of a run; there are none without parameters."""
    tuning = None if case.conduct is None else case.conduct.tuning
    if tuning is None:
        return
    yield _judge_file(case, tuning)
    yield _judge_use(case, tuning)
    if case.tuning is not None and case.tuning.enabled:
        yield _tell_of_decisions(case, tuning)
        if case.tuning.command is not None:
            yield _judge_tuner(case, tuning)


def _judge_file(case: Case, tuning: TuningConduct) -> RuleResult:
    rule = _rule(case, "parameters.untouched", tuning)
    if tuning.edited is None:
        return replace(rule, result="pass", reason="nobody but soak changed the file of the parameters")
    what = f"somebody else changed the file of the parameters during iteration {tuning.edited}"
    return replace(rule, result="invalid", first_breach=tuning.edited, reason=what)


def _judge_use(case: Case, tuning: TuningConduct) -> RuleResult:
    rule = _rule(case, "parameters.read", tuning)
    of = f"{tuning.confirmed} of {plural(tuning.iterations, 'iteration')}"
    if tuning.misread is not None:
        is_what = (
            "wrote no SHA-256 to params.sha256" if tuning.is_garbled else "read other parameters than those in force"
        )
        what = f"the workload {is_what}, for the first time in iteration {tuning.misread}"
        return replace(rule, result="invalid", first_breach=tuning.misread, reason=what)
    if tuning.confirmed == 0:
        what = "unconfirmed: the workload writes no params.sha256 that would prove which parameters it read"
        return replace(rule, result="not_applicable", reason=what)
    return replace(rule, result="pass", reason=f"in {of} the workload proved that it read the parameters in force")


def _tell_of_decisions(case: Case, tuning: TuningConduct) -> RuleResult:
    # How much a tuner moves is neither good nor bad: this is told, and nothing that could be green.
    rule = replace(_rule(case, "tuning.decisions", tuning), severity="soft", value=tuning.applied, n=tuning.proposals)
    rule = replace(rule, result="not_applicable")
    if tuning.proposals == 0:
        return replace(rule, reason="nobody proposed anything, so the parameters stayed as they were")
    told = f"{tuning.applied} applied, {tuning.suppressed} suppressed, {tuning.no_op} without effect"
    reason = f"{plural(tuning.proposals, 'proposal')}: {told}"
    if tuning.applied == 0:
        reason += "; nothing was ever applied, which is not convergence"
    return replace(rule, reason=reason)


def _judge_tuner(case: Case, tuning: TuningConduct) -> RuleResult:
    rule = replace(_rule(case, "tuning.command", tuning), severity="soft", value=tuning.tuner_failures, limit=0)
    if tuning.tuner_failed is None:
        return replace(rule, result="pass", reason="each answer of the tuner could be used")
    times = f"{tuning.tuner_failures} times" if tuning.tuner_failures > 1 else "once"
    reason = f"asking the tuner was in vain {times}; the first time, before iteration {tuning.tuner_failed}: "
    return replace(rule, result="warn", first_breach=tuning.tuner_failed, reason=reason + tuning.failure)


def _rule(case: Case, rule_id: str, tuning: TuningConduct) -> RuleResult:
    origin = case.origin("tuning" if rule_id.startswith("tuning") else "parameters")
    return RuleResult(id=rule_id, origin=origin, reproduce=case.reproduce, n=tuning.iterations)
