"""The steps `run` and `smoke` of an action: run the workload, judge it, report it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from soak_action import running
from soak_action.base_branch import compare
from soak_action.commands.action_progress import LogProgress
from soak_action.commands.action_report import (
    EVERYTHING,
    Uploads,
    check_upload,
    output_directory,
    report_run,
    tell_checkpoints,
)
from soak_action.commands.after_run import prune_after_run
from soak_action.commands.chained import checkpoint_folder, run_chained
from soak_action.commands.run import means
from soak_action.commands.settings import (
    current_directory,
    load_and_warn,
    problem_of_source,
    read_segment,
    read_settings,
    run_to_resume,
)
from soak_action.commands.signals import stop_on_signals
from soak_action.config.load import Loaded, Request, Setting, load
from soak_action.errors import UsageError
from soak_action.evidence.measurements import Problem
from soak_action.evidence.run_dir import OUTPUT_DIRECTORY
from soak_action.github.runner import Inputs, Runner
from soak_action.verify import Judged, verify
from soak_action.workload.mock import MODES
from soak_action.workload.stop import StopRequest

_SMOKE_PROFILE = "smoke"
_SMOKE_BUDGET_SECONDS = 120.0
_CHECKOUT = Path(__file__).resolve().parents[3]
_MOCK_CONFIGURATION = _CHECKOUT / "docs" / "examples" / "mock" / "soak.yaml"
_LAUNCHER = _CHECKOUT / "scripts" / "soak.py"


def run_step(runner: Runner) -> int:
    """Run what the inputs ask for, or go on with a run, and return the exit code."""
    stop = stop_on_signals()
    check_upload(runner.inputs)
    segment = read_segment(runner.inputs.text("segment"), "input segment")
    resumed, checkpoints = runner.inputs.text("resume"), runner.inputs.text("checkpoints")
    if resumed is None and runner.inputs.flag("allow-change", default=False):
        raise UsageError("input allow-change: leave it out without resume, for a new run has nothing to differ from")
    progress = LogProgress(runner)
    if checkpoints is not None:
        return _chain(runner, stop, progress, checkpoint_folder(checkpoints, "input checkpoints", resumed), segment)
    if resumed is not None:
        judged = _resume(runner, stop, progress, resumed, segment)
    else:
        judged = _perform(stop, progress, _configuration(runner), output_directory(runner.inputs), "run", segment)
    return _report(runner, stop, progress, judged)


def _configuration(runner: Runner) -> Loaded:
    settings = (*schedule_settings(runner.inputs), *_settings(runner.inputs))
    return load_and_warn(request_of_inputs(runner.inputs, runner.inputs.text("profile"), settings))


def _chain(runner: Runner, stop: StopRequest, progress: LogProgress, folder: Path, segment: float | None) -> int:
    chained = run_chained(
        folder,
        _configuration(runner),
        output_directory(runner.inputs),
        _means(stop, progress),
        argv=["action", "run"],
        segment=segment,
        tell=partial(tell_checkpoints, runner),
    )
    judged = chained.judged
    if chained.is_old:
        runner.set_outputs({"run-dir": str(judged.run.path), "run-id": judged.promise.run["run_id"]})
    # Each artifact has a name of its own: the evidence that of its slot, the receipt that of the run, once.
    has_ended = not chained.is_old and judged.outcome.conduct.state in {"finished", "aborted"}
    return _report(runner, stop, progress, judged, uploads=Uploads(evidence=not chained.is_old, receipt=has_ended))


def smoke_step(runner: Runner) -> int:
    """Run the profile smoke within two minutes, prove its evidence, and return the exit code."""
    stop = stop_on_signals()
    check_upload(runner.inputs)
    request = request_of_inputs(runner.inputs, _SMOKE_PROFILE, tuple(_settings(runner.inputs)))
    output = output_directory(runner.inputs)
    mode = runner.inputs.choice("mock", MODES)
    if mode is not None:
        if runner.inputs.text("command"):
            raise UsageError("input mock: it is a workload of its own; leave the input command empty beside it")
        request, output = _with_mock(request, mode), output or current_directory() / OUTPUT_DIRECTORY
    progress = LogProgress(runner)
    judged = _perform(stop, progress, load_and_warn(_held_to_two_minutes(request)), output, "smoke")
    return _report(runner, stop, progress, judged, verify(judged.run).problems)


def request_of_inputs(inputs: Inputs, profile: str | None, settings: tuple[Setting, ...]) -> Request:
    """Return what the input `config` asks for, with `settings` on top."""
    return Request(
        directory=current_directory(),
        environ=os.environ,
        config=inputs.text("config"),
        profile=profile,
        settings=settings,
    )


def schedule_settings(inputs: Inputs) -> Iterator[Setting]:
    """Yield what the inputs `iterations` and `duration` set."""
    for name in ("iterations", "duration"):
        value = inputs.text(name)
        if value is not None:
            yield Setting(f"schedule.{name}", value, f"input {name}")


def _settings(inputs: Inputs) -> Iterator[Setting]:
    for name, key in (("command", "workload.run"), ("fail-on", "gate.fail_on")):
        value = inputs.text(name)
        if value is not None:
            yield Setting(key, value, f"input {name}")
    yield from read_settings(inputs.lines("set"), "input set")


def _with_mock(request: Request, mode: str) -> Request:
    command = [sys.executable, str(_LAUNCHER), "mock", "--mode", mode]
    workload = Setting("workload.run", command, "input mock")
    return replace(request, config=request.config or str(_MOCK_CONFIGURATION), settings=(*request.settings, workload))


def _held_to_two_minutes(request: Request) -> Request:
    budget = load(request, problem_of_source).config.schedule.budget
    if budget is not None and budget <= _SMOKE_BUDGET_SECONDS:
        return request
    limit = Setting("schedule.budget", f"{_SMOKE_BUDGET_SECONDS:.0f}s", "the action smoke")
    return replace(request, settings=(*request.settings, limit))


def _perform(
    stop: StopRequest,
    progress: LogProgress,
    loaded: Loaded,
    output: Path | None,
    step: str,
    segment: float | None = None,
) -> Judged:
    return running.run(
        loaded,
        output,
        _means(stop, progress),
        argv=["action", step],
        environ=os.environ,
        python=sys.executable,
        segment=segment,
    )


def _resume(runner: Runner, stop: StopRequest, progress: LogProgress, argument: str, segment: float | None) -> Judged:
    for name in ("profile", "config", "command", "iterations", "duration", "set", "output", "fail-on"):
        if runner.inputs.text(name) is not None:
            raise UsageError(f"input {name}: leave it empty beside resume, for a run goes on with what it began with")
    return running.resume(
        run_to_resume(argument, "input resume"),
        _means(stop, progress),
        environ=os.environ,
        python=sys.executable,
        directory=current_directory(),
        segment=segment,
        allow_change=runner.inputs.flag("allow-change", default=False),
    )


def _means(stop: StopRequest, progress: LogProgress) -> running.Means:
    return replace(means(stop, progress.opened), configured=progress.configured, began=progress.began)


def _report(
    runner: Runner,
    stop: StopRequest,
    progress: LogProgress,
    judged: Judged,
    problems: Sequence[Problem] = (),
    uploads: Uploads = EVERYTHING,
) -> int:
    comparison = None if progress.loaded is None else compare(progress.loaded, os.environ)
    code = int(report_run(runner, judged, running.exit_code(judged, stop), problems, comparison, uploads))
    prune_after_run(judged)
    return code
