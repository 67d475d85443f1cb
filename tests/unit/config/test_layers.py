"""Layers laid over each other: who wins, and what everybody hid."""

# ruff: noqa: E501  (a message is compared as the one line that it is)
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action.config.layers import EXCLUSIVE_GROUPS, Entry, Layer, LayerName, contradictions, flatten, merge, tree

NAMES: tuple[LayerName, ...] = ("default", "file", "profile", "env", "cli")


def layer(name: LayerName, data: Mapping[str, Any]) -> Layer:
    return Layer(name, tuple(flatten(data, lambda path: f"{name} {'.'.join(path)}")))


def merged(*layers: Layer) -> dict[str, Any]:
    return tree(merge(layers).values())


def hidden(*layers: Layer) -> dict[str, list[tuple[str, Any, str]]]:
    """Map each key to what it hides."""
    leaves = merge(layers).values()
    return {leaf.key: [(".".join(item.path), item.value, item.layer) for item in leaf.shadowed] for leaf in leaves}


def test_the_higher_layer_wins_and_every_loser_is_listed() -> None:
    layers = [layer(name, {"a": {"b": number}}) for number, name in enumerate(NAMES)]
    (leaf,) = merge(layers).values()
    assert (leaf.key, leaf.value, leaf.layer, leaf.origin) == ("a.b", 4, "cli", "cli a.b")
    assert [(item.value, item.layer, item.origin) for item in leaf.shadowed] == [
        (3, "env", "env a.b"),
        (2, "profile", "profile a.b"),
        (1, "file", "file a.b"),
        (0, "default", "default a.b"),
    ]
    assert leaf.to_dict()["shadowed"][0] == {"key": "a.b", "value": 3, "layer": "env", "origin": "env a.b"}


def test_within_a_layer_the_later_entry_wins_and_hides_the_earlier() -> None:
    twice = Layer("cli", (Entry(("a",), 1, "--set a"), Entry(("a",), 2, "--set a")))
    assert hidden(twice) == {"a": [("a", 1, "cli")]}
    assert merged(twice) == {"a": 2}


@pytest.mark.parametrize(
    ("low", "high", "result", "losers"),
    [
        ({"m": {"a": 1}}, {"m": {"b": 2}}, {"m": {"a": 1, "b": 2}}, {"m.a": [], "m.b": []}),
        ({"m": [1, 2]}, {"m": [3]}, {"m": [3]}, {"m": [("m", [1, 2], "file")]}),
        ({"m": "x"}, {"m": {"a": 1}}, {"m": {"a": 1}}, {"m.a": [("m", "x", "file")]}),
        (
            {"m": {"a": 1, "b": {"c": 2}}},
            {"m": "x"},
            {"m": "x"},
            {"m": [("m.a", 1, "file"), ("m.b.c", 2, "file")]},
        ),
        ({"m": {"a": 1}}, {"m": {}}, {"m": {"a": 1}}, {"m.a": []}),
        ({"m": {}}, {"m": {"a": 1}}, {"m": {"a": 1}}, {"m.a": []}),
        ({"m": {}}, {"m": {}}, {"m": {}}, {"m": []}),
        ({"m": "x"}, {"m": {}}, {"m": {}}, {"m": [("m", "x", "file")]}),
        ({"m": {}}, {"m": "x"}, {"m": "x"}, {"m": []}),
        ({"m": {"a": {}}}, {"m": "x"}, {"m": "x"}, {"m": []}),
    ],
)
def test_mappings_merge_and_everything_else_replaces(low: Any, high: Any, result: Any, losers: Any) -> None:
    layers = (layer("file", low), layer("profile", high))
    assert merged(*layers) == result
    assert hidden(*layers) == losers


def test_what_an_empty_mapping_hid_stays_known_when_it_is_filled() -> None:
    layers = (layer("file", {"m": "x"}), layer("profile", {"m": {}}), layer("cli", {"m": {"a": 1}}))
    assert hidden(*layers) == {"m.a": [("m", "x", "file")]}


def test_a_replaced_leaf_keeps_its_place_among_the_others() -> None:
    layers = (layer("default", {"a": {"x": 1}, "b": {"x": 1}}), layer("file", {"a": {"x": 2}}))
    assert list(merged(*layers)) == ["a", "b"]


@pytest.mark.parametrize(("one", "other"), [("iterations", "duration"), ("every", "pause")])
def test_a_higher_layer_unsets_the_other_member_of_an_exclusive_group(one: str, other: str) -> None:
    for winner, loser in ((one, other), (other, one)):
        layers = (
            layer("default", {"schedule": {loser: 1}}),
            layer("file", {"schedule": {loser: 2}}),
            layer("cli", {"schedule": {winner: 3}}),
        )
        assert merged(*layers) == {"schedule": {winner: 3}}
        key = f"schedule.{loser}"
        assert hidden(*layers) == {f"schedule.{winner}": [(key, 2, "file"), (key, 1, "default")]}


def test_iterations_and_duration_of_one_layer_both_hold() -> None:
    both = {"schedule": {"iterations": 3, "duration": "1h"}}
    assert merged(layer("default", {"schedule": {"iterations": 1}}), layer("file", both)) == both
    layers = (layer("file", both), layer("cli", {"schedule": {"iterations": 9}}))
    assert merged(*layers) == {"schedule": {"iterations": 9}}
    assert hidden(*layers)["schedule.iterations"] == [
        ("schedule.iterations", 3, "file"),
        ("schedule.duration", "1h", "file"),
    ]


def test_an_unset_member_comes_back_when_a_higher_layer_sets_it() -> None:
    layers = [
        layer(name, {"schedule": {key: name}})
        for name, key in (("file", "every"), ("profile", "pause"), ("cli", "every"))
    ]
    assert merged(*layers) == {"schedule": {"every": "cli"}}
    assert hidden(*layers) == {
        "schedule.every": [("schedule.pause", "profile", "profile"), ("schedule.every", "file", "file")]
    }


def test_a_member_that_its_own_layer_replaces_unsets_nothing() -> None:
    odd = Layer("env", (Entry(("schedule", "iterations"), 3, "one"), Entry(("schedule",), 5, "other")))
    assert merged(layer("file", {"schedule": {"duration": "1h"}}), odd) == {"schedule": 5}


def test_every_and_pause_in_one_layer_contradict_each_other() -> None:
    ((one, other),) = contradictions(layer("file", {"schedule": {"pause": "1s", "every": "1h"}}))
    assert (one.path[-1], other.path[-1]) == ("every", "pause")
    for harmless in ({"every": "1h"}, {"pause": "1s"}, {"iterations": 3, "duration": "1h"}):
        assert list(contradictions(layer("file", {"schedule": harmless}))) == []


# A shape that fixes which keys are mappings, as the schema does; within it merging is associative and the winner is plain.
leaf_values = st.one_of(st.integers(), st.text(max_size=2), st.lists(st.integers(), max_size=2))
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "a": leaf_values,
        "schedule": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(["iterations", "duration", "every", "pause"], leaf_values)
        ),
        "m": st.dictionaries(st.sampled_from("xy"), st.dictionaries(st.sampled_from("pq"), leaf_values), max_size=2),
    },
)
PLAIN = SHAPED.map(lambda data: {key: value for key, value in data.items() if key != "schedule"})


@given(st.lists(PLAIN, min_size=1, max_size=5))
def test_the_winner_of_a_leaf_is_the_highest_layer_that_defines_it(stack: list[dict[str, Any]]) -> None:
    layers = [layer(name, data) for name, data in zip(NAMES, stack, strict=False)]
    for path, leaf in merge(layers).items():
        givers = [one.name for one in layers if any(entry.path == path for entry in one.entries)]
        assert leaf.layer == givers[-1]
        if leaf.value != {}:
            assert [item.layer for item in leaf.shadowed] == [
                one.name
                for one in reversed(layers[: NAMES.index(leaf.layer)])
                for entry in one.entries
                if entry.path == path and entry.value != {}
            ]


@given(st.lists(SHAPED, min_size=1, max_size=5))
def test_the_winner_is_the_highest_layer_that_defines_the_leaf_exclusive_groups_included(
    stack: list[dict[str, Any]],
) -> None:
    """A leaf holds unless a higher layer gives another member of its group without giving the leaf itself."""
    layers = [layer(name, data) for name, data in zip(NAMES, stack, strict=False)]
    in_force = merge(layers)
    given_by = [{entry.path: entry for entry in one.entries if entry.value != {}} for one in layers]
    for path in {path for one in given_by for path in one}:
        rivals = {other for group in EXCLUSIVE_GROUPS if path in group for other in group} - {path}
        highest = max(number for number, one in enumerate(given_by) if path in one)
        if any(rivals & one.keys() for one in given_by[highest + 1 :]):
            assert path not in in_force
            hiding = [leaf for leaf in in_force.values() if leaf.path in rivals]
            assert any((item.path, item.layer) == (path, NAMES[highest]) for leaf in hiding for item in leaf.shadowed)
        else:
            leaf = in_force[path]
            assert (leaf.value, leaf.layer) == (given_by[highest][path].value, NAMES[highest])


@given(st.lists(SHAPED, min_size=1, max_size=5))
def test_no_value_gets_lost_it_is_in_force_or_hidden(stack: list[dict[str, Any]]) -> None:
    layers = [layer(name, data) for name, data in zip(NAMES, stack, strict=False)]
    told = sorted(
        (".".join(item.path), item.layer)
        for leaf in merge(layers).values()
        for item in leaf.as_shadowed()
        if item.value != {}
    )
    given_ = {(".".join(entry.path), one.name) for one in layers for entry in one.entries if entry.value != {}}
    assert set(told) == given_


@given(SHAPED, SHAPED, SHAPED)
def test_merging_is_associative(low: dict[str, Any], middle: dict[str, Any], high: dict[str, Any]) -> None:
    """Laying the result of two layers as one layer gives the same values, in whichever order the pairs are taken."""
    one, two, three = layer("file", low), layer("profile", middle), layer("cli", high)
    left = merged(layer("profile", merged(one, two)), three)
    right = merged(one, layer("cli", merged(two, three)))
    assert left == right == merged(one, two, three)


@given(SHAPED)
def test_merging_a_layer_with_itself_changes_nothing(data: dict[str, Any]) -> None:
    assert merged(layer("file", data), layer("cli", data)) == merged(layer("file", data))
    assert merged(layer("default", {}), layer("file", data)) == merged(layer("file", data))
