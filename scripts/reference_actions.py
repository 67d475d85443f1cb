"""The page of docs/reference about the actions and the reusable workflows, from the very files that GitHub reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = "org/soak-action"
VERSION = "v1"
ACTIONS = (
    "action.yml",
    *(f".github/actions/{name}/action.yml" for name in ("smoke", "kpi-gate", "precedence", "plan", "prune")),
)
WORKFLOWS = ROOT / ".github" / "workflows"
INTRODUCTION = """\
# Actions and reusable workflows

{notice}

An input that is left out or empty was not given: the configuration then says what holds. All inputs of an action are
text, so `true` and `false` are written in quotes. Every output has a value even when the step died before it could say
anything: the verdict is then `invalid` and the exit code `5`.
"""

Document = Mapping[Any, Any]


def actions_page(notice: str) -> Iterator[str]:
    """Yield the lines of the page; `notice` says that nobody edits it."""
    yield INTRODUCTION.format(notice=notice)
    for place in ACTIONS:
        yield from action_chapter(place, read(ROOT / place))
    for path in sorted(WORKFLOWS.glob("*.yml")):
        workflow = read(path)
        if called := (workflow.get("on") or {}).get("workflow_call"):
            yield from workflow_chapter(path, workflow, called)


def read(path: Path) -> Document:
    """Return a document of GitHub's with the key `on`, which YAML 1.1 takes for a truth value."""
    document: dict[Any, Any] = yaml.safe_load(path.read_text("utf-8"))
    if True in document:
        document["on"] = document.pop(True)
    return document


def action_chapter(place: str, action: Document) -> Iterator[str]:
    """Yield the lines about one action."""
    folder = place.rpartition("/")[0]
    yield f"## {REPOSITORY}{'/' if folder else ''}{folder}@{VERSION}\n"
    yield f"{action['description']}\n"
    yield from inputs_table(action["inputs"])
    yield from outputs_table({name: about["description"] for name, about in action["outputs"].items()})


def workflow_chapter(path: Path, workflow: Document, called: Document) -> Iterator[str]:
    """Yield the lines about one reusable workflow."""
    text = path.read_text("utf-8")
    yield f"## {REPOSITORY}/{path.relative_to(ROOT).as_posix()}@{VERSION}\n"
    comment = re.match(r"(?:#.*\n)*", text)
    told, _, call = (comment.group() if comment else "").partition("# Call it as a job:\n")
    yield f"{' '.join(line.lstrip('# ') for line in told.splitlines())}\n"
    yield "```yaml"
    yield from (line.removeprefix("# ").removeprefix("  ") for line in call.splitlines())
    yield "```\n"
    yield from inputs_table(called["inputs"])
    yield from outputs_table({name: about["description"] for name, about in called["outputs"].items()})
    yield "| permission | reason |\n|---|---|"
    yield from (f"| `{scope}: {level}` | {reason} |" for scope, level, reason in permissions(workflow, text))
    yield ""


def inputs_table(inputs: Document) -> Iterator[str]:
    """Yield a table of inputs; in a description what stands in quotes is code."""
    yield "| input | meaning | default |\n|---|---|---|"
    for name, about in inputs.items():
        needed = "required" if about.get("required") else code(about["default"]) if about.get("default") else ""
        yield f"| `{name}` | {in_table(about['description'])} | {needed} |"
    yield ""


def outputs_table(outputs: Mapping[str, str]) -> Iterator[str]:
    """Yield a table of outputs."""
    yield "| output | meaning |\n|---|---|"
    yield from (f"| `{name}` | {in_table(description)} |" for name, description in outputs.items())
    yield ""


def permissions(workflow: Document, text: str) -> list[tuple[str, str, str]]:
    """Return each permission that a job of the workflow asks for, once, with the reason that stands beside it."""
    asked = {pair for job in workflow["jobs"].values() for pair in (job.get("permissions") or {}).items()}
    reasons = {pair: re.search(rf"^ +{pair[0]}: {pair[1]} +# (.*)$", text, re.MULTILINE) for pair in sorted(asked)}
    return [(scope, level, found.group(1) if found else "") for (scope, level), found in reasons.items()]


def in_table(description: str) -> str:
    """Return a description as a cell of a table, with code instead of quotes."""
    return re.sub(r"'([^']+)'", lambda found: code(found[1]), description)


def code(text: str) -> str:
    """Return code in a cell of a table."""
    return f"`{text.replace('|', chr(92) + '|')}`"
