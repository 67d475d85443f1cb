"""What a receipt claims about measurements, and whether receipt and verdict claim what the evidence says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from soak_action import canonical
from soak_action.config.model import Kpi
from soak_action.evidence.measurements import Measurements, Problem
from soak_action.evidence.run_dir import RECEIPT, VERDICT
from soak_action.kpi.series import statistic

SUMMARY_STATS = ("count", "mean", "min", "median", "p95", "max")
_DECIDING = (
    "kpi",
    "kind",
    "severity",
    "result",
    "value",
    "limit",
    "window",
    "n",
    "statistic",
    "first_breach",
    "origin",
)


def kpi_statistics(kpis: Iterable[Kpi], found: Measurements, warmup: int) -> dict[str, Any]:
    """Return unit, gaps and statistics of each KPI over the iterations after the first `warmup` ones."""
    return {kpi.name: _statistics(kpi, found, warmup) for kpi in kpis}


def check_digests(claimed: Mapping[str, Any], recomputed: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield where the digests in a receipt are not those of the evidence; `recomputed` is what it should say."""
    if claimed["digest"] != canonical.digest({key: value for key, value in claimed.items() if key != "digest"}):
        yield Problem(RECEIPT, "does not match its own digest: it was changed after it was written")
    for name in sorted({*claimed["digests"], *recomputed["digests"]}):
        if claimed["digests"].get(name) != recomputed["digests"].get(name):
            yield Problem(name, f"does not match the digest in {RECEIPT}")


def check_receipt(claimed: Mapping[str, Any], recomputed: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what else in a receipt is not what the evidence says."""
    for key in sorted({*claimed, *recomputed} - {"digest", "digests"}):
        if key not in claimed or key not in recomputed or not _same(claimed[key], recomputed[key]):
            yield Problem(RECEIPT, f"its {key} is not what the evidence says")


def check_verdict(claimed: Mapping[str, Any], recomputed: Mapping[str, Any], *, whole: bool) -> Iterator[Problem]:
    """Yield the differences; the sentences of another version of soak may differ, so then only what decides counts."""
    if claimed["verdict"] != recomputed["verdict"]:
        yield Problem(VERDICT, f"says {claimed['verdict']}, but the evidence says {recomputed['verdict']}")
    for key in sorted({*claimed, *recomputed} - {"verdict", "rules", *(() if whole else ("reasons",))}):
        if key not in claimed or key not in recomputed or not _same(claimed[key], recomputed[key]):
            yield Problem(VERDICT, f"its {key} is not what the evidence says")
    before = {rule["id"]: rule for rule in claimed["rules"]}
    after = {rule["id"]: rule for rule in recomputed["rules"]}
    for name in sorted({*before, *after}):
        if name not in before or name not in after:
            yield Problem(VERDICT, f"the rule {name} stands only in the {'evidence' if name in after else 'file'}")
        elif not (_same(before[name], after[name]) if whole else _decides_alike(before[name], after[name])):
            yield Problem(VERDICT, f"the rule {name} is not what the evidence says")
    if before.keys() == after.keys() and not _alike_in_order(claimed["rules"], recomputed["rules"], whole=whole):
        yield Problem(VERDICT, "its rules are repeated or not in the order in which the evidence gives them")


def _alike_in_order(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]], *, whole: bool) -> bool:
    """Whether the same rules stand in two lists; another version of soak may show them in another order."""
    names, others = ([rule["id"] for rule in rules] for rules in (one, other))
    return names == others if whole else sorted(names) == sorted(others)


def _decides_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in _DECIDING)


def _same(one: Any, other: Any) -> bool:
    return canonical.digest([one]) == canonical.digest([other])


def _statistics(kpi: Kpi, found: Measurements, warmup: int) -> dict[str, Any]:
    column = found.kpis[kpi.name]
    judged = [
        position
        for position, outcome in enumerate(found.outcomes)
        if outcome != "cancelled" and found.numbers[position] > warmup
    ]
    values = [column.values[position] for position in judged if position not in column.missing]
    summary: dict[str, Any] = {"unit": kpi.unit, "missing": len(judged) - len(values)}
    for stat in SUMMARY_STATS:
        summary[stat] = statistic(values, stat) if values or stat == "count" else None
    return summary
