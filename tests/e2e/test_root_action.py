"""`uses: ./` as act plays it: each verdict, its exit, its outputs, its annotations and its summary."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

OUTPUTS = {
    *("verdict", "state", "exit-code", "run-id", "run-dir", "receipt", "report", "iterations", "measured-seconds"),
    *("failed-rules", "state-hash", "artifact"),
}


@pytest.fixture
def root(play):
    return play("root")


def steps(root, job):
    return root.jobs[job].steps


def told(step):
    """Return what every case looks at: verdict, exit code, state, number of iterations, failed rules."""
    names = ("verdict", "exit-code", "state", "iterations", "failed-rules")
    return tuple(step.outputs[name] for name in names)


def test_a_good_run_is_green(root):
    soak = steps(root, "green")["soak"]
    assert root.jobs["green"].result == "success"
    assert soak.outcome == "success"
    assert set(soak.outputs) == OUTPUTS
    assert told(soak) == ("pass", "0", "finished", "3", "[]")
    inner = steps(root, "green")["soak/soak"]
    assert "PASS" in inner.summary.upper().splitlines()[0]
    assert inner.annotations("error") == inner.annotations("warning") == []


def test_its_evidence_is_uploaded_whole_and_its_receipt_alone(root):
    soak = steps(root, "green")["soak"]
    evidence = root.artifacts / soak.outputs["artifact"]
    assert {"run.json", "config.json", "iterations.jsonl", "verdict.json", "receipt.json", "summary.md"} <= {
        path.name for path in evidence.iterdir()
    }
    assert len(list(evidence.glob("iterations/*/out/metrics.json"))) == 3
    receipt = root.artifacts / f"soak-receipt-e2e-default-{soak.outputs['run-id']}"
    assert [path.name for path in receipt.iterdir()] == ["receipt.json"]
    assert (receipt / "receipt.json").read_bytes() == (evidence / "receipt.json").read_bytes()


def test_the_uploaded_evidence_is_verified_anywhere(root, soak):
    evidence = root.artifacts / steps(root, "green")["soak"].outputs["artifact"]
    assert soak("verify", evidence).code == 0


def test_the_internal_action_tells_good_evidence_from_edited_evidence(root):
    verified, edited = steps(root, "green")["verified"], steps(root, "green")["edited"]
    assert (verified.outcome, verified.outputs["exit-code"]) == ("success", "0")
    assert json.loads(verified.outputs["json"])
    assert (edited.outcome, edited.outputs["exit-code"]) == ("failure", "4")


def test_a_broken_hard_limit_is_red(root):
    soak, inner = steps(root, "red")["soak"], steps(root, "red")["soak/soak"]
    assert root.code == 1
    assert root.jobs["red"].result == "failure"
    assert soak.outcome == "failure"
    assert told(soak) == ("fail", "1", "finished", "3", '["p95_ms.hard"]')
    (place, message), *_ = inner.annotations("error")
    assert (place["file"], place["line"]) == ("tests/e2e/programs/soak.yaml", "16")
    assert "400" in message
    assert "FAIL" in inner.summary.upper().splitlines()[0]
    assert "400" in inner.summary
    assert (root.artifacts / "evidence-of-red" / "verdict.json").is_file(), "evidence of a red run is uploaded, too"


def test_a_broken_soft_limit_warns_and_turns_red_on_demand(root):
    soak, strict = steps(root, "warn")["soak"], steps(root, "warn")["strict"]
    assert (soak.outcome, soak.outputs["verdict"], soak.outputs["exit-code"]) == ("success", "warn", "0")
    assert (strict.outcome, strict.outputs["verdict"], strict.outputs["exit-code"]) == ("failure", "warn", "1")
    assert steps(root, "warn")["soak/soak"].annotations("warning")
    assert steps(root, "warn")["strict/soak"].annotations("error")
    assert steps(root, "warn")["soak/soak"].summary
    assert steps(root, "warn")["strict/soak"].summary == ""


def test_what_was_not_measured_is_invalid_whatever_turns_red(root):
    soak, overridden = steps(root, "invalid")["soak"], steps(root, "invalid")["overridden"]
    assert (soak.outcome, soak.outputs["verdict"], soak.outputs["exit-code"]) == ("failure", "invalid", "4")
    assert json.loads(soak.outputs["failed-rules"])
    assert steps(root, "invalid")["soak/soak"].annotations("error")
    assert (overridden.outcome, overridden.outputs["verdict"], overridden.outputs["exit-code"]) == (
        "success",
        "invalid",
        "0",
    )
    assert "override" in steps(root, "invalid")["overridden/soak"].summary.lower()


def test_a_mistake_in_the_configuration_is_told_on_its_line(root):
    soak, inner = steps(root, "wrong")["soak"], steps(root, "wrong")["soak/soak"]
    assert (soak.outcome, soak.outputs["verdict"], soak.outputs["exit-code"]) == ("failure", "invalid", "2")
    ((place, message),) = inner.annotations("error")
    assert (place["file"], place["line"]) == ("tests/e2e/programs/wrong.yaml", "5")
    assert "iterations" in message
    assert "iteratoins" in inner.summary
    assert soak.outputs["artifact"] == ""


def test_a_mistake_in_an_input_names_the_input(root):
    text, inner = steps(root, "wrong")["text"], steps(root, "wrong")["text/soak"]
    assert (text.outcome, text.outputs["verdict"], text.outputs["exit-code"]) == ("failure", "invalid", "2")
    assert "input iterations" in inner.log
    assert "Traceback" not in inner.log


def test_a_command_needs_no_configuration(root):
    for name in ("shell", "list"):
        soak = steps(root, "command")[name]
        assert (soak.outcome, soak.outputs["verdict"], soak.outputs["iterations"]) == ("success", "pass", "2"), name
    assert "it's 1" in steps(root, "command")["shell/soak"].log
    assert "$HOME; workflow_dispatch" in steps(root, "command")["list/soak"].log
    failing = steps(root, "command")["failing"]
    assert (failing.outcome, failing.outputs["verdict"], failing.outputs["exit-code"]) == ("failure", "fail", "1")


def test_neither_configuration_nor_command_is_a_mistake(root):
    nothing = steps(root, "command")["nothing"]
    assert (nothing.outcome, nothing.outputs["verdict"], nothing.outputs["exit-code"]) == ("failure", "invalid", "2")
    assert "soak.yaml" in steps(root, "command")["nothing/soak"].log


def test_a_later_step_goes_on_with_a_paused_run(root):
    first, second = steps(root, "segments")["first"], steps(root, "segments")["second"]
    assert (first.outcome, first.outputs["state"], first.outputs["verdict"]) == ("success", "paused", "inconclusive")
    assert (second.outcome, second.outputs["state"], second.outputs["verdict"]) == ("success", "finished", "pass")
    assert first.outputs["run-id"] == second.outputs["run-id"]
    assert int(second.outputs["iterations"]) > int(first.outputs["iterations"]) > 0


@pytest.mark.parametrize("name", ["interpreter", "missing", "offline"])
def test_a_step_that_dies_in_the_launcher_is_invalid_downstream(root, name):
    dead = steps(root, "dead")[name]
    assert dead.outcome == "failure"
    assert told(dead) == ("invalid", "5", "unfinished", "0", "[]")
    assert steps(root, "dead")["downstream"].log == "invalid/5 invalid/5 invalid/5\n"


def test_the_launcher_says_in_one_line_why_it_died(root):
    offline = steps(root, "dead")["offline/soak"].log
    assert "the dependencies cannot be installed" in offline
    assert "Traceback" not in offline


def test_nothing_that_a_workload_prints_takes_effect(root):
    soak, inner = steps(root, "hostile")["soak"], steps(root, "hostile")["soak/soak"]
    assert (soak.outcome, soak.outputs["verdict"]) == ("failure", "fail")
    forged = [
        command for command in inner.commands if "forged" in str(command) or command[0] in {"add-mask", "add-path"}
    ]
    assert forged == []
    assert "::error::forged" in inner.log, "it is in the log, as text"
    assert "\x1b" not in inner.log
    assert "forged" not in inner.summary
    assert {place["title"] for place, _ in inner.annotations("error")} == {"markup.hard: fail"}
    after = steps(root, "hostile")["after"]
    assert after.annotations("warning") == [({}, "commands are obeyed again, iteration ")]


def test_a_workload_finds_neither_the_files_nor_the_inputs_of_the_step(root):
    found = json.loads(next((root.artifacts / "hostile").glob("iterations/00001/out/found.json")).read_text("utf-8"))
    assert not [name for name in found if name.startswith(("INPUT_", "ACTIONS_"))]
    assert not {
        "GITHUB_OUTPUT",
        "GITHUB_ENV",
        "GITHUB_PATH",
        "GITHUB_STEP_SUMMARY",
        "GITHUB_STATE",
        "GITHUB_TOKEN",
    } & set(found)


def test_a_name_of_several_lines_is_refused_and_only_text_in_the_refusal(root):
    lines, inner = steps(root, "hostile")["lines"], steps(root, "hostile")["lines/soak"]
    assert (lines.outcome, lines.outputs["verdict"], lines.outputs["exit-code"]) == ("failure", "invalid", "2")
    assert len(inner.annotations("error")) == 1
    assert "\n# four" not in inner.summary
    assert "\n::error" not in inner.summary


def test_hostile_names_are_text_in_the_summary(root):
    summary = steps(root, "hostile")["soak/soak"].summary
    assert "<script" not in summary
    assert "<img" not in summary
    assert "\n::error" not in summary
    assert "\n# four" not in summary
    assert Path(root.artifacts / "hostile" / "summary.md").read_text("utf-8") == summary
