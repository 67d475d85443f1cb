"""The steps of the actions that go on with checkpoints and judge them, as GitHub's runner starts them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.integration.action_step import ROOT, Done, Job

pytestmark = pytest.mark.usefixtures("unmeasured")

GATE = ".github/actions/kpi-gate"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose workspace holds the programs of the end-to-end tests."""
    job = Job(tmp_path)
    shutil.copytree(ROOT / "tests" / "e2e" / "programs", job.workspace)
    return job


@pytest.fixture
def slot(job):
    """Play one slot on a fresh machine, keep what it would upload, and return what it came to."""

    def call(number: int, **inputs: str) -> Done:
        shutil.rmtree(job.workspace / ".soak", ignore_errors=True)
        inputs = {"segment": "1ms", "artifact_name": f"slot-{number}", **inputs}
        done = job.run(checkpoints="found", **inputs)
        if done.outputs.get("artifact"):
            shutil.copytree(done.outputs["run-dir"], job.workspace / "found" / done.outputs["artifact"])
        return done

    return call


def test_slots_upload_their_evidence_each_and_the_receipt_once(slot):
    done = [slot(number) for number in (1, 2, 3, 4)]
    assert [one.code for one in done] == [0, 0, 0, 0], done[-1].log
    assert [one.outputs["state"] for one in done] == ["paused", "paused", "finished", "finished"]
    assert [one.outputs.get("artifact", "") for one in done] == ["slot-1", "slot-2", "slot-3", ""]
    assert [bool(one.outputs["receipt-artifact"]) for one in done] == [False, False, True, False]
    for name in ("verdict", "state", "run-id", "exit-code", "iterations", "measured-seconds", "failed-rules"):
        assert done[3].outputs[name] == done[2].outputs[name]
    assert "nothing is run" in done[3].log
    assert Path(done[3].outputs["run-dir"]).name == "slot-3"


def test_a_broken_checkpoint_is_told_beside_the_code(slot, job):
    for number in (1, 2):
        slot(number)
    (job.workspace / "found" / "slot-2" / "config.json").write_text("{}")
    done = slot(3)
    assert (done.code, done.outputs["iterations"]) == (0, "2")
    (told,) = [line for line in done.log.splitlines() if line.startswith("::warning title=broken checkpoint")]
    assert "slot-2" in told


def test_neither_another_run_nor_other_settings_may_stand_beside_checkpoints(slot, job):
    assert slot(1).code == 0
    done = slot(2, resume="found/slot-1")
    assert (done.code, done.outputs["verdict"]) == (2, "invalid")
    assert "input checkpoints cannot stand beside resume" in done.log
    changed = slot(2, iterations="7")
    assert changed.code == 2
    assert "schedule.iterations was 3" in changed.log


def test_the_judge_judges_the_furthest_checkpoint(slot, job):
    for number in (1, 2, 3):
        run = slot(number).outputs["run-id"]
    done = job.run(GATE, checkpoints="found")
    assert (done.code, done.outputs["verdict"], done.outputs["checkpoint"]) == (0, "pass", "slot-3"), done.log
    assert (done.outputs["judged-run"], done.outputs["state"]) == (run, "finished")
    assert float(done.outputs["measured-seconds"]) > 0
    shutil.rmtree(job.workspace / "found" / "slot-3")
    half = job.run(GATE, checkpoints="found")
    assert (half.code, half.outputs["verdict"], half.outputs["state"]) == (3, "inconclusive", "paused")


def test_the_judge_sees_what_a_slot_breached(slot, job):
    assert slot(1, segment="", profile="slow").code == 1
    done = job.run(GATE, checkpoints="found")
    assert (done.code, done.outputs["verdict"]) == (1, "fail")


@pytest.mark.parametrize("broken", [False, True])
def test_trap_03_no_checkpoint_is_not_good(slot, job, broken):
    if broken:
        slot(1)
        (job.workspace / "found" / "slot-1" / "run.json").write_text(json.dumps({}))
    done = job.run(GATE, checkpoints="found")
    assert (done.code, done.outputs["verdict"], done.outputs["exit-code"]) == (4, "invalid", "4")
    assert ("none of the checkpoints verifies" if broken else "there is no checkpoint") in done.log
    assert "INVALID" in done.summary


def test_the_judge_is_told_one_thing_to_judge(job):
    done = job.run(GATE, checkpoints="found", results="*.json")
    assert (done.code, done.outputs["verdict"]) == (2, "invalid")
    assert "input checkpoints" in done.log
