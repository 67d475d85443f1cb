from __future__ import annotations

import pytest

from soak_action.migration.conflict import settle
from soak_action.migration.value import Value


def value(path, content, source="a"):
    keys = tuple(path.split("."))
    return Value(keys, content, f"{source}:1:1", source, keys)


def outcome(values, *preferred):
    chosen, conflicts = settle(values, preferred)
    return {".".join(path): item.value for path, item in chosen.items()}, [str(conflict) for conflict in conflicts]


def test_equal_values_are_no_conflict():
    values = [value("a.b", 1), value("a.b", 1.0, "b"), value("a.c", [1, {"x": 2}]), value("a.c", [1, {"x": 2.0}], "b")]
    assert outcome(values) == ({"a.b": 1, "a.c": [1, {"x": 2}]}, [])


@pytest.mark.parametrize(("one", "other"), [(1, 2), (1, True), ("1", 1), ([1], [1, 1]), ({}, 1)])
def test_different_values_are_shown_with_both_places(one, other):
    _, (conflict,) = outcome([value("a.b", one), value("a.b", other, "b")])
    assert conflict.startswith("'a.b' is ")
    assert " at a:1:1, but " in conflict
    assert conflict.endswith(" at b:1:1; decide with --prefer a or --prefer b")


def test_one_file_against_itself_cannot_be_decided():
    _, (conflict,) = outcome([value("a", 1), value("a", 2)], "a")
    assert conflict == "'a' is 1 at a:1:1, but 2 at a:1:1; remove one of them from a"


def test_a_value_and_one_below_it_exclude_each_other():
    for values in ([value("a", 1), value("a.b", 2, "b")], [value("a.b", 2), value("a", 1, "b")]):
        _, (conflict,) = outcome(values)
        assert "'a' and 'a.b' is " in conflict or "'a.b' and 'a' is " in conflict


def test_an_empty_mapping_is_filled_by_others():
    assert outcome([value("a", {}), value("a.b", 1)]) == ({"a.b": 1}, [])
    assert outcome([value("a.b", 1), value("a", {})]) == ({"a.b": 1}, [])
    assert outcome([value("a", {}), value("a", {}, "b")]) == ({"a": {}}, [])


@pytest.mark.parametrize(
    ("preferred", "expected"), [(["a"], 1), (["b"], 2), (["c"], 3), (["c", "a"], 3), (["a", "c"], 1)]
)
def test_the_preferred_file_decides(preferred, expected):
    three = [value("x", 1, "a"), value("x", 2, "b"), value("x", 3, "c")]
    for values in (three, three[::-1]):
        chosen, _ = settle(values, preferred)
        assert chosen[("x",)].value == expected


def test_the_preferred_file_replaces_what_stands_below_or_above():
    values = [value("a.b", 1), value("a.c", 2), value("a", 3, "b")]
    assert outcome(values, "b") == ({"a": 3}, [])
    assert outcome(values, "a") == ({"a.b": 1, "a.c": 2}, [])
    assert outcome(values[::-1], "a") == ({"a.c": 2, "a.b": 1}, [])


def test_secrets_are_not_quoted():
    _, (conflict,) = outcome([value("workload.env.TOKEN", "abcd"), value("workload.env.TOKEN", "efgh", "b")])
    assert "abcd" not in conflict
    assert "a masked value" in conflict
