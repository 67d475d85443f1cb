"""Where a run stands that is to go on: what the next segment must know of those before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from soak_action.config.model import Schedule
from soak_action.evidence.ledger import KILLED, Chain, Record
from soak_action.evidence.run_dir import RunDir, stamp
from soak_action.evidence.slots import Slots


@dataclass(frozen=True)
class Standing:
    """How far a run has come, as a chain without problems tells it.

    `genesis` is the digest of run.json, `head` the one that the next record follows. `segments` have ended after
    `soak_seconds` altogether, the last one in `state`; None when there was none. `killed` is the end of the segment
    that died without one, still to be written: until then it is not among `segments`, nor are its seconds. `changed`
    tells whether a killed soak had begun the segment to come with something changed, before any of its iterations. The
    service had `service_exits` unplanned exits, and `service_start` is its last start that any record tells of.
    `parameters` are those of the last iteration, None when there was none or there are none. `decided` is what was
    decided for the iteration to come before the soak was killed.
    """

    genesis: str
    head: str
    segments: int = 0
    soak_seconds: float = 0.0
    iterations: int = 0
    state: str | None = None
    killed: Mapping[str, Any] | None = None
    changed: bool = False
    service_exits: int = 0
    service_start: int = 0
    parameters: Mapping[str, float] | None = None
    decided: tuple[Record, ...] = ()

    @property
    def next_segment(self) -> int:
        """The number of the segment to come."""
        return self.segments + (1 if self.killed is None else 2)

    @property
    def next_begins(self) -> float:
        """The soak time in seconds at which the segment to come begins."""
        return self.soak_seconds + (0.0 if self.killed is None else self.killed["measured_seconds"])

    def past(self, run: RunDir) -> Iterator[Record]:
        """Yield the records of all iterations, one in memory at a time."""
        if self.iterations:
            for _, record in Chain(run.path, self.genesis).records():
                yield record


def standing_of(run: RunDir, genesis: str, schedule: Schedule) -> Standing:
    """Return where a run with the promised `schedule` stands; its evidence must have been found to be whole."""
    chain = Chain(run.path, genesis)
    died: _Died | None = None
    last: Record = {"iteration": 0, "segment": 0}
    slots = Slots(schedule)
    exits = start = 0
    for _, record in chain.records():
        last = record
        slots.add(record)
        exits += len(_exits(record))
        start = max(start, _start(record))
        if record["segment"] > len(chain.segments):
            died = died or _Died(record)
            died.add(record)
    ended = round(sum(segment["measured_seconds"] for segment in chain.segments), 6)
    standing = Standing(
        genesis=genesis,
        head=chain.head,
        segments=len(chain.segments),
        soak_seconds=ended,
        iterations=last["iteration"],
        state=chain.segments[-1]["state"] if chain.segments and died is None else None,
        killed=None if died is None else died.end(ended, slots.missed),
        service_exits=exits + sum(len(_exits(segment)) for segment in chain.segments),
        service_start=max([start, *map(_start, chain.segments)]),
        parameters=last.get("parameters"),
        decided=tuple(chain.pending_decisions),
    )
    begun = [change for change in chain.changes if change["segment"] == standing.next_segment]
    return replace(standing, changed=bool(begun and begun[-1]["differences"]))


def _exits(record: Record) -> list[Record]:
    exits: list[Record] = record["service"]["exits"] if "service" in record else []
    return exits


def _start(record: Record) -> int:
    """Return the last start of the service that a record tells of; 0 is none."""
    service = record.get("service", {})
    ends = [*_exits(record), *([service["stop"]] if service.get("stop") else [])]
    starts: list[int] = [service.get("start", 0), *(end["start"] for end in ends)]
    return max(starts)


class _Died:
    """A segment that died, and what its records tell about its clocks."""

    def __init__(self, first: Record) -> None:
        self._last = first
        self._start = first
        self._drift = 0.0
        self._suspended = 0.0
        self._step = float("inf")

    def add(self, record: Record) -> None:
        """Look at the next record of the segment.

        The drift between the clocks is only known at the end of an iteration. Where it was the same at the end before,
        it was so at the start of the iteration too, and that start tells when the segment began.
        """
        drift = record["clock_drift_seconds"]
        before = 0.0 if record is self._start else self._last["clock_drift_seconds"]
        if abs(drift - before) < self._step:
            self._start, self._drift, self._step = record, before, abs(drift - before)
        self._suspended += sum(suspend["seconds"] for suspend in record["suspends"])
        self._last = record

    def end(self, began: float, missed_slots: int) -> dict[str, Any]:
        """Return the record that ends a segment which began at the soak time `began`: all that is known about it."""
        drift = self._last["clock_drift_seconds"]
        measured = round(self._last["offset_seconds"] + self._last["seconds"] - began, 6)
        started = datetime.fromisoformat(self._start["started_at"]) - timedelta(
            seconds=self._start["offset_seconds"] - began + self._drift
        )
        return {
            "segment": self._last["segment"],
            "started_at": stamp(started),
            "ended_at": stamp(started + timedelta(seconds=measured + drift)),
            "state": "interrupted",
            "reason": KILLED,
            "iterations": self._last["iteration"],
            "measured_seconds": measured,
            "clock_drift_seconds": drift,
            "missed_slots": missed_slots,
            "suspends": [],
            "suspended_seconds": round(self._suspended, 3),
        }
