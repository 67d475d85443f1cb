"""soak action: one step of a GitHub Actions job, as the actions of this repository call it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from soak_action.commands.action_gate import gate_step
from soak_action.commands.action_internal import internal_step
from soak_action.commands.action_plan import plan_step
from soak_action.commands.action_precedence import precedence_step
from soak_action.commands.action_run import run_step, smoke_step
from soak_action.errors import ConfigurationError, EvidenceError, ExitCode, SoakError, SurroundingsError, defect
from soak_action.github.runner import Runner
from soak_action.github.seclusion import seclude
from soak_action.github.workflow_commands import Annotation
from soak_action.report.annotations import of_mistakes
from soak_action.report.refusal import refusal_markdown

NAME = "action"
SUMMARY = "one step of a GitHub Actions job, as the actions of this repository call it"
DESCRIPTION = """\
Reads the inputs of an action from INPUT_<NAME>, does what the step is named after,
and gives GitHub the outputs, the annotations and the summary. Everything that is
printed stands behind a fence, so that a workload cannot give commands to the runner."""
EXAMPLE = "soak action run"

_STEPS = ("run", "smoke", "kpi-gate", "precedence", "plan", "prune", "internal")
_MOST_CHARACTERS = 2_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("step", choices=_STEPS, help="which step to perform")


def execute(arguments: argparse.Namespace) -> int:
    """Perform the step and return its exit code. Raises UsageError outside of a GitHub Actions job."""
    runner = Runner(os.environ, sys.stdout)
    runner.check()
    seclude()
    with runner.fenced(), redirect_stdout(runner.stream), redirect_stderr(runner.stream):
        try:
            return _perform(arguments, runner)
        except SoakError as error:
            return _refuse(runner, error)
        except KeyboardInterrupt:
            return _refuse(runner, _InterruptedError("interrupted before there was a verdict"))
        except Exception as error:  # noqa: BLE001 - its text may come from the workload, so it is told behind the fence
            return _refuse(runner, defect(error))


def _perform(arguments: argparse.Namespace, runner: Runner) -> int:
    code = _step(arguments, runner)
    _drop_forgeries(runner)
    return code


def _step(arguments: argparse.Namespace, runner: Runner) -> int:
    if arguments.step == "internal":
        return internal_step(runner, arguments.call)
    if arguments.step == "plan":
        return plan_step(runner)
    # Looked at first, so that what is wrong is told before anything runs.
    runner.check_files(summary=runner.inputs.flag("summary", default=True))
    if arguments.step == "kpi-gate":
        return gate_step(runner)
    if arguments.step == "precedence":
        return precedence_step(runner)
    if arguments.step == "prune":
        # Retention and the client of GitHub's API are of no use to a soak.
        from soak_action.commands.action_prune import prune_step

        return prune_step(runner)
    return smoke_step(runner) if arguments.step == "smoke" else run_step(runner)


class _InterruptedError(SoakError):
    """Somebody stopped a step that does not stop by itself."""

    exit_code = ExitCode.INTERRUPTED


def _drop_forgeries(runner: Runner) -> None:
    forged = runner.drop_forgeries()
    if forged:
        message = f"the workload wrote to {', '.join(forged)}, which nobody gave to it: that was thrown away"
        print(f"soak: {message}")
        runner.annotate([Annotation("warning", "forged commands", message)])


def _refuse(runner: Runner, error: SoakError) -> int:
    """Say in the log, beside the code, in the outputs and in the summary why there is no verdict but `invalid`.

    Return the exit code. What cannot be written is said in the log.
    """
    code = int(error.exit_code)
    mistakes = error.mistakes if isinstance(error, ConfigurationError) else (str(error),)
    for mistake in mistakes:
        print(f"soak: {mistake if len(mistake) <= _MOST_CHARACTERS else f'{mistake[:_MOST_CHARACTERS]}...'}")
    title = "invalid evidence" if isinstance(error, EvidenceError) else "soak could not do its work"
    runner.annotate(of_mistakes(mistakes, runner.directory, runner.workspace, title))
    with _told():
        runner.set_outputs({"verdict": "invalid", "exit-code": code, "failed-rules": "[]"})
    if runner.inputs.text("summary") != "false":
        with _told():
            runner.write_summary(refusal_markdown(mistakes, code))
    with _told():
        _drop_forgeries(runner)
    return code


@contextmanager
def _told() -> Iterator[None]:
    """Say in the log what the surroundings refuse, and go on."""
    try:
        yield
    except SurroundingsError as error:
        print(f"soak: {error}")
