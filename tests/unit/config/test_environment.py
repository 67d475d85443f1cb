"""SOAK_ variables: names from the schema, values guided by it, and no name that is silently ignored by accident."""

# ruff: noqa: E501  (a message is compared as the one line that it is)
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action import resources
from soak_action.config.environment import (
    FOR_SOAK,
    FOR_THE_WORKLOAD,
    EnvironmentReading,
    parse_overrides,
    read_environment,
    reserved,
    variable_name,
    variable_names,
)
from soak_action.config.schema_tree import fixed_leaves, schema_at, settable
from soak_action.errors import ConfigurationError

SCHEMA = settable(resources.schema("soak"))
KPIS = ("p95_ms", "error_rate")


def read(**environ: str) -> EnvironmentReading:
    return read_environment(environ, SCHEMA, KPIS, parse_overrides(environ))


def mistakes(**environ: str) -> list[str]:
    return [str(mistake) for mistake in read(**environ).mistakes]


def test_every_fixed_key_and_every_key_of_a_kpi_has_a_name_of_its_own() -> None:
    names = variable_names(SCHEMA, KPIS)
    fixed = list(fixed_leaves(SCHEMA))
    of_kpi = list(fixed_leaves(SCHEMA, schema_at(SCHEMA, ("kpis", "x"))))
    assert len(names) == len(fixed) + len(KPIS) * len(of_kpi)
    assert names["SOAK_SCHEDULE__ITERATIONS"] == ("schedule", "iterations")
    assert names["SOAK_KPIS__P95_MS__MISSING__ALLOW"] == ("kpis", "p95_ms", "missing", "allow")
    assert not names.keys() & {*FOR_SOAK, *FOR_THE_WORKLOAD, "SOAK_VERSION"}


@given(st.sets(st.from_regex(r"\A(?!.*__)[a-z][a-z0-9_]{0,8}\Z"), min_size=2, max_size=4))
def test_the_names_of_different_kpis_never_meet(kpis: set[str]) -> None:
    of_kpi = list(fixed_leaves(SCHEMA, schema_at(SCHEMA, ("kpis", "x"))))
    names = variable_names(SCHEMA, sorted(kpis))
    assert len(names) == len(list(fixed_leaves(SCHEMA))) + len(kpis) * len(of_kpi)
    assert all(variable_name(path) == name for name, path in names.items())


def test_a_variable_becomes_an_entry_of_the_type_of_its_key() -> None:
    reading = read(SOAK_SCHEDULE__ITERATIONS="6", SOAK_SUITE="2026", soak_kpis__p95_ms__hard="400")
    assert {".".join(entry.path): (entry.value, entry.origin) for entry in reading.entries} == {
        "schedule.iterations": (6, "env SOAK_SCHEDULE__ITERATIONS"),
        "suite": ("2026", "env SOAK_SUITE"),
        "kpis.p95_ms.hard": (400, "env soak_kpis__p95_ms__hard"),
    }
    assert reading.mistakes == reading.warnings == ()


def test_an_empty_variable_is_not_given() -> None:
    reading = read(
        SOAK_SCHEDULE__ITERATIONS="", SOAK_SUITE="  ", SOAK_NONE__SUCH="", SOAK_OVERRIDES=" ", SOAK_PROFILE=""
    )
    assert reading == EnvironmentReading((), (), ())
    assert reserved({"SOAK_PROFILE": "", "SOAK_CONFIG": " "}) == {}


def test_reserved_and_foreign_names_are_left_alone() -> None:
    environ = dict.fromkeys([*FOR_THE_WORKLOAD, "PATH", "SOAKED", "soak_out"], "x")
    assert read(**environ, SOAK_PROFILE="ci", soak_config="f") == EnvironmentReading((), (), ())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SOAK_SCHEDULE__ITERATION", " - did you mean 'SOAK_SCHEDULE__ITERATIONS'?"),
        ("SOAK_SCHEDULE_ITERATIONS", " - did you mean 'SOAK_SCHEDULE__ITERATIONS'?"),
        ("soak_schedule_iterations", " - did you mean 'SOAK_SCHEDULE__ITERATIONS'?"),
        ("SOAK_ITERATIONS", " - did you mean 'SOAK_SCHEDULE__ITERATIONS'?"),
        ("SOAK_TIMEOUT", " - did you mean 'SOAK_WORKLOAD__TIMEOUT'?"),
        ("SOAK_OVERRIDE", " - did you mean 'SOAK_OVERRIDES'?"),
        ("SOAK_PROFILES", " - did you mean 'SOAK_PROFILE'?"),
        (
            "SOAK_KPIS__P95_M__HARD",
            " - did you mean 'SOAK_KPIS__P95_MS__HARD'?; new names below it come from soak.yaml, --set or SOAK_OVERRIDES",
        ),
        ("SOAK_KPIS__THROUGHPUT__HARD", "; new names below it come from soak.yaml, --set or SOAK_OVERRIDES"),
        ("SOAK_WORKLOAD__ENV__LEVEL", "; new names below it come from soak.yaml, --set or SOAK_OVERRIDES"),
        ("SOAK_A__B", "; names are made from the keys of soak.yaml, such as SOAK_SCHEDULE__ITERATIONS"),
    ],
)
def test_a_name_that_was_meant_for_soak_and_does_not_exist_is_a_mistake(name: str, hint: str) -> None:
    assert mistakes(**{name: "3"}) == [f"env {name}: no configuration value has this name{hint}"]


@pytest.mark.parametrize("name", ["SOAK_FOO", "SOAK_VERSION", "soak_color", "SOAK_TEST_SERVER"])
def test_any_other_name_gets_one_warning(name: str) -> None:
    reading = read(**{name: "3"})
    assert reading == EnvironmentReading((), (), (f"env {name} is not a setting of soak and is ignored",))


def test_a_wrong_value_is_told_with_its_key() -> None:
    assert mistakes(SOAK_SCHEDULE__ITERATIONS="six") == [
        "env SOAK_SCHEDULE__ITERATIONS: 'schedule.iterations': 'six' is not a whole number (for example 24)"
    ]


def test_the_same_key_twice_is_a_mistake_that_names_both() -> None:
    assert mistakes(SOAK_SUITE="a", soak_suite="b") == [
        "env soak_suite: 'suite' is given twice in the environment, also by env SOAK_SUITE"
    ]
    assert mistakes(SOAK_SUITE="a", SOAK_OVERRIDES="gate: {fail_on: []}\nsuite: b") == [
        "env SOAK_OVERRIDES:2:1: 'suite' is given twice in the environment, also by env SOAK_SUITE"
    ]


@pytest.mark.parametrize(
    "text", ["kpis: {new: {hard: 3}}", '{"kpis": {"new": {"hard": 3}}}', "{kpis: {new: {hard: 3}}}"]
)
def test_overrides_are_yaml_or_json(text: str) -> None:
    document = parse_overrides({"Soak_Overrides": text})
    assert document is not None
    assert document.data == {"kpis": {"new": {"hard": 3}}}
    assert document.where(("kpis",)).startswith("env SOAK_OVERRIDES:1:")


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("a:\n  - @", "env SOAK_OVERRIDES:2:5: not valid YAML"),
        ("[1]", "env SOAK_OVERRIDES:1:1: this must be a mapping"),
        ("a: \udcff", "env SOAK_OVERRIDES:1:4: this is not UTF-8"),
    ],
)
def test_overrides_that_cannot_be_read_are_told_with_their_place(text: str, mistake: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_overrides({"SOAK_OVERRIDES": text})
    assert str(caught.value).startswith(mistake)


def test_a_reserved_name_is_read_in_any_letter_case_and_only_once() -> None:
    assert reserved({"soak_profile": "ci", "SOAK_CONFIG": "f", "SOAK_OUT": "x"}) == {
        "SOAK_PROFILE": "ci",
        "SOAK_CONFIG": "f",
    }
    assert reserved({"soak_profile": "ci", "SOAK_PROFILE": "ci"}) == {"SOAK_PROFILE": "ci"}
    with pytest.raises(
        ConfigurationError, match="env soak_profile: SOAK_PROFILE is given twice, in different letter case"
    ):
        reserved({"soak_profile": "ci", "SOAK_PROFILE": "smoke"})
