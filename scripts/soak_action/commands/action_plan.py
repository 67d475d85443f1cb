"""The step `plan` of an action: spread a long soak over jobs, for the jobs that follow."""

from __future__ import annotations

import re

from soak_action import canonical
from soak_action.commands.action_run import request_of_inputs, schedule_settings
from soak_action.commands.plan import plan_of
from soak_action.commands.settings import load_and_warn, read_settings, segment_seconds
from soak_action.config.load import Setting
from soak_action.errors import UsageError
from soak_action.github.job_limits import runners_of
from soak_action.github.runner import Runner
from soak_action.plan import SPARE_SLOTS
from soak_action.units import format_duration

_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
_DEFAULT_RUNNER = "ubuntu-latest"


def plan_step(runner: Runner) -> int:
    """Make the plan that the inputs ask for, give it back as outputs, and return the exit code."""
    segment = runner.inputs.text("segment")
    if segment is None:
        raise UsageError("input segment: say how long each slot soaks, such as 5h")
    name = runner.inputs.text("name")
    if name is not None and not _NAME.fullmatch(name):
        raise UsageError(f"input name: '{name[:60]}' cannot be part of a pattern; write letters, digits and '-' only")
    seconds = segment_seconds(segment, "input segment")
    runners = runners_of(runner.inputs.text("runs-on") or _DEFAULT_RUNNER, "input runs-on")
    settings = (*schedule_settings(runner.inputs), *read_settings(runner.inputs.lines("set"), "input set"))
    command = runner.inputs.text("command")
    if command is not None:
        # A workload has a time-out, and a slot waits as long for an iteration that began late.
        settings = (Setting("workload.run", command, "input command"), *settings)
    loaded = load_and_warn(request_of_inputs(runner.inputs, runner.inputs.text("profile"), settings))
    plan = plan_of(loaded, seconds, runners)
    print(
        f"{len(plan.slots)} slots, {SPARE_SLOTS} of them to spare, of {format_duration(plan.segment)} for "
        f"{format_duration(plan.duration)} of soak on {plan.runners}: about {plan.runner_minutes} runner-minutes"
    )
    runner.set_outputs(
        {
            "plan": canonical.compact(plan.to_dict()),
            "planned": len(plan.slots),
            "runs-on": canonical.compact(list(plan.runners.labels)),
            "timeout-minutes": plan.slots[0].timeout_minutes,
            "runner-minutes": plan.runner_minutes,
            "exit-code": 0,
        }
    )
    return 0
