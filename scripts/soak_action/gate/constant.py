"""Series that stand still: a frozen source looks like a steady one, so it is flagged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isnan

from soak_action.config.model import BuiltInSource, HttpSource, JsonSource, Kpi, Source
from soak_action.gate.case import Case, JudgedSeries
from soak_action.gate.result import Result, RuleResult
from soak_action.gate.wording import plural

ROW = 8


def judge_sources(case: Case) -> list[RuleResult]:
    """Return one soft result `sanity.constant:<source>` for each file or stream that KPIs are read from."""
    groups: dict[Source, list[Kpi]] = {}
    for kpi in case.kpis:
        if not isinstance(kpi.source, BuiltInSource):
            groups.setdefault(_origin_of(kpi.source), []).append(kpi)
    return [_judge_source(case, kpis) for kpis in groups.values()]


def judge_must_vary(case: Case, kpi: Kpi) -> RuleResult:
    """Return the hard result `<kpi>.constant` of a KPI that must vary.

    While it rests at its best legal bound it may stand still as long as another KPI of the same source moves.
    """
    rule = RuleResult(
        id=f"{kpi.name}.constant",
        kpi=kpi.name,
        origin=case.origin(f"kpis.{kpi.name}.must_vary", f"kpis.{kpi.name}"),
        reproduce=case.reproduce,
    )
    own = case.series(kpi)
    positions = own.measured_positions
    source = _origin_of(kpi.source)
    peers = [case.series(peer) for peer in case.kpis if peer is not kpi and _origin_of(peer.source) == source]
    columns = _columns([own, *peers], positions)
    bound = _best_bound(kpi)
    keys = (together if together[0] == bound else together[:1] for together in zip(*columns, strict=True))
    return _judge_row(case, rule, keys, positions, "invalid")


def _judge_source(case: Case, kpis: Sequence[Kpi]) -> RuleResult:
    names = ", ".join(kpi.name for kpi in kpis)
    rule = RuleResult(
        id=f"sanity.constant:{_name_of(kpis[0].source)}",
        severity="soft",
        origin=case.origin(f"kpis.{kpis[0].name}.from", f"kpis.{kpis[0].name}"),
        reproduce=case.reproduce,
    )
    members = [case.series(kpi) for kpi in kpis]
    unmeasured = set.intersection(*(set(series.gaps) for series in members))
    positions: Sequence[int] = range(len(case.judged))
    if unmeasured:
        positions = [position for position in positions if position not in unmeasured]
    keys = zip(*_columns(members, positions), strict=True)
    rule = _judge_row(case, rule, keys, positions, "warn")
    return rule if rule.is_good else replace(rule, reason=f"{names}: {rule.reason}")


def _judge_row(
    case: Case, rule: RuleResult, keys: Iterable[tuple[float, ...]], positions: Sequence[int], flagged: Result
) -> RuleResult:
    planned = case.planned_judged
    if planned is not None and planned < ROW:
        reason = f"needs {plural(ROW, 'judged iteration')}, {planned} promised"
        return replace(rule, result="not_applicable", limit=ROW, reason=reason)
    length, start = _longest_row(keys)
    rule = replace(rule, value=length, limit=ROW, n=len(positions), window="all")
    if length >= ROW:
        first = case.number(positions[start])
        reason = f"unchanged over {plural(length, 'measured iteration')} from iteration {first} on"
        return replace(rule, result=flagged, first_breach=first, reason=reason)
    if length < len(positions):
        return replace(rule, result="pass", reason=f"at most {plural(length, 'measured iteration')} in a row unchanged")
    reason = f"unchanged so far, and {plural(len(positions), 'measured iteration')} of at least {ROW} cannot decide"
    # A schedule that only the clock ends never promised enough iterations for a rule that nobody asked for.
    undecided: Result = "not_applicable" if planned is None and rule.severity == "soft" else "inconclusive"
    return replace(rule, result=undecided, reason=reason)


def _origin_of(source: Source) -> Source:
    """Return what sources that are written together have in common."""
    if isinstance(source, JsonSource):
        return replace(source, path="")
    if isinstance(source, HttpSource):
        return replace(source, format="json", path="", counter=None)
    return source if isinstance(source, BuiltInSource) else replace(source, pattern="")


def _name_of(source: Source) -> str:
    if isinstance(source, JsonSource):
        return source.file
    if isinstance(source, HttpSource):
        return source.url
    return source.name if isinstance(source, BuiltInSource) else source.stream


def _best_bound(kpi: Kpi) -> float | None:
    if kpi.range is None or kpi.better is None:
        return None
    return kpi.range[0] if kpi.better == "lower" else kpi.range[1]


def _columns(members: Sequence[JudgedSeries], positions: Sequence[int]) -> list[Sequence[float]]:
    columns = [_carried(series) for series in members]
    if isinstance(positions, range):
        return columns
    return [[column[position] for position in positions] for column in columns]


def _carried(series: JudgedSeries) -> Sequence[float]:
    """Return the values, each gap filled with the last value before it: a gap is no movement."""
    if not series.gaps:
        return series.values
    first = next((value for value in series.values if not isnan(value)), 0.0)
    carried = series.values[:]
    for position in sorted(series.gaps):
        carried[position] = carried[position - 1] if position else first
    return carried


def _longest_row(keys: Iterable[tuple[float, ...]]) -> tuple[int, int]:
    """Return length and start of the longest row of equal keys."""
    longest = longest_start = start = 0
    previous: tuple[float, ...] | None = None
    for position, key in enumerate(keys):
        if key != previous:
            previous, start = key, position
        if position - start >= longest:
            longest, longest_start = position - start + 1, start
    return longest, longest_start
