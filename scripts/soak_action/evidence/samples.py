"""The samples of a whole run in one file that does not grow with it: what is old is thinned, and nothing is dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from soak_action import canonical
from soak_action.errors import EvidenceError
from soak_action.evidence.buckets import Bucket, capacity_for, sizes_of, thinned
from soak_action.files import LineWriter, read_lines, write_atomic

SAMPLES = "samples.jsonl"
# Three quarters stay when it is thinned, which leaves room for the most that an iteration has.
MOST_LINES = 1024


class SampleFile:
    """The writing end. What it holds of the iterations before is thinned before an iteration's samples are added.

    So the samples of an iteration that was never recorded stand alone at the end, and a resumed run can remove them.
    """

    def __init__(self, directory: Path, most_lines: int = MOST_LINES) -> None:
        self._most_lines = most_lines
        self._path = directory / SAMPLES
        self._writer: LineWriter | None = None
        self._lines = 0

    def add(self, buckets: Sequence[Bucket]) -> None:
        """Append what an iteration has and sync it to disk; without any nothing is written.

        Raises SurroundingsError when the disk refuses, EvidenceError when somebody else changed or removed the file.
        """
        if not buckets:
            return
        if self._writer is None:
            # A workload may have put a link there, which must not lead out of the run.
            is_there = self._path.exists() or self._path.is_symlink()
            self._lines = sum(1 for _ in read_buckets(self._path)) if is_there else 0
        if self._lines + len(buckets) > self._most_lines:
            self.close()
            self._lines = _thin(self._path, self._most_lines * 3 // 4)
        if self._writer is None:
            self._writer = LineWriter(self._path)
        self._writer.append(*map(_line, buckets))
        self._lines += len(buckets)

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def read_buckets(path: Path) -> Iterator[Bucket]:
    """Yield the buckets of a file that soak wrote, one in memory at a time; an unfinished last line is left out.

    Raises EvidenceError when the file is missing or holds something else, SurroundingsError when it cannot be read.
    """
    for number, line in read_lines(path):
        try:
            yield Bucket.from_record(canonical.parse(line, path.name, line=number))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise EvidenceError(f"{path.name}:{number}: not a sample that soak wrote") from error


def forget_unrecorded(directory: Path, last_iteration: int) -> None:
    """Remove the samples of an iteration after `last_iteration`, and an unfinished last line: a killed soak left them.

    Raises EvidenceError when the file holds something else, SurroundingsError when the disk refuses.
    """
    path = directory / SAMPLES
    if not path.exists():
        return
    recorded = bytearray()
    for bucket in read_buckets(path):
        if bucket.last_iteration <= last_iteration:
            recorded += _line(bucket) + b"\n"
    if len(recorded) != path.stat().st_size:
        write_atomic(path, recorded)


def _thin(path: Path, most: int) -> int:
    """Thin the file to about `most` lines; return how many there are."""
    capacity = capacity_for(sizes_of(read_buckets(path)), most)
    content, lines = bytearray(), 0
    for bucket in thinned(read_buckets(path), capacity):
        content += _line(bucket) + b"\n"
        lines += 1
    write_atomic(path, content)
    return lines


def _line(bucket: Bucket) -> bytes:
    return canonical.canonical_bytes(bucket.to_record())
