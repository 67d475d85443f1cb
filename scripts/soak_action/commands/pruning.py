"""What soak prune and the action prune share: planning for artifacts at GitHub, and doing what was planned anywhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from soak_action import canonical
from soak_action.config.model import Retention
from soak_action.errors import ExitCode, UsageError
from soak_action.github.rest import PUBLIC_SERVER, RestClient
from soak_action.github.transport import Patience
from soak_action.retention.github_artifacts import PREFIX, ArtifactOutcome, ArtifactPrune, Repository, plan_prune
from soak_action.retention.local import Outcome, Prune, carry_out, exit_code
from soak_action.retention.log import LogOperation, log_line
from soak_action.retention.policy import Decision

_TOKENS = ("GITHUB_TOKEN", "GH_TOKEN")


def plan_github(environ: Mapping[str, str], policy: Retention, prefix: str | None = None) -> ArtifactPrune:
    """Return what would become of the artifacts of the repository that GITHUB_REPOSITORY names; nothing is changed.

    The token is that of GITHUB_TOKEN or GH_TOKEN, the server that of GITHUB_API_URL. A longer wait is told on standard
    error. Raises UsageError, and SurroundingsError when GitHub does not answer as it should.
    """
    token = next((environ[name] for name in _TOKENS if environ.get(name)), None)
    if token is None:
        raise UsageError(
            "GITHUB_TOKEN is not set: deleting artifacts needs a token with the permission actions: write, and a dry"
            " run one with actions: read"
        )
    name = environ.get("GITHUB_REPOSITORY")
    if not name:
        raise UsageError("GITHUB_REPOSITORY is not set: say whose artifacts are meant, as OWNER/NAME")
    client = RestClient(environ.get("GITHUB_API_URL") or PUBLIC_SERVER, token, Patience(tell=_tell))
    return plan_prune(Repository(client, name), policy, time.time(), PREFIX if prefix is None else prefix)


def perform(prune: Prune | ArtifactPrune) -> Outcome:
    """Do what was planned, and return what came of it. Raises SurroundingsError when no log can be written."""
    return _delete(prune) if isinstance(prune, ArtifactPrune) else carry_out(prune, lambda: datetime.now(UTC))


def code_of(prune: Prune | ArtifactPrune, outcome: Outcome | None) -> ExitCode:
    """Return the exit code: 5 when something could not be done, 1 when the limit does not hold, else 0."""
    return prune.exit_code(outcome) if isinstance(prune, ArtifactPrune) else exit_code(prune, outcome)


def _delete(prune: ArtifactPrune) -> ArtifactOutcome:
    """Delete artifacts; each action is a line of the retention log on standard error, which the log of a job keeps."""

    def record(operation: LogOperation, decision: Decision, reasons: tuple[str, ...]) -> None:
        line = log_line(
            datetime.now(UTC),
            operation,
            decision.item.id,
            group=None if decision.item.group is None else str(decision.item.group),
            bytes_before=decision.item.bytes,
            bytes_after=0 if operation == "delete" else decision.item.bytes,
            reasons=reasons,
            policy_digest=prune.policy_digest,
        )
        print(canonical.compact(line), file=sys.stderr)

    return prune.carry_out(time.monotonic, record)


def _tell(sentence: str) -> None:
    print(f"soak: {sentence}", file=sys.stderr)
