"""The receipt: the small summary that holds the digests of all evidence of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soak_action import canonical
from soak_action.config.model import Schedule
from soak_action.evidence.changes import is_of_the_tree
from soak_action.evidence.ledger import CHANGES, DECISIONS, ITERATIONS, SEGMENTS
from soak_action.evidence.measurements import Conduct, Measurements, State, TuningConduct
from soak_action.evidence.run_dir import CONFIG, PARAMETERS, RUN, SOURCES, VERDICT
from soak_action.evidence.samples import SAMPLES
from soak_action.files import digest_of_file

DIGESTED = (RUN, CONFIG, SOURCES, ITERATIONS, SEGMENTS, CHANGES, DECISIONS, PARAMETERS, SAMPLES, VERDICT)
SCHEMA_VERSION = 1


def digests_of(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every evidence file that is there; records hold those of the iterations' own files."""
    return {name: digest_of_file(directory / name) for name in DIGESTED if (directory / name).is_file()}


def coverage(promise: Schedule | None, found: Measurements, conduct: Conduct | None) -> dict[str, Any]:
    """Return what was promised beside what was measured, and the share of judged iterations that have each KPI.

    Bare result files have neither promise nor conduct: what they cannot tell is None.
    """
    warmup = 0 if promise is None else promise.warmup
    completed = [position for position, outcome in enumerate(found.outcomes) if outcome != "cancelled"]
    judged = [position for position in completed if found.numbers[position] > warmup]
    return {
        "iterations_planned": None if promise is None else promise.planned_iterations,
        "iterations_done": len(completed),
        "iterations_judged": len(judged),
        "seconds_promised": None if promise is None else promise.duration,
        "seconds_measured": None if conduct is None else conduct.measured_seconds,
        "seconds_active": None if conduct is None else conduct.active_seconds,
        "longest_segment_seconds": None if conduct is None else conduct.longest_segment_seconds,
        **_incidents(conduct),
        "segments": None if conduct is None else conduct.segments,
        "gap_seconds": None if conduct is None else conduct.gap_seconds,
        "kpis": {
            name: round(1 - sum(position in column.missing for position in judged) / len(judged), 6) if judged else 0
            for name, column in found.kpis.items()
        },
    }


def _incidents(conduct: Conduct | None) -> dict[str, int | float | None]:
    found = None if conduct is None else conduct.incidents
    return {
        "missed_slots": None if found is None else found.missed_slots,
        "suspends": None if found is None else found.suspends,
        "suspended_seconds": None if found is None else found.suspended_seconds,
        "clock_steps": None if found is None else found.clock_steps,
        "largest_clock_step_seconds": None if found is None else found.largest_step_seconds,
    }


def build(  # noqa: PLR0913 - what a receipt sums up, each by name
    document: Mapping[str, Any],
    verdict: Mapping[str, Any],
    *,
    state: State | None,
    finished_at: str | None,
    coverage: Mapping[str, Any],
    kpis: Mapping[str, Any],
    digests: Mapping[str, str],
    tuning: TuningConduct | None = None,
) -> dict[str, Any]:
    """Return the receipt: a pure function of the evidence, with the digest of itself without that digest.

    `document` is run.json or gate.json. `state` is None where nothing tells how the measuring ended, `tuning` where
    there are no parameters.
    """
    kind = "gate" if "gate_id" in document else "run"
    # What ran on several trees does not speak for the one commit.
    mixed = any(is_of_the_tree(change["key"]) for change in verdict["changes"])
    receipt = {
        "schema_version": SCHEMA_VERSION,
        "kind": kind,
        "run_id": document[f"{kind}_id"],
        "suite": document["suite"],
        "profile": document["profile"],
        "commit": document["commit"],
        "head_commit": document["head_commit"],
        "tree_dirty": True if mixed else document["tree_dirty"],
        "started_at": document["started_at"],
        "finished_at": finished_at,
        "state": state,
        "verdict": verdict["verdict"],
        "digests": dict(digests),
        "kpis": dict(kpis),
        "coverage": dict(coverage),
        "config_digest": document["config_digest"],
        "state_hash": None if tuning is None else tuning.state_hash,
        "tuning": None if tuning is None else tuning.to_dict(),
        "overrides": list(verdict["overrides"]),
        "changes": list(verdict["changes"]),
        "fingerprint": document["fingerprint"],
        "mock": verdict["mock"],
        "anchored": False,
        "tool_version": document["tool_version"],
    }
    return {**receipt, "digest": canonical.digest(receipt)}
