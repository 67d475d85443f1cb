"""Steps that give something to other jobs, called in this process with a runner of the test's own."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.action_step import read_outputs

from soak_action.commands.action_internal import internal_step
from soak_action.commands.action_plan import plan_step
from soak_action.commands.action_slots import tell_slots
from soak_action.errors import UsageError
from soak_action.github.runner import Runner, variable

Step = Callable[..., tuple[dict[str, str], str]]


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    """Perform a step in an empty folder; what it printed for the runner comes second."""
    monkeypatch.chdir(tmp_path)

    def perform(function: Callable[[Runner], int], **inputs: str) -> tuple[dict[str, str], str]:
        outputs = tmp_path / "outputs"
        outputs.write_text("", "utf-8")
        environ = {variable(name): text for name, text in inputs.items()} | {"GITHUB_OUTPUT": str(outputs)}
        log = io.StringIO()
        assert function(Runner(environ, log)) == 0
        return read_outputs(outputs.read_text("utf-8")), log.getvalue()

    return perform


def uncalled(_: object) -> int:
    raise AssertionError("no command is called for this")


def test_a_plan_without_a_configuration_counts_the_duration_that_is_given(step: Step) -> None:
    outputs, _ = step(plan_step, segment="1h", duration="90m", set="schedule.warmup=1", command="work", name="a-1")
    assert (outputs["planned"], outputs["runs-on"], outputs["exit-code"]) == ("3", '["ubuntu-latest"]', "0")


@pytest.mark.parametrize("inputs", [{}, {"segment": "1h", "name": "a b"}, {"segment": "0s"}, {"segment": "1h"}])
def test_a_plan_that_cannot_be_made_is_refused(step: Step, inputs: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        step(plan_step, **inputs)


def test_the_interpreter_is_shown_without_calling_a_command(step: Step) -> None:
    outputs, _ = step(lambda runner: internal_step(runner, uncalled), command="interpreter")
    assert set(json.loads(outputs["json"])) == {"executable", "version", "system", "encoding"}


def test_slots_are_told_without_calling_a_command(step: Step) -> None:
    needs = {"slot-1": {"result": "failure", "outputs": None}, "slot-2": {"result": "skipped"}, "plan": {}}
    outputs, log = step(lambda runner: internal_step(runner, uncalled), command="slots", arguments=json.dumps(needs))
    assert json.loads(outputs["json"]) == ["slot-1"]
    assert log.startswith("::warning title=slot::slot-1 died")


def test_a_slot_that_ended_badly_is_told_with_its_code(step: Step) -> None:
    outputs = {"state": "aborted", "verdict": "fail", "exit-code": "1"}
    _, log = step(tell_slots, arguments=json.dumps({"slot-3": {"result": "success", "outputs": outputs}}))
    assert "slot-3 ended with exit code 1 and the state aborted" in log


@pytest.mark.parametrize("text", ["", "nothing", "[]", '{"a": 1}'])
def test_what_is_no_context_is_refused(step: Step, text: str) -> None:
    with pytest.raises(UsageError, match="input arguments"):
        step(tell_slots, arguments=text)


@pytest.mark.parametrize("command", ["", "action"])
def test_the_internal_action_calls_no_step(step: Step, command: str) -> None:
    with pytest.raises(UsageError, match="input command"):
        step(lambda runner: internal_step(runner, uncalled), command=command)
