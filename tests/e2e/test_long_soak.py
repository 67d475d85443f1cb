"""The reusable workflow soak.yml across jobs: slots that pause, are interrupted, killed or vanish, and the judge."""

from __future__ import annotations

import json
import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from tests.e2e import acting
from tests.e2e.test_callers import against_schemas

WORKFLOWS = Path(__file__).resolve().parent / "workflows"
WORK = """\
import json, os, pathlib, shutil, signal, time

def leave(number):
    os.kill(os.getppid(), number)
    time.sleep(60)

iteration = int(os.environ["SOAK_ITERATION"])
run = pathlib.Path(os.environ["SOAK_RUN_DIR"])
once = pathlib.Path(os.environ["E2E_ARTIFACTS"]).parent / "once"
pathlib.Path(os.environ["SOAK_OUT"], "m.json").write_text(json.dumps({"p95": 200 + iteration}))
"""
# In 2 s there is time for one iteration only when the next one is due after 3 s, however slow the machine is.
CONFIGURATION = """\
version: 1
suite: long
workload: {run: ["${SOAK_PYTHON}", work.py], timeout: 2m}
schedule: {iterations: 2, every: 3s}
kpis:
  p95_ms: {from: m.json#p95, unit: ms, better: lower, range: [0, 60000], stat: max, hard: 400}
"""
TOO_LONG = CONFIGURATION.replace("iterations: 2", "iterations: 20")
INTERRUPT_THEN_KILL = """\
if iteration == 2:
    leave(signal.SIGINT)
if iteration == 3 and not (run / "unrecorded").exists() and not once.exists():
    once.touch()
    leave(signal.SIGKILL)
"""
TOO_SLOW_IN_THE_END = """\
if iteration == 2:
    pathlib.Path(os.environ["SOAK_OUT"], "m.json").write_text(json.dumps({"p95": 900}))
"""
VANISH_FIRST = """\
if not once.exists():
    once.touch()
    shutil.rmtree(run)
    leave(signal.SIGKILL)
"""


@pytest.fixture
def long_soak(actor, tmp_path):
    """Play a workflow of this folder in somebody else's repository."""

    def play(work: str, configuration: str = CONFIGURATION, segment: str = "2s", workflow: str = "long.yml"):
        place = tmp_path / "somebody else's repository"
        (place / ".github" / "workflows").mkdir(parents=True)
        (place / ".github" / "workflows" / workflow).write_bytes((WORKFLOWS / workflow).read_bytes())
        (place / "work.py").write_text(WORK + work)
        (place / "soak.yaml").write_text(configuration)
        acting.commit(place)
        played = actor.play(
            f".github/workflows/{workflow}", place, inputs={"segment": segment}, folder=tmp_path.name.replace(" ", "-")
        )
        told = played.jobs["after"].steps["told"].log if "after" in played.jobs else "{}"
        return played, json.loads(told).get("outputs", {})

    return play


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def slots_of(played: acting.Played) -> dict[int, dict[str, str]]:
    """Return the outputs of the soak step of each slot that ran, as the action gives them back to the workflow."""
    jobs = {number: played.jobs.get(f"Slot {number}/slot") for number in range(1, 17)}
    # An output that nobody set has the value that the action says.
    least = {"verdict": "invalid", "state": "unfinished", "run-id": "", "artifact": ""}
    return {number: {**least, **job.steps["soak"].outputs} for number, job in jobs.items() if job is not None}


def test_a_soak_goes_on_across_jobs_whatever_ended_each_of_them(long_soak, soak):
    played, told = long_soak(INTERRUPT_THEN_KILL)
    slots = slots_of(played)
    assert [slot["state"] for slot in slots.values()] == ["paused", "interrupted", "unfinished", "finished"], (
        played.text
    )
    assert [slot["verdict"] for slot in slots.values()] == ["inconclusive", "inconclusive", "invalid", "pass"]
    assert len({slot["run-id"] for slot in slots.values()}) == 1
    assert played.jobs["soak/judge"].result == "success"
    wanted = {"verdict": "pass", "exit-code": "0", "state": "finished", "iterations": "2", "failed-rules": "[]"}
    assert {name: told[name] for name in wanted} == wanted
    assert told["artifact"] == "soak-soak-attempt-1-slot-4"
    evidence = played.artifacts / told["artifact"]
    assert soak("verify", evidence).code == 0
    assert "segment" in against_schemas(evidence)
    records, ends = lines(evidence / "iterations.jsonl"), lines(evidence / "segments.jsonl")
    assert [(record["iteration"], record["outcome"]) for record in records] == [(1, "ok"), (2, "cancelled"), (3, "ok")]
    assert [(end["state"], end["iterations"]) for end in ends] == [("paused", 1), ("interrupted", 2), ("finished", 3)]
    coverage = json.loads((evidence / "receipt.json").read_text("utf-8"))["coverage"]
    gaps = [
        (datetime.fromisoformat(after["started_at"]) - datetime.fromisoformat(before["ended_at"])).total_seconds()
        for before, after in pairwise(ends)
    ]
    assert coverage["segments"] == 3
    assert coverage["gap_seconds"] == pytest.approx(sum(gaps), abs=1e-6)
    assert coverage["longest_segment_seconds"] == max(end["measured_seconds"] for end in ends)
    assert gaps[1] > 3, "the slot that was killed lies in it"
    told_of = played.jobs["soak/judge"].steps["0/soak"].annotations("warning")
    assert [text.partition(":")[0].split(" and ")[0] for _, text in told_of] == [
        "slot-2 ended with exit code 130",
        "slot-3 died",
    ]
    page = played.jobs["soak/judge"].steps["gate/soak"].summary
    assert "3 segments, the longest" in page
    assert "<summary>Segments: 3</summary>" in page
    # The killed slot recorded nothing, so what it left is no further on than the sealed checkpoint before it.
    assert (played.artifacts / "soak-soak-attempt-1-slot-3" / "iterations" / "00003").is_dir()
    (used,) = re.findall(r"going on with checkpoint .*?(slot-\d)", played.jobs["Slot 4/slot"].steps["soak/soak"].log)
    assert used == "slot-2"


def test_a_slot_that_vanishes_without_a_checkpoint_costs_its_segment_and_a_breach_is_red(long_soak):
    played, _ = long_soak(VANISH_FIRST + TOO_SLOW_IN_THE_END)
    slots = slots_of(played)
    assert [slot["state"] for slot in slots.values()] == ["unfinished", "paused", "finished"], played.text
    assert slots[1]["run-id"] != slots[2]["run-id"] == slots[3]["run-id"]
    stored = {path.name for path in played.artifacts.iterdir() if "-slot-" in path.name}
    assert stored == {"soak-soak-attempt-1-slot-2", "soak-soak-attempt-1-slot-3"}
    judge = played.jobs["soak/judge"]
    gate = judge.steps["gate"].outputs
    assert (judge.result, gate["verdict"], gate["exit-code"]) == ("failure", "fail", "1")
    assert "slot-1: unfinished, invalid, exit code 5\nslot-2: paused" in judge.steps["0/soak"].log
    assert (gate["failed-rules"], gate["checkpoint"]) == ('["p95_ms.hard"]', "soak-soak-attempt-1-slot-3")
    assert 4 not in slots, "nothing was left for the spare one"


def test_more_slots_than_there_are_turn_everything_red_with_the_segment_that_fits(long_soak):
    played, _ = long_soak("", TOO_LONG)
    assert played.code == 1
    assert played.jobs["soak/plan"].result == "failure"
    ((_, told),) = played.jobs["soak/plan"].steps["plan/soak"].annotations("error")
    assert "needs 30 slots and 1 spare, but there are 16; the smallest segment that fits is 4s" in told
    assert slots_of(played) == {}
    judge = played.jobs["soak/judge"]
    gate = judge.steps["gate"].outputs
    assert (judge.result, gate["verdict"], gate["exit-code"]) == ("failure", "invalid", "4")


def test_the_workflow_for_windows_plays_the_same_jobs(long_soak):
    """What a workflow hands on from one that it calls itself, act does not know; the contract tests look at that."""
    played, _ = long_soak("", CONFIGURATION.replace("iterations: 2", "iterations: 1"), "1h", "long-windows.yml")
    assert played.code == 0, played.text
    gate = played.jobs["Soak/judge"].steps["gate"].outputs
    assert (gate["verdict"], gate["state"], gate["iterations"]) == ("pass", "finished", "1")
    assert gate["checkpoint"] == "soak-soak-windows-attempt-1-slot-1"
    assert list(slots_of(played)) == [1]
    assert "windows-latest" in played.jobs["Soak/plan"].steps["plan/soak"].outputs["runs-on"]
    proven = json.loads(played.jobs["Slot 1/slot"].steps["1"].outputs["json"])
    assert tuple(map(int, proven["version"].split("."))) >= (3, 11)
    assert proven["encoding"] == "utf-8"


def test_this_repository_soaks_itself_by_hand(actor):
    inputs = {"segment": "1h", "runs-on": '"ubuntu-latest"', "profile": "smoke"}
    played = actor.play(".github/workflows/dispatch-soak.yml", inputs=inputs)
    assert played.code == 0, played.text
    assert list(slots_of(played)) == [1]
    assert played.jobs["Soak/judge"].steps["gate"].outputs["verdict"] == "pass"


def test_the_weekend_of_the_guide_needs_nothing_but_actions(actor, tmp_path, soak):
    """Its segments are shortened, so that slots pause here, too."""
    place = tmp_path / "foreign"
    (place / ".github" / "workflows").mkdir(parents=True)
    text = (acting.ROOT / "docs" / "examples" / "workflows" / "weekend.yml").read_text("utf-8")
    assert text.count("segment: 20h\n") == 4
    (place / ".github" / "workflows" / "weekend.yml").write_text(text.replace("segment: 20h\n", "segment: 2s\n"))
    (place / "work.py").write_text(WORK + INTERRUPT_THEN_KILL.replace("iteration == 3", "False"))
    (place / "soak.yaml").write_text(f"{CONFIGURATION}profiles: {{weekend: {{schedule: {{every: 4s}}}}}}\n")
    acting.commit(place)
    played = actor.play(".github/workflows/weekend.yml", place, event="schedule")
    slots = [played.jobs[f"slot-{number}"].steps["soak"].outputs for number in (1, 2, 3)]
    assert [slot["state"] for slot in slots] == ["paused", "interrupted", "finished"], played.text
    steps = played.jobs["judge"].steps
    (gate,) = [step.outputs for name, step in steps.items() if "gate-id" in step.outputs and "/" not in name]
    assert (gate["verdict"], gate["iterations"], gate["checkpoint"]) == ("pass", "2", "soak-attempt-1-slot-3")
    assert played.jobs["judge"].result == "success"
    assert soak("verify", played.artifacts / gate["checkpoint"]).code == 0
