"""The hash chain: every iteration, segment end, change and decision holds the digest of the record before it.

The chain finds partial and accidental edits. It proves nothing against someone who rewrites every file: that takes an
anchor. The samples beside it are no part of it, because they are thinned as the run goes on; the receipt holds their
digest, and each record how many of them are its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from soak_action import canonical
from soak_action.errors import EvidenceError
from soak_action.evidence.buckets import Bucket
from soak_action.evidence.measurements import Problem
from soak_action.evidence.samples import SampleFile
from soak_action.files import LineWriter, read_lines

ITERATIONS = "iterations.jsonl"
SEGMENTS = "segments.jsonl"
CHANGES = "changes.jsonl"
DECISIONS = "decisions.jsonl"
SCHEMA_VERSION = 1
# Why a segment ended that could not say so itself; the next segment says it in its place.
KILLED = "killed"
# The states of a segment that another one may follow.
RESUMABLE = ("paused", "interrupted")

# What a record has as a link of the chain, beside what it tells.
_LINKS = frozenset({"schema_version", "segment", "previous", "digest"})

Record = Mapping[str, Any]


def seal(record: Record, previous: str) -> tuple[bytes, str]:
    """Return the line and the digest of `record` when it follows the record with the digest `previous`.

    The digest is the SHA-256 of the RFC 8785 bytes of the record without its digest.
    """
    linked = {**record, "previous": previous}
    digest = canonical.digest(linked)
    return canonical.canonical_bytes({**linked, "digest": digest}), digest


def is_sealed(line: bytes, digest: object) -> bool:
    """Whether `line` is, byte for byte, what `seal` wrote for a record with this digest."""
    if not isinstance(digest, str):
        return False
    member = b'"digest":"' + digest.encode(errors="replace") + b'",'
    return line.count(member) == 1 and canonical.digest_of_bytes(line.replace(member, b"")) == digest


def records_of(path: Path) -> Iterator[Record]:
    """Yield the records of a file one by one, whatever they say; a line that is none is left out.

    This is for showing them: Chain tells whether they can be believed.
    """
    if not path.exists():
        return
    with contextlib.suppress(EvidenceError):
        for _, line in read_lines(path):
            with contextlib.suppress(canonical.CanonicalError):
                record = canonical.parse(line, path.name)
                if isinstance(record, dict):
                    yield record


class _Peekable(Iterator[tuple[int, bytes, Record]]):
    """The lines of a file, of which one can be looked at before it is taken."""

    def __init__(self, lines: Iterator[tuple[int, bytes, Record]]) -> None:
        self._lines = lines
        self._next: tuple[int, bytes, Record] | None = None

    def peek(self) -> tuple[int, bytes, Record] | None:
        """Return the line that comes next, None when there is no more."""
        if self._next is None:
            self._next = next(self._lines, None)
        return self._next

    def __next__(self) -> tuple[int, bytes, Record]:
        line = self.peek()
        if line is None:
            raise StopIteration
        self._next = None
        return line


def _is_at_most(number: object, limit: object) -> bool:
    return isinstance(number, int) and isinstance(limit, int) and number <= limit


class Ledger:
    """The writing end of the chain of one run."""

    def __init__(self, directory: Path, head: str) -> None:
        """`head` is the digest that the next record follows: that of the last record, at first that of run.json."""
        self._iterations = LineWriter(directory / ITERATIONS)
        self._segments = LineWriter(directory / SEGMENTS)
        self._samples = SampleFile(directory)
        self._directory = directory
        # Most runs have no tuner; what a killed one left of its last decision is moved aside at once.
        self._decisions = LineWriter(directory / DECISIONS) if (directory / DECISIONS).exists() else None
        self._head = head

    def add_iteration(self, record: Record, samples: Sequence[Bucket] = ()) -> None:
        """Append an iteration's samples and its record, and sync both to disk."""
        # The record last: it says how many samples it has, and what has no record does not count.
        self._samples.add(samples)
        self._append(self._iterations, record)

    def end_segment(self, record: Record) -> None:
        """Append the record that ends a segment and sync it to disk."""
        self._append(self._segments, record)

    def add_change(self, record: Record) -> None:
        """Append what the segment that begins now has otherwise than the promise, and sync it to disk."""
        # Most runs have no such file at all.
        with closing(LineWriter(self._directory / CHANGES)) as writer:
            self._append(writer, record)

    def add_decisions(self, records: Sequence[Record]) -> None:
        """Append decisions before the iteration that they are made for, all or none of them, and sync them to disk."""
        if records and self._decisions is None:
            self._decisions = LineWriter(self._directory / DECISIONS)
        if self._decisions is not None:
            self._append(self._decisions, *records)

    def _append(self, writer: LineWriter, *records: Record) -> None:
        lines, head = [], self._head
        for record in records:
            line, head = seal({"schema_version": SCHEMA_VERSION, **record}, head)
            lines.append(line)
        writer.append(*lines)
        # Only now: a record that the disk refused has nothing that follows it.
        self._head = head

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._iterations.close()
        self._segments.close()
        self._samples.close()
        if self._decisions is not None:
            self._decisions.close()


class Chain:
    """The reading end: streams the records in order and notes every break as a Problem.

    `decisions` are, as (line number, record), those made for the iteration that was yielded last: the ones linked since
    the iteration before. Once all records were read they are the pending ones, whose iteration has no record.
    """

    def __init__(self, directory: Path, genesis: str) -> None:
        self._directory = directory
        self._head = genesis
        self.problems: list[Problem] = []
        self.torn: list[str] = []
        self.segments: list[Record] = []
        self.changes: list[Record] = []
        self.decisions: list[tuple[int, Record]] = []
        self._unlinked = _Peekable(iter(()))

    @property
    def head(self) -> str:
        """The digest that the next record has to follow, once all records were read."""
        return self._head

    @property
    def pending_decisions(self) -> list[Record]:
        """The decisions that were made for an iteration without a record, once all records were read."""
        return [record for _, record in self.decisions]

    def records(self) -> Iterator[tuple[int, Record]]:
        """Yield (line number, iteration record); `segments` and `changes` are known from the first on."""
        ends, changes = list(self._lines(SEGMENTS)), list(self._lines(CHANGES))
        self._unlinked = _Peekable(self._lines(DECISIONS))
        self.segments = [record for _, _, record in ends]
        self.changes = [record for _, _, record in changes]
        last = 0
        segment = 1
        for number, line, record in self._lines(ITERATIONS):
            place = f"{ITERATIONS}:{number}"
            while ends and isinstance(record.get("segment"), int) and record["segment"] > segment:
                self._link_changes(changes, segment)
                self._link_decisions(segment, record.get("iteration"))
                segment += 1
                if ends[0][2].get("segment") == segment - 1:
                    self._link(f"{SEGMENTS}:{ends[0][0]}", ends[0][1], ends.pop(0)[2])
            self._link_changes(changes, segment)
            self._link_decisions(record.get("segment"), record.get("iteration"))
            self._link(place, line, record)
            self._compare_decisions(place, record)
            if record.get("iteration") != last + 1:
                self._note(place, f"iteration {record.get('iteration')} follows iteration {last}")
            last = record["iteration"] if isinstance(record.get("iteration"), int) else last + 1
            yield number, record
            self.decisions.clear()
        for number, line, record in ends:
            self._link_changes(changes, record.get("segment"))
            self._link_decisions(record.get("segment"), last + 1)
            self._link(f"{SEGMENTS}:{number}", line, record)
        for number, line, record in changes:
            self._link(f"{CHANGES}:{number}", line, record)
        for number, line, record in self._unlinked:
            self._link_decision(number, line, record, last + 1)
        for position, record in enumerate(self.segments, 1):
            if record.get("segment") != position:
                self._note(f"{SEGMENTS}:{position}", f"segment {record.get('segment')} stands at place {position}")

    def _link_changes(self, changes: list[tuple[int, bytes, Record]], segment: object) -> None:
        """Link the changes that come before the first iteration, or the end, of a segment."""
        while changes and isinstance(segment, int):
            number, line, record = changes[0]
            if not isinstance(record.get("segment"), int) or record["segment"] > segment:
                return
            self._link(f"{CHANGES}:{number}", line, changes.pop(0)[2])

    def _link_decisions(self, segment: object, iteration: object) -> None:
        """Link the decisions of a segment that come before an iteration, or before the segment's end."""
        while (waiting := self._unlinked.peek()) is not None:
            decision = waiting[2]
            is_due = _is_at_most(decision.get("segment"), segment) and _is_at_most(decision.get("iteration"), iteration)
            if not is_due:
                return
            self._link_decision(*next(self._unlinked), iteration)

    def _link_decision(self, number: int, line: bytes, record: Record, iteration: object) -> None:
        self._link(f"{DECISIONS}:{number}", line, record)
        if record.get("iteration") != iteration:
            made_for = f"a decision for iteration {record.get('iteration')}"
            self._note(f"{DECISIONS}:{number}", f"{made_for} stands before iteration {iteration}")
        self.decisions.append((number, record))

    def _compare_decisions(self, place: str, record: Record) -> None:
        told = record.get("decisions", [])
        if not self.decisions and told == []:
            return
        made = [{key: decision[key] for key in decision if key not in _LINKS} for _, decision in self.decisions]
        try:
            agrees = canonical.canonical_bytes(made) == canonical.canonical_bytes(told)
        except canonical.CanonicalError:
            agrees = False
        if not agrees:
            self._note(place, f"its decisions are not those that {DECISIONS} has for it")

    def _lines(self, name: str) -> Iterator[tuple[int, bytes, Record]]:
        path = self._directory / name
        if not path.exists():
            return
        lines = read_lines(path)
        try:
            for number, line in lines:
                try:
                    record = canonical.parse(line, name, line=number)
                except canonical.CanonicalError as error:
                    self._note(f"{name}:{number}", f"not a record: {error}")
                    continue
                if isinstance(record, dict):
                    yield number, line, record
                else:
                    self._note(f"{name}:{number}", "not a record: it is not a mapping")
        except EvidenceError as error:
            self._note(name, str(error))
        if lines.torn_tail is not None:
            self.torn.append(f"{name}: an unfinished last line of {len(lines.torn_tail)} bytes was left out")

    def _link(self, place: str, line: bytes, record: Record) -> None:
        if not is_sealed(line, record.get("digest")):
            self._note(place, "the record does not match its own digest: it was changed after it was written")
        if record.get("previous") != self._head:
            self._note(place, "the record does not follow the one before it: something was removed, added or changed")
        if isinstance(record.get("digest"), str):
            self._head = record["digest"]

    def _note(self, where: str, what: str) -> None:
        self.problems.append(Problem(where, what))
