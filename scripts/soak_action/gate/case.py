"""Everything that is judged, as one value."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, isnan, nan
from typing import Any

from soak_action.config.model import Kpi, Schedule, Service, Tuning
from soak_action.evidence.measurements import Column, Conduct, Measurements, Problem

WORKLOAD_FAILED = "workload_failed"
NOT_RECORDED = "not_recorded"


@dataclass(frozen=True)
class JudgedSeries:
    """One KPI over the judged iterations: `values` holds NaN exactly at the positions that `gaps` explains."""

    values: array[float]
    gaps: Mapping[int, str]

    def measured(self, positions: range) -> Sequence[float]:
        """Return the values that were measured at these positions."""
        values = self.values[positions.start : positions.stop]
        return [value for value in values if not isnan(value)] if self.gaps else values

    @property
    def measured_positions(self) -> Sequence[int]:
        """The positions at which there is a value."""
        everything = range(len(self.values))
        return [position for position in everything if position not in self.gaps] if self.gaps else everything

    def gap_reasons(self, positions: range) -> list[str]:
        """Return why values are missing at these positions, one reason per gap and in order."""
        return [self.gaps[position] for position in positions if position in self.gaps]


@dataclass(frozen=True)
class Case:
    """What was promised, what was measured, and where the rules were written.

    `promise` and `conduct` are None for bare result files, which have no schedule. `problems` are what the reader of
    the evidence found, `service` what was promised of a service, `tuning` who was to
    propose what. `origins` maps dotted configuration paths to the place
    where the value was given. `reproduce` is the command that judges this case again, `changes` what some iterations
    were made with otherwise than promised.
    """

    kpis: tuple[Kpi, ...]
    promise: Schedule | None
    measurements: Measurements
    conduct: Conduct | None
    problems: tuple[Problem, ...]
    origins: Mapping[str, str]
    overrides: tuple[Mapping[str, object], ...]
    reproduce: str
    changes: tuple[Mapping[str, Any], ...] = ()
    service: Service | None = None
    tuning: Tuning | None = None

    @property
    def is_bare(self) -> bool:
        """Whether these are result files without a run, so that nothing was promised."""
        return self.promise is None

    @property
    def is_paused(self) -> bool:
        """Whether the run is to be continued, so that only its live rules can be judged."""
        return self.conduct is not None and self.conduct.state == "paused"

    @cached_property
    def judged(self) -> Sequence[int]:
        """The positions of the judged iterations: those after the warm-up that were not cancelled."""
        return judged_positions(self.measurements.outcomes, 0 if self.promise is None else self.promise.warmup)

    @property
    def planned_judged(self) -> int | None:
        """How many judged iterations were promised (bare files: their rows); None when only the clock could tell."""
        return len(self.judged) if self.promise is None else self.promise.planned_judged

    @cached_property
    def completed(self) -> int:
        """How many iterations ran to their end, warm-up included."""
        return self.measurements.count - self.measurements.outcomes.count("cancelled")

    @cached_property
    def judged_ends(self) -> array[float]:
        """The soak time in seconds at which each judged iteration ended; only for measurements with a clock."""
        starts, seconds = self.measurements.starts, self.measurements.seconds
        return array("d", [starts[position] + seconds[position] for position in self.judged])

    @cached_property
    def _judged_series(self) -> dict[str, JudgedSeries]:
        return {kpi.name: _judged_series(kpi, self.measurements, self.judged) for kpi in self.kpis}

    def series(self, kpi: Kpi) -> JudgedSeries:
        """Return the judged values of a KPI of this case."""
        return self._judged_series[kpi.name]

    def number(self, position: int) -> int:
        """Return the number of the iteration at a judged position."""
        return self.measurements.numbers[self.judged[position]]

    def origin(self, *paths: str) -> str | None:
        """Return where the first known of these configuration paths, or the first key below it, was given."""
        for path in paths:
            below = f"{path}."
            for known, origin in self.origins.items():
                if known == path or known.startswith(below):
                    return origin
        return None


def judged_positions(outcomes: Sequence[str], warmup: int) -> Sequence[int]:
    """Return the positions after the first `warmup` iterations, without the cancelled ones."""
    after_warmup = range(min(warmup, len(outcomes)), len(outcomes))
    if "cancelled" not in outcomes:
        return after_warmup
    return [position for position in after_warmup if outcomes[position] != "cancelled"]


def _judged_series(kpi: Kpi, measurements: Measurements, judged: Sequence[int]) -> JudgedSeries:
    column = measurements.kpis.get(kpi.name, Column())
    if len(column.values) != measurements.count:
        return JudgedSeries(array("d", [nan]) * len(judged), dict.fromkeys(range(len(judged)), NOT_RECORDED))
    values = _selected(column.values, judged)
    gaps = _selected_gaps(column.missing, judged)
    for position in gaps:
        values[position] = nan
    series = JudgedSeries(values, gaps)
    measured = series.measured(range(len(values)))
    if len(measured) + len(gaps) == len(values) and _are_believable(kpi, measured):
        return series
    for position in series.measured_positions:
        reason = _disbelief(kpi, values[position])
        if reason is not None:
            gaps[position] = reason
            values[position] = nan
    return series


def _selected(values: array[float], judged: Sequence[int]) -> array[float]:
    if isinstance(judged, range):
        return values[judged.start : judged.stop]
    return array("d", [values[position] for position in judged])


def _selected_gaps(missing: Mapping[int, str], judged: Sequence[int]) -> dict[int, str]:
    if isinstance(judged, range):
        return {source - judged.start: reason for source, reason in missing.items() if source in judged}
    return {position: missing[source] for position, source in enumerate(judged) if source in missing}


def _are_believable(kpi: Kpi, values: Sequence[float]) -> bool:
    # A sum is finite only if every part is, and it costs a tenth of asking each.
    if not isfinite(sum(values)):
        return False
    return not values or kpi.range is None or (kpi.range[0] <= min(values) and max(values) <= kpi.range[1])


def _disbelief(kpi: Kpi, value: float) -> str | None:
    """Return why a recorded value counts as missing. The reader should have said so: the gate does not rely on it."""
    if not isfinite(value):
        return "not_a_number"
    if kpi.range is not None and not kpi.range[0] <= value <= kpi.range[1]:
        return "out_of_range"
    return None
