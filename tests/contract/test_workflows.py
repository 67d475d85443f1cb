"""Every workflow: pinned, with the least permissions and the reason for each, and nothing left out of the last job."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = [ROOT / "action.yml", *sorted((ROOT / ".github" / "actions").glob("*/action.yml"))]
DOCUMENTED = sorted((ROOT / "docs" / "examples" / "workflows").glob("*.yml"))
EXAMPLES = [*sorted((ROOT / "tests" / "e2e" / "workflows").glob("*.yml")), *DOCUMENTED]
# The actions of others that may be used, each by the commit of its release.
PINS = {
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/cache": ("27d5ce7f107fe9357f9df03efb73ab90386fccae", "v5.0.5"),
    "actions/attest-build-provenance": ("a2bbfa25375fe432b6a289bc6b6cd05ecd0c4c32", "v4.1.0"),
    "astral-sh/setup-uv": ("20cfd1bf945f4377ade1205e4dbc17946fc9a30d", "v10.0.1"),
}
MOST_INPUTS = 25  # GitHub refuses a dispatch with more of them
OWN = "$/"
USES = re.compile(r"^ *(?:- )?uses: ([^\s#]+)(?: # (\S+))?$", re.MULTILINE)

Workflow = dict[Any, Any]

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
every_file = pytest.mark.parametrize(
    "path", [*WORKFLOWS, *ACTIONS, *EXAMPLES], ids=lambda path: path.relative_to(ROOT).as_posix()
)


def read(path: Path) -> Workflow:
    """Return a workflow with its triggers under the key `on`, which YAML 1.1 takes for a truth value."""
    workflow: Workflow = yaml.safe_load(path.read_text("utf-8"))
    if True in workflow:
        workflow["on"] = workflow.pop(True)
    return workflow


def triggers(workflow: Workflow) -> dict[str, Any]:
    on = workflow["on"]
    return {on: None} if isinstance(on, str) else dict.fromkeys(on) if isinstance(on, list) else on


def steps(workflow: Workflow) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in workflow["jobs"].items():
        yield from ((name, step) for step in job.get("steps", ()))


# ---- pins


def unpinned(text: str, *, inside: bool) -> Iterator[str]:
    """Yield each `uses` that is not pinned; this repository is `$/` inside of its own workflows, elsewhere `./`."""
    for reference, comment in USES.findall(text):
        name, _, commit = reference.partition("@")
        own = reference.startswith(OWN) if inside else reference.startswith(("./", "org/soak-action"))
        if not own and PINS.get(name) != (commit, comment):
            yield f"{reference} # {comment or 'no version'}"


@every_file
def test_every_action_of_somebody_else_is_pinned(path: Path) -> None:
    text = re.sub(r"^ *#.*$", "", path.read_text("utf-8"), flags=re.MULTILINE)
    assert list(unpinned(text, inside=path not in EXAMPLES)) == []
    assert len(re.findall(r"\buses:", text)) == len(USES.findall(text)), "a uses that is written otherwise"


@pytest.mark.parametrize(
    "line",
    [
        "uses: actions/checkout@v7",
        "- uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
        "- uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.0",
        "- uses: somebody/something@3d3c42e5aac5ba805825da76410c181273ba90b1 # v1.0.0",
        "- uses: ./",
        "- uses: org/soak-action@v1",
    ],
)
def test_what_is_not_pinned_is_seen(line: str) -> None:
    assert len(list(unpinned(line, inside=True))) == 1


# ---- permissions


def ungranted(workflow: Workflow, text: str) -> Iterator[str]:
    """Yield what is wrong with the permissions: everything denied at the top, each grant of a job with its reason."""
    if workflow.get("permissions") != {}:
        yield "the workflow as a whole has permissions"
    for name, job in workflow["jobs"].items():
        if "permissions" not in job:
            yield f"{name}: no permissions are stated"
        for scope, level in (job.get("permissions") or {}).items():
            if not re.search(rf"^\s+{scope}: {level} +# \S+", text, re.MULTILINE):
                yield f"{name}: no reason for {scope}: {level}"


@every_workflow
def test_every_permission_has_its_reason(path: Path) -> None:
    assert list(ungranted(read(path), path.read_text("utf-8"))) == []


def test_permissions_without_a_reason_are_seen() -> None:
    text = "permissions: {}\njobs:\n  a:\n    permissions:\n      actions: write\n  b: {}\n"
    assert list(ungranted(yaml.safe_load(text), text)) == [
        "a: no reason for actions: write",
        "b: no permissions are stated",
    ]
    assert list(ungranted({"jobs": {}}, "")) == ["the workflow as a whole has permissions"]


# ---- safety


def careless(workflow: Workflow) -> Iterator[str]:
    """Yield steps that are open to injection, leave a token behind or change the surroundings of later ones."""
    for job, step in steps(workflow):
        script = step.get("run", "")
        where = f"{job}: {step.get('name', step.get('uses'))}"
        if "${{" in script:
            yield f"{where}: an expression inside of run"
        if re.search(r"GITHUB_(ENV|PATH)\b", script):
            yield f"{where}: writes what later steps inherit"
        if "actions/checkout" in step.get("uses", "") and step.get("with", {}).get("persist-credentials") is not False:
            yield f"{where}: leaves the token behind"


@every_workflow
def test_no_step_is_careless(path: Path) -> None:
    assert list(careless(read(path))) == []


def test_careless_steps_are_seen() -> None:
    jobs = {
        "a": {
            "steps": [
                {"name": "b", "run": "echo ${{ github.ref }} >> $GITHUB_ENV"},
                {"uses": "actions/checkout@v7", "with": {"persist-credentials": True}},
            ]
        }
    }
    assert len(list(careless({"jobs": jobs}))) == 3


@every_workflow
def test_a_workflow_that_is_started_by_hand_has_few_enough_inputs(path: Path) -> None:
    by_hand = triggers(read(path)).get("workflow_dispatch") or {}
    assert len(by_hand.get("inputs") or {}) <= MOST_INPUTS


@every_workflow
def test_every_job_ends_in_time(path: Path) -> None:
    endless = [name for name, job in read(path)["jobs"].items() if "uses" not in job and "timeout-minutes" not in job]
    assert endless == []


# ---- reusable workflows


# Where, how long and under which name jobs run: nothing that soak.yaml could say.
OF_THE_WORKFLOW = {"runs-on", "judge-runs-on", "segment", "name", "retention-days"}
REUSABLE = [path for path in WORKFLOWS if "workflow_call" in triggers(read(path))]
every_reusable = pytest.mark.parametrize("path", REUSABLE, ids=lambda path: path.name)


@every_reusable
def test_trap_51_a_reusable_workflow_has_no_default_that_would_count_as_given(path: Path) -> None:
    inputs = triggers(read(path))["workflow_call"]["inputs"]
    given = {name for name, about in inputs.items() if about.get("default")}
    assert given <= OF_THE_WORKFLOW
    assert [name for name, about in inputs.items() if not re.search(r"'[^']+'", about["description"])] == []


@every_reusable
def test_the_outputs_of_a_reusable_workflow_are_never_good_by_default(path: Path) -> None:
    outputs = {name: about["value"] for name, about in triggers(read(path))["workflow_call"]["outputs"].items()}
    # What judges nothing has no verdict.
    assert path.name == "prune.yml" or outputs["verdict"].endswith(" || 'invalid' }}")
    assert outputs["exit-code"].endswith(" || '5' }}")
    assert all(outputs[name].endswith(" || 'unfinished' }}") for name in {"state"} & set(outputs))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_trap_51_nothing_is_set_by_a_default_when_somebody_starts_a_soak_by_hand(path: Path) -> None:
    inputs = (triggers(read(path)).get("workflow_dispatch") or {}).get("inputs") or {}
    assert {name for name, about in inputs.items() if about.get("default")} <= OF_THE_WORKFLOW
    for job in read(path)["jobs"].values() if inputs else ():
        assert job["with"] == {name: f"${{{{ inputs.{name} }}}}" for name in inputs} | {
            name: value for name, value in job["with"].items() if name not in inputs
        }
        assert set(inputs) <= set(job["with"]), "an input that nobody reads"


# ---- outputs of own actions


def unknown_outputs(workflow: Workflow, text: str) -> Iterator[str]:
    """Yield each read of an output that the action behind the step does not have."""
    for _, step in steps(workflow):
        uses = step.get("uses", "")
        if "id" in step and uses.startswith((OWN, "./")):
            action = ROOT / uses.removeprefix(OWN).removeprefix("./") / "action.yml"
            outputs = yaml.safe_load(action.read_text("utf-8"))["outputs"]
            for name in re.findall(rf"steps\.{step['id']}\.outputs\.([\w-]+)", text):
                if name not in outputs:
                    yield f"steps.{step['id']}.outputs.{name}"


@pytest.mark.parametrize("path", [*WORKFLOWS, *EXAMPLES], ids=lambda path: path.name)
def test_workflows_read_outputs_that_exist(path: Path) -> None:
    if path.name != "root.yml":  # the same id stands for several actions there, and its tests read them all
        assert list(unknown_outputs(read(path), path.read_text("utf-8"))) == []


def test_an_output_that_does_not_exist_is_seen() -> None:
    workflow = {"jobs": {"a": {"steps": [{"id": "soak", "uses": "$/"}]}}}
    assert list(unknown_outputs(workflow, "${{ steps.soak.outputs.verdct }}")) == ["steps.soak.outputs.verdct"]


# ---- this repository's own checks


LAST = "all-checks-passed"


def left_out(workflow: Workflow) -> set[str]:
    """Return the jobs that could fail without the last one noticing."""
    return set(workflow["jobs"]) - {LAST} - set(workflow["jobs"][LAST]["needs"])


def test_the_last_job_needs_all_others_and_always_runs() -> None:
    workflow = read(ROOT / ".github" / "workflows" / "ci.yml")
    assert left_out(workflow) == set()
    assert workflow["jobs"][LAST]["if"] == "always()"


def test_a_job_that_is_left_out_is_seen() -> None:
    assert left_out({"jobs": {"a": {}, "b": {}, LAST: {"needs": ["a"]}}}) == {"b"}


def test_the_checks_run_for_a_merge_queue_too() -> None:
    assert {"pull_request", "merge_group"} <= set(triggers(read(ROOT / ".github" / "workflows" / "ci.yml")))


def test_dependabot_renews_what_is_pinned_but_nothing_that_is_new() -> None:
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text("utf-8"))["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "pip", "npm"}
    for update in updates:
        assert update["cooldown"] == {"default-days": 7}
        assert update["schedule"] == {"interval": "monthly"}
        assert update["groups"]


# ---- the workflow that everybody copies


def test_the_workflow_of_the_readme_has_ten_lines_at_most() -> None:
    lines = (ROOT / "tests" / "e2e" / "workflows" / "readme.yml").read_text("utf-8").splitlines()
    assert len(lines) <= 10


def test_the_readme_shows_the_very_workflow_that_is_played() -> None:
    shown = re.findall(r"^```ya?ml\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert (ROOT / "tests" / "e2e" / "workflows" / "readme.yml").read_text("utf-8") in shown


def test_the_guide_shows_the_very_workflows_that_are_played() -> None:
    guide = "".join(
        (ROOT / "docs" / "guide" / f"{name}.md").read_text("utf-8") for name in ("github-action", "long-soaks")
    )
    shown = re.findall(r"^```yaml\n(name: .*?)^```", guide, re.MULTILINE | re.DOTALL)
    assert sorted(shown) == sorted(path.read_text("utf-8") for path in DOCUMENTED)


def test_the_readme_has_every_input_and_output_of_the_action() -> None:
    action, readme = read(ROOT / "action.yml"), (ROOT / "README.md").read_text("utf-8")
    table = readme.partition("| input | meaning | example |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == list(action["inputs"])
    table = readme.partition("| output | meaning |")[2].partition("\n\n")[0]
    named = [name for line in table.strip().splitlines() for name in re.findall(r"`([\w-]+)`", line.split("|")[1])]
    assert sorted(named) == sorted(action["outputs"])
