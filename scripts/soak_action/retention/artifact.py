"""An artifact as GitHub lists it, and what its name says about the soak that it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from soak_action.canonical import storable_text
from soak_action.errors import SurroundingsError

Origin = Literal["default branch", "other branches", "forks"]
Part = Literal["evidence", "receipt", "slots", "judgement", "other"]

_RUN_ID = r"(?P<run>[0-9]{8}T[0-9]{6}Z-(?P<profile>[a-z0-9-]+)-[0-9a-f]{6})"
_RECEIPT = re.compile(rf"soak-receipt-(?P<middle>.+)-{_RUN_ID}")
_EVIDENCE = re.compile(rf"soak-{_RUN_ID}")
_SLOT = re.compile(r"soak-(?P<name>.+)-attempt-[0-9]+-slot-[0-9]+")
_VERDICT = re.compile(r"soak-(?P<name>.+)-verdict-attempt-[0-9]+")
# The number of a workflow run or a commit, which tells artifacts of one series from each other.
_CHANGING = re.compile(r"(?<![0-9a-z])(?:[0-9]{5,}|[0-9a-f]{40})(?![0-9a-z])")
_JUDGEMENT = "gate"


@dataclass(frozen=True)
class Artifact:
    """One artifact; `bytes` is what it takes at GitHub, `created` is in seconds since 1970 UTC.

    Of an artifact that GitHub ties to no workflow run, `run`, `branch` and `commit` are None.
    """

    id: int
    name: str
    bytes: int
    created: float
    is_expired: bool
    run: int | None = None
    branch: str | None = None
    commit: str | None = None
    is_of_fork: bool = False

    def origin(self, default_branch: str) -> Origin:
        """Where the workflow ran that uploaded it; forks may give any name to an artifact and to a branch."""
        if self.is_of_fork:
            return "forks"
        return "default branch" if self.branch == default_branch else "other branches"


@dataclass(frozen=True)
class Label:
    """What a name says: artifacts of one workflow run with the same `key` belong together, those of a `series` follow.

    `series` is suite and profile where the name holds them, else what stays of the name.
    """

    part: Part
    key: str
    series: tuple[str, str]
    is_judgement: bool = False


def artifact_of(row: Mapping[str, Any]) -> Artifact:
    """Return the artifact of a row of GitHub's list. Raises SurroundingsError for one that makes no sense."""
    named = row.get("workflow_run")
    run = {} if named is None else named
    try:
        _check_types(row, run)
        return Artifact(
            id=row["id"],
            name=storable_text(row["name"]),
            bytes=row["size_in_bytes"],
            created=datetime.fromisoformat(row["created_at"]).timestamp(),
            is_expired=row["expired"] is True,
            run=run.get("id"),
            branch=run.get("head_branch"),
            commit=run.get("head_sha"),
            # Without both numbers nobody can tell, and a stranger's artifact must not pass for one of ours.
            is_of_fork=bool(run) and run.get("head_repository_id") != run.get("repository_id"),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        number = row.get("id")
        which = f"the artifact {number}" if isinstance(number, int) else "an artifact without a number"
        raise SurroundingsError(f"GitHub lists {which} in a way that makes no sense; is this its API?") from None


def _check_types(row: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    """Raise TypeError for a name that is no text, or for a number that is none."""
    numbers = [row["id"], row["size_in_bytes"], *([run["id"]] if run else [])]
    if not isinstance(row["name"], str) or not all(type(number) is int and number >= 0 for number in numbers):
        raise TypeError


def label_of(name: str) -> Label:
    """Return what the name of an artifact says."""
    if found := _RECEIPT.fullmatch(name):
        return Label("receipt", f"receipt {found['run']}", _suite_and_profile(found), _is_judgement(found))
    if found := _EVIDENCE.fullmatch(name):
        # Which suite it is of, only the receipt beside it says.
        return Label("evidence", found["run"], ("", found["profile"]), _is_judgement(found))
    if found := _SLOT.fullmatch(name):
        return Label("slots", f"soak-{found['name']} slots", (found["name"], "slots"))
    if found := _VERDICT.fullmatch(name):
        return Label("judgement", f"soak-{found['name']} verdict", (found["name"], "slots"), is_judgement=True)
    return Label("other", "", (_CHANGING.sub("*", name), "artifacts"))


def _is_judgement(found: re.Match[str]) -> bool:
    return found["profile"] == _JUDGEMENT


def _suite_and_profile(found: re.Match[str]) -> tuple[str, str]:
    """Split what stands between the prefix and the id; both may hold dashes, but the id mostly tells the profile."""
    profile = found["profile"]
    if found["middle"].endswith(f"-{profile}"):
        return found["middle"].removesuffix(f"-{profile}"), profile
    suite, dash, profile = found["middle"].rpartition("-")
    return (suite, profile) if dash else (profile, "default")
