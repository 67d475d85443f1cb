"""soak stress: whether a decision about parameters is applied once, however often it is applied."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from soak_action import canonical
from soak_action.commands.settings import add_configuration_arguments, add_json_argument, configuration
from soak_action.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from soak_action.stress import Stress

NAME = "stress"
SUMMARY = "apply one decision about parameters many times and see that it is applied once"
DESCRIPTION = """\
Makes one decision about the parameters of soak.yaml, or about those of a built-in
example if it has none, and applies it N times to a temporary copy of the parameters
file, never to the file itself. Exits 0 if there was one change, one state, and a
file that nothing touched after the first time; otherwise 1."""
EXAMPLE = "soak stress --apply 100"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "--apply", type=int, default=100, metavar="N", help="how many times the decision is applied (default: 100)"
    )
    add_configuration_arguments(parser)
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Apply the decision and return the exit code."""
    from soak_action import stress

    if not 1 <= arguments.apply <= stress.MOST_APPLICATIONS:
        raise UsageError(f"--apply {arguments.apply}: write a whole number from 1 to {stress.MOST_APPLICATIONS}")
    loaded = configuration(arguments)
    declared = loaded.config.parameters or stress.EXAMPLE
    is_own = loaded.config.parameters is not None
    original = loaded.base / declared.file
    found = stress.stress(declared, original if is_own else None, arguments.apply)
    if arguments.json:
        print(canonical.compact(found.to_dict()))
    else:
        _print(found, loaded.file if is_own and loaded.file else "a built-in example")
    return int(ExitCode.DONE if found.is_idempotent else ExitCode.FAIL)


def _print(found: Stress, subject: str) -> None:
    print(f"{'APPLIED ONCE' if found.is_idempotent else 'BROKEN'}: one decision, parameters of {subject}")
    print(f"  applications    {found.applications}: {found.applied} applied, {found.no_op} without effect")
    print(f"  states          {len(found.state_hashes)}: {', '.join(found.state_hashes)}")
    print(f"  file            {'untouched' if found.file_unchanged else 'touched again'} after the first application")
