"""The artifacts of a repository at GitHub: what is there, and the deletion of what a plan gives up.

Everything is listed before the first deletion, for deleting moves the pages of a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from soak_action import canonical
from soak_action.config.model import Retention
from soak_action.errors import ExitCode, SurroundingsError, UsageError
from soak_action.github.rest import RestClient
from soak_action.github.transport import RestError
from soak_action.retention.artifact import Artifact, artifact_of
from soak_action.retention.artifact_inventory import Bundle, Inventory, Surroundings, take_inventory
from soak_action.retention.local import Outcome, Skipped
from soak_action.retention.policy import Decision, Plan
from soak_action.retention.workflow_runs import WorkflowRuns
from soak_action.units import counted

PREFIX = "soak-"
_REPOSITORY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*/(?!\.\.?$)[A-Za-z0-9._-]+")
# A deletion of thousands takes a while, in which somebody may run an old workflow again.
_LOOK_AGAIN_SECONDS = 60.0
_MOST_FAILURES_IN_A_ROW = 3
_BEGAN_AGAIN = "its workflow run began again"


@dataclass
class ArtifactOutcome(Outcome):
    """What came of the deletions of a plan.

    What was `already_gone` when it was to be deleted is counted in artifacts, all else in items; `left_out` were not
    tried any more, after something that would have stopped them as well.
    """

    already_gone: int = 0
    left_out: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether everything was done that could be done."""
        return not any(skipped.is_failure for skipped in self.skipped)


# Told of each decision to delete that was carried out or skipped, and why.
Record = Callable[[Literal["delete", "skip"], Decision, tuple[str, ...]], None]


@dataclass(frozen=True)
class ArtifactPrune:
    """The artifacts of a repository and what is to become of them."""

    repository: Repository
    inventory: Inventory
    policy: Retention
    plan: Plan

    def carry_out(self, now: Callable[[], float], record: Record) -> ArtifactOutcome:
        """Do what was planned; `now` returns seconds, and `record` is called for each item."""
        return self.repository.carry_out(self.plan, self.inventory, now, record)

    def exit_code(self, outcome: Outcome | None) -> ExitCode:
        """Return the exit code: 5 when something could not be deleted, 1 when the limit does not hold, else 0."""
        if isinstance(outcome, ArtifactOutcome) and not outcome.is_complete:
            return ExitCode.SURROUNDINGS
        return ExitCode.FAIL if self.plan.over_budget else ExitCode.DONE

    @property
    def policy_digest(self) -> str:
        """The SHA-256 of the policy, in hexadecimal."""
        return canonical.digest(self.policy.to_dict())

    @property
    def notes(self) -> tuple[str, ...]:
        """What was seen and left alone, in sentences."""
        found = (
            (self.inventory.expired, "expired already, which takes no room and which GitHub removes by itself"),
            (self.inventory.others, "of another name, which retention does not look at"),
        )
        return tuple(f"{counted(number, 'artifact')} {what}" for number, what in found if number)


def plan_prune(repository: Repository, policy: Retention, now: float, prefix: str = PREFIX) -> ArtifactPrune:
    """Return what would become of the artifacts whose names begin with `prefix`; nothing is changed.

    `now` is in seconds since 1970 UTC. Raises UsageError when the policy, the prefix or what the plan would do is
    refused, RestError when GitHub does not answer as it should.
    """
    inventory = repository.look(prefix)
    return ArtifactPrune(repository, inventory, policy, inventory.plan(policy, now))


class Repository:
    """A repository at GitHub, named as OWNER/NAME. Raises UsageError for what is no such name."""

    def __init__(self, client: RestClient, name: str) -> None:
        if not _REPOSITORY.fullmatch(name):
            raise UsageError(f"'{name[:80]}' names no repository; write OWNER/NAME")
        self.name = name
        self._client = client
        self._path = f"/repos/{name}"
        self._runs = WorkflowRuns(client, self._path)

    def look(self, prefix: str = PREFIX) -> Inventory:
        """Return the artifacts whose names begin with `prefix`, and all that decides about them.

        Raises UsageError for an empty prefix, which would mean the artifacts of everybody; RestError.
        """
        if not prefix.strip():
            raise UsageError("the prefix of the artifacts is empty, which would mean all of them; write soak-")
        artifacts = [artifact_of(row) for row in self._rows("/actions/artifacts", "artifacts")]
        mine = [artifact for artifact in artifacts if artifact.name.startswith(prefix) and not artifact.is_expired]
        # The runs after the artifacts: whatever was uploaded until then is of a run that is seen here.
        return take_inventory(artifacts, prefix, self._surroundings(mine))

    def carry_out(self, plan: Plan, inventory: Inventory, now: Callable[[], float], record: Record) -> ArtifactOutcome:
        """Delete what `plan`, made from `inventory`, deletes, the oldest first, and return what became of it.

        What is gone already counts as done. `now` returns seconds; `record` is called for each item.
        """
        outcome = ArtifactOutcome()
        running, looked, failures = frozenset[int](), float("-inf"), 0
        for decision in reversed(plan.of("delete")):
            bundle = inventory.bundle(decision)
            try:
                if now() - looked >= _LOOK_AGAIN_SECONDS:
                    running, looked = self._runs.unfinished(), now()
                if any(artifact.run in running for artifact in bundle.artifacts):
                    outcome.skipped.append(Skipped(bundle.item.id, _BEGAN_AGAIN, is_failure=False))
                    record("skip", decision, (_BEGAN_AGAIN,))
                    continue
                self._delete(bundle, outcome)
            except SurroundingsError as error:
                failures += 1
                outcome.skipped.append(Skipped(bundle.item.id, str(error), is_failure=True))
                record("skip", decision, (str(error),))
                # One artifact that the server cannot delete must not keep all others for ever.
                is_of_one = isinstance(error, RestError) and error.status is not None and error.status >= 500
                if not is_of_one or failures == _MOST_FAILURES_IN_A_ROW:
                    outcome.left_out = len(plan.of("delete")) - outcome.deleted - len(outcome.skipped)
                    return outcome
            else:
                failures = 0
                outcome.deleted += 1
                record("delete", decision, decision.reasons)
        return outcome

    def _delete(self, bundle: Bundle, outcome: ArtifactOutcome) -> None:
        for artifact in bundle.artifacts:
            if self._client.delete(f"{self._path}/actions/artifacts/{artifact.id}"):
                outcome.freed_bytes += artifact.bytes
            else:
                outcome.already_gone += 1

    def _surroundings(self, artifacts: Iterable[Artifact]) -> Surroundings:
        default_branch = _text(self._client.get(self._path), "default_branch")
        runs = self._runs.states({artifact.run for artifact in artifacts if artifact.run is not None})
        tags = {_text(row, "tag_name") for row in self._rows("/releases")}
        commits = set[str]()
        if tags:
            commits = {_text(row.get("commit"), "sha") for row in self._rows("/tags") if row.get("name") in tags}
        return Surroundings(default_branch, runs, frozenset(commits), frozenset(tags))

    def _rows(self, path: str, key: str | None = None) -> Iterator[Any]:
        return self._client.rows(self._path + path, key)


def _text(row: Any, name: str) -> str:
    text = row.get(name) if isinstance(row, dict) else None
    if not isinstance(text, str):
        raise SurroundingsError(f"GitHub's answer holds no {name}; is this the address of its API?")
    return text
