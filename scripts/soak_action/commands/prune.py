"""soak prune: keep what the retention policy keeps, compress what is old, delete the rest."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from soak_action import canonical
from soak_action.commands.settings import add_configuration_arguments, add_json_argument, configuration
from soak_action.errors import UsageError

if TYPE_CHECKING:
    from soak_action.config.model import Retention
    from soak_action.retention.github_artifacts import ArtifactPrune
    from soak_action.retention.local import Outcome, Prune
    from soak_action.retention.saved_plan import SavedPlan

NAME = "prune"
SUMMARY = "keep what the retention policy keeps, compress what is old, delete the rest"
DESCRIPTION = """\
Holds output directories of soak run to the policy under retention in soak.yaml, or
to its defaults: the newest 100 runs of each suite and profile stay, those older than
7 days are compressed, and beyond 1 GB the oldest are deleted. Pinned and running
runs, baselines, evidence of releases and the newest passing and failing run of each
group are never deleted: when these alone exceed the limit the exit code is 1. Each
PATH is dealt with by itself. The plan is printed first, and --dry-run ends there.
With --github the soak artifacts of the repository in GITHUB_REPOSITORY are held to
the same policy, by the token in GITHUB_TOKEN; what runs and what was released stays."""
EXAMPLE = "soak prune .soak --dry-run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="an output directory of soak run, such as .soak")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")
    parser.add_argument("--plan", metavar="FILE", help="save the plan in FILE and change nothing else")
    parser.add_argument(
        "--apply", metavar="FILE", help="do what a saved plan says; refused if anything changed since it was made"
    )
    parser.add_argument("--github", action="store_true", help="prune the artifacts of a repository at GitHub, too")
    parser.add_argument(
        "--prefix", metavar="TEXT", help="what the names of these artifacts begin with (default: soak-)"
    )
    add_configuration_arguments(parser)
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Prune, or tell what pruning would do, and return the exit code."""
    from soak_action.commands.pruning import code_of
    from soak_action.retention.saved_plan import save_plan

    saved = _saved(arguments)
    changes_nothing = arguments.dry_run or arguments.plan is not None
    policy = configuration(arguments).config.retention if saved is None else saved.policy
    roots = _roots(arguments.paths if saved is None else [root.path for root in saved.roots])
    with ExitStack() as locks:
        if not changes_nothing:
            _lock(roots, locks)
        prunes = _plan(roots, policy, saved)
        if arguments.plan is not None:
            save_plan(Path(arguments.plan), prunes)
        everything: list[Prune | ArtifactPrune] = [*prunes, *_of_github(arguments, policy)]
        outcomes = _tell_and_do(everything, as_json=arguments.json, changes_nothing=changes_nothing)
    found = zip(everything, [None] * len(everything) if outcomes is None else outcomes, strict=True)
    return int(max(code_of(prune, outcome) for prune, outcome in found))


def _saved(arguments: argparse.Namespace) -> SavedPlan | None:
    """Return the plan that --apply names. Raises UsageError when something else is given that it answers already."""
    if arguments.plan is not None and not arguments.plan.strip():
        raise UsageError("--plan: the value is empty; leave the option out or name a file")
    if arguments.apply is None:
        if arguments.github and arguments.plan is not None:
            raise UsageError("--plan: a plan for artifacts cannot be saved; leave --github out")
        if arguments.prefix is not None and not arguments.github:
            raise UsageError("--prefix: it is about artifacts; add --github, or leave it out")
        if not arguments.paths and not arguments.github:
            raise UsageError("which directory is to be pruned? give its PATH, such as .soak; see soak prune --help")
        return None
    others = {
        "PATH": arguments.paths,
        "--plan": arguments.plan,
        "--config": arguments.config,
        "--profile": arguments.profile,
        "--set": arguments.set,
        "--github": arguments.github,
        "--prefix": arguments.prefix,
    }
    given = [name for name, value in others.items() if value]
    if given:
        raise UsageError(f"--apply does what its plan says, so leave {' and '.join(given)} out")
    from soak_action.retention.saved_plan import load_plan

    return load_plan(Path(arguments.apply))


def _roots(paths: Sequence[str | Path]) -> list[Path]:
    from soak_action.retention.root import checked_root

    if not all(str(path).strip() for path in paths):
        raise UsageError("PATH: the value is empty; name the directory that is to be pruned, such as .soak")
    return list(dict.fromkeys(checked_root(Path(path), Path.home()) for path in paths))


def _lock(roots: Sequence[Path], locks: ExitStack) -> None:
    from soak_action.retention.root import lock

    for root in roots:
        locks.enter_context(lock(root, datetime.now(UTC).isoformat(timespec="seconds")))


def _plan(roots: Sequence[Path], policy: Retention, saved: SavedPlan | None) -> list[Prune]:
    """Return a plan for each root, all of them before anything is done."""
    from soak_action.evidence.run_dir import stamp
    from soak_action.retention.local import plan_prune

    # As exact as a saved plan tells it.
    now = datetime.fromisoformat(stamp(datetime.now(UTC))) if saved is None else saved.created
    prunes = [plan_prune(root, policy, now) for root in roots]
    if saved is not None:
        for prune, root in zip(prunes, saved.roots, strict=True):
            saved.check(prune, root)
    return prunes


def _of_github(arguments: argparse.Namespace, policy: Retention) -> Iterable[ArtifactPrune]:
    if arguments.github:
        from soak_action.commands.pruning import plan_github

        yield plan_github(os.environ, policy, arguments.prefix)


def _tell_and_do(
    prunes: Sequence[Prune | ArtifactPrune], *, as_json: bool, changes_nothing: bool
) -> list[Outcome] | None:
    from soak_action.commands.pruning import perform
    from soak_action.report.prune import document, outcome_lines, place_of, plan_lines

    if not as_json:
        for prune in prunes:
            print("\n".join(plan_lines(prune)))
        sys.stdout.flush()
    outcomes = None if changes_nothing else [perform(prune) for prune in prunes]
    if as_json:
        print(canonical.compact(document(prunes, outcomes)))
    elif outcomes is not None:
        for prune, outcome in zip(prunes, outcomes, strict=True):
            print(canonical.storable_text(f"{place_of(prune)}:"))
            print("\n".join(outcome_lines(outcome)))
    return outcomes
