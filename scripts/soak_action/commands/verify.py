"""soak verify: recompute the digests and the verdict of a run or a judgement from its evidence."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soak_action import canonical
from soak_action.commands.settings import add_json_argument, current_directory

if TYPE_CHECKING:
    from soak_action.evidence.gate_dir import GateDir
    from soak_action.evidence.run_dir import RunDir
    from soak_action.verify import Verification

NAME = "verify"
SUMMARY = "recompute digests and verdict of a run or a judgement from its evidence; needs nothing but the files"
DESCRIPTION = """\
Recomputes every digest, the chain of records, the verdict and the receipt of a run,
and says where anything disagrees; likewise of a judgement that soak gate --output
kept. The exit code is 4 when something does, otherwise that of the verdict itself,
whatever gate.fail_on says. A run that did not end is inconclusive at best."""
EXAMPLE = "soak verify .soak/20261123T005200Z-smoke-ab12cd"

_LONGEST_LINE = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "path",
        metavar="PATH",
        help="the directory of a run or a judgement, its receipt.json, or its id if it is below .soak",
    )
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Verify the run or the judgement and return the exit code."""
    from soak_action.evidence.run_dir import RunDir

    evidence = _find(arguments.path)
    if isinstance(evidence, RunDir):
        from soak_action.verify import verify as verify_run

        found = verify_run(evidence)
    else:
        from soak_action.gate_verification import verify as verify_judgement

        found = verify_judgement(evidence, current_directory())
    if arguments.json:
        print(canonical.compact(_document(found, "run" if isinstance(evidence, RunDir) else "gate")))
    else:
        _print(found)
    return int(found.exit_code)


def one_line(text: str) -> str:
    """Return a text in one line that orders nothing of a terminal or a log, its end left out when it is very long."""
    line = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 3]}..."


def _find(argument: str) -> GateDir | RunDir:
    from soak_action.evidence import gate_dir, run_dir
    from soak_action.files import surroundings

    path = Path(argument)
    try:
        return gate_dir.find(path) or run_dir.find(path)
    except OSError as error:
        raise surroundings(error, f"look at {one_line(argument)}") from error


def _document(found: Verification, kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "run_id": found.run_id,
        "state": found.state,
        "verdict": "invalid" if found.problems else found.verdict,
        "exit_code": int(found.exit_code),
        "checked_files": found.checked_files,
        "problems": [{"where": problem.where, "what": problem.what} for problem in found.problems],
        "notes": list(found.notes),
    }


def _print(found: Verification) -> None:
    for problem in found.problems:
        print(f"INVALID  {one_line(str(problem))}")
    for note in found.notes:
        print(f"note     {one_line(note)}")
    if not found.problems:
        verdict = found.verdict if found.state is None else f"{found.verdict}, {found.state}"
        files = "result files" if found.state is None else "files of iterations"
        print(f"VERIFIED {found.run_id}: {verdict}; {found.checked_files} {files} match")
