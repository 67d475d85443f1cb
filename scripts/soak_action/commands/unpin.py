"""soak unpin: let the retention policy decide about a run again."""

from __future__ import annotations

import argparse

from soak_action import canonical
from soak_action.commands.pinning import locked_root, place_of
from soak_action.commands.settings import add_json_argument

NAME = "unpin"
SUMMARY = "let the retention policy decide about a run again"
DESCRIPTION = """\
Removes the pin of a run or a judgement, whatever it was kept as. Nothing is deleted
before the next soak prune."""
EXAMPLE = "soak unpin 20261123T005200Z-smoke-ab12cd"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("run", metavar="RUN", help="the directory or archive of a run, or its id if it is below .soak")
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Remove the pin and return the exit code."""
    from soak_action.retention.pins import unpin

    place = place_of(arguments.run)
    with locked_root(place) as root:
        changed = unpin(root, place.run_id)
    if arguments.json:
        print(canonical.compact({"run": place.shown, "changed": changed}))
    else:
        print(f"{place.shown}: {'not pinned any more' if changed else 'was not pinned'}")
    return 0
