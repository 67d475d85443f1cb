from __future__ import annotations

import os
import shlex

import pytest
from tests.unit.report.tuned import decision, record, reported

from soak_action.report.console import run_text, verdict_text


def rule(**changes):
    base = {
        "id": "p95.hard",
        "kpi": "p95",
        "kind": "limit",
        "severity": "hard",
        "result": "pass",
        "value": 312.5,
        "limit": 400,
        "window": "last 8",
        "n": 8,
        "statistic": "mean",
        "reason": "mean over the last 8 iterations is 312.5 ms",
    }
    return {**base, **changes}


def verdict(*rules, **changes):
    return {"verdict": "pass", "rules": list(rules), "reasons": [], "mock": False, "overrides": [], **changes}


FAIL_ON = ("fail", "invalid", "inconclusive")


def test_the_verdict_comes_first_then_what_is_wrong_then_the_rules():
    rules = rule(result="fail", value=412.25), rule(id="sanity.state", kind="sanity")
    document = verdict(*rules, verdict="fail", reasons=["p95.hard: bad"])
    assert verdict_text(document, {"p95": "ms"}, FAIL_ON).splitlines() == [
        "FAIL",
        "  p95.hard: bad",
        "",
        "rule      result  value      limit   over",
        "p95.hard  fail    412.25 ms  400 ms  mean, last 8, n=8",
    ]


def test_a_verdict_without_rules_on_kpis_is_only_a_headline():
    assert verdict_text(verdict(verdict="invalid"), {}, FAIL_ON) == "INVALID"


def test_rules_that_do_not_apply_are_listed_with_what_they_would_need():
    text = verdict_text(verdict(rule(result="not_applicable", reason="needs 8 iterations")), {}, FAIL_ON)
    assert text.splitlines() == ["PASS", "", "not applicable:", "  p95.hard: needs 8 iterations"]


def test_counted_rules_are_shown_in_iterations_and_absent_values_as_a_dash():
    text = verdict_text(
        verdict(
            rule(id="p95.sustained", kind="sustained", value=7, limit=6),
            rule(id="p95.soft", value=None, unit=None),
        ),
        {},
        FAIL_ON,
    )
    assert "p95.sustained  pass    7 iterations  6 iterations  last 8" in text
    assert "p95.soft       pass    -             400" in text


def test_a_mock_is_shouted():
    assert verdict_text(verdict(mock=True), {}, FAIL_ON).startswith("PASS   MOCK")


def test_trap_11_a_loosened_gate_is_shown():
    assert "OVERRIDE: gate.fail_on lets fail and invalid exit with 0" in verdict_text(verdict(), {}, ("inconclusive",))
    assert "OVERRIDE" not in verdict_text(verdict(), {}, ("fail", "invalid"))


def test_the_run_says_what_it_did_and_where_to_look():
    run = {"run_dir": "/r", "receipt": "/r/receipt.json"}
    text = run_text({"state": "finished", "iterations": 1, "measured_seconds": 61.04, **run}, "python3 s.py")
    assert "finished: 1 iteration in 1m1s" in text
    assert "verify it:    python3 s.py verify /r" in text
    assert "go on with" not in text


@pytest.mark.parametrize("state", ["paused", "interrupted"])
def test_a_run_that_can_go_on_says_how(state):
    run = {"run_dir": "/r", "receipt": "/r/receipt.json", "state": state, "iterations": 2, "measured_seconds": 1.0}
    assert "go on with:   soak run --resume /r" in run_text(run, "soak")


@pytest.mark.skipif(os.name == "nt", reason="quotes of a POSIX shell")
def test_what_is_to_be_copied_is_one_word():
    run = {"run_dir": "/my runs/it's", "receipt": "/r", "state": "paused", "iterations": 2, "measured_seconds": 1.0}
    text = run_text(run, "soak")
    assert shlex.split(text.partition("verify it:")[2].splitlines()[0]) == ["soak", "verify", "/my runs/it's"]
    assert shlex.split(text.partition("go on with:")[2])[-1] == "/my runs/it's"


HELD = {"min_interval_ms": 70, "impact.cap_ratio": 0.09}
DONE = {"state": "finished", "iterations": 3, "measured_seconds": 3.0, "run_dir": "r", "receipt": "r/receipt.json"}


@pytest.mark.parametrize(
    ("records", "told"),
    [
        (
            [record(1, HELD), record(2, {**HELD, "min_interval_ms": 75}, decision(2, 70, 75))],
            ["1 proposal: 1 applied, 0 suppressed, 0 without effect", "min_interval_ms 70 -> 75 ms"],
        ),
        (
            [
                record(1, HELD),
                record(2, {**HELD, "min_interval_ms": 75}, decision(2, 70, 75)),
                record(3, HELD, decision(3, 75, 70)),
            ],
            ["2 proposals: 2 applied, 0 suppressed, 0 without effect", "they ended as they began"],
        ),
        (
            [record(1, HELD), record(2, HELD, decision(2, 70, 75, "suppressed", details={"warmup": "early"}))],
            [
                "1 proposal: 0 applied, 1 suppressed, 0 without effect",
                "nothing was ever applied, which is not convergence",
            ],
        ),
        ([record(1, HELD)], ["nobody proposed anything", "nothing was ever applied, which is not convergence"]),
        (
            [
                record(1, dict.fromkeys(("a", "b", "c", "d", "e", "f\x1b"), 1)),
                record(2, dict.fromkeys(("a", "b", "c", "d", "e", "f\x1b"), 2.5), decision(2, 1, 2.5, parameter="a")),
            ],
            [
                "1 proposal: 1 applied, 0 suppressed, 0 without effect",
                "a 1 -> 2.5, b 1 -> 2.5, c 1 -> 2.5, d 1 -> 2.5 and 2 more",
            ],
        ),
    ],
)
def test_two_lines_tell_how_the_parameters_went(records, told):
    lines = run_text(DONE, "soak", reported(records)).splitlines()
    assert lines[1] == "finished: 3 iterations in 3s"
    assert lines[2:4] == [f"parameters:   {told[0]}", f"              {told[1]}"]
    assert lines[4].startswith("evidence:")


def test_a_run_without_parameters_does_not_mention_any():
    assert "parameters" not in run_text(DONE, "soak")


def test_a_name_that_evidence_made_up_moves_no_cursor():
    records = [record(1, {"x\x1b[2J": 1}), record(2, {"x\x1b[2J": 2}, decision(2, 1, 2))]
    assert "x\\u001b[2J 1 -> 2" in run_text(DONE, "soak", reported(records))
