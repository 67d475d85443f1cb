"""soak verify: recompute a run's digests and verdict from its evidence."""

from __future__ import annotations

import argparse
from pathlib import Path

from soak_action import canonical
from soak_action.commands.settings import add_json_argument

NAME = "verify"
SUMMARY = "recompute a run's digests and verdict from its evidence; needs nothing but the files"
DESCRIPTION = """\
Recomputes every digest, the chain of records, the verdict and the receipt of a run,
and says where anything disagrees. The exit code is 4 when something does, otherwise
that of the verdict itself, whatever gate.fail_on says. A run that did not end is
inconclusive at best."""
EXAMPLE = "soak verify .soak/20261123T005200Z-smoke-ab12cd"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "path", metavar="PATH", help="a run directory, its receipt.json, or the id of a run below .soak"
    )
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Verify the run and return the exit code."""
    from soak_action.evidence.run_dir import find
    from soak_action.verify import verify

    found = verify(find(Path(arguments.path)))
    if arguments.json:
        print(
            canonical.compact(
                {
                    "run_id": found.run_id,
                    "state": found.state,
                    "verdict": "invalid" if found.problems else found.verdict,
                    "exit_code": int(found.exit_code),
                    "checked_files": found.checked_files,
                    "problems": [{"where": problem.where, "what": problem.what} for problem in found.problems],
                    "notes": list(found.notes),
                }
            )
        )
        return int(found.exit_code)
    for problem in found.problems:
        print(f"INVALID  {problem}")
    for note in found.notes:
        print(f"note     {note}")
    if not found.problems:
        print(
            f"VERIFIED {found.run_id}: {found.verdict}, {found.state}; {found.checked_files} files of iterations match"
        )
    return int(found.exit_code)
