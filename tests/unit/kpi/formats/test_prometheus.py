"""What a server shows to Prometheus, and the series that a KPI names in it."""

from __future__ import annotations

from math import inf, isnan

import pytest

from soak_action.kpi.formats.prometheus import (
    Exposition,
    ExpositionError,
    Selector,
    combined,
    compile_selector,
    parse,
    parse_for,
    selected,
)

TEXT = b"""\
# HELP requests_total All requests.
# TYPE requests_total counter
requests_total{code="200",path="/a b"} 10
requests_total{code="500",path="/a \\"b\\", \\\\c\\nd}"} 2
# TYPE memory gauge
memory 1.5e3
"""


def value(text: bytes, path: str) -> float:
    selector = compile_selector(path)
    return combined(selector, list(selected(parse(text), selector).values()))


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("memory", Selector("memory", {}, None)),
        (" a:b_1 ", Selector("a:b_1", {}, None)),
        ("x{}", Selector("x", {}, None)),
        ('x{a="1"}', Selector("x", {"a": "1"}, None)),
        ('x { a = "1" , b="2", }', Selector("x", {"a": "1", "b": "2"}, None)),
        (r'x{a="\"q\", \\ }\n"}', Selector("x", {"a": '"q", \\ }\n'}, None)),
        ('x{a=""}', Selector("x", {"a": ""}, None)),
        ('x{a="\u00e9"}', Selector("x", {"a": "\u00e9"}, None)),
        ("sum(x)", Selector("x", {}, "sum")),
        ('min ( x{a="1"} )', Selector("x", {"a": "1"}, "min")),
        ("max(x)", Selector("x", {}, "max")),
        ("sum", Selector("sum", {}, None)),
        ("sum_x", Selector("sum_x", {}, None)),
    ],
)
def test_a_metric_is_named_as_in_prometheus(text: str, selector: Selector) -> None:
    assert compile_selector(text) == selector


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1x",
        "a.b",
        "a b",
        "sum(x",
        "x)",
        "sum()",
        "rate(x)",
        "sum(sum(x))",
        "x[5m]",
        "x > 1",
        '{a="1"}',
        "\u00e9",
    ],
)
def test_what_is_no_metric_is_told_with_what_to_write(text: str) -> None:
    with pytest.raises(ExpositionError, match="is no metric; write NAME, NAME"):
        compile_selector(text)


@pytest.mark.parametrize(
    "labels",
    ["a", "a=1", 'a="1', 'a!="1"', 'a=~"1"', 'a="1" b="2"', '1a="1"', ',a="1"', "a='1'", '"a"="1"', 'a="\\"'],
)
def test_labels_that_are_none_are_told_with_what_to_write(labels: str) -> None:
    with pytest.raises(ExpositionError, match="labels are written as"):
        compile_selector(f"x{{{labels}}}")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("memory", 1500.0),
        ('requests_total{code="200"}', 10.0),
        ('requests_total{path="/a b"}', 10.0),
        (r'requests_total{path="/a \"b\", \\c\nd}"}', 2.0),
        ("sum(requests_total)", 12.0),
        ("min(requests_total)", 2.0),
        ("max(requests_total)", 10.0),
        ('sum(requests_total{code="500"})', 2.0),
    ],
)
def test_a_series_is_found_by_its_name_and_labels(path: str, expected: float) -> None:
    assert value(TEXT, path) == expected


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nothing", "there is no metric nothing"),
        (
            'requests_total{code="404"}',
            'no series of requests_total has these labels, but {code="200", path="/a b"}, {code="500"',
        ),
        ('memory{code="1"}', "no series of memory has these labels, but {}"),
        ("requests_total", '2 series of requests_total: {code="200"'),
        ("requests_total", "; name one by its labels, or write sum(requests_total)"),
    ],
)
def test_a_series_that_is_not_there_or_not_the_only_one_is_told(path: str, words: str) -> None:
    with pytest.raises(ExpositionError) as caught:
        value(TEXT, path)
    assert words in str(caught.value)


def test_of_many_series_the_first_ones_are_told() -> None:
    text = "".join(f'x{{a="{number}"}} 1\n' for number in range(5)).encode()
    with pytest.raises(ExpositionError) as caught:
        value(text, "x")
    shown = '5 series of x: {a="0"}, {a="1"}, {a="2"} and 2 more; name one by its labels, or write sum(x)'
    assert str(caught.value) == shown


def test_a_counter_is_known_by_the_type_that_the_server_says() -> None:
    found = parse(TEXT)
    assert "requests_total" in found.counters
    assert "memory" not in found.counters
    assert parse(b"requests_total 3\n").counters == frozenset()


@pytest.mark.parametrize("name", ["jobs", "jobs_total"])
def test_a_counter_is_found_by_the_name_that_the_server_shows(name: str) -> None:
    text = f"# TYPE {name} counter\n{name} 3\n".encode()
    assert value(text, name) == 3.0
    assert name in parse(text).counters


def test_a_gauge_is_not_taken_for_the_counter_that_is_named_like_it() -> None:
    found = parse(b"# TYPE jobs_total counter\njobs_total 3\n# TYPE jobs gauge\njobs 7\n")
    assert dict(found.samples["jobs"]) == {(): 7.0}
    assert "jobs" not in found.counters


def test_a_histogram_and_a_summary_count_up_but_a_quantile_does_not() -> None:
    text = b"""\
# TYPE took histogram
took_bucket{le="1"} 1
took_bucket{le="+Inf"} 2
took_sum 3
took_count 2
# TYPE size summary
size{quantile="0.5"} 7
size_sum 30
size_count 4
"""
    found = parse(text)
    assert found.counters == {"took_bucket", "took_sum", "took_count", "size_sum", "size_count"}
    assert value(text, 'took_bucket{le="+Inf"}') == 2.0
    assert value(text, 'size{quantile="0.5"}') == 7.0


OPEN = b"""\
# TYPE jobs counter
# UNIT jobs_seconds seconds
jobs_total 3 # {trace="a"} 1 1520879607.789
jobs_created 1520430000.123
# TYPE level gauge
level 4
# EOF
"""


def test_openmetrics_is_known_by_its_end() -> None:
    text = OPEN.replace(b"# UNIT jobs_seconds seconds\n", b"")
    assert (value(text, "jobs_total"), value(text, "level")) == (3.0, 4.0)
    found = parse(text)
    assert "jobs_total" in found.counters
    assert not {"jobs_created", "level"} & found.counters
    assert value(text.rstrip(b"\n"), "level") == 4.0


def test_broken_openmetrics_is_told() -> None:
    with pytest.raises(ExpositionError, match="^not the text format of Prometheus: "):
        parse(OPEN + OPEN)


def test_values_that_are_no_finite_numbers_are_read_as_they_are() -> None:
    assert isnan(value(b"x NaN\n", "x"))
    assert value(b"x +Inf\n", "x") == inf
    assert value(b"x -Inf\n", "x") == -inf
    assert value(b"x 1e3 1520879607789\n", "x") == 1000.0


@pytest.mark.parametrize("text", [b"", b"\n\n", b"# just a comment\n", b"# TYPE x counter\n"])
def test_a_text_without_a_metric_is_told(text: bytes) -> None:
    with pytest.raises(ExpositionError, match="^no metric is in it$"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        b"\x00\xff",
        b"x\n",
        b"x one\n",
        b"<html></html>\n",
        b'{"a": 1}\n',
        b'x{a="1" 1\n',
        b"x 1_000\n",
        b"\xff\xfex 1\n",
    ],
)
def test_what_is_no_exposition_is_told(text: bytes) -> None:
    with pytest.raises(ExpositionError, match="^not the text format of Prometheus: "):
        parse(text)


@pytest.mark.parametrize(("length", "is_told"), [(65_536, False), (65_537, True)])
def test_a_line_that_would_take_for_ever_is_refused(length: int, is_told: bool) -> None:
    text = b'x{a="' + b"v" * (length - 9) + b'"} 1'
    assert len(text) == length
    if is_told:
        with pytest.raises(ExpositionError, match="^a line is longer than 64.0 KiB$"):
            parse(text + b"\ny 1\n")
    else:
        assert parse(text + b"\ny 1\n").samples["y"] == {(): 1.0}


def test_when_the_process_started_is_read_where_it_says_so() -> None:
    assert parse(b"process_start_time_seconds 1.5e9\nx 1\n").started == 1.5e9
    assert parse(b"x 1\n").started is None
    assert Exposition({}, frozenset()).started is None


@pytest.mark.parametrize("name", ["requests_total", "memory"])
def test_of_a_metric_that_is_there_the_same_is_read_as_of_everything(name: str) -> None:
    started = TEXT + b"process_start_time_seconds 5\n"
    found, whole = parse_for(started, name), parse(started)
    assert found.samples[name] == whole.samples[name]
    assert (name in found.counters, found.started) == (name in whole.counters, 5.0)


@pytest.mark.parametrize("name", ["took_count", "took_sum", "took_bucket", "jobs", "jobs_total", "size_count"])
def test_the_type_of_a_metric_is_read_with_it(name: str) -> None:
    text = b"""\
# TYPE other gauge
other 1
# TYPE took histogram
took_bucket{le="+Inf"} 2
took_sum 3
took_count 2
# TYPE jobs counter
jobs 3
# TYPE size summary
size_sum 30
size_count 4
"""
    found = parse_for(text, name)
    assert name in found.counters
    assert "other" not in found.samples
    assert found.samples[name] == parse(text).samples[name]


def test_openmetrics_is_read_as_such_for_one_metric_too() -> None:
    text = OPEN.replace(b"# UNIT jobs_seconds seconds\n", b"")
    assert "jobs_total" in parse_for(text, "jobs_total").counters
    assert dict(parse_for(text, "level").samples) == {"level": {(): 4.0}}


def test_what_has_nothing_to_do_with_a_metric_does_not_harm_it() -> None:
    text = b"x 1\nbroken\xff{\nlong{" + b"a" * 100_000 + b"} 1\n"
    assert dict(parse_for(text, "x").samples) == {"x": {(): 1.0}}
    with pytest.raises(ExpositionError, match="a line is longer than"):
        parse_for(text, "y")


def test_without_the_metric_all_is_read_so_that_what_is_wrong_can_be_told() -> None:
    assert set(parse_for(TEXT, "nothing").samples) >= {"requests_total", "memory"}
    with pytest.raises(ExpositionError, match="^not the text format of Prometheus: "):
        parse_for(b"<html></html>", "x")
    with pytest.raises(ExpositionError, match="^no metric is in it$"):
        parse_for(b"", "x")
