"""One rule's result."""

from __future__ import annotations

import json

import pytest

from soak_action.gate.result import Kind, Result, RuleResult, badness, breach_of


def test_results_worsen_in_this_order() -> None:
    order: list[Result] = ["not_applicable", "pass", "warn", "inconclusive", "invalid", "fail"]
    assert sorted(set(order), key=badness) == order


def test_a_hard_breach_fails_and_a_soft_one_warns() -> None:
    assert breach_of("hard") == "fail"
    assert breach_of("soft") == "warn"


def test_a_result_nobody_decided_is_invalid() -> None:
    assert RuleResult(id="x").result == "invalid"


@pytest.mark.parametrize(
    ("result", "good"), [("pass", True), ("not_applicable", True), ("warn", False), ("invalid", False)]
)
def test_what_is_good(result: Result, good: bool) -> None:
    assert RuleResult(id="x", result=result).is_good is good


@pytest.mark.parametrize(
    ("kind", "result", "asks"),
    [("limit", "pass", True), ("abort", "fail", True), ("sanity", "pass", False), ("limit", "not_applicable", False)],
)
def test_what_asks_something_hard(kind: Kind, result: Result, asks: bool) -> None:
    assert RuleResult(id="x", kind=kind, result=result).asks_hard is asks
    assert RuleResult(id="x", kind=kind, result=result, severity="soft").asks_hard is False


def test_it_becomes_plain_json_with_every_field() -> None:
    data = RuleResult(id="x.hard", interval=(1.0, 2.0), baseline=("a",)).to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert list(data) == [
        *("id", "kpi", "kind", "severity", "result", "value", "limit", "window", "n", "statistic"),
        *("interval", "baseline", "first_breach", "origin", "reason", "reproduce"),
    ]
    assert data["interval"] == [1.0, 2.0]
    assert RuleResult(id="x").to_dict()["interval"] is None
