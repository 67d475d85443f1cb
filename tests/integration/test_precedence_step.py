"""The step `precedence` as GitHub's runner starts it: what its inputs come to, good and bad ones."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.integration.action_step import ROOT, Job

PLACE = ".github/actions/precedence"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose workspace holds the programs of the end-to-end tests."""
    job = Job(tmp_path)
    shutil.copytree(ROOT / "tests" / "e2e" / "programs", job.workspace)
    return job


def test_every_profile_is_resolved_and_nothing_runs(job):
    done = job.run(PLACE)
    assert (done.code, done.outputs["ok"], done.outputs["exit-code"]) == (0, "true", "0"), done.log
    resolved = json.loads(done.outputs["resolved"])
    assert resolved[""]["schedule"]["iterations"] == 3
    assert resolved["close"]["workload"]["run"][-1] == "370"
    assert done.summary.startswith("# ✅ Configuration: no mistakes")
    assert not (job.workspace / ".soak").exists()


def test_each_way_to_say_what_is_expected(job):
    expect = "schedule.iterations=3\r\n\n  slow: kpis.p95_ms.hard=400@file  \nclose: schedule.warmup=0@default"
    done = job.run(PLACE, expect=expect)
    assert (done.code, done.outputs["ok"]) == (0, "true"), done.log
    assert "3 expectations met" in done.summary
    done = job.run(PLACE, expect="schedule.iterations=4\nslow: kpis.p95_ms.hard=400@env", profiles="slow")
    assert (done.code, done.outputs["ok"]) == (1, "false")
    assert done.log.count("::error ") == 2
    assert "2 expectations broken, 0 met" in done.summary


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"expect": "x"}, "input expect x: write PATH=VALUE"),
        ({"expect": "schedule.iteratoins=3"}, "did you mean 'schedule.iterations'?"),
        ({"expect": "nightly: schedule.iterations=3"}, "there is no profile 'nightly' to look at"),
        ({"profiles": "nightly"}, "there is no profile 'nightly'"),
        ({"env_file": "none.env"}, "input env-file: there is no file none.env"),
        ({"env_file": "."}, "input env-file: there is no file ."),
        ({"config": "none.yaml"}, "none.yaml: there is no such configuration file"),
        ({"summary": "maybe"}, "input summary: 'maybe' is neither true nor false"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(job, inputs, told):
    done = job.run(PLACE, **inputs)
    assert done.code == 2
    assert done.outputs.get("ok", "false") == "false"
    assert [line for line in done.log.splitlines() if told in line and not line.startswith("::")]
    assert "Traceback" not in done.log


def test_variables_from_a_file_are_the_env_layer(job):
    (job.workspace / "ci.json").write_text('{"SOAK_SCHEDULE__ITERATIONS": 7, "OTHER": "x"}')
    done = job.run(PLACE, env_file="ci.json", expect="schedule.iterations=7@env", profiles="slow")
    assert done.code == 0, done.log
    (job.workspace / "ci.env").write_text("SOAK_SCHEDULE__ITERATIONS=seven\nSOAK_SCHEDULE__ITERATOINS=7\n")
    done = job.run(PLACE, env_file="ci.env")
    assert done.code == 2
    assert done.log.count("::error ") == 2


def test_secrets_and_hostile_values_are_shown_to_nobody(job):
    (job.workspace / "soak.yaml").write_text(
        "version: 1\nworkload:\n  run: '::error::forged'\n  env: {API_TOKEN: hunter2-hunter2}\n"
        "kpis:\n  v: {from: 'm.json#v', better: lower, hard: 1, title: '</details><script>x</script> | ::error::y'}\n"
    )
    done = job.run(PLACE, expect="workload.env.API_TOKEN=wrong-secret")
    assert done.code == 1
    for text in (done.summary, done.outputs["resolved"], done.log.replace("::add-mask::hunter2-hunter2", "")):
        assert "hunter2" not in text
        assert "wrong-secret" not in text
    assert "`</details><script>x</script> \\| ::error::y`" in done.summary, "as code it is text"
    assert [line for line in done.log.splitlines() if line.startswith("::error ")]
    assert not [line for line in done.log.splitlines() if line.startswith("::error::")]


def test_a_limit_that_only_a_profile_loosens_is_told_too(tmp_path):
    job = Job(tmp_path)
    job.workspace.mkdir()
    soak = job.workspace / "soak.yaml"
    text = (
        "version: 1\nworkload: {run: [a]}\nkpis: {v: {from: m.json#v, better: lower, hard: 400}}\n"
        "profiles: {nightly: {kpis: {v: {hard: %s}}}, smoke: {schedule: {iterations: 3}}}\n"
    )
    soak.write_text(text % 500)
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
    for words in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "Base"]):
        subprocess.run(["git", *words], cwd=job.workspace, check=True)
    base = subprocess.run(["git", "rev-parse", "HEAD"], cwd=job.workspace, check=True, capture_output=True, text=True)
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"base": {"sha": base.stdout.strip()}}}))
    variables = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event)}
    assert "No gate, limit or lock differs" in job.run(PLACE, variables).summary
    soak.write_text(text % 900)
    summary = job.run(PLACE, variables).summary
    assert "| \u26a0\ufe0f loosened | `profiles.nightly.kpis.v.hard` | `500` | `900` |" in summary
    assert summary.count("loosened") == 1
    soak.write_text((text % 500) + "gate: {fail_on: [fail]}\n")
    assert "| \u26a0\ufe0f loosened | `gate.fail_on` |" in job.run(PLACE, variables).summary
    soak.write_text((text % 500).replace("400", "800"))
    summary = job.run(PLACE, variables).summary
    assert "loosened | `kpis.v.hard` | `400` | `800` |" in summary
    assert summary.count("loosened") == 1, "what all profiles say alike is told once"
