"""Numbers and counts in sentences."""

from __future__ import annotations

import pytest

from soak_action.gate.wording import against, counted, counted_gaps, duration, number, plural, quantity


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (400, "400"),
        (412.34567, "412.346"),
        (0.0, "0"),
        (1234567.0, "1234567"),
        (1e20, "1e+20"),
        (1e-7, "1e-07"),
        (-2.5, "-2.5"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


def test_quantity_has_its_unit_if_there_is_one() -> None:
    assert quantity(3, "ms") == "3 ms"
    assert quantity(3, None) == "3"


@pytest.mark.parametrize(
    ("value", "limit", "unit", "text"),
    [
        (412.3, 400, "ms", "412.3 ms, limit 400 ms (+3.1 %)"),
        (90, 100, None, "90, limit 100 (-10.0 %)"),
        (400, 400, "ms", "400 ms, limit 400 ms (equal)"),
        (0.02, 0, None, "0.02, limit 0 (+0.02)"),
        (1, 0, "s", "1 s, limit 0 s (+1 s)"),
        (-50, -100, None, "-50, limit -100 (+50.0 %)"),
        (400.00001, 400.0, "ms", "400.00001 ms, limit 400.0 ms (+2.5e-06 %)"),
        (1e9, 1, None, "1000000000, limit 1 (+1e+11 %)"),
    ],
)
def test_value_against_limit(value: float, limit: float, unit: str | None, text: str) -> None:
    assert against(value, limit, unit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.5, "59.5s"),
        (0.57, "0.57s"),
        (60, "1m"),
        (5400, "1h30m"),
        (86400, "24h"),
        (86399.9999, "23h59m59.999s"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_counts() -> None:
    assert [plural(count, "iteration") for count in (0, 1, 2)] == ["0 iterations", "1 iteration", "2 iterations"]
    assert counted(["timeout", "failed", "failed"]) == "2 failed, 1 timeout"
    assert counted_gaps(["stale", "file_missing", "file_missing"]) == "2 iterations: file_missing, 1 iteration: stale"
