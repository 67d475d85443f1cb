"""What a segment may have otherwise than the promise, and records of it that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from soak_action.evidence.changes import changes_in_force, check_changes, may_change, sources_digest
from soak_action.evidence.consistency import Span

RUN = {"commit": "a" * 40, "tree_dirty": False}
LEAVES = [
    {"key": "workload.run", "value": ["a"], "origin": "soak.yaml:2:3"},
    {"key": "kpis.v.hard", "value": 100, "origin": "soak.yaml:6:3"},
    {"key": "workload.env.Y", "value": "2", "origin": "soak.yaml:4:3"},
]
SPANS = {1: Span(3, 30.0), 3: Span(5, 50.0), 4: Span(9, 90.0)}
RUN_CHANGE = {
    "key": "workload.run",
    "before": {"value": ["a"], "origin": "soak.yaml:2:3"},
    "now": {"value": ["b"], "origin": "soak.yaml:2:3"},
}
COMMIT_CHANGE = {
    "key": "commit",
    "before": {"value": "a" * 40, "origin": "git"},
    "now": {"value": "b" * 40, "origin": "git"},
}
SIDE, OTHER_SIDE = {"value": "a", "origin": "soak.yaml:2:3"}, {"value": "b", "origin": "soak.yaml:2:3"}
ENV_CHANGE = {"key": "workload.env.X", "before": None, "now": {"value": "1", "origin": "soak.yaml:3:3"}}

GONE = {"key": "workload.env.Y", "before": {"value": "2", "origin": "soak.yaml:4:3"}, "now": None}


def record(segment: int, iteration: int, *differences: dict, **changes: Any) -> dict[str, Any]:
    found = list(differences)
    whole = {"segment": segment, "iteration": iteration, "differences": found}
    return {**whole, "values_digest": sources_digest(LEAVES, found), **changes}


def told(*records: dict) -> list[tuple[str, int, int]]:
    found = changes_in_force(records, SPANS)
    return [(change["key"], change["first_iteration"], change["last_iteration"]) for change in found]


@pytest.mark.parametrize(
    "key",
    ["workload.run", "workload.service.start", "workload.shell", "workload.env.LOG_LEVEL", "commit", "tree_dirty"],
)
def test_what_is_soaked_may_change(key):
    assert may_change({"key": key, "before": SIDE, "now": OTHER_SIDE})


@pytest.mark.parametrize(
    "key",
    [
        "kpis.v.hard",
        "schedule.iterations",
        "gate.fail_on",
        "resources.interval",
        "evidence.log_limit",
        "workload.timeout",
        "workload.environment",
        "workload.run.x",
        "profile",
        "config_file",
        "suite",
        "version",
        "",
    ],
)
def test_what_is_promised_or_judged_by_may_not(key):
    assert not may_change({"key": key, "before": SIDE, "now": OTHER_SIDE})


@pytest.mark.parametrize("key", ["workload.run", "workload.service.start"])
def test_an_iteration_stays_a_command_or_a_window_and_a_service_is_there_throughout(key):
    assert not may_change({"key": key, "before": None, "now": SIDE})
    assert not may_change({"key": key, "before": SIDE, "now": None})


@pytest.mark.parametrize("key", ["workload.shell", "workload.env.LOG_LEVEL"])
def test_a_shell_or_a_variable_may_come_and_go(key):
    assert may_change({"key": key, "before": None, "now": SIDE})
    assert may_change({"key": key, "before": SIDE, "now": None})


def test_a_change_holds_for_the_iterations_of_its_segment():
    assert told(record(3, 4, RUN_CHANGE)) == [("workload.run", 4, 5)]


def test_the_same_change_in_segments_in_a_row_is_told_once():
    assert told(record(3, 4, RUN_CHANGE), record(4, 6, RUN_CHANGE, COMMIT_CHANGE)) == [
        ("workload.run", 4, 9),
        ("commit", 6, 9),
    ]


def test_another_change_of_the_same_key_is_told_by_itself():
    other = {**RUN_CHANGE, "now": {"value": ["c"], "origin": "soak.yaml:2:3"}}
    assert told(record(3, 4, RUN_CHANGE), record(4, 6, other)) == [("workload.run", 4, 5), ("workload.run", 6, 9)]


def test_the_last_record_of_a_segment_holds_and_one_without_iterations_tells_nothing():
    assert told(record(3, 4, RUN_CHANGE), record(3, 4), record(5, 10, RUN_CHANGE)) == []


def checked(*records: dict) -> list[str]:
    return [problem.what for problem in check_changes(records, SPANS, RUN, LEAVES)]


@pytest.mark.parametrize(
    "good",
    [
        record(3, 4, RUN_CHANGE, COMMIT_CHANGE, ENV_CHANGE),
        record(3, 4),
        record(2, 4, RUN_CHANGE),
        record(5, 10, GONE),
    ],
    ids=["several", "none", "a segment without iterations", "a value that is gone"],
)
def test_a_record_that_fits_the_promise_is_believed(good):
    assert checked(good) == []


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (record(1, 1, RUN_CHANGE), "in the first segment"),
        (record(3, 5, RUN_CHANGE), "began with iteration 5, but it did not"),
        (
            record(
                3,
                4,
                {
                    "key": "kpis.v.hard",
                    "before": {"value": 100, "origin": "soak.yaml:6:3"},
                    "now": {"value": 9, "origin": "x"},
                },
            ),
            "changes kpis.v.hard, which nothing allows",
        ),
        (record(3, 4, {**RUN_CHANGE, "now": None}), "changes workload.run, which nothing allows"),
        (record(3, 4, {**RUN_CHANGE, "before": None}), "something else before than the run promised"),
        (record(3, 4, {**COMMIT_CHANGE, "before": {"value": "c", "origin": "git"}}), "something else before"),
        (record(3, 4, {**RUN_CHANGE, "now": RUN_CHANGE["before"]}), "which did not change"),
        (record(3, 4, RUN_CHANGE, values_digest="0" * 64), "does not come to the configuration"),
        (record(3, 4, RUN_CHANGE, differences=None), "not the record of a change"),
        (record(3, 4, RUN_CHANGE, differences=[7]), "not the record of a change"),
        ({"segment": "x"}, "not the record of a change"),
    ],
)
def test_a_record_that_cannot_be_is_found(bad, what):
    assert any(what in told for told in checked(bad))
