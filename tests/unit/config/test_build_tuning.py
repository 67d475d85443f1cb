"""What is said about parameters, tuning and guards has to make sense together."""

# ruff: noqa: E501  (a message is compared as the one line that it is)
from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from tests.unit.config.test_build import build

from soak_action.config.model import (
    Config,
    Cooldown,
    Freeze,
    Guards,
    Oscillation,
    Parameter,
    Parameters,
    Tolerance,
    Tuning,
    TuningRule,
)

BASE: dict[str, Any] = {
    "kpis": {"risk": {"from": "m.json#risk"}, "net": {"from": "m.json#net"}},
    "parameters": {
        "values": {
            "interval_ms": {"initial": 70, "min": 40, "max": 80, "step": 5, "max_change_per_hour": 20, "unit": "ms"},
            "impact.cap": {"initial": 0.09, "min": 0.08, "max": 0.12},
        }
    },
    "tuning": {"enabled": True, "rules": [{"when": "risk >= 0.6", "change": {"interval_ms": 5}}]},
    "guards": {"freeze": {"after": 2, "hold": 4, "when": "risk <= 0.3", "parameters": ["impact.cap"]}},
}


def changed(*changes: tuple[str, Any]) -> tuple[Config, list[str]]:
    """Return what BASE comes to with values changed at paths of keys with slashes between them; None removes one."""
    data = deepcopy(BASE)
    for path, value in changes:
        *above, last = path.split("/")
        node = data
        for key in above:
            node = node.setdefault(key, {})
        if value is None:
            del node[last]
        else:
            node[last] = value
    return build(data)


def complaints(*changes: tuple[str, Any]) -> list[str]:
    return changed(*changes)[1]


def test_everything_reaches_the_model() -> None:
    config, told = changed(
        ("tuning/rules", [{"when": "risk >= 0.6", "change": {"interval_ms": 5}, "target": {"impact": {"cap": 0.1}}}]),
        ("tuning/command", ["python3", "tuner.py"]),
        ("tuning/timeout", "9s"),
        ("guards/warmup", 2),
        ("guards/oscillation", {"window": 4, "tolerance": "1%"}),
        ("guards/cooldown", {"threshold": "20%", "iterations": 3}),
    )
    assert told == []
    interval = Parameter("interval_ms", 70, 40, 80, 5, is_integer=True, unit="ms", max_change_per_hour=20)
    assert config.parameters == Parameters("soak.params.json", (interval, Parameter("impact.cap", 0.09, 0.08, 0.12)))
    rule = TuningRule("risk >= 0.6", {"interval_ms": 5}, {"impact.cap": 0.1})
    assert config.tuning == Tuning(True, (rule,), ("python3", "tuner.py"), 9.0)
    freeze = Freeze(2, 4, "risk <= 0.3", ("impact.cap",))
    oscillation = Oscillation(4, Tolerance(0.01, is_share=True))
    assert config.guards == Guards(2, oscillation, Cooldown(0.2, 3), freeze)


def test_without_a_word_about_them_there_are_the_guards_that_cost_nothing() -> None:
    config, told = changed(("guards", None))
    assert told == []
    assert config.guards == Guards(0, Oscillation(3, Tolerance(1e-6)), None, None)


def test_a_window_of_0_is_no_guard() -> None:
    config, told = changed(("guards/oscillation", {"window": 0}))
    assert told == []
    assert config.guards.oscillation is None


@pytest.mark.parametrize(
    ("given", "is_integer", "step"),
    [
        ({"initial": 70, "min": 40, "max": 80}, True, 1),
        ({"initial": 70.0, "min": 40, "max": 80}, True, 1),
        ({"initial": 70, "min": 40, "max": 80, "type": "float"}, False, None),
        ({"initial": 70, "min": 40, "max": 80, "step": 0.5}, False, 0.5),
        ({"initial": 70, "min": 40.5, "max": 80}, False, None),
    ],
)
def test_the_numbers_tell_the_type(given: dict[str, Any], is_integer: bool, step: float | None) -> None:
    config, told = changed(("parameters/values/interval_ms", given))
    assert told == []
    assert config.parameters is not None
    found = config.parameters.values[0]
    assert (found.is_integer, found.step) == (is_integer, step)
    assert all(type(number) is (int if is_integer else float) for number in (found.initial, found.minimum))


INTERVAL = "parameters/values/interval_ms"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            [(f"{INTERVAL}/max", 40)],
            "f:parameters.values.interval_ms.max: 'parameters.values.interval_ms.max' is 40, which leaves nothing above min, 40",
        ),
        (
            [(f"{INTERVAL}/initial", 85)],
            "f:parameters.values.interval_ms.initial: 'parameters.values.interval_ms.initial' is 85, which is not between min, 40, and max, 80",
        ),
        (
            [(f"{INTERVAL}/initial", 72)],
            "f:parameters.values.interval_ms.initial: 'parameters.values.interval_ms.initial' is 72, which no number of steps of 5 reaches from min, 40",
        ),
        (
            [(f"{INTERVAL}/step", 50)],
            "f:parameters.values.interval_ms.step: 'parameters.values.interval_ms.step' is 50, which is more than there is between 40 and 80",
        ),
        (
            [(INTERVAL, {"type": "integer", "initial": 70.5, "min": 40, "max": 80})],
            "f:parameters.values.interval_ms.initial: 'parameters.values.interval_ms.initial' is 70.5, but the parameter is an integer; write type: float to have fractions",
        ),
        (
            [("tuning/rules", [{"when": "risk >= 1", "change": {"intervall_ms": 5}}])],
            "f:tuning.rules.0.change: rule 1: there is no parameter 'intervall_ms' - did you mean 'interval_ms'?",
        ),
        (
            [("tuning/rules", [{"when": "risk >= 1"}])],
            "f:tuning.rules.0: rule 1: it proposes nothing; write change or target",
        ),
        (
            [("tuning/rules", [{"when": "risk >= 1", "change": {"interval_ms": 0}}])],
            "f:tuning.rules.0.change: rule 1: 'interval_ms' is changed by 0, which is no change; remove it",
        ),
        (
            [("tuning/rules", [{"when": "risk >= 1", "change": {"interval_ms": 0.5}}])],
            "f:tuning.rules.0.change: rule 1: 'interval_ms' is 0.5, but the parameter is an integer; write type: float there to have fractions",
        ),
        (
            [("tuning/rules", [{"when": "risk >= 1", "target": {"interval_ms": 85}}])],
            "f:tuning.rules.0.target: rule 1: 'interval_ms' has the target 85, which is not between its min, 40, and max, 80",
        ),
        (
            [("tuning/rules", [{"when": "risk >= 1", "target": {"interval_ms": 45}, "change": {"interval_ms": 5}}])],
            "f:tuning.rules.0.target: rule 1: 'interval_ms' stands under change and under target; keep one of them",
        ),
        ([("tuning/rules", None)], "f:tuning.enabled: nobody proposes anything; write tuning.rules or tuning.command"),
        (
            [("tuning/timeout", "0s")],
            "f:tuning.timeout: a time-out of 0s stops the command at once; give it a length",
        ),
        (
            [("guards/oscillation", {"window": 2})],
            "f:guards.oscillation.window: no value returns within 2; write 3 or more, or 0 for no such guard",
        ),
        (
            [("guards/cooldown", {"threshold": "120%", "iterations": 1})],
            "f:guards.cooldown.threshold: no change is larger than 120% of the way",
        ),
        (
            [("guards/freeze/parameters", ["cap"])],
            "f:guards.freeze.parameters: there is no parameter 'cap'; known here: interval_ms, impact.cap",
        ),
    ],
    ids=lambda value: None if isinstance(value, list) else value.partition(":")[2].partition(":")[0],
)
def test_what_cannot_be_is_told(changes: list[tuple[str, Any]], message: str) -> None:
    assert complaints(*changes) == [message]


def test_a_tuner_needs_something_to_tune() -> None:
    assert complaints(("parameters", None), ("guards", None), ("tuning/rules", None), ("tuning/command", "t")) == [
        "f:tuning.enabled: there is nothing to tune; name the parameters under parameters.values"
    ]


@pytest.mark.parametrize(
    ("path", "key"), [("tuning/rules", "tuning.rules.0.when"), ("guards/freeze/when", "guards.freeze.when")]
)
def test_a_condition_that_cannot_be_understood_is_told_with_its_column(path: str, key: str) -> None:
    broken = "risk >= 0.6 and nett > 3"
    given = [{"when": broken, "change": {"interval_ms": 5}}] if path == "tuning/rules" else broken
    (told,) = complaints((path, given))
    assert told.startswith(f"f:{key}: ")
    assert "nett" in told
    assert "17" in told
    assert "did you mean 'net'?" in told


def test_numbers_below_what_json_can_tell_apart_lie_on_the_grid() -> None:
    given = {"initial": 0.3, "min": 0.1, "max": 1, "step": 0.1}
    assert complaints((INTERVAL, given), ("tuning/rules", [{"when": "risk > 1", "change": {"interval_ms": 0.1}}])) == []


def test_guards_without_a_freeze_have_none() -> None:
    config, told = changed(("guards", {"warmup": 1}))
    assert (config.guards.freeze, config.guards.warmup, told) == (None, 1, [])
