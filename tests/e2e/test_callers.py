"""Workflows of other repositories, of schedules, and this repository's own."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import jsonschema
import pytest
from tests.e2e import acting

WORKFLOWS = Path(__file__).resolve().parent / "workflows"
DOCUMENTED = acting.ROOT / "docs" / "examples" / "workflows"
LOAD = "import time\nstart = time.monotonic()\nsum(range(10000))\nprint('took', time.monotonic() - start)\n"


@pytest.fixture
def foreign(tmp_path):
    """Somebody else's repository with one of our workflows."""

    def made(workflow: str, source: Path = WORKFLOWS, **files: str) -> Path:
        """Files are named with `__` for `/` and, for the last time, `_` for `.`."""
        place = tmp_path / "somebody else's repository"
        (place / ".github" / "workflows").mkdir(parents=True)
        shutil.copy(source / workflow, place / ".github" / "workflows" / workflow)
        for name, text in files.items():
            target = place / ".".join(name.replace("__", "/").rsplit("_", 1))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
        acting.commit(place)
        return place

    return made


def test_the_ten_lines_of_the_readme_work_in_any_repository(actor, foreign):
    """The names of repository and workspace hold spaces, as they may on a machine of one's own."""
    repository = foreign("readme.yml", load_py=LOAD)
    played = actor.play(".github/workflows/readme.yml", repository, event="pull_request", folder="runner with spaces")
    assert played.code == 0, played.text
    (step,) = [step for name, step in played.jobs["soak"].steps.items() if name == "1"]
    assert (step.outputs["verdict"], step.outputs["iterations"]) == ("pass", "5")
    assert " " in step.outputs["run-dir"]
    assert (played.artifacts / step.outputs["artifact"] / "receipt.json").is_file()


def test_the_ten_lines_are_red_when_the_program_fails(actor, foreign):
    repository = foreign("readme.yml", load_py=f"{LOAD}raise SystemExit(3)\n")
    played = actor.play(".github/workflows/readme.yml", repository, event="pull_request", folder="red")
    assert played.code == 1
    step = played.jobs["soak"].steps["1"]
    assert (step.outcome, step.outputs["verdict"], step.outputs["exit-code"]) == ("failure", "fail", "1")


MEASURE = """\
import json, os
p95 = 200 + int(os.environ["SOAK_ITERATION"]) % 7
json.dump({"p95": p95}, open(os.environ["SOAK_OUT"] + "/m.json", "w"))
"""
CONFIGURATION = """\
version: 1
suite: foreign
workload:
  run: ["${SOAK_PYTHON}", measure.py]
kpis:
  p95_ms: {from: m.json#p95, unit: ms, better: lower, range: [0, 60000], hard: 400}
"""


def test_the_reusable_smoke_workflow_is_done_in_two_minutes_with_caches_cold(actor, foreign, tmp_path, soak):
    repository = foreign("smoke.yml", soak_yaml=CONFIGURATION, measure_py=MEASURE, results__1_json='{"p95": 200}')
    started = time.monotonic()
    played = actor.play(".github/workflows/smoke.yml", repository, tool_cache=tmp_path / "cold")
    assert time.monotonic() - started < 120
    assert played.code == 0, played.text
    mock, results = json.loads(played.jobs["after"].steps["told"].log)
    told = [mock["outputs"][name] for name in ("verdict", "exit-code", "gate-verdict")]
    assert told == ["pass", "0", ""]
    assert (results["outputs"]["verdict"], results["outputs"]["gate-verdict"]) == ("pass", "pass")
    first = {"mock": "smoke/soak", "results": "precedence/soak"}
    logs = [played.jobs[f"{job}/smoke"].steps[step].log for job, step in first.items()]
    assert ["installing the locked dependencies" in log for log in logs].count(True) == 1, "caches were cold, once"
    smoke = played.jobs["mock/smoke"].steps["smoke"]
    assert (smoke.outputs["iterations"], smoke.outputs["state"]) == ("3", "finished")
    assert "MOCK" in played.jobs["mock/smoke"].steps["smoke/soak"].summary
    evidence = played.artifacts / mock["outputs"]["artifact"]
    assert soak("verify", evidence).code == 0
    assert against_schemas(evidence) == {"config-sources", "iteration", "receipt", "run", "segment", "verdict"}
    assert len([path for path in played.artifacts.iterdir() if path.name.startswith("soak-receipt-")]) == 3


def test_the_reusable_smoke_workflow_is_red_when_the_results_are_bad(actor, foreign):
    repository = foreign("smoke-red.yml", soak_yaml=CONFIGURATION, measure_py=MEASURE, results__1_json='{"p95": 200}')
    played = actor.play(".github/workflows/smoke-red.yml", repository)
    assert played.code == 1
    job = played.jobs["results/smoke"]
    assert job.result == "failure"
    assert (job.steps["smoke"].outcome, job.steps["smoke"].outputs["verdict"]) == ("success", "pass")
    assert (job.steps["gate"].outcome, job.steps["gate"].outputs["verdict"]) == ("failure", "fail")


# ---- the workflows of the guide

NIGHTLY = CONFIGURATION + "profiles:\n  nightly: {schedule: {iterations: 4}}\n"
LOAD_TEST = """\
import json, pathlib
pathlib.Path("results").mkdir()
for number in range(1, 4):
    result = {"latency": {"p95": 300 + number}, "errors": {"rate": %s}}
    pathlib.Path(f"results/{number}.json").write_text(json.dumps(result))
"""


@pytest.mark.parametrize(
    ("event", "inputs", "state"),
    [("schedule", {}, "finished 4"), ("workflow_dispatch", {"duration": "1s"}, "finished")],
)
def test_the_night_of_the_guide_runs_by_the_clock_and_by_hand(actor, foreign, event, inputs, state):
    repository = foreign("nightly.yml", DOCUMENTED, soak_yaml=NIGHTLY, measure_py=MEASURE)
    played = actor.play(".github/workflows/nightly.yml", repository, event=event, inputs=inputs, folder=event)
    assert played.code == 0, played.text
    steps = played.jobs["soak"].steps
    soak = steps["soak"].outputs
    assert f"{soak['state']} {soak['iterations']}".startswith(state)
    assert "the night was pass, failed rules []" in steps["2"].log


def test_the_load_test_of_the_guide_is_judged(actor, foreign):
    repository = foreign("kpi-gate.yml", DOCUMENTED, load_test_py=LOAD_TEST % "0")
    played = actor.play(".github/workflows/kpi-gate.yml", repository, event="pull_request", folder="load")
    assert played.code == 0, played.text


def test_the_load_test_of_the_guide_is_red_when_it_shall_be(actor, foreign):
    repository = foreign("kpi-gate.yml", DOCUMENTED, load_test_py=LOAD_TEST % "number / 100")
    played = actor.play(".github/workflows/kpi-gate.yml", repository, event="pull_request", folder="red-load")
    assert played.code == 1
    (gate,) = [step for step in played.jobs["load"].steps.values() if "gate-id" in step.outputs]
    assert (gate.outputs["verdict"], gate.outputs["failed-rules"]) == ("fail", '["error_rate.hard"]')


def test_the_smoke_run_of_the_guide_is_green(actor, foreign):
    played = actor.play(
        ".github/workflows/smoke.yml",
        foreign("smoke.yml", DOCUMENTED, load_py=LOAD),
        event="pull_request",
        folder="guide",
    )
    assert played.code == 0, played.text


def against_schemas(evidence: Path) -> set[str]:
    """Hold every record of a run against the schema of its file, and return the names of the schemas."""
    schemas = {"iterations.jsonl": "iteration", "segments.jsonl": "segment"}
    used = set()
    for path in evidence.glob("*.json*"):
        name = schemas.get(path.name, path.stem)
        if path.name == "config.json":
            continue  # the configuration in force, not a file of ours with a schema
        validator = jsonschema.Draft202012Validator(
            json.loads((acting.ROOT / "schemas" / f"{name}.schema.json").read_text())
        )
        text = path.read_text("utf-8")
        for record in text.splitlines() if path.suffix == ".jsonl" else [text]:
            validator.validate(json.loads(record))
            used.add(name)
    return used


@pytest.mark.parametrize(
    ("event", "inputs"), [("schedule", {}), ("workflow_dispatch", {"iterations": "2", "summary": "false"})]
)
def test_trap_51_one_workflow_serves_the_clock_and_a_person(actor, event, inputs):
    played = actor.play("tests/e2e/workflows/inputs.yml", event=event, inputs=inputs)
    soak = played.jobs["soak"].steps["soak"]
    assert (soak.outcome, soak.outputs["verdict"]) == ("success", "pass"), played.text
    assert soak.outputs["iterations"] == inputs.get("iterations", "3")
    assert bool(played.jobs["soak"].steps["soak/soak"].summary) is (event == "schedule")


def test_our_own_workflow_sees_each_kind_of_failure(actor):
    played = actor.play(".github/workflows/ci.yml", job="action", event="push")
    assert played.code == 0, played.text
    for system in ("ubuntu-latest", "macos-latest", "windows-latest"):
        job = played.jobs[f"action {system}"]
        assert job.result == "success"
        assert (played.artifacts / f"evidence-{system}" / "receipt.json").is_file()
