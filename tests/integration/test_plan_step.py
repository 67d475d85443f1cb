"""The step of the action `plan`, as GitHub's runner starts it."""

from __future__ import annotations

import json

import pytest
from tests.integration.action_step import Job

PLAN = ".github/actions/plan"
CONFIG = "version: 1\nworkload: {run: [work], timeout: 2m}\nschedule: {duration: 9h}\nkpis: {exit_code: {}}\n"


@pytest.fixture
def job(tmp_path):
    job = Job(tmp_path)
    job.workspace.mkdir()
    (job.workspace / "soak.yaml").write_text(CONFIG)
    return job


def test_the_plan_is_given_to_the_jobs_that_follow(job):
    done = job.run(PLAN, segment="5h", name="api-2", runs_on='["windows-latest"]')
    assert done.code == 0, done.log
    outputs = done.outputs
    assert (outputs["planned"], outputs["timeout-minutes"], outputs["exit-code"]) == ("3", "317", "0")
    assert json.loads(outputs["runs-on"]) == ["windows-latest"]
    assert json.loads(outputs["plan"])["segment_seconds"] == 18000
    assert "3 slots, 1 of them to spare, of 5h for 9h of soak on windows-latest" in done.log


def test_every_input_counts(job):
    inputs = {"duration": "1h", "set": "workload.timeout=10m\nschedule.warmup=0", "config": "soak.yaml"}
    outputs = job.run(PLAN, segment="1h", **inputs).outputs
    assert (outputs["planned"], outputs["timeout-minutes"]) == ("2", "85")
    assert job.run(PLAN, segment="10m", iterations="6").outputs["planned"] == "3"
    assert job.run(PLAN, segment="10m", profile="night").code == 2


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"segment": ""}, "input segment"),
        ({"segment": "5h", "name": "a*"}, "letters, digits and '-' only"),
        ({"segment": "1m"}, "the smallest segment that fits is 36m"),
        ({"segment": "7h"}, "the largest segment that fits is 5h45m"),
        ({"segment": "1h", "runs_on": "{"}, "names no runner"),
    ],
)
def test_what_does_not_fit_turns_the_job_red_with_the_reason(job, inputs, told):
    done = job.run(PLAN, **inputs)
    assert (done.code, done.outputs["exit-code"]) == (2, "2")
    assert told in done.log
    assert [line for line in done.log.splitlines() if line.startswith("::error ") and told.split()[-1] in line]
    assert "planned" not in done.outputs


def test_a_slot_waits_for_an_iteration_of_a_command_without_a_configuration(job):
    (job.workspace / "soak.yaml").unlink()
    bare = job.run(PLAN, segment="1h", duration="1h").outputs
    timed = job.run(PLAN, segment="1h", duration="1h", command="work", set="workload.timeout=20m").outputs
    assert (bare["timeout-minutes"], timed["timeout-minutes"]) == ("75", "95")
