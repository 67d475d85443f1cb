from __future__ import annotations

import contextlib
import json
from typing import Any

import jmespath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak_action.kpi.path import MISSING, PathError, compile_path, kind_of

DOCUMENT = {
    "latency": {"p95": 12.5, "p(95)": 13, "none": None},
    "metrics": {"http_reqs{status:200}": {"count": 7}},
    "list": [{"name": "a", "value": 1}, {"name": "b", "value": 2}],
    "flag": True,
    "text": "x",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("latency.p95", 12.5),
        ('latency."p(95)"', 13),
        ('"latency" . "p95"', 12.5),
        ('metrics."http_reqs{status:200}".count', 7),
        ("flag", True),
        ("latency.none", None),
        ('"l\\u0061tency".p95', 12.5),
        ("list[0].value", 1),
        ("list[?name==`b`].value | [0]", 2),
        ("list[?name=='b'] | [0].value", 2),
        ("length(list)", 2),
        ("max(list[].value)", 2),
        ("sum(list[].value)", 3),
        ("max_by(list, &value).name", "b"),
    ],
)
def test_search_finds(text: str, expected: object) -> None:
    assert compile_path(text).search(DOCUMENT) == expected


@pytest.mark.parametrize(
    "text",
    [
        "latency.p99",
        "nowhere",
        "latency.p95.deeper",
        "latency.none.deeper",
        "list.value",
        "list[9]",
        "list[?name=='z'] | [0]",
    ],
)
def test_trap_02_a_path_that_leads_nowhere_is_missing(text: str) -> None:
    assert compile_path(text).search(DOCUMENT) is MISSING


def test_only_a_chain_of_fields_is_walked_without_jmespath() -> None:
    assert compile_path('a.b."p(95)"').keys == ("a", "b", "p(95)")
    assert compile_path("a[0]").keys is None


@pytest.mark.parametrize(
    ("text", "column", "hint"),
    [
        ("http_req_duration.p(95)", 21, 'http_req_duration."p(95)"'),
        ("http_req_duration.p(99.9)", 21, 'http_req_duration."p(99.9)"'),
        ("p(95)", 3, 'write "p(95)"'),
        ("a.p(x)", 3, 'a."p(x)"'),
        ("a-b.c", 2, '"a-b".c'),
        ("95%", 3, '"95%"'),
        ("a.é", 3, 'a."é"'),
        ("$.a.b", 1, "write a.b"),
        ("list.0", 6, "write list[0]"),
        ("a.'p(95)'", 3, 'a."p(95)"'),
        ("list[?value==1]", 14, "list[?value== `1`]"),
        ("metrics.json#a.b", 13, "write only what follows the '#': a.b"),
        ("metrics.json#a.p(95)", 13, "write only what follows the '#': a.\"p(95)\""),
        ("metrics.http_reqs{status:200}.count", 18, 'metrics."http_reqs{status:200}".count'),
        ("foo(a)", 1, "the functions are abs, avg"),
    ],
)
def test_syntax_error_has_column_and_hint(text: str, column: int, hint: str) -> None:
    with pytest.raises(PathError) as caught:
        compile_path(text)
    assert caught.value.column == column
    assert hint in caught.value.hint
    assert f"column {column}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the path is empty"),
        ("  ", "the path is empty"),
        ("a.", "ends too early"),
        ("a..b", "unexpected '.'"),
        ("length(a", "ends too early"),
        ('a."b', "is never closed"),
        ("max(a, b)", "max() takes 1 arguments, not 2"),
        ("merge()", "merge() takes at least 1 arguments, not 0"),
        ("(" * 5000, "nested too deeply"),
        ('"a\tb"', "column 1"),
        ("a[" + "9" * 5000 + "]", "Exceeds the limit"),
    ],
)
def test_what_is_wrong_without_a_hint(text: str, says: str) -> None:
    with pytest.raises(PathError, match="path '") as caught:
        compile_path(text)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_hint_to_quote_is_for_unknown_functions_only() -> None:
    with pytest.raises(PathError) as known:
        compile_path("merge()")
    assert known.value.hint == ""
    with pytest.raises(PathError) as unknown:
        compile_path("nothing[?foo(@)]")
    assert unknown.value.hint.endswith("values")


def test_a_long_pipeline_compiles_and_a_variadic_call_takes_more() -> None:
    assert compile_path(" | ".join(["a"] * 300)).keys is None
    assert compile_path("not_null(nowhere, other, text)").search(DOCUMENT) == "x"


@pytest.mark.parametrize("text", ["abs(text)", "sum(list)", "max(nowhere)", "sort_by(list, &nowhere)"])
def test_trap_43_a_function_that_refuses_the_document_is_a_path_error(text: str) -> None:
    path = compile_path(text)
    with pytest.raises(PathError, match="invalid type") as caught:
        path.search(DOCUMENT)
    assert caught.value.column is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("latency.p99", "'latency' has no 'p99' (it has 'p95', 'p(95)', 'none')"),
        ("nowhere", "the document has no 'nowhere'"),
        ("latency.none.deeper", "'none' is null, so it has no 'deeper'"),
        ("list.value", "'list' is a list of 2 entries, so it has no 'value'"),
        ("list[9]", "'list[9]' finds nothing"),
        ("text", "'text' is there"),
    ],
)
def test_why_missing_names_the_place(text: str, says: str) -> None:
    assert says in compile_path(text).why_missing(DOCUMENT)


def test_why_missing_lists_a_few_keys_only() -> None:
    path = compile_path("x")
    assert path.why_missing({}).endswith("(it is empty)")
    assert path.why_missing({f"k{n}": n for n in range(11)}).endswith("'k7' and 3 more)")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        ({}, "an object of 0 entries"),
        ([1], "a list of 1 entries"),
        ("", "a text"),
        (1, "a number"),
    ],
)
def test_kind_of(value: object, words: str) -> None:
    assert kind_of(value) == words


KEYS = st.sampled_from(["a", "b", "_c", "p(95)", "a b", "é", "", 'q"q', "\\", "1", "true"])
PLAIN = {"a", "b", "_c", "true"}
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
BLANKS = st.sampled_from(["", " ", "\n", "\t"])


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, st.lists(st.tuples(KEYS, BLANKS, st.booleans()), min_size=1, max_size=4))
def test_the_walk_agrees_with_jmespath(document: object, fields: list[tuple[str, str, bool]]) -> None:
    text = ".".join(f"{blank}{key if key in PLAIN and bare else json.dumps(key)}{blank}" for key, blank, bare in fields)
    path = compile_path(text)
    assert path.keys == tuple(key for key, _, _ in fields)
    found = path.search(document)
    assert (None if found is MISSING else found) == jmespath.search(text, document)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab1 .\"'`\\()[]{}*?&|@=<>!,:-#$%é\n", max_size=14))
def test_any_text_compiles_as_in_jmespath_or_is_a_path_error(text: str) -> None:
    try:
        path = compile_path(text)
    except PathError as error:
        if "write " in error.hint and "functions are" not in error.hint and "for example" not in error.hint:
            compile_path(error.hint.removeprefix("write only what follows the '#': ").removeprefix("write "))
        return
    with contextlib.suppress(PathError):
        path.search({"a": {"b": [1, "x", None]}})


@pytest.mark.parametrize("text", ["`1`", "'x'", "`[1, 2]`[0]", "max(`[1]`)", "a | `1`", "`[1]`[*]", "[`1`, `2`] | [0]"])
def test_a_path_that_reads_nothing_is_refused(text: str) -> None:
    with pytest.raises(PathError, match="reads nothing of the result"):
        compile_path(text)


@pytest.mark.parametrize(
    "text", ["a", "@", "[0]", "a || `0`", "max(a)", "a[?b > `1`] | [0]", "sum(a[*].b)", "{x: a}.x"]
)
def test_a_path_that_reads_something_is_accepted(text: str) -> None:
    assert compile_path(text).text == text
