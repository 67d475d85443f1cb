"""The hash chain: every iteration, segment end and change holds the digest of the record before it.

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
SCHEMA_VERSION = 1
# Why a segment ended that could not say so itself; the next segment says it in its place.
KILLED = "killed"
# The states of a segment that another one may follow.
RESUMABLE = ("paused", "interrupted")

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


class Ledger:
    """The writing end of the chain of one run."""

    def __init__(self, directory: Path, head: str) -> None:
        """`head` is the digest that the next record follows: that of the last record, at first that of run.json."""
        self._iterations = LineWriter(directory / ITERATIONS)
        self._segments = LineWriter(directory / SEGMENTS)
        self._samples = SampleFile(directory)
        self._directory = directory
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

    def _append(self, writer: LineWriter, record: Record) -> None:
        line, digest = seal({"schema_version": SCHEMA_VERSION, **record}, self._head)
        writer.append(line)
        # Only now: a record that the disk refused has nothing that follows it.
        self._head = digest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._iterations.close()
        self._segments.close()
        self._samples.close()


class Chain:
    """The reading end: streams the records in order and notes every break as a Problem."""

    def __init__(self, directory: Path, genesis: str) -> None:
        self._directory = directory
        self._head = genesis
        self.problems: list[Problem] = []
        self.torn: list[str] = []
        self.segments: list[Record] = []
        self.changes: list[Record] = []

    @property
    def head(self) -> str:
        """The digest that the next record has to follow, once all records were read."""
        return self._head

    def records(self) -> Iterator[tuple[int, Record]]:
        """Yield (line number, iteration record); `segments` and `changes` are known from the first on."""
        ends, changes = list(self._lines(SEGMENTS)), list(self._lines(CHANGES))
        self.segments = [record for _, _, record in ends]
        self.changes = [record for _, _, record in changes]
        last = 0
        segment = 1
        for number, line, record in self._lines(ITERATIONS):
            place = f"{ITERATIONS}:{number}"
            while ends and isinstance(record.get("segment"), int) and record["segment"] > segment:
                self._link_changes(changes, segment)
                segment += 1
                if ends[0][2].get("segment") == segment - 1:
                    self._link(f"{SEGMENTS}:{ends[0][0]}", ends[0][1], ends.pop(0)[2])
            self._link_changes(changes, segment)
            self._link(place, line, record)
            if record.get("iteration") != last + 1:
                self._note(place, f"iteration {record.get('iteration')} follows iteration {last}")
            last = record["iteration"] if isinstance(record.get("iteration"), int) else last + 1
            yield number, record
        for number, line, record in ends:
            self._link_changes(changes, record.get("segment"))
            self._link(f"{SEGMENTS}:{number}", line, record)
        for number, line, record in changes:
            self._link(f"{CHANGES}:{number}", line, record)
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
