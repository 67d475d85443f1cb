"""Expectations: understood or refused, met or broken, and never a secret in the words."""

# ruff: noqa: E501  (a message is compared as the one line that it is)
from __future__ import annotations

import pytest

from soak_action import resources
from soak_action.config.expect import ExpectationError, outcome_of, parse_expectation
from soak_action.config.layers import Leaf, Leaves, Shadowed
from soak_action.config.schema_tree import settable

SCHEMA = settable(resources.schema("soak"))


def leaf(key: str, value: object, layer: str = "file") -> Leaf:
    path = tuple(key.split("."))
    return Leaf(path, value, layer, "f:1:1", (Shadowed(path, "lost", "default", "schema default"),))  # type: ignore[arg-type]


LEAVES: Leaves = {
    found.path: found
    for found in (
        leaf("suite", "api@file"),
        leaf("schedule.iterations", 3, "profile"),
        leaf("schedule.warmup", 0, "default"),
        leaf("workload.run", ["a", "b"]),
        leaf("workload.timeout", "1h"),
        leaf("workload.env.API_TOKEN", "hunter2"),
        leaf("workload.env.MAIL", "me@there"),
        leaf("kpis.a.hard", 400),
        leaf("kpis.a.must_vary", False),
        leaf("kpis.a.sustained.of", 3),
        leaf("kpis.b", {}),
        leaf("gate.fail_on", ["fail", "invalid"]),
        leaf("evidence.log_limit", "1MiB"),
    )
}


def outcome(text: str) -> tuple[bool, str]:
    found = outcome_of(parse_expectation(text, SCHEMA, LEAVES), SCHEMA, LEAVES)
    return found.ok, str(found)


@pytest.mark.parametrize(
    "text",
    [
        "schedule.iterations=3",
        "schedule.iterations=3@profile",
        " schedule.iterations = 3 @profile",
        "schedule.iterations=3.0@profile",
        "schedule.warmup=0@default",
        "workload.timeout=60m@file",
        "workload.timeout=1h",
        "evidence.log_limit=1024KiB",
        'workload.run=["a", "b"]@file',
        "gate.fail_on=fail, invalid",
        "suite=api@file@file",
        "workload.env.MAIL=me@there",
        "workload.env.MAIL=me@there@file",
        "workload.env.API_TOKEN=hunter2@file",
        "kpis.a.must_vary=false",
        "kpis.b={}",
    ],
)  # fmt: skip
def test_what_is_in_force_meets_the_expectation(text: str) -> None:
    assert outcome(text)[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schedule.iterations=4", "expected schedule.iterations=4, but it is 3 from profile (f:1:1)"),
        ("schedule.iterations=3@cli", "expected schedule.iterations=3@cli, but it is 3 from profile (f:1:1)"),
        ("suite=api@file", "expected suite=api@file, but it is api@file from file (f:1:1)"),
        ("schedule.duration=1h", "expected schedule.duration=1h, but no layer gives it a value"),
        ("workload.timeout=59m", "expected workload.timeout=59m, but it is 1h from file (f:1:1)"),
        ("workload.timeout=soon", "expected workload.timeout=soon, but it is 1h from file (f:1:1)"),
        (
            "gate.fail_on=invalid,fail",
            "expected gate.fail_on=invalid,fail, but it is [fail, invalid] from file (f:1:1)",
        ),
        ("workload.env.API_TOKEN=hunter3", "expected workload.env.API_TOKEN=***, but it is *** from file (f:1:1)"),
        ("kpis.a.must_vary=true", "expected kpis.a.must_vary=true, but it is false from file (f:1:1)"),
    ],
)
def test_a_broken_expectation_tells_what_is_so(text: str, words: str) -> None:
    assert outcome(text) == (False, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schedule.iterations", "write PATH=VALUE or PATH=VALUE@LAYER, such as schedule.iterations=3@profile"),
        ("=3", "write PATH=VALUE"),
        ("", "write PATH=VALUE"),
        ("schedule.iteration=3", "unknown key 'schedule.iteration' - did you mean 'schedule.iterations'?"),
        ("kpis.c.hard=3", "unknown key 'kpis.c.hard' - did you mean 'kpis.a.hard'?"),
        ("workload.env.NONE=x", "unknown key 'workload.env.NONE'"),
        ("qqqq=3", "unknown key 'qqqq'; soak config show lists all keys"),
        ("schedule..warmup=3", "unknown key 'schedule..warmup'"),
        ("schedule=3", "'schedule' is a mapping; expect one value below it, such as schedule.iterations"),
        ("kpis.a.sustained=1 of 3", "'kpis.a.sustained' is a mapping; expect one value below it, such as kpis.a.sustained.of"),
        ("kpis.a.missing={}", "'kpis.a.missing' is a mapping; expect one value below it"),
        ("schedule.iterations=three", "'three' is not a whole number"),
        ("schedule.iterations=3@profle", "there is no layer 'profle' - did you mean 'profile'? If it belongs to the value, add @ and a layer"),
        ("schedule.iterations=@profile", "'' is not a whole number"),
        ("schedule.iterations=3@x", "'3@x' is not a whole number"),
        ("workload.env.API_TOKEN=\udcff", "is not UTF-8 text"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused(text: str, words: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        parse_expectation(text, SCHEMA, LEAVES)
    assert words in str(caught.value)


def test_a_boolean_is_no_number() -> None:
    leaves: Leaves = {("kpis", "a", "hard"): leaf("kpis.a.hard", True)}
    assert not outcome_of(parse_expectation("kpis.a.hard=1", SCHEMA, leaves), SCHEMA, leaves).ok


def test_the_document_of_an_outcome_says_what_is_in_force() -> None:
    found = outcome_of(parse_expectation("schedule.iterations=4@cli", SCHEMA, LEAVES), SCHEMA, LEAVES)
    assert found.to_dict() == {
        "expectation": "schedule.iterations=4@cli", "ok": False, "value": 3, "layer": "profile", "origin": "f:1:1",
    }  # fmt: skip
    nothing = outcome_of(parse_expectation("schedule.duration=1h", SCHEMA, LEAVES), SCHEMA, LEAVES)
    assert nothing.to_dict() == {
        "expectation": "schedule.duration=1h", "ok": False, "value": None, "layer": None, "origin": None,
    }  # fmt: skip
    secret = outcome_of(parse_expectation("workload.env.API_TOKEN=hunter2", SCHEMA, LEAVES), SCHEMA, LEAVES)
    assert secret.ok
    assert "hunter2" not in str(secret.to_dict()) + str(secret)
