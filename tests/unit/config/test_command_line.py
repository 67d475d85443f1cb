"""The cli layer: keys, values and their mistakes."""

# ruff: noqa: E501  (a message is compared as the one line that it is)
from __future__ import annotations

import pytest

from soak_action import resources
from soak_action.config.check import Mistake
from soak_action.config.command_line import Setting, read_settings
from soak_action.config.schema_tree import settable

SCHEMA = settable(resources.schema("soak"))


def read(key: str, value: object) -> tuple[dict[str, object], list[str]]:
    mistakes: list[Mistake] = []
    entries = list(read_settings([Setting(key, value, f"--set {key}")], SCHEMA, mistakes))
    assert {entry.origin for entry in entries} <= {f"--set {key}"}
    return {".".join(entry.path): entry.value for entry in entries}, [str(mistake) for mistake in mistakes]


@pytest.mark.parametrize(
    ("key", "value", "entries"),
    [
        ("schedule.iterations", "6", {"schedule.iterations": 6}),
        ("kpis.new.from", "m.json#a", {"kpis.new.from": "m.json#a"}),
        ("kpis.new", "{}", {"kpis.new": {}}),
        ("kpis.new.from.regex", "(?P<x>.)", {"kpis.new.from.regex": "(?P<x>.)"}),
        ("workload.env.X", "1", {"workload.env.X": "1"}),
        ("workload.env", '{"A": "1", "B": "2"}', {"workload.env.A": "1", "workload.env.B": "2"}),
        ("kpis.a.range", [0, 1], {"kpis.a.range": [0, 1]}),
    ],
)
def test_a_setting_becomes_entries(key: str, value: object, entries: dict[str, object]) -> None:
    assert read(key, value) == (entries, [])


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("schedule.iteration", " - did you mean 'iterations'?"),
        ("shedule.iterations", " - did you mean 'schedule'?"),
        ("kpis.a.hrad", " - did you mean 'hard'?"),
        ("gate.fail_on.0", "; set the whole list 'gate.fail_on', such as [1, 2]"),
        ("gate.fail_on.0.1", "; set the whole list 'gate.fail_on', such as [1, 2]"),
        ("suite.x", ""),
        (
            "version",
            "; known here: suite, workload, schedule, kpis, resources, gate, evidence, parameters, tuning, guards, retention",
        ),
        (
            "profiles.ci.suite",
            "; known here: suite, workload, schedule, kpis, resources, gate, evidence, parameters, tuning, guards, retention",
        ),
        (
            "",
            "; known here: suite, workload, schedule, kpis, resources, gate, evidence, parameters, tuning, guards, retention",
        ),
        ("kpis..hard", "; a part of the key is empty"),
        ("kpis.a.", "; a part of the key is empty"),
        ("kpis.", "; a part of the key is empty"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest(key: str, hint: str) -> None:
    assert read(key, "1") == ({}, [f"--set {key}: unknown key '{key}'{hint}"])


def test_a_wrong_value_is_told_with_its_key() -> None:
    assert read("schedule.iterations", "x") == (
        {},
        ["--set schedule.iterations: 'schedule.iterations': 'x' is not a whole number (for example 24)"],
    )
