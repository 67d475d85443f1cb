"""What the rules of the configuration propose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from soak_action.config.condition import Condition, compile_condition
from soak_action.config.model import TuningRule
from soak_action.tuning.candidate import written
from soak_action.tuning.proposal import Proposal


def proposals_of(rules: Iterable[TuningRule], kpis: Mapping[str, float]) -> list[Proposal]:
    """Return what is proposed after an iteration with these KPIs, in the order of the rules.

    A rule whose condition is unknown, since a KPI is missing, proposes nothing. Conditions and the names of parameters
    were checked with the configuration.
    """
    proposals = []
    for number, rule in enumerate(rules, 1):
        condition = compile_condition(rule.when, None)
        if condition.evaluate(kpis):
            source, because = f"rule {number}", _because(condition, kpis)
            for name, amount in rule.changes.items():
                proposals.append(Proposal(name, "change", amount, source, because))
            for name, value in rule.targets.items():
                proposals.append(Proposal(name, "target", value, source, because))
    return proposals


def _because(condition: Condition, kpis: Mapping[str, float]) -> str:
    """Return ``risk_ratio >= 0.6 (risk_ratio 0.72)``."""
    seen = [f"{name} {written(kpis[name]) if name in kpis else 'missing'}" for name in condition.names]
    return f"{condition.text.strip()} ({', '.join(seen)})" if seen else condition.text.strip()
