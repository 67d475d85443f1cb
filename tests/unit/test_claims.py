from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.unit.gate.building import KPI, column

from soak_action import canonical
from soak_action.claims import check_digests, check_receipt, check_verdict, kpi_statistics
from soak_action.evidence.measurements import Measurements


def measured(values: list[float | str], outcomes: list[str] | None = None) -> Measurements:
    count = len(values)
    return Measurements(
        range(1, count + 1), outcomes or ["ok"] * count, [1] * count, [], [], {KPI.name: column(values)}
    )


def test_statistics_leave_out_the_warm_up_gaps_and_what_was_cancelled():
    found = measured([1000, 1, "stale", 3, 2000], ["ok", "ok", "ok", "failed", "cancelled"])
    assert kpi_statistics([KPI], found, 1) == {
        "p95_ms": {"unit": "ms", "missing": 1, "count": 2, "mean": 2, "min": 1, "median": 2, "p95": 2.9, "max": 3}
    }


def test_a_gap_in_the_warm_up_or_in_what_was_cancelled_is_not_counted_as_missing():
    found = measured(["stale", 1, "stale", 3, "stale"], ["ok", "ok", "ok", "failed", "cancelled"])
    assert kpi_statistics([KPI], found, 1)["p95_ms"]["missing"] == 1
    assert kpi_statistics([KPI], found, 0)["p95_ms"]["missing"] == 2


def test_statistics_of_nothing_are_null_and_never_0():
    summary = kpi_statistics([KPI], measured(["stale"]), 0)["p95_ms"]
    assert (summary.pop("unit"), summary.pop("missing"), summary.pop("count")) == ("ms", 1, 0)
    assert set(summary.values()) == {None}


def receipt(**change: Any) -> dict[str, Any]:
    document = {"verdict": "pass", "digests": {"a.json": "1", "b.json": "2"}, **change}
    return {**document, "digest": canonical.digest(document)}


def test_digests_that_fit_are_no_problem():
    assert list(check_digests(receipt(), {"digests": {"a.json": "1", "b.json": "2"}})) == []


@pytest.mark.parametrize(
    ("digests", "where"),
    [
        ({"a.json": "1", "b.json": "3"}, "b.json"),
        ({"a.json": "1"}, "b.json"),
        ({"a.json": "1", "b.json": "2", "c": "3"}, "c"),
    ],
    ids=["changed", "removed", "added"],
)
def test_each_digest_that_does_not_fit_is_located(digests, where):
    (problem,) = check_digests(receipt(), {"digests": digests})
    assert str(problem) == f"{where}: does not match the digest in receipt.json"


def test_a_receipt_that_was_changed_does_not_match_its_own_digest():
    (problem,) = check_digests({**receipt(), "verdict": "fail"}, {"digests": receipt()["digests"]})
    assert "does not match its own digest" in problem.what


def test_each_field_of_the_receipt_is_held_against_the_evidence():
    honest = {"a": 1, "b": {"c": [1, None]}, "d": True}
    assert list(check_receipt(honest, {"a": 1.0, "b": {"c": [1, None]}, "d": True})) == []
    for change in ({"a": 2}, {"b": {"c": [1]}}, {"d": 1}, {"e": 0}):
        (problem,) = check_receipt({**honest, **change}, honest)
        assert problem.what == f"its {next(iter(change))} is not what the evidence says"
        (reverse,) = check_receipt(honest, {**honest, **change})
        assert reverse == problem


def rule(name: str, **change: Any) -> dict[str, Any]:
    return {"id": name, "result": "fail", "value": 5, "limit": 4, "reason": "5 is over 4", **change}


VERDICT: dict[str, Any] = {
    "verdict": "fail",
    "rules": [rule("a.hard"), rule("b.hard", result="pass")],
    "reasons": ["a.hard: 5 is over 4"],
    "mock": False,
}


def problems(change: dict[str, Any], *, whole: bool = True) -> list[str]:
    return [problem.what for problem in check_verdict({**copy.deepcopy(VERDICT), **change}, VERDICT, whole=whole)]


@pytest.mark.parametrize("whole", [True, False])
def test_what_the_evidence_says_is_no_problem(whole):
    assert problems({}, whole=whole) == []


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"verdict": "pass"}, "says pass, but the evidence says fail"),
        ({"mock": True}, "its mock is not what the evidence says"),
        ({"more": 1}, "its more is not what the evidence says"),
        ({"rules": VERDICT["rules"][:1]}, "the rule b.hard stands only in the evidence"),
        ({"rules": [*VERDICT["rules"], rule("c")]}, "the rule c stands only in the file"),
        (
            {"rules": [rule("a.hard", result="pass"), VERDICT["rules"][1]]},
            "the rule a.hard is not what the evidence says",
        ),
        ({"rules": [rule("a.hard", limit=9), VERDICT["rules"][1]]}, "the rule a.hard is not what the evidence says"),
        (
            {"rules": [rule("a.hard", result="pass"), *VERDICT["rules"]]},
            "its rules are repeated or not in the order in which the evidence gives them",
        ),
    ],
)
def test_every_deciding_difference_is_found_whatever_version_wrote_it(change, what, whole):
    assert problems(change, whole=whole) == [what]


@pytest.mark.parametrize(
    "change",
    [
        {"reasons": ["it was the weather"]},
        {"rules": [rule("a.hard", reason="it was the weather"), VERDICT["rules"][1]]},
        {"rules": VERDICT["rules"][::-1]},
    ],
    ids=["reasons", "reason", "order"],
)
def test_sentences_and_order_are_compared_with_the_same_version_only(change):
    assert len(problems(change)) == 1
    assert problems(change, whole=False) == []
