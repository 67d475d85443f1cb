"""Whether a KPI was measured in every judged iteration. Missing is a reason, never a number."""

from __future__ import annotations

from dataclasses import replace

from soak_action.config.model import BuiltInSource, HttpSource, JsonSource, Kpi
from soak_action.gate.case import WORKLOAD_FAILED, Case
from soak_action.gate.result import Result, RuleResult
from soak_action.gate.wording import counted_gaps, plural

# A share of lost values may be tolerable; a value of another time or an impossible one shows that the source lies.
_NEVER_TOLERATED = ("stale", "out_of_range")


def judge_presence(case: Case, kpi: Kpi) -> RuleResult:
    """Return the result of `<kpi>.measured`; gaps of a failed workload are judged by `schedule.failures` instead."""
    rule = RuleResult(
        id=f"{kpi.name}.measured",
        kpi=kpi.name,
        limit=kpi.allowed_missing,
        n=len(case.judged),
        origin=case.origin(f"kpis.{kpi.name}.missing", f"kpis.{kpi.name}.from", f"kpis.{kpi.name}"),
        reproduce=case.reproduce,
    )
    if not case.judged:
        if case.planned_judged == 0:
            return replace(rule, result="not_applicable", reason="no judged iteration was promised")
        return replace(rule, result="inconclusive", reason="no judged iteration was measured")
    return _judge_gaps(case, kpi, rule)


def _judge_gaps(case: Case, kpi: Kpi, rule: RuleResult) -> RuleResult:
    judged = len(case.judged)
    gaps = case.series(kpi).gaps
    unexplained = {position: reason for position, reason in gaps.items() if reason != WORKLOAD_FAILED}
    share = len(unexplained) / judged
    rule = replace(rule, value=share)
    if not unexplained:
        return replace(rule, result=_measured_result(len(gaps), judged), reason=_complete(len(gaps), judged))
    first = min(unexplained)
    reason = (
        f"no value in {len(unexplained)} of {plural(judged, 'iteration')} from {_described(kpi)}: "
        f"{counted_gaps(unexplained.values())}; first iteration {case.number(first)}, {unexplained[first]}"
    )
    untolerated = sorted({reason for reason in unexplained.values() if reason in _NEVER_TOLERATED})
    if share > kpi.allowed_missing:
        return replace(rule, first_breach=case.number(first), reason=f"{reason}; tolerated {kpi.allowed_missing:.4g}")
    if untolerated:
        return replace(
            rule, first_breach=case.number(first), reason=f"{reason}; {' and '.join(untolerated)} is never tolerated"
        )
    reason += f"; tolerated {kpi.allowed_missing:.4g}"
    return replace(rule, result=_measured_result(len(gaps), judged), reason=reason)


def _measured_result(gaps: int, judged: int) -> Result:
    return "pass" if gaps < judged else "inconclusive"


def _complete(failed: int, judged: int) -> str:
    if failed:
        return f"measured in {judged - failed} of {plural(judged, 'iteration')}; the workload failed in the rest"
    return "measured in every judged iteration"


def _described(kpi: Kpi) -> str:
    source = kpi.source
    if isinstance(source, JsonSource):
        return f"{source.file}#{source.path}"
    if isinstance(source, HttpSource):
        return f"{source.url} ({source.path})"
    return source.name if isinstance(source, BuiltInSource) else f"{source.stream} ({source.pattern})"
