"""soak pin: keep a run, whatever the retention policy says."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from soak_action import canonical
from soak_action.commands.pinning import locked_root, place_of
from soak_action.commands.settings import add_json_argument
from soak_action.errors import UsageError

NAME = "pin"
SUMMARY = "keep a run, whatever the retention policy says"
DESCRIPTION = """\
Pins a run, or a judgement of soak gate, so that soak prune never deletes it. What it
is kept as is told with its reasons. soak unpin undoes it."""
EXAMPLE = "soak pin 20261123T005200Z-smoke-ab12cd --as release"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("run", metavar="RUN", help="the directory or archive of a run, or its id if it is below .soak")
    parser.add_argument(
        "--as",
        dest="kept_as",
        choices=("pinned", "baseline", "release"),
        default="pinned",
        help="why it is kept (default: pinned)",
    )
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Pin the run and return the exit code."""
    from soak_action.retention.pins import pin

    place = place_of(arguments.run)
    if not place.exists:
        raise UsageError(f"{arguments.run}: there is no such run; name its directory, its archive or its id")
    with locked_root(place) as root:
        changed = pin(root, place.run_id, arguments.kept_as, datetime.now(UTC))
    if arguments.json:
        print(canonical.compact({"run": place.shown, "kept_as": arguments.kept_as, "changed": changed}))
    else:
        print(f"{place.shown}: {'kept' if changed else 'kept already'} as {arguments.kept_as}")
    return 0
