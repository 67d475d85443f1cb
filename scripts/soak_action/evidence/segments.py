"""The segments of a run as people read them: when each began and ended, and what lies between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from soak_action.evidence.ledger import SEGMENTS, Record, records_of


@dataclass(frozen=True)
class Segment:
    """A segment that ended; `iterations` is how many the run had by then, `seconds` its own soak time."""

    number: int
    started: datetime
    ended: datetime
    state: str
    reason: str
    iterations: int
    seconds: float


def segments_of(records: Iterable[Record]) -> list[Segment]:
    """Return the segments that `records` tell of; what is no record of a segment is left out, and noted elsewhere."""
    return [segment for segment in map(_segment, records) if segment is not None]


def read_segments(directory: Path) -> list[Segment]:
    """Return the segments of the run in `directory`."""
    return segments_of(records_of(directory / SEGMENTS))


def gaps(segments: Sequence[Segment]) -> list[float]:
    """Return the seconds by the wall clock between each two segments, in which nothing was measured.

    The clocks of two machines may disagree; a gap is never less than nothing.
    """
    return [max(0.0, round((after.started - before.ended).total_seconds(), 3)) for before, after in pairwise(segments)]


def _segment(record: Record) -> Segment | None:
    try:
        started, ended = (datetime.fromisoformat(record[key]) for key in ("started_at", "ended_at"))
        found = Segment(
            number=int(record["segment"]),
            started=started,
            ended=ended,
            state=str(record["state"]),
            reason=str(record["reason"]),
            iterations=int(record["iterations"]),
            seconds=float(record["measured_seconds"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    # Times with and without a zone cannot be compared.
    return found if started.tzinfo and ended.tzinfo else None
