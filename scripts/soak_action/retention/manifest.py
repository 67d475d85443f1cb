"""What a directory or an archive says about itself: which run it is, of which group, when it began, its verdict."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soak_action import canonical
from soak_action.errors import EvidenceError, SoakError
from soak_action.evidence.archive import members
from soak_action.evidence.gate_dir import GATE
from soak_action.evidence.run_dir import RECEIPT, RUN
from soak_action.files import read_evidence
from soak_action.retention.item import Group

_LARGEST = 1024**2
# The promise of a run or of a judgement, and the name of its id there.
_PROMISES = {RUN: "run_id", GATE: "gate_id"}
# An archive begins with what tells of it; behind so many files there is nothing to look for.
_MOST_MEMBERS = 4


@dataclass(frozen=True, slots=True)
class Manifest:
    """`started` is in seconds since 1970 UTC. Without a receipt, what it tells of has not ended, or was killed."""

    run_id: str
    group: Group
    started: float
    verdict: str | None
    has_ended: bool


def manifest_of(directory: Path) -> Manifest | None:
    """Return what a directory says, None when it says nothing that can be read. Never raises an OSError."""
    promise = next((name for name in _PROMISES if os.path.lexists(f"{directory}{os.sep}{name}")), None)
    if promise is None:
        return None
    return _sealed(_read(directory / RECEIPT), promise) or _promised(_read(directory / promise), promise)


def manifest_of_archive(archive: Path) -> Manifest | None:
    """Return what an archive says, None when it is damaged or no archive of evidence."""
    found: dict[str, Any] = {}
    try:
        for number, (member, content) in enumerate(members(archive)):
            name = member.name.rpartition("/")[2]
            if content is not None and member.size <= _LARGEST and member.name.count("/") == 1:
                found[name] = _parsed(content.read(), name)
            if number == _MOST_MEMBERS:
                break
    except (OSError, EvidenceError, tarfile.TarError, EOFError):
        return None
    promise = next((name for name in _PROMISES if name in found), None)
    return None if promise is None else _sealed(found.get(RECEIPT), promise)


def _read(path: Path) -> Any:
    try:
        return _parsed(read_evidence(path, limit=_LARGEST), path.name)
    except SoakError:
        return None


def _parsed(content: bytes, name: str) -> Any:
    try:
        return canonical.parse(content, name)
    except canonical.CanonicalError:
        return None


def _sealed(receipt: Any, promise: str) -> Manifest | None:
    if not isinstance(receipt, Mapping) or receipt.get("kind") != _PROMISES[promise].removesuffix("_id"):
        return None
    return _manifest(receipt, "run_id", promise, has_ended=True)


def _promised(document: Any, promise: str) -> Manifest | None:
    if not isinstance(document, Mapping):
        return None
    return _manifest(document, _PROMISES[promise], promise, has_ended=False)


def _manifest(document: Mapping[str, Any], key: str, promise: str, *, has_ended: bool) -> Manifest | None:
    run_id, suite, verdict = document.get(key), document.get("suite"), document.get("verdict")
    profile = document.get("profile") or "default"
    started = _seconds(document.get("started_at"))
    if not (isinstance(run_id, str) and isinstance(suite, str) and isinstance(profile, str)) or started is None:
        return None
    group = Group(suite, profile, promise == GATE)
    return Manifest(run_id, group, started, verdict if isinstance(verdict, str) else None, has_ended)


def _seconds(text: object) -> float | None:
    try:
        moment = datetime.fromisoformat(str(text))
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None
