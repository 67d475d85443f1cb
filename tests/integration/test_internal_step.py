"""What the internal action does besides calling a command: show the interpreter, tell of slots."""

from __future__ import annotations

import json
import sys

import pytest
from tests.integration.action_step import Job

INTERNAL = ".github/actions/internal"
ENDED = {"state": "paused", "verdict": "inconclusive", "exit-code": "0", "ended": "false"}


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path)


def test_the_interpreter_is_shown(job):
    done = job.run(INTERNAL, command="interpreter")
    assert done.code == 0, done.log
    version = ".".join(map(str, sys.version_info[:3]))
    assert f"Python {version} at {sys.executable}" in done.log
    assert json.loads(done.outputs["json"])["encoding"] == "utf-8", "-X utf8 holds on every system"


def slots(job, needs):
    return job.run(INTERNAL, command="slots", arguments=json.dumps(needs, indent=2))


def warnings(done):
    return [line.rpartition("::")[2] for line in done.log.splitlines() if line.startswith("::warning ")]


def test_slots_that_end_well_or_are_skipped_are_nothing_to_warn_of(job):
    needs = {"plan": {"result": "success", "outputs": {"planned": "3"}}, "slot-1": {"result": "success"}}
    needs["slot-1"]["outputs"] = ENDED
    needs["slot-2"] = {"result": "skipped", "outputs": {}}
    done = slots(job, needs)
    assert (done.code, warnings(done), json.loads(done.outputs["json"])) == (0, [], ["slot-1"])
    assert "slot-1: paused, inconclusive, exit code 0" in done.log


def test_slots_that_die_or_end_badly_are_told_beside_the_code(job):
    needs = {
        "slot-1": {"result": "success", "outputs": {"state": "unfinished", "verdict": "invalid", "exit-code": "5"}},
        "slot-2": {"result": "failure", "outputs": {}},
        "slot-3": {"result": "success", "outputs": {**ENDED, "state": "interrupted", "exit-code": "130"}},
    }
    first, second, third = warnings(slots(job, needs))
    assert first.startswith("slot-1 died")
    assert second.startswith("slot-2 died")
    assert third == "slot-3 ended with exit code 130 and the state interrupted"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"slot-1": 5}'])
def test_what_is_no_context_is_refused(job, text):
    done = job.run(INTERNAL, command="slots", arguments=text)
    assert (done.code, done.outputs["exit-code"]) == (2, "2")
    assert "input arguments" in done.log
