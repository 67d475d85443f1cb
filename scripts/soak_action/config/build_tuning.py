"""Building what is said about parameters, tuning and guards, checking what a schema cannot: that they agree."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

from soak_action.config.condition import ConditionError, compile_condition
from soak_action.config.layers import Path
from soak_action.config.model import (
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
from soak_action.config.names import VALUES
from soak_action.config.wording import did_you_mean, flow
from soak_action.units import parse_share

# A path and what is wrong there.
Complaint = tuple[Path, str]
Declared = Mapping[str, Parameter]

_RULES: Path = ("tuning", "rules")
_FREEZE: Path = ("guards", "freeze")
_SHORTEST_WINDOW = 3
_NUMBERS = ("initial", "min", "max", "step")


def build_parameters(data: Mapping[str, Any], complain: Callable[[Path, str], None]) -> Parameters:
    """Return the parameters, complaining of each that contradicts itself."""
    values = []
    for name, given in data["values"].items():
        parameter = _parameter(name, given)
        for key, what in _contradictions(parameter, given):
            complain((*VALUES, name, key), f"'{'.'.join(VALUES)}.{name}.{key}' {what}")
        values.append(parameter)
    return Parameters(data["file"], tuple(values))


def build_tuning(
    data: Mapping[str, Any],
    declared: Declared,
    kpis: Collection[str],
    timeout: float,
    complain: Callable[[Path, str], None],
) -> Tuning:
    """Return who proposes what, complaining of what can never be proposed; `timeout` is that of the command."""
    rules = tuple(_rule(given) for given in data.get("rules", ()))
    for number, rule in enumerate(rules):
        for path, what in _rule_complaints(rule, declared, kpis):
            complain((*_RULES, str(number), *path), f"rule {number + 1}: {what}")
    command = data.get("command")
    if data["enabled"] and not declared:
        complain(("tuning", "enabled"), "there is nothing to tune; name the parameters under parameters.values")
    if data["enabled"] and not rules and command is None:
        complain(("tuning", "enabled"), "nobody proposes anything; write tuning.rules or tuning.command")
    return Tuning(
        enabled=data["enabled"],
        rules=rules,
        command=tuple(command) if isinstance(command, list) else command,
        timeout=timeout,
    )


def build_guards(
    data: Mapping[str, Any] | None,
    declared: Declared,
    kpis: Collection[str],
    complain: Callable[[Path, str], None],
) -> Guards:
    """Return the guards, complaining of those that could never hold."""
    if data is None:
        return Guards()
    freeze = _freeze(data["freeze"]) if "freeze" in data else None
    if freeze is not None:
        if problem := _problem_of_condition(freeze.when, kpis):
            complain((*_FREEZE, "when"), problem)
        for unknown in _unknown(freeze.parameters, declared):
            complain((*_FREEZE, "parameters"), unknown)
    return Guards(
        warmup=int(data["warmup"]),
        oscillation=_oscillation(data["oscillation"], complain),
        cooldown=_cooldown(data["cooldown"], complain) if "cooldown" in data else None,
        freeze=freeze,
    )


def _parameter(name: str, given: Mapping[str, Any]) -> Parameter:
    numbers = [given[key] for key in _NUMBERS if key in given]
    is_integer = given.get("type", "integer" if all(map(_is_whole, numbers)) else "float") == "integer"
    kind = int if is_integer and all(map(_is_whole, numbers)) else float
    step = given.get("step", 1 if is_integer else None)
    return Parameter(
        name=name,
        initial=kind(given["initial"]),
        minimum=kind(given["min"]),
        maximum=kind(given["max"]),
        step=None if step is None else kind(step),
        is_integer=is_integer,
        unit=given.get("unit"),
        max_change_per_hour=given.get("max_change_per_hour"),
    )


def _contradictions(parameter: Parameter, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong with it)."""
    low, high, initial = parameter.minimum, parameter.maximum, parameter.initial
    broken = [key for key in _NUMBERS if parameter.is_integer and not _is_whole(given.get(key, 0))]
    if broken:
        for key in broken:
            yield key, f"is {flow(given[key])}, but the parameter is an integer; write type: float to have fractions"
    elif not low < high:
        yield "max", f"is {flow(high)}, which leaves nothing above min, {flow(low)}"
    elif not low <= initial <= high:
        yield "initial", f"is {flow(initial)}, which is not between min, {flow(low)}, and max, {flow(high)}"
    elif parameter.step and parameter.step > high - low:
        yield "step", f"is {flow(parameter.step)}, which is more than there is between {flow(low)} and {flow(high)}"
    elif parameter.step and (_exact(initial) - _exact(low)) % _exact(parameter.step):
        step = flow(parameter.step)
        yield "initial", f"is {flow(initial)}, which no number of steps of {step} reaches from min, {flow(low)}"


def _rule(given: Mapping[str, Any]) -> TuningRule:
    # In an order of their own: config.json, which the decisions are verified by, has none.
    changes, targets = (dict(sorted(_amounts(given.get(key, {})))) for key in ("change", "target"))
    return TuningRule(given["when"], changes, targets)


def _amounts(given: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what a rule says of each parameter, by its dotted name."""
    for key, value in given.items():
        if isinstance(value, Mapping):
            yield from _amounts(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _rule_complaints(rule: TuningRule, declared: Declared, kpis: Collection[str]) -> Iterator[Complaint]:
    if problem := _problem_of_condition(rule.when, kpis):
        yield ("when",), problem
    if not rule.changes and not rule.targets:
        yield (), "it proposes nothing; write change or target"
    for key, amounts in (("change", rule.changes), ("target", rule.targets)):
        for unknown in _unknown(amounts, declared):
            yield (key,), unknown
        for name, amount in amounts.items():
            if name in declared and (problem := _problem_of_amount(key, amount, declared[name])):
                yield (key,), f"'{name}' {problem}"
    for name in rule.changes.keys() & rule.targets.keys():
        yield ("target",), f"'{name}' stands under change and under target; keep one of them"


def _problem_of_amount(key: str, amount: float, parameter: Parameter) -> str | None:
    if parameter.is_integer and not _is_whole(amount):
        return f"is {flow(amount)}, but the parameter is an integer; write type: float there to have fractions"
    if key == "change" and amount == 0:
        return "is changed by 0, which is no change; remove it"
    if key == "target" and not parameter.minimum <= amount <= parameter.maximum:
        low, high = flow(parameter.minimum), flow(parameter.maximum)
        return f"has the target {flow(amount)}, which is not between its min, {low}, and max, {high}"
    return None


def _unknown(names: Collection[str], declared: Declared) -> Iterator[str]:
    for name in names:
        if name not in declared:
            yield f"there is no parameter '{name}'{did_you_mean(name, tuple(declared))}"


def _problem_of_condition(text: str, kpis: Collection[str]) -> str | None:
    try:
        compile_condition(text, kpis)
    except ConditionError as error:
        return str(error)
    return None


def _oscillation(data: Mapping[str, Any], complain: Callable[[Path, str], None]) -> Oscillation | None:
    window = int(data["window"])
    if window == 0:
        return None
    if window < _SHORTEST_WINDOW:
        what = f"no value returns within {window}; write {_SHORTEST_WINDOW} or more, or 0 for no such guard"
        complain(("guards", "oscillation", "window"), what)
    given = data["tolerance"]
    return Oscillation(window, Tolerance(_share(given), is_share=isinstance(given, str)))


def _cooldown(data: Mapping[str, Any], complain: Callable[[Path, str], None]) -> Cooldown:
    threshold = _share(data["threshold"])
    if threshold > 1:
        complain(("guards", "cooldown", "threshold"), f"no change is larger than {flow(data['threshold'])} of the way")
    return Cooldown(threshold, int(data["iterations"]))


def _freeze(data: Mapping[str, Any]) -> Freeze:
    return Freeze(int(data["after"]), int(data["hold"]), data["when"], tuple(data.get("parameters", ())))


def _share(given: float | str) -> float:
    return parse_share(given) if isinstance(given, str) else float(given)


def _is_whole(number: float) -> bool:
    return float(number).is_integer()


def _exact(number: float) -> Decimal:
    return Decimal(repr(number))
