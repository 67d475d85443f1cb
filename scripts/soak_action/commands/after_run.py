"""Pruning the output directory of a run that has ended, when retention.auto says so."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from soak_action.config.model import Retention
from soak_action.errors import SoakError
from soak_action.evidence.run_dir import RunDir
from soak_action.verify import Judged

_ENDED = frozenset({"finished", "aborted"})


def prune_after_run(judged: Judged) -> None:
    """Prune beside a run that has ended, if its configuration says so; a paused or interrupted one may go on."""
    policy = judged.config.retention
    if policy.auto and judged.outcome.conduct.state in _ENDED:
        prune_beside(judged.run, policy)


def prune_beside(run: RunDir, policy: Retention) -> None:
    """Prune where a run is kept, but never that run, and tell in a line on standard error.

    What cannot be done is told as well: it says nothing about the run, and does not change its exit code.
    """
    from soak_action.report.prune import outcome_lines
    from soak_action.retention.local import carry_out, plan_prune
    from soak_action.retention.root import checked_root, lock

    now = datetime.now(UTC)
    try:
        root = checked_root(run.path.parent, Path.home())
        with lock(root, now.isoformat(timespec="seconds")):
            prune = plan_prune(root, policy, now, in_use={run.run_id})
            outcome = carry_out(prune, lambda: datetime.now(UTC))
    except SoakError as error:
        print(f"soak: the earlier runs were not pruned: {error}", file=sys.stderr)
        return
    for line in outcome_lines(outcome):
        print(f"soak: retention: {line.strip()}", file=sys.stderr)
    if prune.plan.over_budget:
        print(
            f"soak: retention: over budget by {prune.plan.over_budget} bytes: what is protected is not deleted",
            file=sys.stderr,
        )
