"""Windows and statistics of plain values."""

from __future__ import annotations

import sys
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak_action.config.model import Window
from soak_action.kpi.series import STATS, is_stat, needs_seconds, rate, statistic, window_positions

HUGE = sys.float_info.max


@pytest.mark.parametrize("text", [*STATS, "p50", "p95", "p99.9", "p1", "p0.5", "p99.999"])
def test_known_statistics(text: str) -> None:
    assert is_stat(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "p",
        "p0",
        "p0.0",
        "p100",
        "p101",
        "p-5",
        "p07",
        "p95.",
        "p.5",
        "p9e1",
        "P95",
        "avg",
        "p95 ",
        "p\u0669\u0665",
        "p" + "9" * 30,
    ],
)
def test_unknown_statistics(text: str) -> None:
    assert not is_stat(text)


def test_a_percentage_that_rounds_to_a_hundred_is_no_percentile() -> None:
    assert not is_stat("p99." + "9" * 30)


def test_only_a_rate_needs_seconds() -> None:
    assert [stat for stat in (*STATS, "p95") if needs_seconds(stat)] == ["rate"]


@pytest.mark.parametrize(
    ("stat", "expected"),
    [
        ("mean", 4.0),
        ("median", 2.5),
        ("min", 1.0),
        ("max", 10.0),
        ("last", 2.0),
        ("count", 4.0),
        ("sum", 16.0),
        ("p50", 2.5),
        ("p25", 1.75),
        ("p75", 4.75),
        ("p99", 9.79),
    ],
)
def test_statistics_of_four_values(stat: str, expected: float) -> None:
    assert statistic(array("d", [3.0, 1.0, 10.0, 2.0]), stat) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("stat", [stat for stat in (*STATS, "p95", "p99.9") if stat not in ("count", "rate")])
def test_one_value_is_every_statistic_of_itself(stat: str) -> None:
    assert statistic([7.5], stat) == 7.5


def test_the_mean_loses_no_digits() -> None:
    assert statistic([1e16, 1.0, -1e16], "mean") == pytest.approx(1 / 3)


def test_no_values_have_a_count_and_nothing_else() -> None:
    assert statistic([], "count") == 0
    for stat in ("mean", "median", "min", "max", "last", "sum", "p95"):
        with pytest.raises(ValueError, match=f"{stat} of no values"):
            statistic([], stat)


@pytest.mark.parametrize("stat", ["rate", "avg", "p100"])
def test_what_is_no_statistic_of_values_alone_is_refused(stat: str) -> None:
    with pytest.raises(ValueError, match="no statistic"):
        statistic([1.0], stat)


@pytest.mark.parametrize(
    ("stat", "values", "expected"),
    [
        ("sum", [HUGE, HUGE], HUGE),
        ("sum", [-HUGE, -HUGE], -HUGE),
        ("sum", [HUGE, HUGE, -HUGE], HUGE),
        ("mean", [HUGE, HUGE], HUGE),
        ("mean", [HUGE, HUGE, -HUGE, -HUGE], 0.0),
        ("median", [-HUGE, HUGE], 0.0),
        ("p75", [-HUGE, HUGE], HUGE / 2),
        ("median", [HUGE, HUGE], HUGE),
    ],
)
def test_the_largest_floats_do_not_overflow(stat: str, values: list[float], expected: float) -> None:
    assert statistic(values, stat) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("values", "seconds", "expected"),
    [([10.0, 20.0], [1.0, 4.0], 6.0), ([HUGE, HUGE], [0.5], HUGE), ([-HUGE], [1e-9], -HUGE)],
)
def test_rate_is_the_sum_per_second(values: list[float], seconds: list[float], expected: float) -> None:
    assert rate(values, seconds) == expected


def test_rate_needs_time() -> None:
    with pytest.raises(ValueError, match="no time"):
        rate([1.0], [0.0])


@pytest.mark.parametrize(
    ("window", "count", "expected"),
    [
        (Window(), 5, range(5)),
        (Window(), 0, range(0)),
        (Window(iterations=3), 5, range(2, 5)),
        (Window(iterations=8), 5, range(5)),
        (Window(iterations=8), 0, range(0)),
        (Window(seconds=60), 0, range(0)),
    ],
)
def test_windows_without_a_clock(window: Window, count: int, expected: range) -> None:
    assert window_positions(window, count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, [3]), (10, [2, 3]), (10.5, [2, 3]), (25, [1, 2, 3]), (1e9, [0, 1, 2, 3])]
)
def test_a_window_in_time_looks_at_what_ended_within_it(seconds: float, expected: list[int]) -> None:
    assert list(window_positions(Window(seconds=seconds), 4, [5.0, 25.0, 35.0, 45.0])) == expected


def test_a_window_in_time_needs_every_end() -> None:
    with pytest.raises(ValueError, match="end of every iteration"):
        window_positions(Window(seconds=1), 3, [1.0, 2.0])


@settings(max_examples=60)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30),
    st.sampled_from(["mean", "median", "p1", "p95", "p99.9"]),
)
def test_a_statistic_lies_between_the_smallest_and_the_largest_value(values: list[float], stat: str) -> None:
    slack = 1e-15 * max(abs(value) for value in values)
    assert min(values) - slack <= statistic(values, stat) <= max(values) + slack


@settings(max_examples=60)
@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30), st.floats(0.5, 99.5))
def test_percentiles_do_not_depend_on_the_order(values: list[int], percent: float) -> None:
    stat = f"p{percent:.3f}"
    assert statistic(values, stat) == statistic(values[::-1], stat)
