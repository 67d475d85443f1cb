"""The one verdict on a case, and every rule it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soak_action.gate.case import Case
from soak_action.gate.constant import judge_must_vary, judge_sources
from soak_action.gate.limits import judge_kpi
from soak_action.gate.presence import judge_presence
from soak_action.gate.result import Result, RuleResult, badness
from soak_action.gate.sanity import judge_run
from soak_action.gate.wording import change_in_words, duration, plural

SCHEMA_VERSION = 1
SUSPENDED = "SUSPENDED"
CHANGED = "CHANGED"
_MOST_CHANGES = 20
MOCK_NOTE = "MOCK: a run of the synthetic workload can never certify a release"


@dataclass(frozen=True)
class Verdict:
    """The verdict, the rules in the order in which they are shown, and what is wrong, worst first."""

    verdict: Result
    rules: tuple[RuleResult, ...]
    reasons: tuple[str, ...]
    mock: bool
    overrides: tuple[Mapping[str, object], ...]
    changes: tuple[Mapping[str, Any], ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the content of `verdict.json` as plain JSON data."""
        return {
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict,
            "rules": [rule.to_dict() for rule in self.rules],
            "reasons": list(self.reasons),
            "mock": self.mock,
            "overrides": [dict(override) for override in self.overrides],
            "changes": [dict(change) for change in self.changes],
        }


def judge(case: Case) -> Verdict:
    """Return the verdict on a case, computed from nothing but the case."""
    rules = judge_run(case) + judge_sources(case)
    for kpi in case.kpis:
        rules.append(judge_presence(case, kpi))
        if kpi.must_vary:
            rules.append(judge_must_vary(case, kpi))
        rules.extend(judge_kpi(case, kpi))
    mock = case.conduct is not None and case.conduct.mock
    return Verdict(
        verdict=combine(rules),
        rules=tuple(rules),
        reasons=(*_reasons(rules), *_notes(case), *([MOCK_NOTE] if mock else [])),
        mock=mock,
        overrides=case.overrides,
        changes=case.changes,
    )


def _notes(case: Case) -> Iterator[str]:
    """Yield what does not worsen the verdict, but whoever believes it has to know."""
    incidents = None if case.conduct is None else case.conduct.incidents
    if incidents is not None and incidents.suspends:
        how_long = duration(incidents.suspended_seconds or 0.0)
        yield (
            f"{SUSPENDED}: the machine slept during the run ({plural(incidents.suspends, 'time')}, {how_long} in all); "
            "that is part of no measured time, but what was measured around it may have suffered"
        )
    for change in case.changes[:_MOST_CHANGES]:
        yield f"{CHANGED}: {change_in_words(change)}"
    if len(case.changes) > _MOST_CHANGES:
        yield f"{CHANGED}: and {len(case.changes) - _MOST_CHANGES} more"


def combine(results: Sequence[RuleResult]) -> Result:
    """Return the worst of the results, and `invalid` or `inconclusive` where nothing better was earned."""
    shortfall = _shortfall(results)
    earned: Result = "pass" if shortfall is None else shortfall[0]
    return max([earned, *(rule.result for rule in results)], key=badness)


def _shortfall(results: Sequence[RuleResult]) -> tuple[Result, str] | None:
    """Return what the rules as a whole lack for a good verdict, although no single one may be wrong."""
    if not any(rule.kpi is not None for rule in results):
        return "invalid", "no KPI is configured, so nothing was measured: add one under kpis"
    if any(rule.asks_hard for rule in results):
        return None
    if any(rule.kind != "sanity" and rule.severity == "hard" for rule in results):
        return "inconclusive", (
            "no hard rule on a KPI is applicable: promise more judged iterations "
            "(more schedule.iterations, less schedule.warmup)"
        )
    return "inconclusive", "nothing hard was asked of any KPI: give at least one a limit, for example hard: 400"


def _reasons(rules: Sequence[RuleResult]) -> list[str]:
    found = [(badness(rule.result), f"{rule.id}: {rule.reason}") for rule in rules if not rule.is_good]
    shortfall = _shortfall(rules)
    if shortfall is not None:
        found.append((badness(shortfall[0]), shortfall[1]))
    return [sentence for _, sentence in sorted(found, key=lambda entry: -entry[0])]
