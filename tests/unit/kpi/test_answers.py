"""A KPI out of what a server answered at the beginning and at the end of an iteration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from soak_action.config.model import HttpSource, Kpi, Window
from soak_action.kpi.answers import AnswerReader, Answers, needs_beginning
from soak_action.kpi.extract import IterationOutput, extract
from soak_action.kpi.reading import Reading

URL = "http://127.0.0.1:1/metrics"
RESET = "the counter began anew within the iteration, so what it had counted before that is lost"


def source(path: str, kind: Literal["prometheus", "json"] = "prometheus", counter: bool | None = None) -> HttpSource:
    return HttpSource(URL, kind, path, counter)


def kpi(where: HttpSource, limits: tuple[float, float] | None = None, name: str = "k") -> Kpi:
    return Kpi(name, where, name, None, "lower", limits, "mean", Window(), None, None, None, None, 0.0, must_vary=False)


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return Answers(tmp_path / "1.begin", tmp_path / "1.end")


def give(answers: Answers, begin: str | bytes | None, end: str | bytes | None) -> None:
    for file, text in ((answers.begin, begin), (answers.end, end)):
        if text is not None:
            file.write_bytes(text.encode() if isinstance(text, str) else text)


def read(answers: Answers, where: HttpSource, limits: tuple[float, float] | None = None) -> Reading:
    return AnswerReader({URL: answers}).read(where, kpi(where, limits))


def assert_value(reading: Reading, value: float, detail: str = "") -> None:
    assert (reading.value, reading.reason, reading.detail) == (value, None, detail)


@pytest.mark.parametrize(
    ("where", "asks"),
    [
        (source("x"), True),
        (source("x", counter=True), True),
        (source("x", counter=False), False),
        (source("x", "json"), False),
        (source("x", "json", counter=False), False),
        (source("x", "json", counter=True), True),
    ],
)
def test_the_beginning_is_needed_for_what_may_be_a_counter(where: HttpSource, asks: bool) -> None:
    assert needs_beginning(where) is asks


def test_a_gauge_is_what_it_is_at_the_end(answers: Answers) -> None:
    give(answers, "x 5\n", "x 7\n")
    assert_value(read(answers, source("x")), 7.0)


COUNTER = "# TYPE x_total counter\n"


@pytest.mark.parametrize(
    ("begin", "end", "value", "detail"),
    [
        ("x_total 5\n", "x_total 7\n", 2.0, ""),
        ("x_total 5\n", "x_total 5\n", 0.0, ""),
        ("x_total 5\n", "x_total 2\n", 2.0, RESET),
        ("y_total 5\n", "x_total 7\n", 7.0, ""),
    ],
    ids=["grew", "stood still", "began anew", "new"],
)
def test_a_counter_is_measured_by_how_much_it_grew(
    answers: Answers, begin: str, end: str, value: float, detail: str
) -> None:
    give(answers, COUNTER + begin, COUNTER + end)
    assert_value(read(answers, source("x_total")), value, detail)


def test_the_user_knows_better_what_is_a_counter(answers: Answers) -> None:
    give(answers, "x 5\n", "x 7\n")
    assert_value(read(answers, source("x", counter=True)), 2.0)
    give(answers, f"{COUNTER}x_total 5\n", f"{COUNTER}x_total 7\n")
    assert_value(read(answers, source("x_total", counter=False)), 7.0)


def test_the_series_of_a_counter_grow_each_for_itself(answers: Answers) -> None:
    give(answers, COUNTER + 'x_total{a="1"} 5\nx_total{a="2"} 9\n', COUNTER + 'x_total{a="1"} 8\nx_total{a="3"} 4\n')
    assert_value(read(answers, source("sum(x_total)")), 7.0)
    assert_value(read(answers, source("min(x_total)")), 3.0)
    give(answers, COUNTER + 'x_total{a="1"} 5\nx_total{a="2"} 9\n', COUNTER + 'x_total{a="1"} 8\nx_total{a="2"} 1\n')
    assert_value(read(answers, source("sum(x_total)")), 4.0, RESET)


def test_what_a_restarted_process_counts_is_all_new(answers: Answers) -> None:
    started = "process_start_time_seconds"
    give(answers, f"{started} 1\n{COUNTER}x_total 5\n", f"{started} 2\n{COUNTER}x_total 7\n")
    assert_value(read(answers, source("x_total")), 7.0, RESET)
    give(answers, f"{started} 2\n{COUNTER}x_total 5\n", f"{started} 2\n{COUNTER}x_total 7\n")
    assert_value(read(answers, source("x_total")), 2.0)


def test_what_a_histogram_counts_is_a_counter(answers: Answers) -> None:
    text = "# TYPE t histogram\n" + 't_bucket{{le="+Inf"}} {0}\nt_sum {1}\nt_count {0}\n'
    give(answers, text.format(2, 10), text.format(5, 16))
    assert_value(read(answers, source("t_count")), 3.0)
    assert_value(read(answers, source("t_sum")), 6.0)


@pytest.mark.parametrize(("counter", "value"), [(None, 7.0), (False, 7.0), (True, 2.0)])
def test_a_number_in_json_is_a_counter_only_if_the_user_says_so(
    answers: Answers, counter: bool | None, value: float
) -> None:
    give(answers, '{"a": {"b": 5}}', '{"a": {"b": 7}}')
    assert_value(read(answers, source("a.b", "json", counter)), value)


def test_a_json_counter_that_began_anew_is_told(answers: Answers) -> None:
    give(answers, '{"a": 5}', '{"a": 3}')
    assert_value(read(answers, source("a", "json", counter=True)), 3.0, RESET)


def test_the_range_holds_for_the_growth_and_not_for_the_count(answers: Answers) -> None:
    give(answers, '{"a": 1000}', '{"a": 1003}')
    assert_value(read(answers, source("a", "json", counter=True), (0, 10)), 3.0)
    found = read(answers, source("a", "json", counter=True), (0, 2))
    assert (found.value, found.reason) == (None, "out_of_range")
    assert read(answers, source("a", "json"), (0, 10)).reason == "out_of_range"
    give(answers, f"{COUNTER}x_total 1000\n", f"{COUNTER}x_total 1003\n")
    assert_value(read(answers, source("x_total"), (0, 10)), 3.0)


@pytest.mark.parametrize(
    ("begin", "end", "where", "reason", "words"),
    [
        (None, None, source("x"), "no_answer", f"{URL}: there was no answer"),
        (None, "x 1\n", source("x"), None, ""),
        (None, f"{COUNTER}x_total 1\n", source("x_total"), "no_answer", "there was no answer"),
        (None, '{"a": 1}', source("a", "json", counter=True), "no_answer", "there was no answer"),
        ("x 1\n", "y 1\n", source("x"), "path_missing", "there is no metric x"),
        ("x 1\n", 'x{a="1"} 1\nx{a="2"} 1\n', source("x"), "path_missing", "2 series of x"),
        ("x 1\n", 'x{a="1"} 1\n', source('x{a="2"}'), "path_missing", "no series of x has these labels"),
        ("", "", source("x"), "import_error", "no metric is in it"),
        ("", b"\xff\x00", source("x"), "import_error", "not the text format of Prometheus"),
        (b"\xff", f"{COUNTER}x_total 1\n", source("x_total"), "import_error", "not the text format of Prometheus"),
        ("", "", source("a", "json"), "import_error", "empty"),
        ("", "<html>", source("a", "json"), "import_error", ""),
        ("", '{"b": 1}', source("a", "json"), "path_missing", ""),
        ('{"b": 1}', '{"a": 1}', source("a", "json", counter=True), "path_missing", ""),
        ("", '{"a": "1"}', source("a", "json"), "not_a_number", ""),
        ("", "x NaN\n", source("x"), "not_a_number", ""),
        ("", "x +Inf\n", source("x"), "not_a_number", ""),
        (f"{COUNTER}x_total NaN\n", f"{COUNTER}x_total 1\n", source("x_total"), "not_a_number", ""),
        (f"{COUNTER}x_total +Inf\n", f"{COUNTER}x_total +Inf\n", source("x_total"), "not_a_number", ""),
    ],
)
def test_what_cannot_be_measured_has_a_reason(
    answers: Answers, begin: str | None, end: str | None, where: HttpSource, reason: str | None, words: str
) -> None:
    give(answers, begin, end)
    found = read(answers, where)
    assert (found.value is None) == (reason is not None)
    assert found.reason == reason
    assert words in found.detail


def test_why_there_is_no_answer_is_told(answers: Answers) -> None:
    failed = replace(answers, failures={answers.end: "at the iteration's end: nobody listens there"})
    found = read(failed, source("x"))
    assert (found.reason, found.detail) == ("no_answer", f"{URL}: at the iteration's end: nobody listens there")


def test_a_server_that_was_not_asked_has_no_answer() -> None:
    found = AnswerReader({}).read(source("x"), kpi(source("x")))
    assert (found.reason, found.detail) == ("no_answer", f"{URL} was not asked")


def test_an_answer_that_two_kpis_take_for_different_formats_is_right_for_one(answers: Answers) -> None:
    reader = AnswerReader({URL: answers})
    give(answers, "x 1\n", "x 1\n")
    wrong, right = source("x", "json"), source("x")
    assert reader.read(right, kpi(right)).value == 1.0
    assert reader.read(wrong, kpi(wrong)).reason == "import_error"
    reader = AnswerReader({URL: answers})
    give(answers, None, '{"x": 1}')
    assert reader.read(wrong, kpi(wrong)).value == 1.0
    assert reader.read(right, kpi(right)).reason == "import_error"


@pytest.mark.parametrize(("text", "is_mock"), [('{"a": 1, "mock": true}', True), ('{"a": 1}', False)])
def test_the_stamp_of_the_synthetic_workload_is_seen_in_an_answer(answers: Answers, text: str, is_mock: bool) -> None:
    give(answers, None, text)
    folder = answers.end.parent
    output = IterationOutput(
        folder, folder, folder, stdout_cut=False, stderr_cut=False, not_before_ns=0, answers={URL: answers}
    )
    found = extract([kpi(source("a", "json"))], output, {}, workload_ok=True)
    assert (found.values, found.mock) == ({"k": 1.0}, is_mock)


def test_an_extraction_explains_a_value_that_wants_to_be_explained(answers: Answers) -> None:
    give(answers, f"{COUNTER}x_total 5\n", f"{COUNTER}x_total 2\n")
    folder = answers.end.parent
    output = IterationOutput(
        folder, folder, folder, stdout_cut=False, stderr_cut=False, not_before_ns=0, answers={URL: answers}
    )
    found: Any = extract([kpi(source("x_total"))], output, {}, workload_ok=True)
    assert (found.values, found.missing, found.details) == ({"k": 2.0}, {}, {"k": RESET})
    failed = extract([kpi(source("x_total"))], output, {}, workload_ok=False)
    assert failed.missing == {"k": "workload_failed"}
