"""The step `kpi-gate` of an action: judge results that an earlier step produced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from soak_action.base_branch import compare
from soak_action.commands.action_report import announce, check_upload, output_directory, report_judgement
from soak_action.commands.gate import occasion, rules_for
from soak_action.commands.settings import current_directory, read_settings
from soak_action.config.load import Request, Setting
from soak_action.errors import UsageError, exit_code_of
from soak_action.evidence.gate_dir import GateDir
from soak_action.github.runner import Inputs, Runner
from soak_action.judgement import default_output, judge_for_the_record
from soak_action.subject import find_subject


def gate_step(runner: Runner) -> int:
    """Judge the results that the inputs name, keep the evidence, and return the exit code of the verdict."""
    check_upload(runner.inputs)
    results = runner.inputs.lines("results")
    if not results:
        raise UsageError("input results: name what is judged, one path or pattern a line, such as results/*.json")
    here = current_directory()
    subject = find_subject(results, here)
    loaded = rules_for(subject, _gate_request(runner.inputs), runner.inputs.lines("kpis"), "input kpis")
    if loaded is not None:
        runner.mask(loaded.secrets)

    def began(gate: GateDir) -> None:
        # A job that is cancelled meanwhile still uploads what was stated until then.
        announce(runner, gate.path, gate.gate_id)

    output = output_directory(runner.inputs) or default_output(subject, loaded)
    found = judge_for_the_record(subject, loaded, output, replace(occasion(["action", "kpi-gate"], here), began=began))
    code = exit_code_of(found.verdict.verdict, found.config.gate.fail_on)
    report_judgement(runner, found, code, None if loaded is None else compare(loaded, os.environ))
    return int(code)


def _gate_request(inputs: Inputs) -> Request:
    return Request(
        directory=current_directory(),
        environ=os.environ,
        config=inputs.text("config"),
        profile=inputs.text("profile"),
        settings=tuple(_gate_settings(inputs)),
    )


def _gate_settings(inputs: Inputs) -> Iterator[Setting]:
    fail_on = inputs.text("fail-on")
    if fail_on is not None:
        yield Setting("gate.fail_on", fail_on, "input fail-on")
    yield from read_settings(inputs.lines("set"), "input set")
