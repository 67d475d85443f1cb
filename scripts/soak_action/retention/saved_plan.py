"""A plan in a file, to be looked at and applied later: with its policy, its time and what it was made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from soak_action import canonical
from soak_action.config.model import Retention
from soak_action.errors import EvidenceError, UsageError
from soak_action.evidence.documents import schema_check
from soak_action.evidence.run_dir import stamp
from soak_action.files import read_evidence, write_atomic
from soak_action.retention.local import Prune

SCHEMA = "retention-plan"
SCHEMA_VERSION = 1
_ENDINGS = ("_seconds", "_bytes")


@dataclass(frozen=True)
class SavedRoot:
    """What was planned for one directory, and the digest of everything that it held then."""

    path: Path
    inventory: str
    decisions: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class SavedPlan:
    """A plan as it was saved."""

    file: Path
    created: datetime
    policy: Retention
    roots: tuple[SavedRoot, ...]

    def check(self, prune: Prune, saved: SavedRoot) -> None:
        """Raise UsageError when what was planned for `saved` is not what `prune` would do."""
        if prune.inventory.digest != saved.inventory:
            raise UsageError(
                f"{self.file}: what {saved.path} holds changed since this plan was made; make a new one with --plan"
            )
        if [decision.to_dict() for decision in prune.plan.decisions] != list(saved.decisions):
            raise UsageError(
                f"{self.file}: this is not what soak would plan for {saved.path}; make a new plan with --plan"
            )


def save_plan(file: Path, prunes: Sequence[Prune]) -> None:
    """Write plans that were made at the same time for the same policy. Raises UsageError, SurroundingsError."""
    for prune in prunes:
        if file.resolve().is_relative_to(prune.inventory.root):
            raise UsageError(f"--plan {file}: a plan cannot lie in the directory that it is for; name another place")
    first = prunes[0]
    document = {
        "schema_version": SCHEMA_VERSION,
        "created_at": stamp(first.now),
        "policy": first.policy.to_dict(),
        "roots": [
            {
                "path": canonical.storable_text(str(prune.inventory.root)),
                "inventory": prune.inventory.digest,
                "decisions": [decision.to_dict() for decision in prune.plan.decisions],
            }
            for prune in prunes
        ],
    }
    write_atomic(file, canonical.pretty(document))


def load_plan(file: Path) -> SavedPlan:
    """Return a plan that was saved. Raises UsageError when it is none, SurroundingsError when it cannot be read."""
    try:
        document = canonical.parse(read_evidence(file), str(file))
    except EvidenceError as error:
        raise UsageError(f"--apply {error}") from None
    except canonical.CanonicalError as error:
        raise UsageError(f"--apply {error}; name a plan that soak prune --plan saved") from None
    problems = list(schema_check(SCHEMA)(document, str(file)))
    if problems:
        raise UsageError(f"--apply {problems[0]}; name a plan that soak prune --plan saved")
    policy = {_without_unit(key): value for key, value in document["policy"].items()}
    roots = (SavedRoot(Path(root["path"]), root["inventory"], root["decisions"]) for root in document["roots"])
    return SavedPlan(file, datetime.fromisoformat(document["created_at"]), Retention(**policy), tuple(roots))


def _without_unit(key: str) -> str:
    for ending in _ENDINGS:
        key = key.removesuffix(ending)
    return key
