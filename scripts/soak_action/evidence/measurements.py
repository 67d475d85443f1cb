"""What a run measured, as plain columns that the gate can judge without touching a file."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Literal

State = Literal["finished", "paused", "interrupted", "aborted", "unfinished"]


@dataclass(frozen=True)
class Problem:
    """Something that makes evidence unbelievable, and where it was seen (``iterations.jsonl:3``)."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass
class Column:
    """One KPI over the iterations: `values` holds NaN exactly at the positions that `missing` explains."""

    values: array[float] = field(default_factory=lambda: array("d"))
    missing: dict[int, str] = field(default_factory=dict)

    def add(self, value: float) -> None:
        """Append a measured value."""
        self.values.append(value)

    def add_missing(self, reason: str) -> None:
        """Append a gap with its reason."""
        self.missing[len(self.values)] = reason
        self.values.append(nan)


@dataclass
class Measurements:
    """The iterations of a run in order; every list has one entry per iteration.

    `starts` are seconds of soak time since the run began (gaps between segments left out), `seconds` are durations;
    both are empty when the results came from bare files, which have no clock.
    """

    numbers: Sequence[int]
    outcomes: Sequence[str]
    segments: Sequence[int]
    starts: Sequence[float]
    seconds: Sequence[float]
    kpis: Mapping[str, Column]

    @property
    def count(self) -> int:
        """How many iterations there are."""
        return len(self.numbers)

    @property
    def has_clock(self) -> bool:
        """Whether the iterations carry times."""
        return len(self.starts) == self.count and self.count > 0


@dataclass(frozen=True)
class Incidents:
    """What happened to the time of a run that no promise foresaw.

    `suspended_seconds` were spent in `suspends` and are part of no measured time; None where the system did not tell.
    `clock_steps` is how often the wall clock was set meanwhile, and `largest_step_seconds` the step that moved it most.
    """

    missed_slots: int = 0
    suspends: int = 0
    suspended_seconds: float | None = 0.0
    clock_steps: int = 0
    largest_step_seconds: float = 0.0


@dataclass(frozen=True)
class ServiceConduct:
    """How the service went: `exits` unplanned ones, the first before or in iteration `first_exit`, in words `how`.

    `not_ready` says what happened when it was not ready in time.
    """

    exits: int = 0
    first_exit: int | None = None
    how: str = ""
    not_ready: str | None = None


@dataclass(frozen=True)
class TuningConduct:
    """How the parameters of a run went.

    `state_hash` is that of the last iteration, `began_with` that of the first. Of `proposals` so many were `applied`,
    `suppressed` and without effect (`no_op`). In `confirmed` iterations the workload proved which parameters it read.
    `misread` is the first iteration in which it read others, `edited` the first in which somebody else changed the
    file, `tuner_failed` the first before which the tuner gave no answer that could be used; None when there is none.
    In words `failure` says how, and `tuner_failures` counts all of them. `is_garbled` says that the first one that was
    misread proves nothing at all.
    """

    state_hash: str
    began_with: str
    proposals: int = 0
    applied: int = 0
    suppressed: int = 0
    no_op: int = 0
    iterations: int = 0
    confirmed: int = 0
    misread: int | None = None
    is_garbled: bool = False
    edited: int | None = None
    tuner_failures: int = 0
    tuner_failed: int | None = None
    failure: str = ""

    def to_dict(self) -> dict[str, int | str]:
        """What the receipt says of it."""
        return {
            "began_with": self.began_with,
            "proposals": self.proposals,
            "applied": self.applied,
            "suppressed": self.suppressed,
            "no_op": self.no_op,
            "confirmed_iterations": self.confirmed,
        }


@dataclass(frozen=True)
class Conduct:
    """How the run itself went, in seconds of soak time.

    `not_awake` tells where the machine may have slept; `service` is None for a workload without one, `tuning` for one
    without parameters. `gap_seconds` passed by the wall clock between its `segments`, and nothing was measured in them.
    """

    state: State
    measured_seconds: float
    active_seconds: float
    longest_segment_seconds: float
    mock: bool
    not_awake: tuple[str, ...] = ()
    incidents: Incidents = Incidents()
    service: ServiceConduct | None = None
    segments: int = 1
    gap_seconds: float = 0.0
    tuning: TuningConduct | None = None
