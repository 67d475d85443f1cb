"""Text becomes the type that the schema wants, and nothing is guessed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action import resources
from soak_action.config.coerce import coerce
from soak_action.config.schema_tree import fixed_leaves, schema_at

SCHEMA = resources.schema("soak")
PATHS = [path for path, _ in fixed_leaves(SCHEMA)]
PATHS += [("kpis", "a", *path) for path, _ in fixed_leaves(SCHEMA, schema_at(SCHEMA, ("kpis", "a")))]


def read(key: str, raw: str) -> Any:
    path = tuple(key.split("."))
    return coerce(raw, schema_at(SCHEMA, path) or {}, path)


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("schedule.iterations", "6", 6),
        ("schedule.iterations", " 1e3 ", 1000),
        ("schedule.iterations", "2.5", 2.5),
        ("kpis.a.hard", "0.01", 0.01),
        ("kpis.a.hard", "-3", -3),
        ("kpis.a.hard", "12345678901234567890", 12345678901234567890.0),
        ("kpis.a.must_vary", "TRUE", True),
        ("kpis.a.must_vary", "false", False),
        ("kpis.a.title", "400", "400"),
        ("kpis.a.title", "true", "true"),
        ("kpis.a.title", " x ", " x "),
        ("suite", "2026", "2026"),
        ("workload.env.PORT", "8080", "8080"),
        ("workload.env.LIST", "[1]", "[1]"),
        ("workload.env.EMPTY", "", ""),
        ("workload.timeout", "300", "300"),
        ("kpis.a.better", " lower ", "lower"),
        ("gate.fail_on", "fail, invalid", ["fail", "invalid"]),
        ("gate.fail_on", '["fail"]', ["fail"]),
        ("gate.fail_on", "[]", []),
        ("kpis.a.range", "0,1e3", [0, 1000]),
        ("kpis.a.range", "[0, 1.5]", [0, 1.5]),
        ("workload.run", "make soak, twice", "make soak, twice"),
        ("workload.run", '["make", "soak"]', ["make", "soak"]),
        ("workload.shell", "bash,-c", ["bash", "-c"]),
        ("kpis.a.from", "m.json#a[0]", "m.json#a[0]"),
        ("kpis.a.from", '{"regex": "(?P<x>.)"}', {"regex": "(?P<x>.)"}),
        ("kpis.a.sustained", "6 of 8", "6 of 8"),
        ("workload.env", '{"A": "\\\\u0000"}', {"A": "\\u0000"}),
    ],
)
def test_the_schema_decides_the_type(key: str, raw: str, value: object) -> None:
    found = read(key, raw)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("key", "raw", "words"),
    [
        ("schedule.iterations", "many", "'many' is not a whole number (for example 24)"),
        ("schedule.iterations", "", "'' is not a whole number"),
        ("schedule.iterations", "0x10", "is not a whole number"),
        ("kpis.a.hard", "400ms", "is not a number; write 400 without a unit"),
        ("kpis.a.hard", "nan", "is not a number"),
        ("kpis.a.hard", "1e999", "is not a number"),
        ("kpis.a.must_vary", "yes", "is not true or false; write true"),
        ("kpis.a.must_vary", "1", "is not true or false"),
        ("kpis.a.range", "0,much", "'much' is not a number"),
        ("kpis.a.range", "[0, NaN]", "NaN is not JSON"),
        ("kpis.a.range", "[0, 1e999]", "too large"),
        ("kpis.a.range", "[0, 9007199254740993]", "an integer beyond 2**53 - 1"),
        ("gate.fail_on", "[fail]", "is not valid JSON text:1:2: "),
        ("kpis.a", '{"hard": 1, "hard": 2}', "duplicate key 'hard'"),
        ("kpis.a", "400", "is not a mapping; write it as JSON, or set its keys one by one"),
        ("workload.env", '{"A": "x\\u0000"}', "holds the character \\0"),
        ("suite", "caf\udce9", "is not UTF-8 text"),
    ],
)
def test_what_cannot_be_that_type_is_refused(key: str, raw: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (the words are compared below)
        read(key, raw)
    assert words in str(caught.value).replace("a masked value", "'...'")


@pytest.mark.parametrize(
    ("key", "raw"), [("workload", '{"env": {"TOKEN": "hunter2"'), ("workload.env", "TOKEN=hunter2")]
)
def test_a_refusal_shows_no_secret(key: str, raw: str) -> None:
    with pytest.raises(ValueError, match="a masked value") as caught:
        read(key, raw)
    assert "hunter2" not in str(caught.value)


@given(st.sampled_from(PATHS), st.one_of(st.text(), st.sampled_from(["[", "{", "[" * 5000, "9" * 5000, "{}", "[[]]"])))
def test_no_text_ends_in_a_traceback(path: tuple[str, ...], raw: str) -> None:
    told = ValueError("")
    try:
        coerce(raw, schema_at(SCHEMA, path) or {}, path)
    except ValueError as error:
        told = error
    assert type(told) is ValueError
    assert len(str(told)) < 400
