"""The summary of a run or a judgement as Markdown for the page of a job: the verdict first, then why, then the numbers.

Everything comes from evidence, so the same evidence gives the same text. Text of others is inert, and every part is
bounded, so that GitHub never drops the summary for its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soak_action import canonical
from soak_action.base_branch import Comparison
from soak_action.config.model import Kpi
from soak_action.evidence.measurements import Measurements
from soak_action.evidence.segments import Segment, gaps
from soak_action.gate.result import badness
from soak_action.report.charts import Series, chart, sparkline
from soak_action.report.gates import gates_markdown
from soak_action.report.incidents import incident_lines
from soak_action.report.markdown import MOST_BYTES, code, code_block, details, fitting, in_html, inert, table
from soak_action.report.tuning import TuningReport, tuning_markdown
from soak_action.units import format_duration, format_number

_MOST_TOLD = 30
_MOST_KPIS = 100
_MOST_CHARTS = 6
_MOST_OPEN_CHARTS = 2
_MOST_OVERRIDES = 50
_MOST_SEGMENTS = 100
_SIGNS = {
    "pass": "\u2705",
    "warn": "\u26a0\ufe0f",
    "fail": "\u274c",
    "inconclusive": "\u2753",
    "invalid": "\u26d4",
    "not_applicable": "\u2796",
}
# Reasons that worsen nothing; they have places of their own.
_NOTES = ("MOCK", "SUSPENDED", "CHANGED")
_BAD = frozenset({"warn", "fail", "inconclusive", "invalid"})


@dataclass(frozen=True)
class Report:
    """What a summary tells.

    `verdict` and `receipt` are the documents of the evidence, `problems` what was found wrong in it afterwards, `notes`
    the first reasons why values are missing, `artifact` the name under which the evidence is uploaded, if it is,
    `comparison` how the gates differ from the base branch of a pull request, `segments` those that have ended,
    `tuning` how the parameters went, if there are any.
    """

    verdict: Mapping[str, Any]
    receipt: Mapping[str, Any]
    kpis: Sequence[Kpi]
    measurements: Measurements
    fail_on: Sequence[str]
    problems: Sequence[str] = ()
    notes: Sequence[str] = ()
    artifact: str | None = None
    comparison: Comparison | None = None
    segments: Sequence[Segment] = ()
    tuning: TuningReport | None = None


def summary_markdown(report: Report, most_bytes: int = MOST_BYTES) -> str:
    """Return the summary, at most `most_bytes` long; a part that does not fit any more is named instead of shown."""
    parts = {
        "verdict": _headline(report),
        "what is wrong": _wrong(report),
        "what is worth knowing": _worth_knowing(report),
        "gates": gates_markdown(report.comparison),
        "KPIs": _kpi_table(report),
        "tuning": tuning_markdown(report.tuning, report.kpis, report.measurements),
        "charts": _charts(report),
        "changes": _changes(report.verdict["changes"]),
        "segments": _segments(report.segments),
        "overrides": _overrides(report.verdict["overrides"]),
        "evidence": _evidence(report),
    }
    return fitting(parts, most_bytes)


def headline(verdict: str, what: str) -> str:
    """Return the first line: the verdict as a sign and a word, and what it is about, which is Markdown already."""
    return f"# {_SIGNS[verdict]} {verdict.upper()}: {what}"


def _headline(report: Report) -> str:
    receipt, verdict = report.receipt, report.verdict
    what = "results of " if receipt["kind"] == "gate" else ""
    profile = f", profile {code(receipt['profile'])}" if receipt["profile"] else ""
    lines = [headline(_verdict_of(report), f"{what}{code(receipt['suite'])}{profile}")]
    if verdict["mock"]:
        lines.append("> **MOCK**: a made-up workload was soaked, so this is never good for a release.")
    ignored = [name for name in ("fail", "invalid") if name not in report.fail_on]
    if ignored:
        lines.append(f"> **OVERRIDE**: `gate.fail_on` leaves out {' and '.join(ignored)}; this bars a release.")
    lines.append(_facts(receipt))
    return "\n\n".join(lines)


def _verdict_of(report: Report) -> str:
    return "invalid" if report.problems else str(report.verdict["verdict"])


def _facts(receipt: Mapping[str, Any]) -> str:
    coverage = receipt["coverage"]
    done, planned = coverage["iterations_done"], coverage["iterations_planned"]
    promised = f" of {format_number(planned)} planned" if planned is not None else ""
    facts = [f"{format_number(done)}{promised} iteration{'' if (planned or done) == 1 else 's'}"]
    if receipt["state"] is not None:
        facts.insert(0, receipt["state"])
    if coverage["seconds_measured"] is not None:
        facts.append(f"{_seconds(coverage['seconds_measured'])} of soak")
    if (coverage["segments"] or 1) > 1:
        longest, gap = _seconds(coverage["longest_segment_seconds"]), _seconds(coverage["gap_seconds"])
        facts.append(f"{format_number(coverage['segments'])} segments, the longest {longest}, {gap} between them")
    if receipt["commit"]:
        facts.append(f"commit {code((receipt['head_commit'] or receipt['commit'])[:10])}")
    return " · ".join(facts)


# ---- what is wrong


def _wrong(report: Report) -> str:
    told = [*_problems(report.problems), *_broken_rules(report), *_other_reasons(report.verdict)]
    if not told:
        return ""
    more = [f"- and {len(told) - _MOST_TOLD} more: all of them are in `verdict.json`"] if len(told) > _MOST_TOLD else []
    notes = [f"- {inert(note)}" for note in report.notes[:_MOST_TOLD]]
    folded = ["", details("the first values that are missing", "\n".join(notes))] if notes else []
    return "\n".join(("## What is wrong", "", *told[:_MOST_TOLD], *more, *folded))


def _problems(problems: Sequence[str]) -> Iterator[str]:
    for problem in problems:
        yield f"- {_SIGNS['invalid']} **The evidence was changed while it was made**: {inert(problem)}"


def _broken_rules(report: Report) -> Iterator[str]:
    titles = {kpi.name: kpi.title for kpi in report.kpis}
    bad = [rule for rule in report.verdict["rules"] if rule["result"] in _BAD]
    for rule in sorted(bad, key=lambda rule: -badness(rule["result"])):
        title = f"**{inert(titles[rule['kpi']], 80)}** " if rule["kpi"] in titles else ""
        origin = f" ({code(rule['origin'])})" if rule["origin"] else ""
        yield f"- {_SIGNS[rule['result']]} {title}{code(rule['id'])}{origin}: {inert(rule['reason'])}"


def _other_reasons(verdict: Mapping[str, Any]) -> Iterator[str]:
    """Yield the reasons that no single rule gave."""
    of_rules = {f"{rule['id']}: {rule['reason']}" for rule in verdict["rules"]}
    for reason in verdict["reasons"]:
        if reason not in of_rules and not reason.startswith(_NOTES):
            yield f"- {_SIGNS['inconclusive']} {inert(reason)}"


# ---- what is worth knowing


def _worth_knowing(report: Report) -> str:
    told = [f"- {inert(line)}" for line in incident_lines(report.receipt["coverage"])]
    return "\n".join(("## Worth knowing", "", *told)) if told else ""


# ---- KPIs


def _kpi_table(report: Report) -> str:
    rows = [_kpi_row(report, kpi) for kpi in _worst_first(report)]
    if not rows:
        return ""
    head = ("KPI", "result", "value", "soft", "hard", "margin", "trend")
    more = (
        f"\n\nand {len(rows) - _MOST_KPIS} more KPIs: all of them are in `receipt.json`"
        if len(rows) > _MOST_KPIS
        else ""
    )
    return f"## KPIs\n\n{table(head, rows[:_MOST_KPIS], right=(2, 3, 4, 5))}{more}"


def _worst_first(report: Report) -> list[Kpi]:
    ranks = {kpi.name: badness(_result_of(report, kpi.name)) for kpi in report.kpis}
    return sorted(report.kpis, key=lambda kpi: -ranks[kpi.name])


def _result_of(report: Report, name: str) -> Any:
    results = [rule["result"] for rule in report.verdict["rules"] if rule["kpi"] == name]
    return max(results, key=badness, default="not_applicable")


def _kpi_row(report: Report, kpi: Kpi) -> tuple[str, ...]:
    title = inert(kpi.title, 80)
    named = title if kpi.title == kpi.name else f"{title} {code(kpi.name)}"
    limits = {rule["severity"]: rule for rule in report.verdict["rules"] if _limits(rule, kpi)}
    hard, soft = limits.get("hard"), limits.get("soft")
    result = _result_of(report, kpi.name)
    return (
        named,
        f"{_SIGNS[result]} {result.replace('_', ' ')}",
        _value(report, kpi, hard or soft),
        _quantity(kpi.soft, kpi.unit),
        _quantity(kpi.hard, kpi.unit),
        _margin(hard or soft, kpi),
        _trend(report, kpi),
    )


def _limits(rule: Mapping[str, Any], kpi: Kpi) -> bool:
    return bool(rule["kpi"] == kpi.name and rule["kind"] == "limit")


def _value(report: Report, kpi: Kpi, rule: Mapping[str, Any] | None) -> str:
    """Return what is judged, or the median where nothing is; and how many values are missing."""
    measured = report.receipt["kpis"].get(kpi.name, {})
    value, statistic = measured.get("median"), "median"
    if rule is not None:
        value, statistic = rule["value"], ", ".join(filter(None, (rule["statistic"], rule["window"])))
    shown = f"{_quantity(value, kpi.unit)} <sub>{inert(statistic, 60)}</sub>" if value is not None else "not measured"
    missing = measured.get("missing")
    return f"{shown} <sub>{format_number(missing)} missing</sub>" if missing else shown


def _margin(rule: Mapping[str, Any] | None, kpi: Kpi) -> str:
    """Return how far the value is from its limit, in percent of the limit, or in the unit when that is 0."""
    if rule is None or rule["value"] is None or rule["limit"] is None:
        return ""
    value, limit = rule["value"], rule["limit"]
    word = "over" if kpi.is_beyond(value, limit) else "left"
    if kpi.better == "higher" and word == "over":
        word = "short"
    if limit == 0:
        return f"{_quantity(abs(value), kpi.unit)} {word}"
    return f"{format_number(float(f'{100 * abs(value / limit - 1):.2g}'))} % {word}"


def _trend(report: Report, kpi: Kpi) -> str:
    column = report.measurements.kpis.get(kpi.name)
    return "" if column is None else sparkline(column.values, higher_is_worse=kpi.better != "higher")


# ---- charts


def _charts(report: Report) -> str:
    """Return charts of the most important KPIs: the worst first, those with a limit before those without."""
    important = sorted(_worst_first(report), key=lambda kpi: _importance(report, kpi))
    drawn = [kpi for kpi in important if _series(report, kpi).is_drawable][:_MOST_CHARTS]
    folded = [
        details(in_html(kpi.title, 80), chart(_series(report, kpi)), is_open=place < _MOST_OPEN_CHARTS)
        for place, kpi in enumerate(drawn)
    ]
    return "\n\n".join(("## Charts", *folded)) if folded else ""


def _importance(report: Report, kpi: Kpi) -> tuple[bool, bool]:
    return _result_of(report, kpi.name) not in _BAD, kpi.hard is None and kpi.soft is None


def _series(report: Report, kpi: Kpi) -> Series:
    measurements = report.measurements
    column = measurements.kpis.get(kpi.name)
    values = () if column is None else column.values
    return Series(kpi.title, kpi.unit, measurements.numbers, values, kpi.hard, kpi.soft)


# ---- segments


def _segments(segments: Sequence[Segment]) -> str:
    """Return how a run was interrupted: each segment, and the time before it in which nothing was measured."""
    if len(segments) < 2:
        return ""
    before = ["", *map(_seconds, gaps(segments))]
    rows = [
        (
            format_number(segment.number),
            f"{segment.started:%Y-%m-%d %H:%M:%S}",
            gap,
            _seconds(segment.seconds),
            format_number(segment.iterations),
            f"{segment.state}: {inert(segment.reason, 80)}",
        )
        for segment, gap in list(zip(segments, before, strict=True))[:_MOST_SEGMENTS]
    ]
    more = f"\n\nand {len(segments) - _MOST_SEGMENTS} more" if len(segments) > _MOST_SEGMENTS else ""
    head = ("segment", "began (UTC)", "gap before it", "soak", "iterations by its end", "ended")
    body = f"Nothing was measured in the gaps.\n\n{table(head, rows, right=(0, 2, 3, 4))}{more}"
    return details(f"Segments: {len(segments)}", body)


# ---- overrides and evidence


def _overrides(overrides: Sequence[Mapping[str, Any]]) -> str:
    if not overrides:
        return ""
    rows = [
        (
            code(str(override["key"]), 80),
            code(canonical.compact(override["value"]), 80),
            code(str(override["origin"]), 80),
            _instead_of(override["shadowed"]),
        )
        for override in overrides[:_MOST_OVERRIDES]
    ]
    more = f"\n\nand {len(overrides) - _MOST_OVERRIDES} more" if len(overrides) > _MOST_OVERRIDES else ""
    head = ("key", "value", "given by", "instead of")
    return details(f"Overrides in force: {len(overrides)}", table(head, rows) + more)


def _changes(changes: Sequence[Mapping[str, Any]]) -> str:
    """Return what was changed while the run was under way; never folded away, for it is an exception to the promise."""
    if not changes:
        return ""
    rows = [
        (
            code(str(change["key"]), 80),
            _side(change["before"]),
            _side(change["now"]),
            f"{change['first_iteration']} to {change['last_iteration']}",
        )
        for change in changes[:_MOST_OVERRIDES]
    ]
    more = f"\n\nand {len(changes) - _MOST_OVERRIDES} more" if len(changes) > _MOST_OVERRIDES else ""
    head = ("key", "promised", "changed to", "iterations")
    return f"## Changed under way\n\n{table(head, rows)}{more}"


def _side(side: Mapping[str, Any] | None) -> str:
    return "not given" if side is None else code(canonical.compact(side["value"]), 120)


def _instead_of(shadowed: Sequence[Mapping[str, Any]]) -> str:
    if not shadowed:
        return ""
    return f"{code(canonical.compact(shadowed[0]['value']), 80)} of {code(str(shadowed[0]['origin']), 80)}"


def _evidence(report: Report) -> str:
    receipt, host = report.receipt, report.receipt["fingerprint"]
    machine = [host[key] for key in ("system", "release", "machine", "processor") if host[key]]
    sizes = [
        f"{host['cores']} cores" if host["cores"] else "",
        f"{host['memory_mib']} MiB" if host["memory_mib"] else "",
    ]
    tree = {True: ", with changes that are not committed", False: "", None: ""}[receipt["tree_dirty"]]
    facts = [
        ("run" if receipt["kind"] == "run" else "judgement", code(receipt["run_id"])),
        ("artifact", code(report.artifact) if report.artifact else "not uploaded"),
        ("receipt", f"SHA-256 {code(receipt['digest'])}"),
        ("configuration", f"SHA-256 {code(receipt['config_digest'])}"),
        ("commit", f"{code(receipt['commit'])}{tree}" if receipt["commit"] else "no git repository"),
        ("began", receipt["started_at"]),
        ("host", inert(", ".join(filter(None, (*machine, *sizes, f"Python {host['python']}"))))),
        ("soak-action", code(receipt["tool_version"])),
    ]
    verify = code_block([f"soak verify {receipt['run_id']}"], "sh")
    body = f"{table(('evidence', ''), facts)}\n\nAnybody can recompute the verdict from the files:\n\n{verify}"
    return details("Evidence", body)


def _seconds(seconds: float) -> str:
    return format_duration(round(seconds, 1) if seconds >= 1 else round(seconds, 3))


def _quantity(value: float | None, unit: str | None) -> str:
    if value is None:
        return ""
    return f"{format_number(value)} {inert(unit, 40)}" if unit else format_number(value)
