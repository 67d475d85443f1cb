"""The receipt: the small summary that holds the digests of all evidence of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soak_action import canonical
from soak_action.config.model import Schedule
from soak_action.evidence.ledger import ITERATIONS, SEGMENTS
from soak_action.evidence.measurements import Conduct, Measurements
from soak_action.evidence.run_dir import CONFIG, RUN, SOURCES, VERDICT
from soak_action.files import digest_of_file

DIGESTED = (RUN, CONFIG, SOURCES, ITERATIONS, SEGMENTS, VERDICT)
SCHEMA_VERSION = 1


def digests_of(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every evidence file that is there; records hold those of the iterations' own files."""
    return {name: digest_of_file(directory / name) for name in DIGESTED if (directory / name).is_file()}


def coverage(promise: Schedule, found: Measurements, conduct: Conduct) -> dict[str, Any]:
    """Return what was promised beside what was measured, and the share of judged iterations that have each KPI."""
    completed = [position for position, outcome in enumerate(found.outcomes) if outcome != "cancelled"]
    judged = [position for position in completed if found.numbers[position] > promise.warmup]
    return {
        "iterations_planned": promise.planned_iterations,
        "iterations_done": len(completed),
        "iterations_judged": len(judged),
        "seconds_promised": promise.duration,
        "seconds_measured": conduct.measured_seconds,
        "seconds_active": conduct.active_seconds,
        "longest_segment_seconds": conduct.longest_segment_seconds,
        "kpis": {
            name: round(1 - sum(position in column.missing for position in judged) / len(judged), 6) if judged else 0
            for name, column in found.kpis.items()
        },
    }


def build(
    run: Mapping[str, Any],
    verdict: Mapping[str, Any],
    *,
    conduct: Conduct,
    finished_at: str | None,
    coverage: Mapping[str, Any],
    kpis: Mapping[str, Any],
    digests: Mapping[str, str],
) -> dict[str, Any]:
    """Return the receipt: a pure function of the evidence, with the digest of itself without that digest."""
    receipt = {
        "schema_version": SCHEMA_VERSION,
        "run_id": run["run_id"],
        "suite": run["suite"],
        "profile": run["profile"],
        "commit": run["commit"],
        "head_commit": run["head_commit"],
        "tree_dirty": run["tree_dirty"],
        "started_at": run["started_at"],
        "finished_at": finished_at,
        "state": conduct.state,
        "verdict": verdict["verdict"],
        "digests": dict(digests),
        "kpis": dict(kpis),
        "coverage": dict(coverage),
        "config_digest": run["config_digest"],
        "state_hash": None,
        "overrides": list(verdict["overrides"]),
        "fingerprint": run["fingerprint"],
        "mock": verdict["mock"],
        "anchored": False,
        "tool_version": run["tool_version"],
    }
    return {**receipt, "digest": canonical.digest(receipt)}
