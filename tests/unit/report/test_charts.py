from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action.report.charts import Series, buckets, chart, sparkline

NAN = math.nan
NUMBER = r"-?\d{1,12}(?:\.\d{1,6})?"


def series(values: list[float], **given_: object) -> Series:
    fields: dict[str, object] = {"title": "Latency", "unit": "ms", "hard": None, "soft": None}
    return Series(numbers=range(1, len(values) + 1), values=values, **{**fields, **given_})  # type: ignore[arg-type]


def lines_of(text: str) -> list[list[float]]:
    return [[float(number) for number in found.split(", ")] for found in re.findall(r"    line \[(.*)\]", text)]


# ---- buckets


def test_few_iterations_have_a_bucket_each() -> None:
    found = buckets([3, 4, 5], [1.0, NAN, 3.0], 10)
    assert [(one.label, one.values, one.missing) for one in found] == [("3", (1.0,), 0), ("4", (), 1), ("5", (3.0,), 0)]


def test_many_iterations_share_buckets_and_none_is_lost() -> None:
    found = buckets(range(1, 102), [float(number) for number in range(1, 102)], 50)
    assert len(found) <= 50
    assert [found[0].label, found[-1].label] == ["1-3", "100-101"]
    assert sum(len(one.values) for one in found) == 101


@given(st.integers(0, 400), st.integers(1, 60))
def test_buckets_are_never_more_than_asked_for(count: int, most: int) -> None:
    found = buckets(range(1, count + 1), [0.0] * count, most)
    assert len(found) <= most
    assert [number for one in found for number in range(one.first, one.last + 1)] == list(range(1, count + 1))


# ---- sparklines


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([], ""),
        ([NAN, NAN], ""),
        ([5.0, 5.0, 5.0], "▄▄▄"),
        ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], "▁▂▃▄▅▆▇█"),
        ([1.0, NAN, 2.0], "▁·█"),
        ([-1e308, 0.0, 1e308], "▁▅█"),
        ([0.0, 5e-324], "▁█"),
    ],
)
def test_a_sparkline_goes_from_the_lowest_to_the_highest(values: list[float], shown: str) -> None:
    assert sparkline(values, higher_is_worse=True) == shown


def test_a_sparkline_of_many_keeps_the_worst() -> None:
    values = [1.0] * 1000
    values[500] = 9.0
    assert sparkline(values, higher_is_worse=True).count("█") == 1
    assert len(sparkline(values, higher_is_worse=True)) == 20
    assert sparkline(values, higher_is_worse=False) == "▄" * 20, "where a low value is the worst, nothing stands out"


# ---- charts


def test_a_chart_shows_every_value_and_the_limits() -> None:
    text = chart(series([210.0, 250.0, 240.0], hard=300.0, soft=280.0))
    assert lines_of(text) == [[210, 250, 240], [300, 300, 300], [280, 280, 280]]
    assert 'title "Latency"' in text
    assert 'x-axis "iteration" ["1", "2", "3"]' in text
    assert 'y-axis "ms" 205.5 --> 304.5' in text
    assert "red: hard limit 300 ms; orange: soft limit 280 ms" in text
    assert "| 2 | 250 | 250 | 250 | \u2013 |" in text


def test_a_limit_that_would_flatten_the_course_is_told_instead() -> None:
    text = chart(series([210.0, 250.0, 240.0], hard=60000.0))
    assert len(lines_of(text)) == 1
    assert "the hard limit 60,000 ms is far outside the chart" in text


def test_the_axis_counts_iterations_once_there_are_enough() -> None:
    assert 'x-axis "iteration" ["1", "2", "3", "4", "5", "6", "7", "8"]' in chart(series([1.0, 2.0] * 4))
    assert 'x-axis "iteration" 1 --> 9' in chart(series([1.0, 2.0, 3.0] * 3))


def test_many_values_keep_the_highest_and_the_lowest_of_each_point() -> None:
    values = [float(number % 10) for number in range(1000)]
    text = chart(series(values))
    highest, lowest = lines_of(text)
    assert (set(highest), set(lowest)) == ({9.0}, {0.0})
    assert len(highest) == 50
    assert 'x-axis "iteration" 1 --> 981' in text
    assert text.count("\n| ") <= 24


def test_what_is_missing_is_never_drawn_as_a_number() -> None:
    text = chart(series([10.0, NAN, 30.0]))
    assert lines_of(text) == [[10, 30]]
    assert 'x-axis "iteration" ["1", "3"]' in text
    assert "left out" in text
    assert "| 2 | \u2013 | \u2013 | \u2013 | 1 |" in text


def test_a_point_is_needed_at_each_end_of_a_course() -> None:
    assert series([1.0, 2.0]).is_drawable
    assert not series([1.0, NAN]).is_drawable
    assert not series([]).is_drawable


@pytest.mark.parametrize("title", ['a"]\n line [0]', "`x` %% }{ <b> # ; \\", "", "\u2028\x1b", "日本 é"])
def test_a_title_of_others_stays_within_its_quotes(title: str) -> None:
    text = chart(series([1.0, 2.0], title=title, unit=title))
    drawing = re.search(r"```mermaid\n(.*?)```", text, re.DOTALL)
    assert drawing is not None
    assert len(drawing[1].splitlines()) == 6
    assert re.search(r'^    title "[^"`{}#;\\<>]+"$', drawing[1], re.MULTILINE)


@given(st.lists(st.floats() | st.just(NAN), min_size=2, max_size=120), st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_one_that_mermaid_reads(values: list[float], limit: float) -> None:
    found = series(values, hard=limit)
    if not found.is_drawable:
        return
    text = chart(found)
    for numbers in re.findall(r"    line \[(.*)\]", text):
        assert all(re.fullmatch(NUMBER, number) for number in numbers.split(", "))
    (axis,) = re.findall(rf'    y-axis "[^"]*" ({NUMBER} --> {NUMBER})$', text, re.MULTILINE)
    low, high = map(float, axis.split(" --> "))
    assert low < high
    assert all(low <= number <= high for line in lines_of(text) for number in line)


def test_a_power_of_ten_stands_beside_the_unit() -> None:
    text = chart(series([1e12, 3e12]))
    assert lines_of(text) == [[1, 3]]
    assert 'y-axis "ms x 10^12"' in text
