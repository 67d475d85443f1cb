from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak_action.config.model import JsonSource, Kpi, Window
from soak_action.kpi.path import compile_path
from soak_action.kpi.reading import REASONS, Reading, measure, number_of, parse_number


def kpi_of(limits: tuple[float, float] | None = None) -> Kpi:
    source = JsonSource("m.json", "a")
    return Kpi("k", source, "k", None, "lower", limits, "mean", Window(), 1.0, None, None, None, 0.0, must_vary=False)


@pytest.mark.parametrize(("found", "value"), [(0, 0.0), (-3, -3.0), (1.5, 1.5), (2**53 + 1, 2.0**53), (10**300, 1e300)])
def test_numbers(found: object, value: float) -> None:
    reading = number_of(found, kpi_of())
    assert reading == Reading(value, None, "")
    assert type(reading.value) is float


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (None, "null is not a number"),
        (True, "true is not a number"),
        (False, "false is not a number"),
        ("", "an empty text"),
        ("12.5", "'12.5' is a number in quotes; write it without them"),
        (" 12 ", "is a number in quotes"),
        ("12,5", "write 12.5 with a decimal point"),
        ("12,500", "without separators"),
        ("1 234", "without separators"),
        ("N/A", "the text 'N/A' is not a number"),
        ("x" * 100, "..."),
        ([1], "a list of 1 entries is not a number"),
        ({"a": 1}, "an object of 1 entries is not a number"),
        (math.nan, "nan is not a finite number"),
        (math.inf, "inf is not a finite number"),
        (-math.inf, "-inf is not a finite number"),
        (10**400, "an integer too large"),
    ],
)
def test_trap_02_what_is_no_number_is_not_a_number(found: object, says: str) -> None:
    for limits in (None, (0.0, math.inf)):
        reading = number_of(found, kpi_of(limits))
        assert (reading.value, reading.reason) == (None, "not_a_number")
        assert says in reading.detail
        assert len(reading.detail) < 200


@pytest.mark.parametrize(
    ("found", "is_legal"), [(0, True), (1, True), (0.5, True), (-0.07, False), (1.0000000001, False), (-1, False)]
)
def test_trap_16_the_range_includes_its_ends(found: float, is_legal: bool) -> None:
    reading = number_of(found, kpi_of((0, 1)))
    assert reading.reason == (None if is_legal else "out_of_range")
    assert (reading.detail == "") is is_legal
    if not is_legal:
        assert reading.detail == f"{found} is impossible, the range is 0 to 1"


@pytest.mark.parametrize(
    ("path", "reason"),
    [("a", None), ("b", "path_missing"), ("c", "not_a_number"), ("abs(c)", "import_error"), ("big", "out_of_range")],
)
def test_trap_43_measure_tells_every_failure(path: str, reason: str | None) -> None:
    document = {"a": 1.5, "c": "x", "big": 1e9}
    measured = measure(document, kpi_of((0, 10)), compile_path(path))
    if reason is None:
        assert measured == 1.5
    else:
        assert isinstance(measured, Reading)
        assert (measured.value, measured.reason) == (None, reason)
        assert measured.detail


FOUND: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
)
LIMITS = st.sampled_from([None, (0.0, 1.0), (-math.inf, math.inf), (0.0, math.inf)])


@settings(max_examples=200, deadline=None)
@given(FOUND, LIMITS)
def test_measure_and_number_of_agree(found: object, limits: tuple[float, float] | None) -> None:
    kpi = kpi_of(limits)
    reading = number_of(found, kpi)
    assert (reading.value is None) == (reading.reason is not None)
    assert reading.reason is None or reading.reason in REASONS
    measured = measure({"a": found}, kpi, compile_path("a"))
    assert measured == (reading if reading.value is None else reading.value)


@pytest.mark.parametrize("text", ["1", "+1.5", "-.5", "5.", "1e3", "1E-3", "007"])
def test_parse_number(text: str) -> None:
    assert parse_number(text) == float(text)


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "nan", "inf", "0x1", "1_0", "1,5", ".", "e3", "1e", "\u0661", "--1", "1\n"]
)
def test_parse_number_refuses(text: str) -> None:
    assert parse_number(text) is None
