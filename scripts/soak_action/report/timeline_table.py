"""The timeline of the parameters of a run as a table: what was decided when, why, and what suppressed it."""

from __future__ import annotations

from collections.abc import Mapping

from soak_action.report.markdown import code, inert, table
from soak_action.report.timeline import DecisionRow, FreezeRow, Row, Told
from soak_action.report.tuning_wording import held, iterations, listed, moved, named
from soak_action.tuning.candidate import written
from soak_action.tuning.decision import Decision
from soak_action.units import counted, format_duration

_HEAD = ("iteration", "soak", "parameter", "from, to", "outcome", "because", "suppressed by")
_OUTCOMES = {"applied": "**applied**", "suppressed": "suppressed", "no_op": "no effect"}


def timeline_markdown(told: Told, units: Mapping[str, str]) -> str:
    """Return the table, with the units of the parameters that have one; nothing when there is nothing to tell."""
    if not told.rows:
        return ""
    rows = table(_HEAD, [_row(row, units) for row in told.rows], right=(1,))
    more = ""
    if told.rows_left:
        with_what = f" with {counted(told.decisions_left, 'decision')}" if told.decisions_left else ""
        more = f"\n\nand {counted(told.rows_left, 'row')} more{with_what}: every decision is in `decisions.jsonl`"
    return f"### What was decided\n\n{rows}{more}"


def _row(row: Row, units: Mapping[str, str]) -> tuple[str, ...]:
    return _freeze_row(row) if isinstance(row, FreezeRow) else _decision_row(row, units)


def _freeze_row(row: FreezeRow) -> tuple[str, ...]:
    freeze = row.freeze
    names = listed(list(map(named, freeze.parameters)))
    if row.thawed is not None:
        return str(row.first), "", names, "", "**thawed**", inert(row.thawed), ""
    because = f"iterations with the state {code(freeze.signature[:8])} were stable; until iteration {freeze.until}"
    return str(row.first), "", names, "", "**frozen**", because, ""


def _decision_row(row: DecisionRow, units: Mapping[str, str]) -> tuple[str, ...]:
    decision, proposal = row.decision, row.decision.proposal
    first = f" <sub>the first of {row.count}</sub>"
    reason, detail = next(iter(decision.reasons.items()), ("", ""))
    return (
        iterations(row.first, row.last),
        format_duration(round(decision.offset_seconds, 1)),
        named(proposal.parameter),
        _move(decision, units.get(proposal.parameter)),
        _OUTCOMES[decision.outcome],
        f"{inert(f'{proposal.source}: {proposal.because}', 240)}{first if row.because_differs else ''}",
        f"{inert(f'{reason}: {detail}', 240)}{first if row.detail_differs else ''}" if reason else "",
    )


def _move(decision: Decision, unit: str | None) -> str:
    """Return ``70 → 75 ms`` and what was asked for: a change with its sign, a target behind an equals sign."""
    proposal, before = decision.proposal, decision.before
    sign = "=" if proposal.kind == "target" else "+" if proposal.requested > 0 else ""
    move = held(before, unit) if decision.to is None else moved(before, decision.to, unit)
    return f"{move} <sub>{sign}{written(proposal.requested)}</sub>"
