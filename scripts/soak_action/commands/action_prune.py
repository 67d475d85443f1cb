"""The step `prune` of an action: retention for folders of runs and for the artifacts of the repository."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from soak_action.commands.action_run import request_of_inputs
from soak_action.commands.pruning import code_of, perform, plan_github
from soak_action.commands.settings import load_and_warn, read_settings
from soak_action.config.model import Retention
from soak_action.errors import UsageError
from soak_action.github.runner import Inputs, Runner
from soak_action.github.workflow_commands import Annotation
from soak_action.report.prune import notes_of, outcome_lines, place_of, plan_lines
from soak_action.report.retention import Pruned, retention_markdown
from soak_action.retention.github_artifacts import ArtifactPrune
from soak_action.retention.local import Outcome, Prune, plan_prune
from soak_action.retention.root import checked_root, lock

_OFF, _DRY_RUN, _DELETE = "off", "dry-run", "delete"


def prune_step(runner: Runner) -> int:
    """Prune what the inputs name, tell what came of it, and return the exit code.

    Everything is planned and told before anything is done. Artifacts are deleted only where the inputs say so.
    """
    token = runner.inputs.text("token") or ""
    artifacts = runner.inputs.choice("artifacts", (_OFF, _DRY_RUN, _DELETE)) or _DRY_RUN
    dry_run = runner.inputs.flag("dry-run", default=False)
    paths = runner.inputs.lines("paths")
    if artifacts == _OFF and not paths:
        raise UsageError("there is nothing to prune: name folders in the input paths, or leave the input artifacts out")
    policy = _policy(runner.inputs)
    with ExitStack() as locks:
        prunes: list[Prune | ArtifactPrune] = [*_plans(runner.directory, paths, policy, locks, dry_run=dry_run)]
        if artifacts != _OFF:
            environ = {**os.environ, "GITHUB_TOKEN": token}
            prunes.append(plan_github(environ, policy, runner.inputs.text("prefix")))
        for prune in prunes:
            print("\n".join(plan_lines(prune)))
        is_dry = {Prune: dry_run, ArtifactPrune: dry_run or artifacts == _DRY_RUN}
        outcomes = [None if is_dry[type(prune)] else perform(prune) for prune in prunes]
    return _tell(runner, prunes, outcomes)


def _policy(inputs: Inputs) -> Retention:
    settings = tuple(read_settings(inputs.lines("set"), "input set"))
    return load_and_warn(request_of_inputs(inputs, inputs.text("profile"), settings)).config.retention


def _plans(
    directory: Path, paths: Sequence[str], policy: Retention, locks: ExitStack, *, dry_run: bool
) -> Sequence[Prune]:
    """Return a plan for each folder, all of them locked before the first is looked at, but for a dry run."""
    now = datetime.now(UTC)
    roots = dict.fromkeys(checked_root(directory / path, Path.home()) for path in paths)
    for root in () if dry_run else roots:
        locks.enter_context(lock(root, now.isoformat(timespec="seconds")))
    return [plan_prune(root, policy, now) for root in roots]


def _tell(runner: Runner, prunes: Sequence[Prune | ArtifactPrune], outcomes: Sequence[Outcome | None]) -> int:
    parts, code = [], 0
    for prune, outcome in zip(prunes, outcomes, strict=True):
        if outcome is not None:
            print(f"{place_of(prune)}:", *outcome_lines(outcome), sep="\n")
        parts.append(Pruned(place_of(prune), prune.plan, outcome, notes_of(prune)))
        code = max(code, int(code_of(prune, outcome)))
    problems = [problem for part in parts for problem in (*part.told(failures=True), *part.over_limit)]
    runner.annotate(Annotation("error", "retention", problem) for problem in problems)
    if runner.inputs.flag("summary", default=True):
        runner.write_summary(retention_markdown(parts))
    shown = [part.shown for part in parts]
    runner.set_outputs(
        {
            "kept": sum(part.kept for part in parts),
            "compressed": sum(compressed for compressed, _, _ in shown),
            "deleted": sum(deleted for _, deleted, _ in shown),
            "freed-bytes": sum(freed for _, _, freed in shown),
            "protected": sum(len(part.protected) for part in parts),
            "over-budget": sum(part.plan.over_budget for part in parts),
            "exit-code": code,
        }
    )
    return code
