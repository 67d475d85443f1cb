"""Contradictions inside the records of a run, which an intact chain does not exclude.

They are found from the records alone. Whoever rewrites every file can avoid them all, which is why a release needs an
anchor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from soak_action.evidence.ledger import KILLED, RESUMABLE, SCHEMA_VERSION, SEGMENTS
from soak_action.evidence.measurements import Problem

Record = Mapping[str, Any]

# Both clocks are read one after the other and recorded in milliseconds; a busy machine may pause the reader in between.
_TOLERANCE_SECONDS = 5.0
# What sums of rounded soak times may differ by.
_ROUNDING_SECONDS = 1e-3


@dataclass(frozen=True)
class Span:
    """How far a run had come when its last iteration ended: that one's number, and the soak time in seconds."""

    last_iteration: int
    last_end: float


def contradiction_of(record: Record) -> str | None:
    """Return what in an iteration's record cannot be, or None. Raises KeyError or TypeError for a misshapen record."""
    outcome, code, signal = record["outcome"], record["exit_code"], record["signal"]
    if record["schema_version"] != SCHEMA_VERSION:
        return f"is of version {record['schema_version']}, but this version of soak writes {SCHEMA_VERSION}"
    if record["segment"] < 1 or record["offset_seconds"] < 0 or record["seconds"] < 0:
        return "has a segment or a time below its beginning"
    if not all(map(isfinite, (record["offset_seconds"], record["seconds"], record["clock_drift_seconds"]))):
        return "has a time that is no number"
    is_window = code is None and "service" in record
    if outcome == "ok" and ((code != 0 and not is_window) or signal is not None):
        return "is ok, but the workload did not exit with 0"
    if outcome in {"failed", "crashed"} and code == 0:
        return f"is {outcome}, but the workload exited with 0"
    if not record["kpis"].keys().isdisjoint(record["missing"]):
        return "has a value and a reason why it is missing for the same KPI"
    if not record["results"] and not is_window:
        return "has no digest of anything that the iteration left"
    return None


class SegmentCheck:
    """Holds each iteration against its segment: their order, soak time, and the drift between the clocks."""

    def __init__(self, segments: Sequence[Record]) -> None:
        """`segments` are the ends of segments; only the last segment may be without."""
        self._segments = segments
        self._segment = 0
        self._offset = 0.0
        self._drift = 0.0

    def contradiction_of(self, record: Record) -> str | None:
        """Return how the next iteration contradicts its segment, or None."""
        number = record["segment"]
        if not self._segment <= number <= len(self._segments) + 1:
            return f"belongs to segment {number}, which cannot have been under way"
        if number != self._segment:
            self._segment, self._drift = number, 0.0
            self._offset = sum(float(earlier["measured_seconds"]) for earlier in self._segments[: number - 1])
        if record["offset_seconds"] < self._offset - _ROUNDING_SECONDS:
            return "began before its segment did"
        if number > len(self._segments):
            return None
        segment = self._segments[number - 1]
        expected = (
            seconds_between(segment["started_at"], record["started_at"]) - record["offset_seconds"] + self._offset
        )
        drifts = sorted((self._drift, record["clock_drift_seconds"]))
        self._drift = record["clock_drift_seconds"]
        if drifts[0] - _TOLERANCE_SECONDS <= expected <= drifts[1] + _TOLERANCE_SECONDS:
            return None
        return f"began {expected:+.0f} s beside the time that its segment's clock would show"


def segment_contradictions(segments: Sequence[Record], spans: Mapping[int, Span]) -> Iterator[Problem]:
    """Yield what cannot be in the ends of segments; `spans` tell of those segments that have iterations."""
    before = Span(0, 0.0)
    under_way = max([len(segments), *spans])
    for position, segment in enumerate(segments, 1):
        try:
            for what in _contradictions_of(segment, before, spans.get(position)):
                yield Problem(f"{SEGMENTS}:{position}", what)
            if position < under_way and segment["state"] not in RESUMABLE:
                yield Problem(f"{SEGMENTS}:{position}", f"ended the run as {segment['state']}, but another one follows")
            last = spans.get(position, before).last_iteration
            before = Span(last, before.last_end + segment["measured_seconds"])
        except (KeyError, TypeError, ValueError):
            yield Problem(f"{SEGMENTS}:{position}", "not the end of a segment: a field is missing or wrong")


def _contradictions_of(segment: Record, before: Span, span: Span | None) -> Iterator[str]:
    """Yield what cannot be in the end of a segment; `before` is what there was of the run when it began."""
    measured = segment["measured_seconds"]
    wall = seconds_between(segment["started_at"], segment["ended_at"])
    active = 0.0 if span is None else span.last_end - before.last_end
    done = before.last_iteration if span is None else span.last_iteration
    if segment["iterations"] != done:
        yield f"counts {segment['iterations']} iterations, but {done} are recorded"
    if not abs(wall - measured - segment["clock_drift_seconds"]) <= _TOLERANCE_SECONDS:
        yield f"claims {measured} s of soak time, but {wall:.3f} s went by"
    if active > measured + _ROUNDING_SECONDS:
        yield f"claims {measured:.3f} s of soak time, but its last iteration ended after {active:.3f} s"
    if segment["reason"] == KILLED:
        nothing_more = span is not None and abs(measured - active) <= _ROUNDING_SECONDS
        if segment["state"] != "interrupted" or not nothing_more:
            yield "was killed, so nothing can be known about it but its iterations"


def seconds_between(earlier: str, later: str) -> float:
    """Return the seconds from one time stamp of a record to another. Raises ValueError or TypeError."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
