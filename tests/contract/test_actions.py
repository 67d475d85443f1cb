"""Every action.yml agrees with its environment mapping, with the code behind it, and with the rules of DESIGN 13."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from soak_action.github.runner import variable

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ROOT / "scripts" / "soak_action" / "commands"
# Each action and the function that performs its step.
STEPS = {
    "action.yml": ("action_run", "run_step"),
    ".github/actions/smoke/action.yml": ("action_run", "smoke_step"),
    ".github/actions/kpi-gate/action.yml": ("action_gate", "gate_step"),
    ".github/actions/precedence/action.yml": ("action_precedence", "precedence_step"),
    ".github/actions/plan/action.yml": ("action_plan", "plan_step"),
    ".github/actions/prune/action.yml": ("action_prune", "prune_step"),
    ".github/actions/internal/action.yml": ("action_internal", "internal_step"),
}
SHELL = """${{ inputs.python || (runner.os == 'Windows' && 'python' || 'python3') }} -I -u -X utf8 "{0}\""""
READERS = {"text", "lines", "words", "flag", "choice"}
TAKEN_BY_THE_SHELL = {"python"}
QUANTITIES = {"duration", "segment", "retention-days", "iterations"}
UNIT = re.compile(r"\b(s, m, h or d|days|iterations)\b")
# What is neither a setting of soak.yaml nor a choice of the user's: it may have a default.
OF_THE_ACTION = {"artifact-name", "summary", "token"}
EXAMPLE = re.compile(r"'[^']+'")

Action = dict[str, Any]


def read(place: str) -> Action:
    action: Action = yaml.safe_load((ROOT / place).read_text("utf-8"))
    return action


def soak_step(action: Action) -> dict[str, Any]:
    return next(step for step in action["runs"]["steps"] if step.get("id") == "soak")


every_action = pytest.mark.parametrize("place", STEPS)


def test_no_action_is_left_out() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / ".github").rglob("action.y*ml")}
    assert {"action.yml", *found} == set(STEPS)


# ---- inputs


def undescribed(action: Action) -> Iterator[str]:
    """Yield the inputs whose description has no example, or no unit although they are quantities."""
    for name, about in action["inputs"].items():
        if not EXAMPLE.search(about["description"]):
            yield f"{name}: no quoted example"
        if name in QUANTITIES and not UNIT.search(about["description"]):
            yield f"{name}: no unit"


def badly_mapped(action: Action) -> Iterator[str]:
    """Yield what does not hold between the inputs, the mapping, the shell line and the later steps."""
    step = soak_step(action)
    expected = set(action["inputs"]) - TAKEN_BY_THE_SHELL
    mapping = {variable(name): f"${{{{ inputs.{name} }}}}" for name in sorted(expected)}
    for name in sorted({*mapping, *step["env"]}):
        if mapping.get(name) != step["env"].get(name):
            yield f"{name} is {step['env'].get(name)!r} instead of {mapping.get(name)!r}"


def with_a_default(action: Action) -> Iterator[str]:
    """Yield the inputs that would be given although nobody gave them: on a schedule every input is empty."""
    for name, about in action["inputs"].items():
        if about.get("default") and name not in OF_THE_ACTION:
            yield name


@every_action
def test_every_input_tells_by_an_example_what_to_write(place: str) -> None:
    assert list(undescribed(read(place))) == []


@every_action
def test_every_input_reaches_the_code_and_nothing_else_does(place: str) -> None:
    assert list(badly_mapped(read(place))) == []


@every_action
def test_trap_51_an_input_that_nobody_gave_is_empty(place: str) -> None:
    assert list(with_a_default(read(place))) == []


def test_the_rules_for_inputs_find_mistakes() -> None:
    action = {
        "inputs": {
            "duration": {"description": "How long, for example '90m'.", "default": "1h"},
            "config": {"description": "The file."},
            "python": {"description": "The Python, for example 'python3'."},
        },
        "runs": {"steps": [{"id": "soak", "env": {"INPUT_DURATION": "${{ inputs.config }}", "TOKEN": "x"}}]},
    }
    assert list(undescribed(action)) == ["duration: no unit", "config: no quoted example"]
    assert [found.partition(" ")[0] for found in badly_mapped(action)] == ["INPUT_CONFIG", "INPUT_DURATION", "TOKEN"]
    assert list(with_a_default(action)) == ["duration"]


@cache
def functions() -> dict[tuple[str, str], ast.FunctionDef]:
    """Return every function of the modules behind the actions, by module and name."""
    return {
        (path.stem, node.name): node
        for path in COMMANDS.glob("action*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


def inputs_read(module: str, function: str) -> set[str]:
    """Return the names of the inputs that a function reads, itself or through others of these modules."""
    found: set[str] = set()
    waiting = [(module, function)]
    seen = set(waiting)
    while waiting:
        here, name = waiting.pop()
        found |= set(names_read(functions()[here, name]))
        for node in ast.walk(functions()[here, name]):
            if isinstance(node, ast.Name):
                # What a module defines itself hides what another one calls the same.
                places = [place for place in functions() if place[1] == node.id]
                for place in [(here, node.id)] if (here, node.id) in places else places:
                    if place not in seen:
                        seen.add(place)
                        waiting.append(place)
    return found


def names_read(tree: ast.AST) -> Iterator[str]:
    """Yield the names that are passed to the readers of inputs; a name from a loop over a table is looked up there."""
    tables = {
        loop.target.id: list(loop.iter.elts)
        for loop in ast.walk(tree)
        if isinstance(loop, ast.For) and isinstance(loop.iter, ast.Tuple) and isinstance(loop.target, ast.Name)
    } | {
        target.id: [row.elts[place] for row in loop.iter.elts if isinstance(row, ast.Tuple)]
        for loop in ast.walk(tree)
        if isinstance(loop, ast.For) and isinstance(loop.iter, ast.Tuple) and isinstance(loop.target, ast.Tuple)
        for place, target in enumerate(loop.target.elts)
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READERS):
            continue
        if "inputs" not in ast.unparse(node.func.value):
            continue
        argument = node.args[0]
        for name in tables.get(argument.id, []) if isinstance(argument, ast.Name) else [argument]:
            assert isinstance(name, ast.Constant), f"the name of an input is not to be seen: {ast.unparse(node)}"
            yield name.value


@every_action
def test_the_code_reads_exactly_the_inputs_that_the_action_has(place: str) -> None:
    mapped = set(soak_step(read(place))["env"])
    assert {variable(name) for name in inputs_read(*STEPS[place])} == mapped


def test_the_names_of_inputs_are_found_in_code() -> None:
    tree = ast.parse(
        "def f(inputs):\n"
        "    for name, key in (('duration', 'a'), ('command', 'b')):\n"
        "        inputs.text(name)\n"
        "    for single in ('iterations',):\n"
        "        inputs.text(single)\n"
        "    runner.inputs.flag('summary', default=True)\n"
        "    other.text('not an input')\n"
    )
    assert sorted(names_read(tree)) == ["command", "duration", "iterations", "summary"]


# ---- outputs


@every_action
def test_every_output_has_a_value_when_the_step_died(place: str) -> None:
    fallback = re.compile(r"\$\{\{ steps\.soak\.outputs\.[a-z-]+ \|\| '[^']*' \}\}")
    values = {name: about["value"] for name, about in read(place)["outputs"].items()}
    assert [name for name, value in values.items() if not fallback.fullmatch(value)] == []
    assert values["exit-code"] == "${{ steps.soak.outputs.exit-code || '5' }}"
    assert "verdict" not in values or values["verdict"] == "${{ steps.soak.outputs.verdict || 'invalid' }}"


def outputs_set() -> set[str]:
    """Return every name that the code sets as an output."""
    return {
        key.value
        for tree in functions().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "set_outputs"
        for table in node.args
        if isinstance(table, ast.Dict)
        for key in table.keys
        if isinstance(key, ast.Constant)
    }


def test_every_output_that_an_action_reads_is_set_by_the_code_and_the_other_way_round() -> None:
    read_by_actions = {
        name for place in STEPS for name in re.findall(r"steps\.soak\.outputs\.([a-z-]+)", (ROOT / place).read_text())
    }
    assert read_by_actions == outputs_set()


# ---- steps


def unsafe(action: Action) -> Iterator[str]:
    """Yield what a step does that no step of ours may."""
    for step in action["runs"]["steps"]:
        script = step.get("run", "")
        if "${{" in script:
            yield f"{step['name']}: an expression inside of run"
        if re.search(r"GITHUB_(ENV|PATH)\b", script):
            yield f"{step['name']}: writes what later steps inherit"
        if "run" in step and step["shell"] != SHELL:
            yield f"{step['name']}: another shell"


@every_action
def test_no_step_is_open_to_injection(place: str) -> None:
    assert list(unsafe(read(place))) == []


def test_no_code_knows_what_later_steps_inherit_but_to_empty_it() -> None:
    sources = [path for path in (ROOT / "scripts").rglob("*.py") if path.name not in {"check.py", "workflow_checks.py"}]
    knowing = [path for path in sources if re.search(r"GITHUB_(ENV|PATH)\b", path.read_text("utf-8"))]
    assert [path.name for path in knowing] == ["runner.py"]
    assert re.findall(r".*_NEVER_WRITTEN.*", knowing[0].read_text("utf-8")) == [
        '_NEVER_WRITTEN = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")',
        "        found = tuple(name for name in _NEVER_WRITTEN if _holds_something(self._environ.get(name)))",
    ]


def test_the_rules_for_steps_find_mistakes() -> None:
    steps = [
        {"name": "a", "run": "echo ${{ inputs.command }}", "shell": SHELL},
        {"name": "b", "run": 'echo x >> "$GITHUB_ENV"', "shell": "bash"},
    ]
    assert list(unsafe({"runs": {"steps": steps}})) == [
        "a: an expression inside of run",
        "b: writes what later steps inherit",
        "b: another shell",
    ]


@every_action
def test_trap_45_the_code_in_yaml_is_two_lines_that_start_the_launcher(place: str) -> None:
    depth = place.count("/")
    up = '"..", ' * depth
    _, name = STEPS[place]
    step = {
        "run_step": "run",
        "smoke_step": "smoke",
        "gate_step": "kpi-gate",
        "precedence_step": "precedence",
        "plan_step": "plan",
        "prune_step": "prune",
        "internal_step": "internal",
    }[name]
    assert soak_step(read(place))["run"] == (
        f'import os, sys; sys.path.insert(0, os.path.join(os.environ["GITHUB_ACTION_PATH"], {up}"scripts"))\n'
        f'import soak; sys.exit(soak.run(["action", "{step}"]))\n'
    )
    assert "'" not in soak_step(read(place))["run"]


def uploads(place: str) -> list[dict[str, Any]]:
    return [step for step in read(place)["runs"]["steps"] if "uses" in step]


def test_all_actions_upload_alike() -> None:
    assert uploads("action.yml") == uploads(".github/actions/smoke/action.yml")
    assert uploads("action.yml") == uploads(".github/actions/kpi-gate/action.yml")
    assert [step["if"] for step in uploads("action.yml")] == [
        "always() && steps.soak.outputs.artifact != ''",
        "always() && steps.soak.outputs.receipt-artifact != ''",
    ]


def test_what_actions_share_they_describe_alike() -> None:
    known: dict[tuple[str, str], set[str]] = {}
    for place in list(STEPS)[:3]:
        action = read(place)
        for kind in ("inputs", "outputs"):
            for name, about in action[kind].items():
                known.setdefault((kind, name), set()).add(yaml.safe_dump(about))
    differing = {key for key, texts in known.items() if len(texts) > 1}
    # The judge has another default, and judgements; it goes on with nothing, and tells of the run that it judged.
    judged = {("outputs", "state"), ("outputs", "measured-seconds")}
    assert differing == {("inputs", "config"), ("inputs", "output"), ("inputs", "checkpoints"), *judged}


def test_the_front_door_can_be_listed() -> None:
    action = read("action.yml")
    assert set(action["branding"]) == {"icon", "color"}
    assert len(action["description"]) <= 125  # what the marketplace shows
    assert len({read(place)["name"] for place in STEPS}) == len(STEPS)
