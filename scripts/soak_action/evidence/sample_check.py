"""Holding samples.jsonl against the records: whose samples they are, and that their peaks are those recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from soak_action import canonical
from soak_action.errors import EvidenceError
from soak_action.evidence.buckets import Bucket
from soak_action.evidence.documents import schema_check
from soak_action.evidence.measurements import Problem
from soak_action.evidence.samples import SAMPLES
from soak_action.files import read_lines

Record = Mapping[str, Any]

# The system may account more CPU time to a workload than was seen of it.
_ACCOUNTED = "cpu_seconds"
_ROUNDING_SECONDS = 1e-3
_NOT_SAMPLED: Record = {"samples": 0, "values": {}}


class _BrokenError(Exception):
    """What follows in the file cannot be held against anything."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(what)
        self.problem = Problem(where, what)


class SampleCheck:
    """Takes the records in their order and reads the file beside them; `problems` is what was found so far.

    How many samples each iteration has is known from its record. So it is known from which iteration to which a bucket
    reaches, and that nothing was dropped, doubled or moved.
    """

    def __init__(self, directory: Path) -> None:
        self.problems: list[Problem] = []
        self.notes: tuple[str, ...] = ()
        self._check = schema_check("sample")
        path = directory / SAMPLES
        self._lines = read_lines(path)
        self._buckets = self._read() if path.exists() else iter(())
        self._where = SAMPLES
        self._bucket: Bucket | None = None
        self._left = 0
        self._allowed: dict[str, float] = {}
        self._unknown: set[str] = set()
        self._end = 0.0
        self._last = 0
        self._broken = False

    def add(self, record: Record) -> None:
        """Hold the record of the next iteration against its samples."""
        if not self._broken:
            try:
                self._add(record)
            except _BrokenError as error:
                self._break(error.problem)
            except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
                # The record does not even have the form of one, which is told in its own place.
                self._broken = True

    def finish(self, *, is_sealed: bool) -> None:
        """Hold what is left of the file against the end of the run.

        A killed soak leaves samples of the iteration that it could not record any more, until the run is resumed.
        """
        try:
            while not self._broken and (bucket := self._next()) is not None:
                follows = bucket.first_iteration == bucket.last_iteration == self._last + 1
                if is_sealed or not follows:
                    raise _BrokenError(self._where, "belongs to no iteration that was recorded")
                self.notes = (
                    f"{SAMPLES}: what it holds of iteration {self._last + 1}, never recorded, does not count",
                )
        except _BrokenError as error:
            self._break(error.problem)
        if not self._broken and self._lines.torn_tail is not None and is_sealed:
            self._break(Problem(SAMPLES, "its last line is unfinished"))

    def _break(self, problem: Problem) -> None:
        self.problems.append(problem)
        self._broken = True

    def _add(self, record: Record) -> None:
        number, resources = record["iteration"], record.get("resources", _NOT_SAMPLED)
        count, values = resources["samples"], resources["values"]
        seen: dict[str, float] = {}
        left = count
        while left > 0:
            bucket = self._bucket or self._begin(record)
            for name, spread in bucket.values.items():
                seen[name] = max(seen.get(name, spread.highest), spread.highest)
                if name in values:
                    self._allowed[name] = max(self._allowed.get(name, values[name]), values[name])
                else:
                    self._unknown.add(name)
            taken = min(left, self._left)
            left, self._left = left - taken, self._left - taken
            if not self._left:
                self._complete(bucket, record)
        for name, value in values.items():
            if count and name != _ACCOUNTED and value > seen.get(name, float("-inf")):
                self.problems.append(Problem(SAMPLES, f"no sample of iteration {number} has its {name} of {value}"))
        self._last = number

    def _begin(self, record: Record) -> Bucket:
        """Return the bucket that begins with the next sample of an iteration."""
        bucket = self._next()
        number = record["iteration"]
        if bucket is None:
            raise _BrokenError(SAMPLES, f"holds fewer samples of iteration {number} than its record counts")
        if (bucket.segment, bucket.first_iteration) != (record["segment"], number):
            raise _BrokenError(
                self._where,
                f"begins with iteration {bucket.first_iteration} of segment {bucket.segment}, "
                f"but the next sample is one of iteration {number} of segment {record['segment']}",
            )
        if bucket.begins < record["offset_seconds"] - _ROUNDING_SECONDS:
            raise _BrokenError(self._where, f"begins before iteration {number} does")
        self._bucket, self._left = bucket, bucket.samples
        self._allowed, self._unknown = {}, set()
        return bucket

    def _complete(self, bucket: Bucket, record: Record) -> None:
        """Hold a bucket whose last sample is one of this iteration against the iterations that it spans."""
        self._bucket = None
        number = record["iteration"]
        if (bucket.segment, bucket.last_iteration) != (record["segment"], number):
            raise _BrokenError(
                self._where, f"ends with iteration {bucket.last_iteration}, but its last sample does not"
            )
        if bucket.ends > record["offset_seconds"] + record["seconds"] + _ROUNDING_SECONDS:
            raise _BrokenError(self._where, f"ends after iteration {number} does")
        for name, spread in bucket.values.items():
            if name not in self._unknown and spread.highest > self._allowed[name]:
                what = f"has a {name} of {spread.highest}, which is above that of the iterations it belongs to"
                self.problems.append(Problem(self._where, what))

    def _next(self) -> Bucket | None:
        bucket = next(self._buckets, None)
        if bucket is not None:
            if not self._end <= bucket.begins <= bucket.ends or not isfinite(bucket.ends):
                raise _BrokenError(self._where, "its times do not follow those before it")
            self._end = bucket.ends
        return bucket

    def _read(self) -> Iterator[Bucket]:
        try:
            for number, line in self._lines:
                self._where = f"{SAMPLES}:{number}"
                yield self._parse(line, number)
        except EvidenceError as error:
            raise _BrokenError(SAMPLES, str(error)) from error

    def _parse(self, line: bytes, number: int) -> Bucket:
        try:
            record = canonical.parse(line, SAMPLES, line=number)
        except canonical.CanonicalError as error:
            raise _BrokenError(self._where, f"not a sample: {error}") from error
        for problem in self._check(record, self._where):
            raise _BrokenError(self._where, problem.what)
        if canonical.canonical_bytes(record) != line:
            raise _BrokenError(self._where, "its bytes are not those that soak wrote")
        bucket = Bucket.from_record(record)
        for name, one in bucket.values.items():
            if not (one.lowest <= one.mean <= one.highest and one.samples <= bucket.samples):
                raise _BrokenError(self._where, f"its {name} cannot be: {one.lowest} to {one.highest}, mean {one.mean}")
        if bucket.first_iteration > bucket.last_iteration:
            raise _BrokenError(self._where, "ends before it begins")
        return bucket
