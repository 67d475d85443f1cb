"""The verdict as plain text for people at a terminal; rendered from the verdict document and nothing else."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from soak_action.report.markdown import one_line
from soak_action.report.tuning import TuningReport, counts_told
from soak_action.tuning.candidate import written
from soak_action.units import counted, format_duration, format_number

_COLUMNS = ("rule", "result", "value", "limit", "over")
_MOST_MOVED = 4
_RESUMABLE = frozenset({"paused", "interrupted"})
_COUNTED = frozenset({"sustained", "abort"})


def verdict_text(verdict: Mapping[str, Any], units: Mapping[str, str | None], fail_on: Sequence[str]) -> str:
    """Return the verdict, why it is not better, and what each rule on a KPI found.

    `units` are the KPIs' units; `fail_on` is what turns red, because loosening it is shown.
    """
    rules = verdict["rules"]
    blocks = [_headline(verdict), *_override(fail_on)]
    blocks += [f"  {reason}" for reason in verdict["reasons"]]
    table = _table([rule for rule in rules if rule["kind"] != "sanity" and rule["result"] != "not_applicable"], units)
    skipped = [rule for rule in rules if rule["kind"] != "sanity" and rule["result"] == "not_applicable"]
    if table:
        blocks += ["", *table]
    if skipped:
        blocks += ["", "not applicable:"]
        blocks += [f"  {rule['id']}: {rule['reason']}" for rule in skipped]
    return "\n".join(blocks)


def run_text(summary: Mapping[str, Any], program: str, tuning: TuningReport | None = None) -> str:
    """Return what a run did and where to look.

    `summary` is what ``soak run --json`` prints, `program` the words that start soak, `tuning` how the parameters went.
    """
    iterations, seconds = summary["iterations"], format_duration(round(summary["measured_seconds"], 1))
    directory = as_word(summary["run_dir"])
    lines = [
        "",
        f"{summary['state']}: {counted(iterations, 'iteration')} in {seconds}",
        *_parameters(tuning),
        f"evidence:     {summary['run_dir']}",
        f"receipt:      {summary['receipt']}",
        f"verify it:    {program} verify {directory}",
    ]
    if summary["state"] in _RESUMABLE:
        lines.append(f"go on with:   {program} run --resume {directory}")
    return "\n".join(lines)


def _parameters(tuning: TuningReport | None) -> list[str]:
    """Return what became of the proposals, and of the parameters."""
    if tuning is None:
        return []
    conduct, units = tuning.conduct, tuning.effect.units
    moved = [
        f"{one_line(name, 80)} {written(before)} -> {written(after, units.get(name))}"
        for name, (before, after) in tuning.effect.moved.items()
    ]
    more = f" and {len(moved) - _MOST_MOVED} more" if len(moved) > _MOST_MOVED else ""
    outcome = f"{', '.join(moved[:_MOST_MOVED])}{more}"
    if not conduct.applied:
        outcome = "nothing was ever applied, which is not convergence"
    return [f"parameters:   {counts_told(conduct)}", f"              {outcome or 'they ended as they began'}"]


def as_word(path: str) -> str:
    """Return a path as one word of a command line, to be copied."""
    if os.name == "nt":  # pragma: platform - cmd knows double quotes only
        return f'"{path}"' if " " in path else path
    return shlex.quote(path)


def _headline(verdict: Mapping[str, Any]) -> str:
    mock = "   MOCK: a made-up workload, never good for a release" if verdict["mock"] else ""
    return f"{verdict['verdict'].upper()}{mock}"


def _override(fail_on: Sequence[str]) -> list[str]:
    ignored = [name for name in ("fail", "invalid") if name not in fail_on]
    if not ignored:
        return []
    return [f"  OVERRIDE: gate.fail_on lets {' and '.join(ignored)} exit with 0; this bars a release"]


def _table(rules: Sequence[Mapping[str, Any]], units: Mapping[str, str | None]) -> list[str]:
    if not rules:
        return []
    rows = [_COLUMNS, *(_row(rule, units) for rule in rules)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(rule: Mapping[str, Any], units: Mapping[str, str | None]) -> tuple[str, ...]:
    unit = "iterations" if rule["kind"] in _COUNTED else units.get(rule["kpi"])
    over = rule["window"] or ""
    if rule["kind"] == "limit":
        over = f"{rule['statistic']}, {over}, n={rule['n']}"
    return rule["id"], rule["result"], _quantity(rule["value"], unit), _quantity(rule["limit"], unit), over


def _quantity(value: float | None, unit: str | None) -> str:
    if value is None:
        return "-"
    return f"{format_number(value)} {unit}" if unit else format_number(value)
