"""soak doctor: what would break a soak, before it starts."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from soak_action import canonical
from soak_action.commands.clock import real_clock
from soak_action.commands.columns import aligned
from soak_action.commands.doctor_probe import dry_iteration
from soak_action.commands.settings import (
    add_configuration_arguments,
    add_json_argument,
    problem_of_source,
    read_segment,
    request_of,
)
from soak_action.commands.signals import stop_on_signals
from soak_action.config.length import expected_iterations, expected_seconds
from soak_action.config.load import Loaded, load
from soak_action.config.report import examine_all
from soak_action.doctor.configuration import judge_configuration
from soak_action.doctor.disk import free_bytes, judge_disk
from soak_action.doctor.dry_run import DryRun, judge_dry_run
from soak_action.doctor.finding import Finding, count, document
from soak_action.doctor.interpreter import judge_interpreter
from soak_action.doctor.job import judge_job
from soak_action.doctor.output import examine_output, existing_directory
from soak_action.doctor.pace import judge_schedule
from soak_action.doctor.sleep import ask_system, examine_sleep
from soak_action.errors import EvidenceError, ExitCode, SoakError, UsageError
from soak_action.evidence.run_dir import OUTPUT_DIRECTORY
from soak_action.parameters_in_use import values_to_begin_with
from soak_action.units import format_duration
from soak_action.workload.awake import keeper_of_this_system, kept_awake
from soak_action.workload.launching import Surroundings, check_workload
from soak_action.workload.stop import StopRequest

NAME = "doctor"
SUMMARY = "what of this machine and configuration would break a soak, before it starts"
DESCRIPTION = """\
Looks at the configuration, the interpreter, the disk, the directory of the runs, the
sleep settings and the limits of the runner, and runs the workload once to see
whether every KPI has a value. What that iteration leaves in SOAK_OUT is removed, but
it is a real one: --no-probe leaves it out. What cannot be read is called unknown.
The exit code is 0 without problems, 1 with one, 2 when the configuration is wrong."""
EXAMPLE = "soak doctor --profile nightly --segment 5h"


class _InterruptedError(SoakError):
    """A signal came before everything was looked at."""

    def __init__(self, stop: StopRequest) -> None:
        super().__init__("interrupted before everything was looked at")
        self.exit_code = ExitCode.INTERRUPTED if stop.signal == signal.SIGINT else ExitCode.TERMINATED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_configuration_arguments(parser)
    parser.add_argument("--segment", metavar="D", help="how long the run goes on before it pauses, such as 5h")
    parser.add_argument("--no-probe", action="store_true", help="do not run the workload")
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the findings and return the exit code."""
    stop = stop_on_signals()
    segment = read_segment(arguments.segment, "--segment")
    request = request_of(arguments)
    report = examine_all(request, problem_of_source, ())
    findings = [judge_interpreter(sys.version_info[:3], sys.maxsize.bit_length() + 1), *judge_configuration(report)]
    if not report.mistakes:
        findings += _examine(load(request, problem_of_source), segment, stop, probe=not arguments.no_probe)
    if stop.requested:
        raise _InterruptedError(stop)
    if arguments.json:
        print(canonical.compact(document(findings)))
    else:
        _print(findings)
    if report.mistakes:
        return int(ExitCode.USAGE)
    return int(ExitCode.FAIL if count(findings, "problem") else ExitCode.DONE)


def _examine(loaded: Loaded, segment: float | None, stop: StopRequest, *, probe: bool) -> Iterator[Finding]:
    config = loaded.config
    surroundings = Surroundings(loaded.base, os.environ, sys.executable, loaded.profile)
    dry: DryRun | None = None
    try:
        values_to_begin_with(config, loaded.base)
    except UsageError as error:
        advice = "correct the file, or remove it: then the run begins with the initial values"
        yield Finding("parameters", "problem", str(error), advice)
        probe = False
    try:
        workload = check_workload(config, surroundings)
        if probe:
            print(f"soak: one dry iteration, of at most {format_duration(workload.longest_iteration)}", file=sys.stderr)
            dry = dry_iteration(config, surroundings, real_clock(), stop)
    except UsageError as error:
        yield Finding("workload", "problem", str(error), "correct workload.run, or install what it needs")
    except EvidenceError as error:
        yield Finding("workload", "problem", str(error), "let the workload write below SOAK_OUT only")
    if stop.requested:
        return
    if dry is not None:
        yield from judge_dry_run(dry, config.kpis)
    seconds = dry.seconds if dry is not None and dry.ok else None
    run_seconds = expected_seconds(config.schedule, seconds)
    yield judge_schedule(config.schedule, seconds)
    output = loaded.base / OUTPUT_DIRECTORY
    yield examine_output(output)
    free = free_bytes(existing_directory(output))
    yield judge_disk(free, expected_iterations(config.schedule, seconds), dry, config.evidence)
    systemd = Path("/run/systemd/system").is_dir()
    with kept_awake(keeper_of_this_system()) as awake:
        standing = awake()
    ask = partial(ask_system, environ=os.environ)
    yield examine_sleep(sys.platform, ask, run_seconds, systemd=systemd, awake=standing)
    yield judge_job(os.environ, run_seconds, segment)


def _print(findings: Sequence[Finding]) -> None:
    for line in aligned(_rows(findings)):
        print(line)
    problems, warnings, unknown = (count(findings, status) for status in ("problem", "warning", "unknown"))
    print(f"{_counted(problems, 'problem')}, {_counted(warnings, 'warning')}, {unknown or 'nothing'} unknown")


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _rows(findings: Sequence[Finding]) -> Iterator[tuple[str, str, str]]:
    for finding in findings:
        status = finding.status.upper() if finding.status == "problem" else finding.status
        yield status, finding.id, " ".join(finding.sentence.split())
        if finding.advice:
            yield "", "", f"-> {finding.advice}"
