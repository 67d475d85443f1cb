"""The case: which iterations are judged, and which of their values are believed."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from math import inf, isnan, nan

import pytest
from tests.unit.gate.building import KPI, column, promised

from soak_action.config.model import Kpi, Schedule
from soak_action.evidence.measurements import Column, Conduct, Measurements, State
from soak_action.gate.case import Case, judged_positions


def case(
    values: Sequence[float | str],
    *,
    kpi: Kpi = KPI,
    promise: Schedule | None = None,
    outcomes: Sequence[str] | None = None,
    state: State | None = None,
) -> Case:
    count = len(values)
    measurements = Measurements(
        numbers=range(1, count + 1),
        outcomes=outcomes or ["ok"] * count,
        segments=[1] * count,
        starts=[10.0 * position for position in range(count)],
        seconds=[4.0] * count,
        kpis={kpi.name: column(values)},
    )
    conduct = None if state is None else Conduct(state, 10.0, 4.0, 10.0, mock=False)
    return Case((kpi,), promise, measurements, conduct, (), {"kpis.p95_ms.hard": "soak.yaml:4:5"}, (), "soak verify .")


@pytest.mark.parametrize(
    ("outcomes", "warmup", "expected"),
    [
        ([], 0, []),
        ([], 2, []),
        (["ok", "failed", "ok"], 0, [0, 1, 2]),
        (["ok", "failed", "ok"], 2, [2]),
        (["ok", "failed", "ok"], 5, []),
        (["ok", "cancelled", "ok", "cancelled"], 1, [2]),
    ],
)
def test_judged_are_those_after_the_warmup_that_were_not_cancelled(
    outcomes: list[str], warmup: int, expected: list[int]
) -> None:
    assert list(judged_positions(outcomes, warmup)) == expected


def test_planned_judged_comes_from_the_promise_and_for_bare_files_from_their_rows() -> None:
    assert case([1, 2, 3]).planned_judged == 3
    assert case([1, 2, 3], promise=promised(24, warmup=2)).planned_judged == 22
    assert case([1, 2, 3], promise=promised(None, duration=60)).planned_judged is None


def test_bare_and_paused() -> None:
    assert case([1]).is_bare
    assert not case([1]).is_paused
    assert not case([1], promise=promised(1), state="finished").is_bare
    assert not case([1], promise=promised(1), state="finished").is_paused
    assert case([1], promise=promised(1), state="paused").is_paused


def test_completed_are_all_but_the_cancelled() -> None:
    assert case([1, 2, 3], outcomes=["ok", "failed", "cancelled"]).completed == 2


def test_numbers_and_ends_of_the_judged() -> None:
    judged = case([1, 2, 3, 4], promise=promised(4, warmup=1), outcomes=["ok", "ok", "cancelled", "ok"])
    assert [judged.number(position) for position in (0, 1)] == [2, 4]
    assert list(judged.judged_ends) == [14.0, 34.0]


def test_a_series_holds_the_judged_values_and_the_reasons_of_the_gaps() -> None:
    series = case([1, "stale", 3, "file_missing", 5], promise=promised(5, warmup=2)).series(KPI)
    assert list(series.measured(range(3))) == [3, 5]
    assert list(series.measured(range(2, 3))) == [5]
    assert series.gaps == {1: "file_missing"}
    assert series.gap_reasons(range(3)) == ["file_missing"]
    assert series.gap_reasons(range(2, 3)) == []
    assert list(series.measured_positions) == [0, 2]


def test_a_series_without_gaps() -> None:
    series = case([1, 2, 3], outcomes=["ok", "cancelled", "ok"]).series(KPI)
    assert list(series.measured(range(2))) == [1, 3]
    assert list(series.measured_positions) == [0, 1]


def test_the_columns_are_left_as_they_are() -> None:
    judged = case([1, -5, 3])
    assert judged.series(KPI).gaps == {1: "out_of_range"}
    assert list(judged.measurements.kpis["p95_ms"].values) == [1, -5, 3]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (-0.07, "out_of_range"),
        (60000.1, "out_of_range"),
        (nan, "not_a_number"),
        (inf, "not_a_number"),
        (-inf, "not_a_number"),
    ],
)
def test_trap_16_an_impossible_value_is_missing_even_if_it_was_recorded_as_a_number(value: float, reason: str) -> None:
    series = case([1, value, 3]).series(KPI)
    assert series.gaps == {1: reason}
    assert isnan(series.values[1])


@pytest.mark.parametrize("value", [0.0, 60000.0, 17.0])
def test_trap_16_the_ends_of_the_range_are_possible(value: float) -> None:
    assert case([1, value, 3]).series(KPI).gaps == {}


def test_an_unexplained_gap_is_found_beside_an_explained_one() -> None:
    assert case(["stale", nan, 3]).series(KPI).gaps == {0: "stale", 1: "not_a_number"}


def test_without_a_range_every_number_is_possible() -> None:
    kpi = replace(KPI, range=None)
    assert case([1, -1e300, nan], kpi=kpi).series(kpi).gaps == {2: "not_a_number"}
    assert case([1, -1e300], kpi=kpi).series(kpi).gaps == {}


def test_no_iterations_are_an_empty_series() -> None:
    assert len(case([]).series(KPI).values) == 0


@pytest.mark.parametrize("kept", [{}, {"p95_ms": Column(array("d", [1.0]))}])
def test_trap_02_a_column_that_is_absent_or_too_short_is_missing_everywhere(kept: dict[str, Column]) -> None:
    whole = case([1, 2, 3])
    torn = replace(whole, measurements=replace(whole.measurements, kpis=kept))
    assert set(torn.series(KPI).gaps.values()) == {"not_recorded"}
    assert list(torn.series(KPI).measured(range(3))) == []


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("kpis.p95_ms.hard",), "soak.yaml:4:5"),
        (("kpis.p95_ms",), "soak.yaml:4:5"),
        (("kpis.p95_ms.soft", "kpis.p95_ms"), "soak.yaml:4:5"),
        (("kpis.p95",), None),
        ((), None),
    ],
)
def test_origin_of_a_path_or_of_the_first_key_below_it(paths: tuple[str, ...], expected: str | None) -> None:
    assert case([1]).origin(*paths) == expected
