from __future__ import annotations

import os
import shlex

import pytest

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
