"""The words in which mistakes are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action.config.wording import (
    did_you_mean,
    example,
    expected,
    flow,
    kinds,
    like_written,
    nearest,
    quote,
    repair,
    shortened,
    unit_problem,
)
from soak_action.config.yaml_source import parse_mapping


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x", "'x'"),
        (True, "true"),
        (None, "null"),
        (4.5, "4.5"),
        ([1, "a", True], "[1, a, true]"),
        ({"a": 1}, "a mapping"),
        ([{"a": 1}], "a list"),
        ([[1]], "a list"),
        ("two\nlines\x1b[0m", "'two\\nlines\\x1b[0m'"),
        ("\udcff", "'\\udcff'"),
        ("x" * 100, f"'{'x' * 55}...'"),
    ],
)
def test_a_value_is_shown_as_it_would_be_written(value: object, shown: str) -> None:
    assert quote(value) == shown


@pytest.mark.parametrize(("value", "shown"), [("hunter2", "a masked value"), (["hunter2"], "a list")])
def test_what_may_hold_a_secret_is_only_described(value: object, shown: str) -> None:
    assert quote(value, ("workload", "env")) == shown
    assert quote(value, ("workload", "env", "API_TOKEN")) == shown


def test_a_number_is_only_masked_where_a_secret_stands() -> None:
    assert quote(7, ("workload", "env", "API_TOKEN")) == "a masked value"
    assert quote(7, ("workload",)) == "7"


@given(st.text())
def test_a_shown_text_is_one_short_line(text: str) -> None:
    assert len(shortened(text)) <= 60
    assert shortened(text).isprintable()


def test_flow_style_is_yaml() -> None:
    assert flow({"a": [1, {"b": False}], "c": None}) == "{a: [1, {b: false}], c: null}"


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("hrad", " - did you mean 'hard'?"),
        ("zzz", "; known here: hard, soft"),
        ("h" * 100_000, "; known here: hard, soft"),
    ],
)
def test_a_suggestion_is_the_nearest_word_or_all_of_them(word: str, hint: str) -> None:
    assert did_you_mean(word, ("hard", "soft")) == hint


def test_without_known_words_there_is_no_suggestion() -> None:
    assert did_you_mean("x", ()) == ""
    assert nearest("x", ()) is None


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"x-expects": "a share"}, "a share"),
        ({"enum": ["lower", "higher"]}, "one of lower, higher"),
        ({"type": ["string", "object"]}, "text or a mapping"),
        ({"type": "integer"}, "a whole number"),
        ({}, "text"),
    ],
)
def test_what_is_expected(node: dict[str, object], words: str) -> None:
    assert expected(node) == words


def test_an_example_is_shown_once() -> None:
    assert example({"examples": [[0, 1]]}) == " (for example [0, 1])"
    assert example({"examples": ["5%"], "x-expects": "a share such as 5%"}) == ""
    assert example({}) == ""


def test_the_kinds_of_a_node() -> None:
    assert kinds({"type": "number"}) == ("number",)
    assert kinds({"type": ["string", "array"]}) == ("string", "array")


@pytest.mark.parametrize(
    ("value", "unit", "meant"),
    [
        (300, "duration", "'300s'"),
        ("1 hour", "duration", "'1h'"),
        (0.05, "share", "'5%'"),
        (5, "share", "'5%'"),
        (1000000, "size", "'1000000B'"),
        ("1m30", "duration", "write for example"),
    ],
)
def test_a_wrong_quantity_is_answered_with_the_right_one(value: object, unit: str, meant: str) -> None:
    assert meant in (unit_problem(value, {"x-unit": unit}) or "")


@pytest.mark.parametrize(
    ("value", "unit"), [("5m", "duration"), (True, "duration"), ([], "duration"), ("x", ""), ({}, "size")]
)
def test_other_values_are_no_wrong_quantities(value: object, unit: str) -> None:
    assert unit_problem(value, {"x-unit": unit} if unit else {}) is None


@pytest.mark.parametrize(
    ("value", "node", "hint"),
    [
        ("400", {"type": "number"}, "; write 400 without quotes"),
        ("400 ms", {"type": "number"}, "; write 400 without a unit"),
        ("fast", {"type": "number"}, ""),
        ("yes", {"type": "boolean"}, "; write true"),
        ("Off", {"type": "boolean"}, "; write false"),
        ("maybe", {"type": "boolean"}, ""),
        ("Lower", {"enum": ["lower", "higher"]}, " - did you mean 'lower'?"),
        ("zzz", {"enum": ["lower", "higher"]}, ""),
        (123, {"type": "string"}, "; put it in quotes"),
        (True, {"type": "string", "pattern": "^[a-z]+$"}, "; put it in quotes"),
        (3, {"type": "string", "pattern": "^[a-z]+$"}, ""),
        ("x", {"type": "string"}, ""),
        ([], {"type": "string"}, ""),
        ("1", {"const": 1}, "; write 1 without quotes"),
        (2, {"const": 1}, ""),
    ],
)
def test_what_was_plainly_meant_is_told(value: object, node: dict[str, object], hint: str) -> None:
    assert repair(value, node) == hint


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("metrics.json#latency.p95", "metrics.json#latency.p95"),
        ("python3 job.py", "python3 job.py"),
        ("\u00b5 \u00fcnits", "\u00b5 \u00fcnits"),
        ("last 8", "last 8"),
        ("5m", "5m"),
        ("-c", "-c"),
        ("***", "***"),
        ("3", '"3"'),
        ("true", '"true"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ("x #y", '"x #y"'),
        ("a,b", '"a,b"'),
        ("${SOAK_OUT}/x", '"${SOAK_OUT}/x"'),
        ("two\nlines", '"two\\nlines"'),
        (3, "3"),
        (0.5, "0.5"),
        (True, "true"),
        (None, "null"),
        (["a", "3", 3, {"b": "x y", "c": []}], '[a, "3", 3, {b: x y, c: []}]'),
    ],
)
def test_a_value_is_shown_as_it_could_stand_in_the_file(value: object, written: str) -> None:
    assert like_written(value) == written


def test_a_long_value_loses_its_middle_unless_all_of_it_is_asked_for() -> None:
    assert like_written("x" * 99) == f"{'x' * 56}...x"
    assert like_written("x" * 99, 99) == "x" * 99


PRINTABLE = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12)


@given(st.one_of(PRINTABLE, st.text("-?:,[]{}#&*!|>'\"%@` ~.a1\n", max_size=8)))
def test_a_text_that_is_shown_is_read_as_the_same_text(text: str) -> None:
    if text == "***" or not like_written(text, 10_000).isprintable() or "\\x" in like_written(text, 10_000):
        return  # a mask, and what a terminal cannot show, are not written to be read again
    shown = f"k: {like_written(text, 10_000)}\nl: [{like_written([text], 10_000)}]\n"
    assert parse_mapping(shown.encode(), "f").data == {"k": text, "l": [[text]]}
