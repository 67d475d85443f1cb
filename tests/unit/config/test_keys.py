"""Keys that people ask for: which leaves they mean, and what is said about those that do not exist."""

from __future__ import annotations

import pytest

from soak_action import resources
from soak_action.config.keys import leaves_below
from soak_action.config.layers import Layer, Leaves, flatten, merge
from soak_action.config.schema_tree import settable
from soak_action.errors import UsageError

SCHEMA = settable(resources.schema("soak"))
LEAVES: Leaves = merge(
    [
        Layer("default", tuple(flatten({"schedule": {"iterations": 3, "warmup": 0}}, lambda _: "schema default"))),
        Layer("file", tuple(flatten({"kpis": {"p95": {"hard": 3}, "b": {}}}, ".".join))),
        Layer("cli", tuple(flatten({"schedule": {"duration": "1h"}}, ".".join))),
    ]
)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("schedule.duration", ["schedule.duration"]),
        ("schedule", ["schedule.duration", "schedule.warmup"]),
        ("kpis", ["kpis.b", "kpis.p95.hard"]),
        ("kpis.p95", ["kpis.p95.hard"]),
        ("kpis.b", ["kpis.b"]),
    ],
)
def test_a_key_means_its_leaf_or_all_below_it(key: str, found: list[str]) -> None:
    assert [leaf.key for leaf in leaves_below(key, SCHEMA, LEAVES)] == found


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("shedule", "unknown key 'shedule' - did you mean 'schedule'?"),
        ("gat", "unknown key 'gat' - did you mean 'gate'?"),
        ("kpis.p59.hard", "unknown key 'kpis.p59.hard' - did you mean 'kpis.p95.hard'?"),
        ("kpis.p95.hardd", "unknown key 'kpis.p95.hardd' - did you mean 'kpis.p95.hard'?"),
        ("kpis.p95.hard.x", "unknown key 'kpis.p95.hard.x'"),
        ("", "unknown key ''; soak config show lists all keys"),
        ("version", "unknown key 'version'"),
        ("kpis.p95.soft", "the key 'kpis.p95.soft' is not given a value by any layer"),
        ("workload.env", "the key 'workload.env' is not given a value by any layer"),
        (
            "schedule.iterations",
            "the key 'schedule.iterations' is not given a value: 'schedule.duration' of the layer cli excludes it",
        ),
    ],
)
def test_a_key_without_a_value_is_refused_with_the_reason(key: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        leaves_below(key, SCHEMA, LEAVES)
    assert words in str(caught.value)
