"""Limits, sustained limits and abort conditions: what the values of one KPI are held to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from soak_action.config.model import Abort, Kpi, Severity, Sustained
from soak_action.gate.case import WORKLOAD_FAILED, Case
from soak_action.gate.result import Result, RuleResult, breach_of
from soak_action.gate.wording import against, counted_gaps, duration, plural, quantity
from soak_action.kpi.series import needs_seconds, rate, statistic, window_positions

# These do not lie on the scale of a single value, so no single iteration can be called the first beyond the limit.
_AGGREGATES = ("count", "sum", "rate")


@dataclass(frozen=True)
class _Figure:
    """What a KPI's statistic came to over its window, or why there is none."""

    result: Result
    reason: str
    value: float = 0.0
    n: int = 0


def judge_kpi(case: Case, kpi: Kpi) -> list[RuleResult]:
    """Return the results of all limits, the sustained limit and the abort condition that a KPI has."""
    results = _judge_limits(case, kpi)
    if kpi.sustained is not None:
        results.append(_judge_sustained(case, kpi, kpi.sustained))
    if kpi.abort is not None:
        results.append(_judge_abort(case, kpi, kpi.abort))
    return results


def abort_breached(kpi: Kpi, recent_values: Sequence[float]) -> bool:
    """Whether the last `abort.iterations` judged values all lie beyond; NaN is a missing value and breaks the row."""
    if kpi.abort is None:
        return False
    length, _ = _row_beyond(kpi, kpi.abort, recent_values[-kpi.abort.iterations :])
    return length == kpi.abort.iterations


def _judge_limits(case: Case, kpi: Kpi) -> list[RuleResult]:
    limits: tuple[tuple[Severity, float | None], ...] = (("hard", kpi.hard), ("soft", kpi.soft))
    if kpi.hard is None and kpi.soft is None:
        return []
    figure = _figure(case, kpi)
    return [_judge_limit(case, kpi, severity, limit, figure) for severity, limit in limits if limit is not None]


def _judge_limit(case: Case, kpi: Kpi, severity: Severity, limit: float, figure: _Figure) -> RuleResult:
    rule = RuleResult(
        id=f"{kpi.name}.{severity}",
        kpi=kpi.name,
        kind="limit",
        severity=severity,
        result=figure.result,
        limit=limit,
        window=str(kpi.window),
        n=figure.n,
        statistic=kpi.stat,
        origin=case.origin(f"kpis.{kpi.name}.{severity}"),
        reason=figure.reason,
        reproduce=case.reproduce,
    )
    if figure.result != "pass":
        return rule
    reason = f"{figure.reason} is {against(figure.value, limit, kpi.unit)}"
    if not kpi.is_beyond(figure.value, limit):
        return replace(rule, value=figure.value, reason=reason)
    everything = range(len(case.judged))
    first = None if kpi.stat in _AGGREGATES else _first_beyond(case, kpi, limit, everything)
    reason += "" if first is None else f", first beyond it at iteration {first}"
    return replace(rule, result=breach_of(severity), value=figure.value, first_breach=first, reason=reason)


def _figure(case: Case, kpi: Kpi) -> _Figure:
    needs_clock = needs_seconds(kpi.stat) or kpi.window.seconds is not None
    if case.planned_judged is not None and case.planned_judged < 1:
        return _Figure("not_applicable", _too_few_planned(case, 1))
    if needs_clock and case.is_bare:
        return _Figure("not_applicable", "needs the times of a run, and result files alone have none")
    if case.is_paused:
        return _Figure("inconclusive", "the run is paused; this is judged when it has ended")
    if not case.judged:
        return _Figure("inconclusive", "no judged iteration was measured")
    if needs_clock and not case.measurements.has_clock:
        return _Figure("inconclusive", "needs the times of the iterations, and the evidence has none")
    ends = case.judged_ends if kpi.window.seconds is not None else ()
    return _statistic(case, kpi, window_positions(kpi.window, len(case.judged), ends))


def _statistic(case: Case, kpi: Kpi, positions: range) -> _Figure:
    series = case.series(kpi)
    values = series.measured(positions)
    if not values:
        return _nothing_measured(series.gap_reasons(positions))
    if not needs_seconds(kpi.stat):
        value = statistic(values, kpi.stat)
    else:
        every = case.measurements.seconds
        seconds = [every[case.judged[position]] for position in positions if position not in series.gaps]
        if sum(seconds) <= 0:
            return _Figure("inconclusive", "the iterations took no time, so there is no rate", n=len(values))
        value = rate(values, seconds)
    return _Figure("pass", f"{kpi.stat} over {_window_text(kpi, len(values), positions)}", value, len(values))


def _nothing_measured(reasons: Sequence[str]) -> _Figure:
    only_failures = all(reason == WORKLOAD_FAILED for reason in reasons)
    return _Figure("inconclusive" if only_failures else "invalid", f"no value was measured ({counted_gaps(reasons)})")


def _window_text(kpi: Kpi, n: int, positions: range) -> str:
    window = kpi.window
    if window.iterations is not None:
        last = f"the last {plural(window.iterations, 'iteration')}"
        return last if n == window.iterations else f"{n} of {last}"
    if window.seconds is not None:
        return f"the last {duration(window.seconds)} ({plural(n, 'iteration')})"
    return plural(n, "iteration") if n == len(positions) else f"{n} of {plural(len(positions), 'iteration')}"


def _first_beyond(case: Case, kpi: Kpi, limit: float, positions: range) -> int | None:
    values = case.series(kpi).values
    return next((case.number(position) for position in positions if kpi.is_beyond(values[position], limit)), None)


def _judge_sustained(case: Case, kpi: Kpi, sustained: Sustained) -> RuleResult:
    rule = RuleResult(
        id=f"{kpi.name}.sustained",
        kpi=kpi.name,
        kind="sustained",
        severity=sustained.severity,
        limit=sustained.at_least,
        window=f"last {sustained.of}",
        statistic=f"{sustained.at_least} of {sustained.of}",
        origin=case.origin(f"kpis.{kpi.name}.sustained"),
        reproduce=case.reproduce,
    )
    judged = len(case.judged)
    limit = kpi.soft if sustained.within == "soft" else kpi.hard
    if case.planned_judged is not None and case.planned_judged < sustained.of:
        return replace(rule, result="not_applicable", reason=_too_few_planned(case, sustained.of))
    if limit is None:
        return replace(rule, result="inconclusive", reason=f"{kpi.name} has no {sustained.within} limit to stay within")
    if case.is_paused:
        return replace(rule, result="inconclusive", reason="the run is paused; this is judged when it has ended")
    if judged < sustained.of:
        return replace(rule, result="inconclusive", n=judged, reason=_too_few_measured(judged, sustained.of))
    return _count_within(case, kpi, sustained, limit, rule)


def _count_within(case: Case, kpi: Kpi, sustained: Sustained, limit: float, rule: RuleResult) -> RuleResult:
    positions = range(len(case.judged) - sustained.of, len(case.judged))
    series = case.series(kpi)
    values = series.measured(positions)
    gaps = series.gap_reasons(positions)
    if not values:
        nothing = _nothing_measured(gaps)
        return replace(rule, result=nothing.result, n=0, reason=nothing.reason)
    within = sum(not kpi.is_beyond(value, limit) for value in values)
    reason = (
        f"{within} of the last {plural(sustained.of, 'iteration')} within the {sustained.within} limit "
        f"{quantity(limit, kpi.unit)}, at least {sustained.at_least} needed"
    )
    reason += f"; no value in {counted_gaps(gaps)}" if gaps else ""
    rule = replace(rule, result="pass", value=within, n=len(values), reason=reason)
    if within >= sustained.at_least:
        return rule
    first = _first_beyond(case, kpi, limit, positions)
    reason += "" if first is None else f", first beyond it at iteration {first}"
    return replace(rule, result=breach_of(sustained.severity), first_breach=first, reason=reason)


def _judge_abort(case: Case, kpi: Kpi, abort: Abort) -> RuleResult:
    series = case.series(kpi)
    judged = len(case.judged)
    measured = judged - len(series.gaps)
    rule = RuleResult(
        id=f"{kpi.name}.abort",
        kpi=kpi.name,
        kind="abort",
        limit=abort.iterations,
        window="all",
        n=measured,
        statistic="in a row",
        origin=case.origin(f"kpis.{kpi.name}.abort"),
        reproduce=case.reproduce,
    )
    if case.planned_judged is not None and case.planned_judged < abort.iterations:
        return replace(rule, result="not_applicable", reason=_too_few_planned(case, abort.iterations))
    if judged < abort.iterations:
        return replace(rule, result="inconclusive", reason=_too_few_measured(judged, abort.iterations))
    if measured == 0:
        nothing = _nothing_measured(series.gap_reasons(range(judged)))
        return replace(rule, result=nothing.result, reason=nothing.reason)
    length, start = _row_beyond(kpi, abort, series.values)
    beyond = f"beyond {quantity(abort.beyond, kpi.unit)}"
    if length < abort.iterations:
        reason = f"at most {plural(length, 'iteration')} in a row {beyond}, {abort.iterations} would abort"
        return replace(rule, result="pass", value=length, reason=reason)
    first = case.number(start)
    reason = f"{plural(length, 'iteration')} in a row {beyond}, from iteration {first} on"
    return replace(rule, result="fail", value=length, first_breach=first, reason=reason)


def _row_beyond(kpi: Kpi, abort: Abort, values: Sequence[float]) -> tuple[int, int]:
    """Return length and start of the longest row of values beyond, at most as long as it takes to abort."""
    longest = start = length = 0
    for position, value in enumerate(values):
        length = length + 1 if kpi.is_beyond(value, abort.beyond) else 0
        if length > longest:
            longest, start = length, position - length + 1
            if longest == abort.iterations:
                break
    return longest, start


def _too_few_planned(case: Case, needed: int) -> str:
    return f"needs {plural(needed, 'judged iteration')}, {case.planned_judged} promised"


def _too_few_measured(measured: int, needed: int) -> str:
    return f"needs {plural(needed, 'judged iteration')}, {measured} measured"
