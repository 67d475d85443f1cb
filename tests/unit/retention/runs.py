"""Output directories with runs that nobody had to soak for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from soak_action.config.model import Retention
from soak_action.evidence.run_dir import prepare_output, stamp
from soak_action.retention.local import Outcome, Prune, carry_out, plan_prune

NOW = datetime(2026, 11, 26, tzinfo=UTC)
# The age that makes a run be compressed by default, and more.
OLD = datetime(2026, 11, 1, tzinfo=UTC)
PLAIN = Retention(compress_after=None)


def run_id(started: datetime, suffix: str = "ab12cd") -> str:
    return f"{started:%Y%m%dT%H%M%SZ}-default-{suffix}"


def output(place: Path) -> Path:
    """Return a new output directory, as soak makes it."""
    prepare_output(place)
    return place


def make_run(
    root: Path,
    started: datetime,
    *,
    suffix: str = "ab12cd",
    verdict: str | None = "inconclusive",
    profile: str | None = None,
    size: int = 50_000,
    promise: str = "run",
) -> Path:
    """Make a run, or with `promise` "gate" a judgement; without a verdict it has not ended."""
    path = root / run_id(started, suffix)
    (path / "iterations" / "00001" / "out").mkdir(parents=True)
    facts = {"suite": "api", "profile": profile, "started_at": stamp(started)}
    (path / f"{promise}.json").write_text(json.dumps({f"{promise}_id": path.name, **facts}), encoding="utf-8")
    (path / "iterations" / "00001" / "stdout.log").write_bytes(b"0123456789" * (size // 10))
    if verdict is not None:
        receipt = {"kind": promise, "run_id": path.name, "verdict": verdict, **facts}
        (path / "receipt.json").write_text(json.dumps(receipt), encoding="utf-8")
    return path


def planned(root: Path, policy: Retention = PLAIN) -> Prune:
    return plan_prune(root, policy, NOW)


def pruned(root: Path, policy: Retention = PLAIN) -> tuple[Prune, Outcome]:
    prune = planned(root, policy)
    return prune, carry_out(prune, lambda: NOW)


def operations(prune: Prune) -> dict[str, str]:
    return {decision.item.id: decision.operation for decision in prune.plan.decisions}


def log_of(root: Path) -> list[dict[str, object]]:
    log = root / "retention-log.jsonl"
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []


def content_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a run but for its lock."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
