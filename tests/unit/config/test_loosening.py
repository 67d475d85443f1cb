from __future__ import annotations

from typing import Any

import pytest

from soak_action.config.loosening import Change, changes

BASE: dict[tuple[str, ...], Any] = {
    ("schedule", "iterations"): 24,
    ("schedule", "failures"): 0,
    ("schedule", "pause"): "0s",
    ("kpis", "p95_ms", "from"): "m.json#p95",
    ("kpis", "p95_ms", "title"): "Latency",
    ("kpis", "p95_ms", "better"): "lower",
    ("kpis", "p95_ms", "hard"): 400,
    ("kpis", "p95_ms", "range"): [0, 60000],
    ("kpis", "p95_ms", "must_vary"): False,
    ("kpis", "p95_ms", "missing", "allow"): "0%",
    ("kpis", "rps", "better"): "higher",
    ("kpis", "rps", "hard"): 100,
    ("gate", "fail_on"): ["fail", "invalid"],
    ("gate", "locked"): [],
    ("workload", "timeout"): "5m",
}


def directions(**changed: Any) -> dict[str, str]:
    """Return what becomes of the gates when these values, with `__` for a dot, are set or, by None, taken away."""
    after = dict(BASE)
    for name, value in changed.items():
        path = tuple(name.split("__"))
        after[path] = value
        if value is None:
            del after[path]
    return {change.key: change.direction for change in changes(BASE, after)}


@pytest.mark.parametrize(
    ("name", "value", "direction"),
    [
        ("kpis__p95_ms__hard", 500, "loosened"),
        ("kpis__p95_ms__hard", 300, "tightened"),
        ("kpis__p95_ms__hard", None, "loosened"),
        ("kpis__p95_ms__soft", 350, "tightened"),
        ("kpis__rps__hard", 90, "loosened"),
        ("kpis__rps__hard", 110, "tightened"),
        ("kpis__p95_ms__range", [0, 1000], "tightened"),
        ("kpis__p95_ms__range", [-1, 60000], "loosened"),
        ("kpis__p95_ms__range", [5, 70000], "changed"),
        ("kpis__p95_ms__must_vary", True, "tightened"),
        ("kpis__p95_ms__missing__allow", "5%", "loosened"),
        ("kpis__p95_ms__from", "m.json#p50", "changed"),
        ("kpis__p95_ms__window", "last 8", "tightened"),
        ("schedule__iterations", 3, "loosened"),
        ("schedule__iterations", 48, "tightened"),
        ("schedule__duration", "2h", "tightened"),
        ("schedule__failures", 2, "loosened"),
        ("gate__fail_on", ["fail"], "loosened"),
        ("gate__fail_on", ["fail", "invalid", "warn"], "tightened"),
        ("gate__fail_on", ["fail", "warn"], "changed"),
        ("gate__locked", ["gate"], "tightened"),
        ("gate__surprise", 4, "tightened"),
    ],
)
def test_a_gate_that_differs_is_told_with_what_that_does(name: str, value: Any, direction: str) -> None:
    assert directions(**{name: value}) == {name.replace("__", "."): direction}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kpis__p95_ms__title", "Something else"),
        ("schedule__pause", "30s"),
        ("workload__timeout", "10m"),
        ("gate__fail_on", ["invalid", "fail"]),
        ("kpis__p95_ms__hard", 400.0),
        ("kpis__p95_ms__must_vary", None),
        ("kpis__p95_ms__missing__allow", "0.0%"),
    ],
)
def test_what_is_no_gate_or_means_the_same_is_not_told(name: str, value: Any) -> None:
    assert directions(**{name: value}) == {}


def test_a_limit_on_a_kpi_whose_good_direction_changed_is_only_different() -> None:
    assert directions(kpis__p95_ms__better="higher", kpis__p95_ms__hard=500) == {
        "kpis.p95_ms.better": "changed",
        "kpis.p95_ms.hard": "changed",
    }


def test_a_number_with_no_stricter_side_is_only_different() -> None:
    assert directions(kpis__p95_ms__abort__of=3) == {"kpis.p95_ms.abort.of": "tightened"}
    before = {**BASE, ("kpis", "p95_ms", "window"): 3}
    assert changes(before, {**before, ("kpis", "p95_ms", "window"): 4}) == [
        Change(("kpis", "p95_ms", "window"), 3, 4, "changed")
    ]


def test_a_kpi_that_vanished_is_one_line_and_so_is_a_new_one() -> None:
    after = {path: value for path, value in BASE.items() if path[:2] != ("kpis", "rps")}
    assert changes(BASE, after) == [Change(("kpis", "rps"), "judged", None, "loosened")]
    assert changes(after, BASE) == [Change(("kpis", "rps"), None, "judged", "tightened")]


def test_the_looser_ones_come_first() -> None:
    found = directions(schedule__iterations=48, kpis__rps__hard=90, kpis__p95_ms__from="x#y")
    assert list(found.values()) == ["loosened", "changed", "tightened"]
