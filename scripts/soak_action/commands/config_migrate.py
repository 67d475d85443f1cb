"""soak config migrate: turn scattered legacy files into one soak.yaml, and back."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soak_action import canonical
from soak_action.commands.settings import add_json_argument, current_directory, problem_of_source
from soak_action.config.masking import MASK, is_secret
from soak_action.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from soak_action.migration.plan import Change, Plan, Task
    from soak_action.migration.undo import Undone

SUMMARY = "turn scattered JSON and YAML configuration files into one soak.yaml"
DESCRIPTION = """\
Reads legacy configuration files and shows as a diff what soak.yaml will be; --write
writes it. The role of a file is told by its name, such as default.json, overrides.yaml,
profile-nightly.yaml or env.json, or in front of it: default=FILE, profile:NAME=FILE,
env=FILE. Values of an environment become the profile env, or that of env:NAME=FILE.
Every file that takes part is backed up below .soak-migration, and --undo restores it.
No file is removed, unless --archive moves the old ones to the backups."""
EXAMPLE = "soak config migrate default.json profile-nightly.yaml --mapping names.yaml --write"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("files", metavar="FILE", nargs="*", help="a legacy file, or its role and the file: ROLE=FILE")
    parser.add_argument("--mapping", metavar="F", help="a file {old.name: new.path}; null drops a name on purpose")
    parser.add_argument(
        "--prefer", metavar="FILE", action="append", default=[], help="believe this file when two contradict each other"
    )
    parser.add_argument("--config", metavar="F", help="the file to write (default: the present one, else soak.yaml)")
    parser.add_argument("--write", action="store_true", help="write the file instead of only showing the difference")
    parser.add_argument(
        "--archive", action="store_true", help="with --write: move the old files to the backups once it is proven"
    )
    parser.add_argument(
        "--undo", metavar="MANIFEST", nargs="?", const="", help="restore all files of the latest or the named migration"
    )
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Show, write or undo the migration and return the exit code."""
    from soak_action.migration.writing import lock

    _check(arguments)
    task = _task_of(arguments)
    if arguments.undo is not None:
        return _undo(arguments, task)
    if not arguments.write:
        return _migrate(arguments, task)
    with lock(task.base):
        return _migrate(arguments, task)


def _check(arguments: argparse.Namespace) -> None:
    if arguments.undo is not None:
        others = [arguments.files, arguments.write, arguments.archive, arguments.mapping, arguments.prefer]
        if any(others):
            raise UsageError("--undo takes a manifest or nothing, and no other option but --config and --json")
    elif not arguments.files:
        raise UsageError("name the legacy files, such as default.json; see soak config migrate --help")
    elif arguments.archive and not arguments.write:
        raise UsageError("--archive moves files, so it needs --write; without both you see what would change")


def _task_of(arguments: argparse.Namespace) -> Task:
    from soak_action.migration.plan import Task
    from soak_action.migration.target import find_target

    directory = current_directory()
    target, shown = find_target(directory, arguments.config)
    return Task(directory, target, shown, tuple(arguments.files), arguments.mapping, tuple(arguments.prefer))


def _undo(arguments: argparse.Namespace, task: Task) -> int:
    from soak_action.migration.undo import latest, named_manifest, undo
    from soak_action.migration.writing import lock

    base = task.base
    manifest = named_manifest(task.directory / arguments.undo) if arguments.undo else None
    if manifest is None:
        latest(base)
    else:
        base = manifest.parent.parent.parent
    with lock(base):
        done = undo(base, manifest)
    if arguments.json:
        print(canonical.compact({**_document(None, done.manifest), **_undone(done)}))
        return int(ExitCode.DONE)
    for path in done.restored:
        print(f"restored {path}")
    for path in done.removed:
        print(f"removed {path}, which the migration had created")
    if not done.restored and not done.removed:
        print("nothing to undo: every file is as it was before the migration")
    return int(ExitCode.DONE)


def _undone(done: Undone) -> dict[str, Any]:
    return {"restored": list(done.restored), "removed": list(done.removed)}


def _migrate(arguments: argparse.Namespace, task: Task) -> int:
    from soak_action.migration.plan import make_plan
    from soak_action.migration.writing import carry_out, is_needed

    plan = make_plan(task, problem_of_source)
    for note in plan.notes:
        _tell(f"note: {note}")
    if not plan.is_possible:
        return _refuse(arguments, plan)
    for source in plan.sources:
        _tell(f"{source.shown} goes to the {source.role}")
    for line in _difference(plan):
        print(line, file=sys.stderr if arguments.json else sys.stdout)
    # The difference comes before what is said about it, even where both go to one pipe.
    sys.stdout.flush()
    is_written = arguments.write and is_needed(plan, archive=arguments.archive)
    manifest = carry_out(plan, archive=arguments.archive) if is_written else None
    _tell(_outcome(plan, manifest, write=arguments.write, archive=arguments.archive))
    if arguments.json:
        print(canonical.compact(_document(plan, manifest)))
    return int(ExitCode.DONE)


def _refuse(arguments: argparse.Namespace, plan: Plan) -> int:
    for problem in (*plan.unknown, *plan.conflicts):
        _tell(str(problem))
    _tell("nothing was written")
    if arguments.json:
        print(canonical.compact(_document(plan, None)))
    return int(ExitCode.USAGE)


def _outcome(plan: Plan, manifest: Path | None, *, write: bool, archive: bool) -> str:
    shown = plan.task.shown
    if manifest is not None:
        moved = f", {len(plan.sources)} old files archived" if archive else ""
        done = f"{len(plan.changes)} values written to {shown}" if plan.changes else f"{shown} was complete"
        return f"{done}{moved}; undo with: soak config migrate --undo"
    if not plan.changes:
        return f"nothing to change: {shown} holds all values already"
    return f"{len(plan.changes)} values would be written to {shown}; nothing was written" + (
        "" if write else "; add --write to do it"
    )


def _difference(plan: Plan) -> Iterator[str]:
    former, new = (_lines(data, plan) for data in (plan.former or b"", plan.new))
    shown = plan.task.shown
    start = "/dev/null" if plan.former is None else shown
    yield from (line.rstrip("\r\n") for line in difflib.unified_diff(former, new, start, shown))


def _lines(data: bytes, plan: Plan) -> list[str]:
    from soak_action.migration.masked import masked_text

    return masked_text(data.decode("utf-8-sig"), plan.expected.data).splitlines(keepends=True)


def _document(plan: Plan | None, manifest: Path | None) -> dict[str, Any]:
    return {
        "written": plan is not None and manifest is not None,
        "changes": [_change(change) for change in plan.changes] if plan else [],
        "conflicts": [
            {
                "key": ".".join(conflict.other.path),
                "sides": [
                    {"value": _shown(side.value, side.path), "origin": side.origin}
                    for side in (conflict.one, conflict.other)
                ],
            }
            for conflict in (plan.conflicts if plan else ())
        ],
        "unknown": [
            {"name": unknown.name, "origin": unknown.origin, "suggestion": unknown.suggestion}
            for unknown in (plan.unknown if plan else ())
        ],
        "manifest": None if manifest is None else str(manifest),
    }


def _change(change: Change) -> dict[str, Any]:
    value = change.value
    return {
        "key": ".".join(value.path),
        "value": _shown(value.value, value.path),
        "former": None if change.former is None else _shown(change.former.value, value.path),
        "origin": value.origin,
        "name": value.name,
    }


def _shown(value: Any, path: tuple[str, ...]) -> Any:
    return MASK if is_secret(path) else value


def _tell(line: str) -> None:
    print(f"soak: {line}", file=sys.stderr)
