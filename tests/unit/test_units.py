"""Quantities: what is read, what is refused with which suggestion, and that what is shown can be read again."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak_action import units
from soak_action.units import Rate, UnitError, parse_duration, parse_rate, parse_share, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0.0),
        ("500ms", 0.5),
        ("90s", 90.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("0.1s", 0.1),
        ("1d2h3m4s5ms", 93784.005),
        ("1m5ms", 60.005),
        ("007s", 7.0),
        ("36500d", 36500 * 86400.0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("300", "300s"),
        ("1.5", "1.5s"),
        ("5 minutes", "5m"),
        ("5M", "5m"),
        ("1h 30m", "1h30m"),
        ("1 hour and 30 minutes", "1h30m"),
        ("30m1h", "1h30m"),
        (" 5m", "5m"),
        ("2 days", "2d"),
        ("200msec", "200ms"),
        ("", None),
        ("m", None),
        ("-5m", None),
        ("+5m", None),
        ("1h1h", None),
        ("1.5h30m", None),
        ("1h30", None),
        ("1e3s", None),
        ("nan", None),
        ("nans", None),
        ("infs", None),
        (".5s", None),
        ("5.s", None),
        ("٣s", None),
        ("3\u00a0s", None),
        ("5w", None),
        ("5m\n", "5m"),
        ("9" * 30 + "s", None),
        ("9" * 10_000, None),
    ],
)
def test_refused_durations(text: str, meant: str | None) -> None:
    with pytest.raises(UnitError) as caught:
        parse_duration(text)
    message = str(caught.value)
    assert "is not a duration; write for example 30s, 5m, 1h30m or 500ms" in message
    assert message.endswith(f" - did you mean '{meant}'?") if meant else "did you mean" not in message
    assert len(message) < 200


def test_a_duration_beyond_a_century_is_refused() -> None:
    with pytest.raises(UnitError, match=r"'36501d' is too long for a duration; write at most 36500d"):
        parse_duration("36501d")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0B", 0),
        ("512B", 512),
        ("1kB", 1000),
        ("1KB", 1000),
        ("10MB", 10_000_000),
        ("1GB", 10**9),
        ("1TB", 10**12),
        ("1KiB", 1024),
        ("5MiB", 5 * 1024**2),
        ("1.5GiB", 3 * 1024**3 // 2),
        ("2TiB", 2 * 1024**4),
        ("1.1KiB", 1126),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("100", "100B"),
        ("1gb", "1GB"),
        ("5 MiB", "5MiB"),
        ("5mib", "5MiB"),
        ("5M", "5MB"),
        ("5Mi", "5MiB"),
        ("3 bytes", "3B"),
        ("1 kbyte", "1kB"),
        ("", None),
        ("-1B", None),
        ("1EB", None),
        ("infB", None),
        ("٣B", None),
        ("9" * 40 + "B", None),
    ],
)
def test_refused_sizes(text: str, meant: str | None) -> None:
    with pytest.raises(UnitError) as caught:
        parse_size(text)
    assert "is not a size; write for example 512B, 10MB or 1.5GiB" in str(caught.value)
    assert (
        str(caught.value).endswith(f" - did you mean '{meant}'?") if meant else "did you mean" not in str(caught.value)
    )


def test_a_size_no_disk_has_is_refused() -> None:
    with pytest.raises(UnitError, match="too large for a size"):
        parse_size("99999999999TiB")


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0%", 0.0), ("0.1%", 0.001), ("250%", 2.5), ("100%", 1.0)])
def test_shares(text: str, share: float) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0.05", "5%"),
        ("5", "5%"),
        ("5 %", "5%"),
        ("5 percent", "5%"),
        ("1.5", "1.5%"),
        ("%", None),
        ("-5%", None),
        ("nan%", None),
    ],
)
def test_refused_shares(text: str, meant: str | None) -> None:
    with pytest.raises(UnitError) as caught:
        parse_share(text)
    assert "is not a share; write for example 5%, 0.5% or 150%" in str(caught.value)
    assert (
        str(caught.value).endswith(f" - did you mean '{meant}'?") if meant else "did you mean" not in str(caught.value)
    )


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5MiB/h", Rate(5 * 1024**2 / 3600, "bytes", "second")),
        ("1%/h", Rate(0.01 / 3600, "share", "second")),
        ("0.2/iteration", Rate(0.2, "number", "iteration")),
        ("1/h", Rate(1 / 3600, "number", "second")),
        ("2/ms", Rate(2000.0, "number", "second")),
        ("1kB/s", Rate(1000.0, "bytes", "second")),
        ("3%/iteration", Rate(0.03, "share", "iteration")),
        ("60/m", Rate(1.0, "number", "second")),
        ("864/d", Rate(0.01, "number", "second")),
    ],
)
def test_rates(text: str, rate: Rate) -> None:
    read = parse_rate(text)
    assert (read.kind, read.per) == (rate.kind, rate.per)
    assert read.amount == pytest.approx(rate.amount, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("5MB/hour", "5MB/h"),
        ("5 MiB per hour", "5MiB/h"),
        ("5mib/h", "5MiB/h"),
        ("1 percent/day", "1%/d"),
        ("0.2/iter", "0.2/iteration"),
        ("0.2 / iterations", "0.2/iteration"),
        ("5MiB", "5MiB/h"),
        ("1/H", "1/h"),
        ("5MiB/2h", None),
        ("/h", None),
        ("", None),
        ("nan/h", None),
        ("-1/h", None),
        ("1/week", None),
        ("1/h/h", None),
        ("1" * 70 + "/h", None),
    ],
)
def test_refused_rates(text: str, meant: str | None) -> None:
    with pytest.raises(UnitError) as caught:
        parse_rate(text)
    assert "is not a rate; write for example 5MiB/h, 1%/h or 0.2/iteration" in str(caught.value)
    assert (
        str(caught.value).endswith(f" - did you mean '{meant}'?") if meant else "did you mean" not in str(caught.value)
    )


@settings(max_examples=300)
@given(st.text(max_size=20) | st.text("0123456789.smhdKMiB%/ ", max_size=12))
def test_any_text_is_read_or_refused_and_every_suggestion_is_readable(text: str) -> None:
    for parse in (parse_duration, parse_size, parse_share, parse_rate):
        try:
            parse(text)
        except UnitError as error:
            _, found, meant = str(error).partition(" - did you mean '")
            if found:
                parse(meant.removesuffix("'?"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.5, "500ms"),
        (1.5, "1.5s"),
        (0.9999, "1s"),
        (90, "1m30s"),
        (125, "2m5s"),
        (65.25, "1m5s250ms"),
        (5400, "1h30m"),
        (86400, "1d"),
        (90061, "1d1h1m1s"),
        (0.00025, "0.25ms"),
        (-90, "-1m30s"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert units.format_duration(seconds) == text


@given(st.integers(0, units.LONGEST_SECONDS * 1000))
def test_a_shown_duration_reads_back_exactly(milliseconds: int) -> None:
    assert parse_duration(units.format_duration(milliseconds / 1000)) == milliseconds / 1000


@pytest.mark.parametrize(("size", "text"), [(0, "0 Bytes"), (1536, "1.5 KiB"), (5 * 1024**2, "5.0 MiB")])
def test_sizes_for_people(size: int, text: str) -> None:
    assert units.format_size(size) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (400, "400"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.333333"),
        (1234.5678, "1234.57"),
        (9999.99999, "10,000"),
        (12345.678, "12,345.7"),
        (1234567.8, "1,234,568"),
        (-1234567, "-1,234,567"),
        (1e-7, "0.0000001"),
        (1.5e-12, "1.5e-12"),
        (2e15, "2e+15"),
        (123456789012345, "123,456,789,012,345"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_numbers_for_people(number: float, text: str) -> None:
    assert units.format_number(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_shown_number_is_right_to_six_digits(number: float) -> None:
    assert float(units.format_number(number).replace(",", "")) == pytest.approx(number, rel=5.1e-6, abs=0)


def test_a_count_has_its_noun_in_the_right_number() -> None:
    assert [units.counted(number, "slot") for number in (0, 1, 2)] == ["0 slots", "1 slot", "2 slots"]
