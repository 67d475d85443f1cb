"""The samples of one iteration as values of KPIs and as what is recorded of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from soak_action.config.model import SAMPLED, Resources
from soak_action.evidence.buckets import Bucket
from soak_action.kpi.reading import Reading
from soak_action.workload.process import Watch
from soak_action.workload.process_tree import RunningTree
from soak_action.workload.sampler import Sampler
from soak_action.workload.usage import Reader

_NEVER_SEEN = "the workload ended before it could be sampled"


class Watched:
    """The samples of one iteration, or none at all when nobody asked for them."""

    def __init__(self, settings: Resources | None) -> None:
        self._sampler = None if settings is None else Sampler(settings.interval, _system_reader())

    def arguments(self) -> dict[str, Watch]:
        """Return what starting the workload needs to know."""
        return {} if self._sampler is None else {"watch": self._sampler.watch}

    def over(self, tree: RunningTree) -> AbstractContextManager[None]:
        """Sample processes that were running before and go on: those of a service."""
        return (
            nullcontext() if self._sampler is None else self._sampler.watch(tree, tree.main, running=lambda: tree.main)
        )

    def readings(self, accounted: float | None) -> dict[str, float | Reading]:
        """Return the value of each sampled KPI, or why it has none."""
        return {} if self._sampler is None else readings_of(self._sampler, accounted)

    def record(self, readings: Mapping[str, float | Reading]) -> dict[str, Any]:
        """Return what the record of the iteration says about its samples."""
        return {} if self._sampler is None else {"resources": record_of(self._sampler, readings)}

    def samples(self, record: Mapping[str, Any]) -> list[Bucket]:
        """Return the samples of the iteration with this record, for samples.jsonl."""
        return [] if self._sampler is None else samples_of(self._sampler, record)


def readings_of(sampler: Sampler, accounted: float | None) -> dict[str, float | Reading]:
    """Return the value of each sampled KPI, or why it has none; `accounted` is the CPU time that the system tells."""
    return {name: _reading(name, sampler, accounted) for name in SAMPLED}


def _reading(name: str, sampler: Sampler, accounted: float | None) -> float | Reading:
    value = sampler.totals.highest.get(name)
    if name == "cpu_seconds" and accounted is not None:
        # The system also knows of processes too short to be seen, the samples of those that nobody waited for.
        value = max(accounted, value or 0.0)
    if name in sampler.reader.lacks:
        why = sampler.reader.lacks[name]
    elif sampler.failure is not None:
        why = f"sampling broke off: {sampler.failure}"
    elif refusals := sampler.totals.refused.get(name):
        why = f"the system refused to tell it of a process of the workload, {refusals} times"
    elif value is None:
        why = _NEVER_SEEN
    else:
        return round(value, 6)
    return Reading.missing("not_available", f"{name} is not available: {why}")


def record_of(sampler: Sampler, readings: Mapping[str, float | Reading]) -> dict[str, Any]:
    """Return what an iteration's record says about its samples."""
    cost = sampler.cost
    return {
        "interval_seconds": sampler.interval,
        "values": {name: found for name, found in readings.items() if not isinstance(found, Reading)},
        "missing": {name: found.detail for name, found in readings.items() if isinstance(found, Reading)},
        "samples": cost.samples,
        "uss_samples": cost.uss_samples,
        "late": cost.late,
        "discoveries": cost.discoveries,
        "processes": cost.processes,
        "gone": cost.gone,
        "refused": dict(sampler.totals.refused),
        "sampling_seconds": round(cost.seconds, 6),
    }


def samples_of(sampler: Sampler, record: Mapping[str, Any]) -> list[Bucket]:
    """Return the samples, placed in the iteration with this record, at whose start the sampler began."""
    begins = record["offset_seconds"]
    # The last sample is taken when the iteration is over, and its time must not reach into a segment that may follow.
    return [
        bucket.placed(record["segment"], record["iteration"], begins - sampler.began, begins + record["seconds"])
        for bucket in sampler.series.buckets
    ]


def _system_reader() -> Reader:
    """Return the reader for this system."""
    if sys.platform == "linux":
        from soak_action.workload.linux_usage import LinuxReader

        return LinuxReader()
    else:  # noqa: RET505 - a type checker tells the platforms apart by this form  # pragma: platform - Linux has a better way
        from soak_action.workload.portable_usage import PortableReader

        return PortableReader()
