"""The action kpi-gate as act plays it: results that another step made, judged by hard and soft limits."""

from __future__ import annotations

import pytest


@pytest.fixture
def steps(play):
    return play("gate").jobs["gate"].steps


@pytest.mark.parametrize(
    ("name", "outcome", "verdict", "code", "failed"),
    [
        ("green", "success", "pass", "0", "[]"),
        ("configured", "success", "pass", "0", "[]"),
        ("soft", "success", "warn", "0", "[]"),
        ("strict", "failure", "warn", "1", "[]"),
        ("hard", "failure", "fail", "1", '["p95_ms.hard"]'),
    ],
)
def test_results_are_judged(steps, name, outcome, verdict, code, failed):
    gate = steps[name]
    assert (gate.outcome, gate.outputs["verdict"], gate.outputs["exit-code"]) == (outcome, verdict, code)
    assert gate.outputs["failed-rules"] == failed
    assert gate.outputs["iterations"] == "3"
    assert verdict.upper() in steps[f"{name}/soak"].summary.upper().splitlines()[0]


@pytest.mark.parametrize(("name", "code"), [("missing", "4"), ("unmatched", "4"), ("absent", "4"), ("unasked", "2")])
def test_what_is_not_there_is_never_green(steps, name, code):
    gate = steps[name]
    assert (gate.outcome, gate.outputs["verdict"], gate.outputs["exit-code"]) == ("failure", "invalid", code)
    assert steps[f"{name}/soak"].annotations("error")


def test_the_one_that_is_missing_is_named(steps):
    assert "good/4.json" in steps["missing/soak"].log
    assert "none/*.json" in steps["unmatched/soak"].log
    assert "input results" in steps["unasked/soak"].log


def test_a_judgement_has_evidence_and_a_receipt_of_its_own(play, steps, soak):
    artifacts = play("gate").artifacts
    for name, code in (("green", 0), ("hard", 1)):
        evidence = artifacts / f"gate-{name}"
        assert (evidence / "receipt.json").is_file()
        assert soak("verify", evidence).code == code
        assert steps[name].outputs["gate-id"]


def test_the_annotation_tells_what_failed(steps):
    messages = [message for _, message in steps["hard/soak"].annotations("error")]
    assert any("400" in message for message in messages)
    assert steps["soft/soak"].annotations("warning")
    assert steps["soft/soak"].annotations("error") == []
