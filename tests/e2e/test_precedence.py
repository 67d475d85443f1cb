"""The action precedence as act plays it: where values come from, expectations, locks, and what a change loosens."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.e2e import acting

SOAK = """\
version: 1
workload: {run: [python3, measure.py]}
kpis:
  p95_ms: {from: m.json#p95, unit: ms, better: lower, hard: %s}
gate: {locked: %s}
"""
MEASURE = """\
import json, os
json.dump({"p95": 200 + int(os.environ["SOAK_ITERATION"])}, open(os.environ["SOAK_OUT"] + "/m.json", "w"))
"""
WORKFLOW = """\
name: Precedence
on: pull_request
permissions: {contents: read}
jobs:
  precedence:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
      - uses: org/soak-action/.github/actions/precedence@v1
      - uses: org/soak-action@v1
        with: {artifact-name: ''}
"""


@pytest.fixture
def steps(play):
    return play("precedence").jobs["precedence"].steps


def test_values_that_are_as_expected_are_green(steps):
    green = steps["green"]
    assert (green.outcome, green.outputs["ok"], green.outputs["exit-code"]) == ("success", "true", "0")
    resolved = json.loads(green.outputs["resolved"])
    assert set(resolved) == {"", "slow", "close", "silent"}
    assert resolved["slow"]["workload"]["run"][-1] == "500"
    inner = steps["green/soak"]
    assert inner.annotations("error") == []
    assert "3 expectations met" in inner.summary.splitlines()[0]


def test_every_broken_expectation_is_listed_and_stands_on_its_line(steps):
    broken, inner = steps["broken"], steps["broken/soak"]
    assert (broken.outcome, broken.outputs["ok"], broken.outputs["exit-code"]) == ("failure", "false", "1")
    places = [(place["file"], place["line"]) for place, _ in inner.annotations("error")]
    assert places == [("tests/e2e/programs/soak.yaml", "8"), ("tests/e2e/programs/soak.yaml", "16")]
    assert "2 expectations broken, 1 met" in inner.summary.splitlines()[0]
    assert list(json.loads(broken.outputs["resolved"])) == ["slow"]


@pytest.mark.parametrize("name", ["locked", "soaked"])
def test_trap_11_an_override_of_a_locked_limit_is_red_and_names_the_variable(steps, name):
    assert (steps[name].outcome, steps[name].outputs["exit-code"]) == ("failure", "2")
    messages = [message for _, message in steps[f"{name}/soak"].annotations("error")]
    assert any("SOAK_KPIS__P95_MS__HARD" in message for message in messages)


def test_variables_from_a_file_count_as_set(steps):
    assert (steps["variables"].outcome, steps["variables"].outputs["ok"]) == ("success", "true")
    assert steps["variables/soak"].summary == ""


def test_a_mistake_is_told_on_its_line(steps):
    wrong = steps["wrong"]
    assert (wrong.outcome, wrong.outputs["ok"], wrong.outputs["exit-code"]) == ("failure", "false", "2")
    assert [place["line"] for place, _ in steps["wrong/soak"].annotations("error")] == ["5"]


@pytest.fixture
def pull_request(tmp_path):
    """A repository whose last commit changes the limits that its base branch has."""

    def made(before: str, after: str) -> tuple[Path, str]:
        place = tmp_path / "changed"
        (place / ".github" / "workflows").mkdir(parents=True)
        (place / ".github" / "workflows" / "precedence.yml").write_text(WORKFLOW, "utf-8")
        (place / "measure.py").write_text(MEASURE, "utf-8")
        (place / "soak.yaml").write_text(before, "utf-8")
        acting.commit(place)
        (place / "soak.yaml").write_text(after, "utf-8")
        words = ["git", *acting.IDENTITY, "commit", "-q", "-a", "-m", "Change"]
        subprocess.run(words, cwd=place, check=True, env=acting.own_environment(place))
        base = subprocess.run(["git", "rev-parse", "HEAD^"], cwd=place, check=True, capture_output=True, text=True)
        return place, base.stdout.strip()

    return made


def test_a_pull_request_that_loosens_a_limit_is_told_so(actor, pull_request):
    place, base = pull_request(SOAK % (400, "[gate]"), SOAK % (800, "[]"))
    event = {"pull_request": {"base": {"sha": base}}}
    played = actor.play(".github/workflows/precedence.yml", place, event="pull_request", event_data=event)
    assert played.code == 0, played.text
    summaries = [step.summary for step in played.jobs["precedence"].steps.values() if step.summary]
    assert len({summary.splitlines()[0] for summary in summaries}) == 2
    for summary in summaries:
        assert "| ⚠️ loosened | `kpis.p95_ms.hard` | `400` | `800` |" in summary
        assert "| ⚠️ loosened | `gate.locked` |" in summary


def test_without_the_base_branch_that_is_said_plainly(actor, pull_request):
    place, _ = pull_request(SOAK % (400, "[]"), SOAK % (800, "[]"))
    event = {"pull_request": {"base": {"sha": "0" * 40}}}
    played = actor.play(
        ".github/workflows/precedence.yml", place, event="pull_request", event_data=event, folder="shallow"
    )
    assert played.code == 0, played.text
    summaries = [step.summary for step in played.jobs["precedence"].steps.values() if step.summary]
    assert summaries
    assert all(
        "not compared with the base branch: the base branch is not in this checkout" in summary for summary in summaries
    )
