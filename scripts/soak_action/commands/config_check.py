"""soak config check: all mistakes, what is suspicious, and whether values come from where they are expected to."""

from __future__ import annotations

import argparse
import sys

from soak_action import canonical
from soak_action.commands.settings import (
    add_configuration_arguments,
    add_json_argument,
    problem_of_source,
    request_of,
)
from soak_action.config.report import Report, examine_all
from soak_action.errors import ExitCode

SUMMARY = "checks the configuration, all its profiles, and expectations about its values"
DESCRIPTION = """\
Reports every mistake with its place: of the schema, and of values that cannot come
true together; then warnings about what is only suspicious. The profile asked for is
checked with the environment and the command line, each other profile of the file
on its own. The exit code is 2 when there is a mistake, 1 when an expectation is
not met, and 0 in spite of warnings."""
EXAMPLE = "soak config check --profile smoke --expect schedule.iterations=3@profile"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_configuration_arguments(parser)
    parser.add_argument(
        "--expect",
        metavar="PATH=VALUE[@LAYER]",
        action="append",
        default=[],
        help="fail unless this value is in force, and comes from this layer: cli, env, profile, file or default",
    )
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Report on the configuration and return the exit code."""
    report = examine_all(request_of(arguments), problem_of_source, arguments.expect)
    if arguments.json:
        print(canonical.compact(report.to_dict()))
    else:
        _print(report)
    return int(exit_code(report))


def exit_code(report: Report) -> ExitCode:
    """Return 2 for a mistake, 1 for an expectation that is not met, else 0."""
    if report.mistakes:
        return ExitCode.USAGE
    return ExitCode.DONE if all(outcome.ok for outcome in report.outcomes) else ExitCode.FAIL


def _print(report: Report) -> None:
    for finding in report.mistakes:
        print(f"soak: {finding}", file=sys.stderr)
    for finding in report.warnings:
        print(f"soak: warning: {finding}", file=sys.stderr)
    for outcome in report.outcomes:
        print(f"{'met   ' if outcome.ok else 'BROKEN'}  {outcome}")
    if not report.mistakes:
        print(f"{report.subject}: {_counted(len(report.warnings), 'warning')}")


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
