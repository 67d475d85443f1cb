"""Samples and what they are thinned to: neighbours of one segment, as lowest, mean and highest value of each figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, Self

SCHEMA_VERSION = 1
# An iteration may last for days, too, and its samples are in memory until it ends.
MOST_OF_AN_ITERATION = 256


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over those `samples` that have it."""

    lowest: float
    mean: float
    highest: float
    samples: int = 1

    def with_next(self, other: Spread) -> Spread:
        """Return the spread of both."""
        samples = self.samples + other.samples
        lowest, highest = min(self.lowest, other.lowest), max(self.highest, other.highest)
        mean = round((self.mean * self.samples + other.mean * other.samples) / samples, 6)
        return Spread(lowest, min(max(mean, lowest), highest), highest, samples)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One sample or several in a row; `begins` and `ends` are the soak times of the first and the last one, in seconds.

    Where a sample was taken is only known to the loop: until it says so, segment and iterations are 0.
    """

    begins: float
    ends: float
    values: Mapping[str, Spread]
    samples: int = 1
    segment: int = 0
    first_iteration: int = 0
    last_iteration: int = 0

    def placed(self, segment: int, iteration: int, shift: float, latest: float = inf) -> Self:
        """Return it as part of an iteration, its times moved by `shift` seconds and none of them after `latest`."""
        return replace(
            self,
            begins=round(min(self.begins + shift, latest), 6),
            ends=round(min(self.ends + shift, latest), 6),
            segment=segment,
            first_iteration=iteration,
            last_iteration=iteration,
        )

    def with_next(self, other: Bucket) -> Bucket:
        """Return this one and the one after it as a single one."""
        values = dict(self.values)
        for name, spread in other.values.items():
            values[name] = values[name].with_next(spread) if name in values else spread
        return replace(
            self,
            ends=other.ends,
            values=values,
            samples=self.samples + other.samples,
            last_iteration=other.last_iteration,
        )

    def to_record(self) -> dict[str, Any]:
        """Return it as a line of samples.jsonl."""
        return {
            "schema_version": SCHEMA_VERSION,
            "segment": self.segment,
            "first_iteration": self.first_iteration,
            "last_iteration": self.last_iteration,
            "first_offset_seconds": self.begins,
            "last_offset_seconds": self.ends,
            "samples": self.samples,
            "values": {
                name: {"min": spread.lowest, "mean": spread.mean, "max": spread.highest, "samples": spread.samples}
                for name, spread in self.values.items()
            },
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return a line of samples.jsonl again. Raises KeyError, TypeError or ValueError when it is none."""
        return cls(
            begins=float(record["first_offset_seconds"]),
            ends=float(record["last_offset_seconds"]),
            values={
                name: Spread(float(one["min"]), float(one["mean"]), float(one["max"]), int(one["samples"]))
                for name, one in record["values"].items()
            },
            samples=int(record["samples"]),
            segment=int(record["segment"]),
            first_iteration=int(record["first_iteration"]),
            last_iteration=int(record["last_iteration"]),
        )


@dataclass
class Series:
    """The samples of one iteration, thinned as soon as there are more than 256 buckets of them."""

    buckets: list[Bucket] = field(default_factory=list)

    def add(self, moment: float, figures: Mapping[str, float]) -> None:
        """Take one sample."""
        values = {}
        for name, figure in figures.items():
            rounded = round(figure, 6)
            values[name] = Spread(rounded, rounded, rounded)
        self.buckets.append(Bucket(moment, moment, values))
        if len(self.buckets) > MOST_OF_AN_ITERATION:
            capacity = capacity_for(sizes_of(self.buckets), MOST_OF_AN_ITERATION * 3 // 4)
            self.buckets = list(thinned(self.buckets, capacity))


def thinned(buckets: Iterable[Bucket], capacity: int) -> Iterator[Bucket]:
    """Yield the same samples, neighbours of one segment together in buckets of at most `capacity` samples."""
    held: Bucket | None = None
    for bucket in buckets:
        if held is not None and held.segment == bucket.segment and held.samples + bucket.samples <= capacity:
            held = held.with_next(bucket)
        else:
            if held is not None:
                yield held
            held = bucket
    if held is not None:
        yield held


def sizes_of(buckets: Iterable[Bucket]) -> list[tuple[int, int]]:
    """Return segment and number of samples of each bucket."""
    return [(bucket.segment, bucket.samples) for bucket in buckets]


def capacity_for(sizes: Sequence[tuple[int, int]], most: int) -> int:
    """Return the smallest power of two for which `thinned` leaves at most `most` buckets, or one for each segment."""
    capacity, total = 1, sum(samples for _, samples in sizes)
    while capacity < total and _count(sizes, capacity) > most:
        capacity *= 2
    return capacity


def _count(sizes: Sequence[tuple[int, int]], capacity: int) -> int:
    count, held, held_segment = 0, 0, 0
    for segment, samples in sizes:
        if count and segment == held_segment and held + samples <= capacity:
            held += samples
        else:
            count, held, held_segment = count + 1, samples, segment
    return count
