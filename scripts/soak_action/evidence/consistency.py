"""Contradictions inside the records of a run, which an intact chain does not exclude.

They are found from the records alone. Whoever rewrites every file can avoid them all, which is why a release needs an
anchor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any

from soak_action.evidence.ledger import SCHEMA_VERSION, SEGMENTS
from soak_action.evidence.measurements import Problem

Record = Mapping[str, Any]

# Both clocks are read one after the other and recorded in milliseconds; a busy machine may pause the reader in between.
_TOLERANCE_SECONDS = 5.0


def contradiction_of(record: Record) -> str | None:
    """Return what in an iteration's record cannot be, or None. Raises KeyError or TypeError for a misshapen record."""
    outcome, code, signal = record["outcome"], record["exit_code"], record["signal"]
    if record["schema_version"] != SCHEMA_VERSION:
        return f"is of version {record['schema_version']}, but this version of soak writes {SCHEMA_VERSION}"
    if record["segment"] < 1 or record["offset_seconds"] < 0 or record["seconds"] < 0:
        return "has a segment or a time below its beginning"
    if not all(map(isfinite, (record["offset_seconds"], record["seconds"], record["clock_drift_seconds"]))):
        return "has a time that is no number"
    if outcome == "ok" and (code != 0 or signal is not None):
        return "is ok, but the workload did not exit with 0"
    if outcome in {"failed", "crashed"} and code == 0:
        return f"is {outcome}, but the workload exited with 0"
    if not record["kpis"].keys().isdisjoint(record["missing"]):
        return "has a value and a reason why it is missing for the same KPI"
    if not record["results"]:
        return "has no digest of anything that the iteration left"
    return None


class ClockCheck:
    """Holds the wall clock's time stamps against soak time and the drift between the clocks that was recorded."""

    def __init__(self, segments: Sequence[Record]) -> None:
        """`segments` are the ends of segments that are known; a segment that died cannot be checked."""
        self._segments = segments
        self._segment = 0
        self._offset = 0.0
        self._drift = 0.0

    def contradiction_of(self, record: Record) -> str | None:
        """Return how the time stamp of the next iteration contradicts its segment, or None."""
        if record["segment"] > len(self._segments):
            return None
        segment = self._segments[record["segment"] - 1]
        if record["segment"] != self._segment:
            self._segment, self._drift = record["segment"], 0.0
            self._offset = sum(float(earlier["measured_seconds"]) for earlier in self._segments[: self._segment - 1])
        expected = (
            seconds_between(segment["started_at"], record["started_at"]) - record["offset_seconds"] + self._offset
        )
        drifts = sorted((self._drift, record["clock_drift_seconds"]))
        self._drift = record["clock_drift_seconds"]
        if drifts[0] - _TOLERANCE_SECONDS <= expected <= drifts[1] + _TOLERANCE_SECONDS:
            return None
        return f"began {expected:+.0f} s beside the time that its segment's clock would show"


def segment_contradictions(segments: Sequence[Record], last_iterations: Mapping[int, int]) -> Iterator[Problem]:
    """Yield what cannot be in the ends of segments; `last_iterations` are the numbers of their last iterations."""
    done = 0
    for position, segment in enumerate(segments, 1):
        place = f"{SEGMENTS}:{position}"
        done = last_iterations.get(position, done)
        try:
            wall = seconds_between(segment["started_at"], segment["ended_at"])
            beside = wall - segment["measured_seconds"] - segment["clock_drift_seconds"]
            if segment["iterations"] != done:
                yield Problem(place, f"counts {segment['iterations']} iterations, but {done} are recorded")
            if not abs(beside) <= _TOLERANCE_SECONDS:
                yield Problem(place, f"claims {segment['measured_seconds']} s of soak time, but {wall:.3f} s went by")
        except (KeyError, TypeError, ValueError):
            yield Problem(place, "not the end of a segment: a field is missing or wrong")


def seconds_between(earlier: str, later: str) -> float:
    """Return the seconds from one time stamp of a record to another. Raises ValueError or TypeError."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
