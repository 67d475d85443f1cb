"""What rules propose for the KPIs of an iteration."""

from __future__ import annotations

import math

import pytest

from soak_action.config.model import TuningRule
from soak_action.tuning.proposal import Proposal
from soak_action.tuning.rules import proposals_of

RULES = (
    TuningRule(" risk_ratio >= 0.60 ", {"min_interval_ms": 5, "impact.cap_ratio": -0.01}, {}),
    TuningRule("net_bps < 1 or isnan(net_bps)", {}, {"min_interval_ms": 40}),
    TuningRule("1 < 2", {"free": 0.5}, {"other": 3}),
)
ALWAYS = [Proposal("free", "change", 0.5, "rule 3", "1 < 2"), Proposal("other", "target", 3, "rule 3", "1 < 2")]


def test_a_rule_that_holds_proposes_with_the_values_that_it_saw() -> None:
    because = "risk_ratio >= 0.60 (risk_ratio 0.72)"
    assert proposals_of(RULES, {"risk_ratio": 0.72, "net_bps": 3}) == [
        Proposal("min_interval_ms", "change", 5, "rule 1", because),
        Proposal("impact.cap_ratio", "change", -0.01, "rule 1", because),
        *ALWAYS,
    ]


@pytest.mark.parametrize(
    ("kpis", "seen"),
    [({"net_bps": 0.5}, "0.5"), ({}, "missing"), ({"net_bps": -1.0}, "-1"), ({"net_bps": math.nan}, "nan")],
)
def test_a_missing_kpi_proposes_only_where_that_is_asked_for(kpis: dict[str, float], seen: str) -> None:
    assert proposals_of(RULES, kpis) == [
        Proposal("min_interval_ms", "target", 40, "rule 2", f"net_bps < 1 or isnan(net_bps) (net_bps {seen})"),
        *ALWAYS,
    ]


def test_a_rule_that_does_not_hold_proposes_nothing() -> None:
    assert proposals_of(RULES[:2], {"risk_ratio": 0.59, "net_bps": 1}) == []
    assert proposals_of((), {"risk_ratio": 0.72}) == []


def test_every_kpi_of_the_condition_is_told() -> None:
    rule = TuningRule("a > b or c > 0", {"p": 1}, {})
    (proposal,) = proposals_of([rule], {"a": 2.0, "b": 1})
    assert proposal.because == "a > b or c > 0 (a 2, b 1, c missing)"
