"""The step `kpi-gate` of an action: judge results that an earlier step produced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from soak_action.base_branch import compare
from soak_action.checkpoints import choose
from soak_action.commands.action_report import (
    announce,
    check_upload,
    output_directory,
    report_judgement,
    tell_checkpoints,
)
from soak_action.commands.gate import occasion, rules_for
from soak_action.commands.settings import current_directory, read_settings
from soak_action.config.load import Request, Setting
from soak_action.errors import EvidenceError, UsageError, exit_code_of
from soak_action.evidence.gate_dir import GateDir
from soak_action.evidence.ledger import ITERATIONS, records_of
from soak_action.evidence.run_dir import RunDir
from soak_action.evidence.segments import Segment, read_segments
from soak_action.github.runner import Inputs, Runner
from soak_action.judgement import default_output, judge_for_the_record
from soak_action.report.tuning import TuningReport, tuning_report
from soak_action.subject import Subject, find_subject
from soak_action.verify import read_run


def gate_step(runner: Runner) -> int:
    """Judge the results that the inputs name, keep the evidence, and return the exit code of the verdict."""
    check_upload(runner.inputs)
    here = current_directory()
    subject = _subject(runner, here)
    loaded = rules_for(subject, _gate_request(runner.inputs), runner.inputs.lines("kpis"), "input kpis")
    if loaded is not None:
        runner.mask(loaded.secrets)

    def began(gate: GateDir) -> None:
        # A job that is cancelled meanwhile still uploads what was stated until then.
        announce(runner, gate.path, gate.gate_id)

    output = output_directory(runner.inputs) or default_output(subject, loaded)
    found = judge_for_the_record(subject, loaded, output, replace(occasion(["action", "kpi-gate"], here), began=began))
    segments: list[Segment] = []
    tuning: TuningReport | None = None
    if isinstance(subject, RunDir):
        promise, config = read_run(subject)
        segments = read_segments(subject.path)
        tuning = tuning_report(config, records_of(subject.path / ITERATIONS))
        coverage = found.receipt["coverage"]
        runner.set_outputs({"judged-run": str(promise.run["run_id"])})
        runner.set_outputs({"state": found.receipt["state"], "measured-seconds": coverage["seconds_measured"]})
    code = exit_code_of(found.verdict.verdict, found.config.gate.fail_on)
    report_judgement(runner, found, code, None if loaded is None else compare(loaded, os.environ), segments, tuning)
    return int(code)


def _subject(runner: Runner, here: Path) -> Subject:
    """Return what the inputs name, or the checkpoint that is furthest on. Raises EvidenceError when there is none."""
    results, folder = runner.inputs.lines("results"), runner.inputs.text("checkpoints")
    if folder is None:
        if not results:
            raise UsageError("input results: name what is judged, one path or pattern a line, such as results/*.json")
        return find_subject(results, here)
    if results:
        raise UsageError("input checkpoints: leave it empty beside results; only one of the two can be judged")
    choice = choose(here / folder)
    if choice.run is None:
        tell_checkpoints(runner, "nothing can be judged", choice.passed_over)
        how = "none of the checkpoints verifies" if choice.passed_over else "there is no checkpoint"
        raise EvidenceError(f"{folder}: {how}, so nothing was measured")
    tell_checkpoints(runner, f"judging checkpoint {choice.run.path}", choice.passed_over)
    runner.set_outputs({"checkpoint": choice.run.path.name})
    return choice.run


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
