"""The rules on the parameters of a run: what was proven, what was not, and whether anything was moved at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.gate.building import KPI, column, promised

from soak_action.config.model import Tuning
from soak_action.evidence.measurements import Conduct, Measurements, TuningConduct
from soak_action.gate.case import Case
from soak_action.gate.parameters import judge_parameters
from soak_action.gate.result import RuleResult

CALM = TuningConduct("b" * 64, "a" * 64, iterations=4)
NOTHING = "; nothing was ever applied, which is not convergence"
RULES = Tuning(enabled=True, rules=(), command=None, timeout=60.0)


def judged(conduct: TuningConduct | None, tuning: Tuning | None = RULES) -> dict[str, RuleResult]:
    ran = Conduct("finished", 40.0, 4.0, 40.0, mock=False, tuning=conduct)
    numbers = range(1, 5)
    measured = Measurements(numbers, ["ok"] * 4, [1] * 4, [0.0] * 4, [1.0] * 4, {KPI.name: column([1, 1, 1, 1])})
    case = Case(
        kpis=(KPI,),
        measurements=measured,
        conduct=ran,
        promise=promised(4),
        problems=(),
        tuning=tuning,
        origins={},
        overrides=(),
        reproduce="soak gate r",
    )
    return {result.id: result for result in judge_parameters(case)}


def test_without_parameters_there_are_no_rules() -> None:
    assert judged(None) == {}


@pytest.mark.parametrize("tuning", [None, replace(RULES, enabled=False)])
def test_without_a_tuner_only_the_file_and_its_use_are_judged(tuning: Tuning | None) -> None:
    assert list(judged(CALM, tuning)) == ["parameters.untouched", "parameters.read"]


@pytest.mark.parametrize(("edited", "result"), [(None, "pass"), (3, "invalid")])
def test_a_file_that_somebody_else_changed_is_invalid(edited: int | None, result: str) -> None:
    found = judged(replace(CALM, edited=edited))["parameters.untouched"]
    assert (found.result, found.severity, found.first_breach) == (result, "hard", edited)
    if edited:
        assert found.reason == "somebody else changed the file of the parameters during iteration 3"


@pytest.mark.parametrize(
    ("change", "result", "words"),
    [
        ({"confirmed": 4}, "pass", "in 4 of 4 iterations the workload proved that it read"),
        ({"confirmed": 1}, "pass", "in 1 of 4 iterations the workload proved that it read"),
        ({}, "not_applicable", "unconfirmed: the workload writes no params.sha256"),
        ({"confirmed": 3, "misread": 2}, "invalid", "read other parameters than those in force, for the first time in"),
        ({"misread": 2, "is_garbled": True}, "invalid", "wrote no SHA-256 to params.sha256, for the first time in"),
    ],
)
def test_what_the_workload_proves_is_judged_and_what_it_does_not_is_told(
    change: dict[str, Any], result: str, words: str
) -> None:
    found = judged(replace(CALM, **change))["parameters.read"]
    assert (found.result, found.n, found.first_breach) == (result, 4, change.get("misread"))
    assert words in found.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "nobody proposed anything, so the parameters stayed as they were"),
        (
            {"proposals": 3, "applied": 1, "suppressed": 1, "no_op": 1},
            "3 proposals: 1 applied, 1 suppressed, 1 without effect",
        ),
        (
            {"proposals": 1, "suppressed": 1},
            "1 proposal: 0 applied, 1 suppressed, 0 without effect" + NOTHING,
        ),
        (
            {"proposals": 2, "no_op": 2},
            "2 proposals: 0 applied, 0 suppressed, 2 without effect" + NOTHING,
        ),
    ],
)
def test_trap_09_decisions_are_told_apart_and_nothing_applied_is_no_convergence(
    change: dict[str, int], reason: str
) -> None:
    found = judged(replace(CALM, **change))["tuning.decisions"]
    assert (found.result, found.severity, found.reason) == ("not_applicable", "soft", reason)
    assert (found.value, found.n) == (change.get("applied", 0), change.get("proposals", 0))


@pytest.mark.parametrize(
    ("change", "result", "reason"),
    [
        ({}, "pass", "each answer of the tuner could be used"),
        (
            {"tuner_failures": 1, "tuner_failed": 3, "failure": "it slept"},
            "warn",
            "asking the tuner was in vain once; the first time, before iteration 3: it slept",
        ),
        (
            {"tuner_failures": 2, "tuner_failed": 2, "failure": "it died"},
            "warn",
            "asking the tuner was in vain 2 times; the first time, before iteration 2: it died",
        ),
    ],
)
def test_a_tuner_without_an_answer_is_a_warning(change: dict[str, Any], result: str, reason: str) -> None:
    found = judged(replace(CALM, **change), replace(RULES, command="tuner"))["tuning.command"]
    assert (found.result, found.severity, found.reason, found.first_breach) == (
        result,
        "soft",
        reason,
        change.get("tuner_failed"),
    )
    assert "tuning.command" not in judged(replace(CALM, **change))
