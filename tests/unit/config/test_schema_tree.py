"""The schema of soak.yaml: where its keys are, what its defaults are, and that it is sound itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from soak_action import resources
from soak_action.config.layers import merge, tree
from soak_action.config.schema_tree import (
    built_in_kpis,
    default_layer,
    fixed_leaves,
    is_optional,
    known_keys,
    resolve,
    schema_at,
    settable,
)
from soak_action.kpi.series import is_stat
from soak_action.units import UnitError, parse_duration, parse_share, parse_size

SCHEMA = resources.schema("soak")


def properties(node: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and resolved schema of every property at any depth."""
    if isinstance(node, Mapping):
        for key, value in node.get("properties", {}).items():
            yield key, resolve(SCHEMA, value)
        for value in node.values():
            yield from properties(value)
    elif isinstance(node, list):
        for value in node:
            yield from properties(value)


def pattern_of(*path: str) -> str:
    return str((schema_at(SCHEMA, path) or {})["pattern"])


@pytest.mark.parametrize(
    ("path", "word"),
    [
        (("schedule", "duration"), "How long to soak"),
        (("workload", "env", "ANY"), "value of the variable"),
        (("kpis", "any", "from", "regex"), "regular expression"),
        (("kpis", "any", "missing", "allow"), "share"),
        (("profiles", "ci", "schedule", "duration"), "How long to soak"),
        ((), "What to soak"),
    ],
)
def test_a_path_leads_to_its_schema(path: tuple[str, ...], word: str) -> None:
    assert word in (schema_at(SCHEMA, path) or {})["description"]


@pytest.mark.parametrize("path", [("x",), ("x", "y"), ("schedule", "x"), ("suite", "x"), ("gate", "fail_on", "x")])
def test_a_path_that_is_no_key_leads_nowhere(path: tuple[str, ...]) -> None:
    assert schema_at(SCHEMA, path) is None


def test_an_item_of_a_list_has_a_schema() -> None:
    assert schema_at(SCHEMA, ("kpis", "a", "range", "0")) == {"type": "number"}


def test_a_reference_gives_way_to_what_stands_beside_it() -> None:
    node = schema_at(SCHEMA, ("workload", "timeout")) or {}
    assert (node["default"], node["examples"], node["x-unit"]) == ("1h", ["5m"], "duration")


def test_version_and_profiles_cannot_be_set_from_outside() -> None:
    assert set(known_keys(SCHEMA)) - set(known_keys(settable(SCHEMA))) == {"version", "profiles"}
    assert list(Draft202012Validator(settable(SCHEMA)).iter_errors({"suite": "x"})) == []


def test_the_fixed_leaves_are_all_values_with_a_fixed_name() -> None:
    leaves = {".".join(path) for path, _ in fixed_leaves(SCHEMA)}
    assert {"suite", "workload.run", "schedule.every", "gate.fail_on"} <= leaves
    assert not {"workload", "workload.env", "kpis", "profiles"} & leaves
    of_kpi = {".".join(path) for path, _ in fixed_leaves(SCHEMA, SCHEMA["properties"]["kpis"]["additionalProperties"])}
    assert {"from", "sustained", "abort.for", "missing.allow"} <= of_kpi


def test_without_kpis_the_built_in_ones_are_measured() -> None:
    data = tree(merge([default_layer(SCHEMA, ())]).values())
    assert tuple(data["kpis"]) == built_in_kpis(SCHEMA)[:3] == ("exit_code", "wall_seconds", "peak_rss_mib")
    assert data["kpis"]["exit_code"]["hard"] == 0
    assert data["kpis"]["wall_seconds"]["unit"] == "s"
    assert "hard" not in data["kpis"]["wall_seconds"]
    assert data["schedule"] == {"iterations": 3, "pause": "0s", "warmup": 0, "failures": 0}


def test_an_optional_section_has_defaults_only_where_something_of_it_is_given() -> None:
    service = ("workload", "service")

    def workload(*mentioned: tuple[str, ...]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = tree(merge([default_layer(SCHEMA, (), mentioned)]).values())["workload"]
        return found

    common = {"timeout": "1h"}
    assert workload() == workload(("workload", "run"), ("schedule", "every")) == common
    of_service = {"restarts": 0, "grace": "10s", "window": "1m"}
    assert workload((*service, "start")) == {**common, "service": of_service}
    assert workload((*service, "ready", "tcp"))["service"] == {**of_service, "ready": {"within": "1m"}}


def test_without_kpis_a_service_without_a_command_has_those_that_it_can_have() -> None:
    def kpis(*mentioned: tuple[str, ...]) -> list[str]:
        return list(tree(merge([default_layer(SCHEMA, (), mentioned)]).values())["kpis"])

    start, run = ("workload", "service", "start"), ("workload", "run")
    assert kpis(start) == ["service_exits", "wall_seconds", "rss_mib"]
    assert kpis(start, run) == kpis(run) == ["exit_code", "wall_seconds", "peak_rss_mib"]
    layer = default_layer(SCHEMA, ("p95_ms",), (start,))
    assert list(tree(merge([layer]).values())["kpis"]) == ["p95_ms"]
    assert tree(merge([default_layer(SCHEMA, (), (start,))]).values())["kpis"]["service_exits"]["hard"] == 0


def test_every_named_kpi_has_defaults_and_a_built_in_one_its_own() -> None:
    data = tree(merge([default_layer(SCHEMA, ("p95_ms", "exit_code"))]).values())
    common = {"window": "all", "missing": {"allow": "0%"}, "must_vary": False}
    assert data["kpis"] == {
        "p95_ms": {"stat": "mean", **common},
        "exit_code": {"stat": "median", "title": "exit code", "better": "lower", **common},
    }


def test_the_defaults_satisfy_the_schema() -> None:
    for names in ((), ("a", "exit_code")):
        data = tree(merge([default_layer(SCHEMA, names)]).values())
        assert list(Draft202012Validator(SCHEMA).iter_errors({"version": 1, **data})) == []


def test_every_key_has_a_description_and_shows_a_value() -> None:
    for name, node in properties(SCHEMA):
        assert node["description"].endswith("."), name
        if "properties" not in node and not isinstance(node.get("additionalProperties"), Mapping):
            assert "examples" in node or "default" in node, name


def test_every_example_and_every_default_is_valid() -> None:
    for name, node in properties(SCHEMA):
        validator = Draft202012Validator({**node, "$defs": SCHEMA["$defs"], "properties": node.get("properties", {})})
        shown = [*node.get("examples", []), *([node["default"]] if "default" in node and name != "kpis" else [])]
        assert [error.message for value in shown for error in validator.iter_errors(value)] == [], name


def test_every_mapping_is_closed_and_every_free_map_says_what_its_names_are() -> None:
    for name, node in properties(SCHEMA):
        if node.get("type") == "object":
            assert "additionalProperties" in node, name
            assert ("x-names" in node) == ("propertyNames" in node) == (node["additionalProperties"] is not False), name


def test_no_pattern_lets_a_trailing_line_end_pass() -> None:
    patterns = [node["pattern"] for _, node in properties(SCHEMA) if node.get("pattern", "").find("$") >= 0]
    patterns += [node["propertyNames"]["pattern"] for _, node in properties(SCHEMA) if "propertyNames" in node]
    assert len(patterns) > 8
    for text in ("api", "5m", "5%", "1MiB", "mean", "all", "6 of 8", "A", "smoke"):
        assert not any(re.search(pattern, f"{text}\n") for pattern in patterns)


@pytest.mark.parametrize("stat", ["mean", "rate", "p1", "p99", "p99.9", "p50.125"])
def test_the_schema_knows_the_statistics(stat: str) -> None:
    assert re.search(pattern_of("kpis", "a", "stat"), stat)
    assert is_stat(stat)


@pytest.mark.parametrize("stat", ["p0", "p05", "p100", "p", "avg", "p9.", "P95", "p0.5"])
def test_the_schema_refuses_other_statistics(stat: str) -> None:
    assert not re.search(pattern_of("kpis", "a", "stat"), stat)


@pytest.mark.parametrize(
    ("path", "parse", "good"),
    [
        (("schedule", "duration"), parse_duration, ["500ms", "30s", "1.5h", "1h30m", "2d"]),
        (("evidence", "log_limit"), parse_size, ["512B", "1.5GiB", "10MB", "10KB", "10kB"]),
        (("kpis", "a", "missing", "allow"), parse_share, ["5%", "0.5%", "100%"]),
    ],
)
@given(data=st.data())
def test_what_a_pattern_admits_is_parsed_or_refused_with_advice(path, parse, good, data) -> None:
    pattern = pattern_of(*path)
    assert all(re.search(pattern, text) and parse(text) > 0 for text in good)
    text = data.draw(st.from_regex(re.compile(pattern, re.ASCII)))
    try:
        told = "" if parse(text) >= 0 else "less than nothing"
    except UnitError as error:
        told = str(error)
    assert told == "" or "write " in told


@given(st.from_regex(re.compile(pattern_of("kpis", "a", "stat"), re.ASCII)))
def test_every_statistic_that_the_schema_admits_exists(stat: str) -> None:
    assert is_stat(stat)


@pytest.mark.parametrize(
    ("path", "optional"),
    [
        (("schedule", "iterations"), False),
        (("guards", "freeze", "after"), True),
        (("guards", "warmup"), True),
        (("guards",), False),
        (("no", "such", "key"), False),
    ],
)
def test_a_section_without_defaults_of_its_own_is_optional(path: tuple[str, ...], optional: bool) -> None:
    assert is_optional(SCHEMA, path) == optional
