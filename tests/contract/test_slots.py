"""The chain of soak.yml: 16 slots that are alike, each after all before it, and a judge after all of them."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from tests.contract.test_workflows import ROOT, read, triggers

import slots
from soak_action.plan import MOST_SLOTS

WORKFLOWS = ROOT / ".github" / "workflows"
SOAK, SEGMENT, WINDOWS = (WORKFLOWS / f"{name}.yml" for name in ("soak", "soak-segment", "soak-windows"))
SLOTS = [f"slot-{number}" for number in range(1, MOST_SLOTS + 1)]


def called(path: Path) -> dict[str, Any]:
    return triggers(read(path))["workflow_call"]


def step(job: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [step for step in job["steps"] if step["name"].startswith(name)]
    return found


def test_there_are_as_many_slots_as_a_plan_may_have() -> None:
    jobs = read(SOAK)["jobs"]
    assert list(jobs) == ["plan", "precedence", *SLOTS, "judge"]
    for number, name in enumerate(SLOTS, 1):
        assert jobs[name]["needs"] == ["plan", "precedence", *SLOTS[: number - 1]]
        condition = " ".join(jobs[name]["if"].split())
        assert condition.startswith(
            f"!cancelled() && needs.precedence.result == 'success' && needs.plan.outputs.planned >= {number}"
        )
        earlier = re.findall(r"&& needs\.(slot-\d+)\.outputs\.ended != 'true'", condition)
        assert earlier == SLOTS[: number - 1]


def test_the_slots_differ_in_nothing_but_their_number_and_get_every_input() -> None:
    jobs = read(SOAK)["jobs"]
    assert {jobs[name]["with"].pop("slot") for name in SLOTS} == set(range(1, MOST_SLOTS + 1))
    first = jobs["slot-1"]["with"]
    assert all(jobs[name]["with"] == first for name in SLOTS)
    assert {"slot", *first} == set(called(SEGMENT)["inputs"])
    planned = {"runs-on": "runs-on", "timeout-minutes": "timeout-minutes"}
    for name, value in first.items():
        assert f"needs.plan.outputs.{name}" in value if name in planned else value == f"${{{{ inputs.{name} }}}}"


def test_the_judge_waits_for_everything_and_always_runs() -> None:
    judge = read(SOAK)["jobs"]["judge"]
    assert judge["needs"] == ["plan", "precedence", *SLOTS]
    assert judge["if"] == "always()"
    assert "continue-on-error" not in judge
    assert all("continue-on-error" not in one and "if" not in one for one in judge["steps"])


def test_a_checkpoint_has_a_name_of_its_own_that_slots_and_judge_look_for() -> None:
    segment = read(SEGMENT)["jobs"]["slot"]
    name = step(segment, "Soak")["with"]["artifact-name"]
    for varying in ("inputs.name", "github.run_attempt", "inputs.slot"):
        assert f"${{{{ {varying} }}}}" in name
    patterns = {
        step(segment, "Fetch the checkpoints")["with"]["pattern"],
        step(read(SOAK)["jobs"]["judge"], "Fetch the checkpoints")["with"]["pattern"],
    }
    (pattern,) = patterns
    judged = step(read(SOAK)["jobs"]["judge"], "Judge")["with"]["artifact-name"]

    def filled(text: str, name: str = "api") -> str:
        return re.sub(r"\$\{\{.*?\}\}", "7", text.replace("${{ inputs.name }}", name))

    assert fnmatchcase(filled(name), filled(pattern))
    assert not fnmatchcase(filled(judged), filled(pattern))
    assert not fnmatchcase(filled(name, "api-two"), filled(pattern)), "another soak in the same workflow run"


def test_a_slot_leaves_its_checkpoint_for_a_bounded_time_and_the_judge_decides_about_its_failure() -> None:
    slot = read(SEGMENT)["jobs"]["slot"]
    assert slot["continue-on-error"] is True
    given = step(slot, "Soak")["with"]
    assert given["checkpoints"] == given["output"]
    assert step(slot, "Fetch the checkpoints")["with"]["path"].startswith(f"{given['output']}/")
    assert given["output"].startswith("../"), "a checkout removes what lies inside of the workspace"
    assert all(called(path)["inputs"]["retention-days"]["default"] == "14" for path in (SOAK, SEGMENT, WINDOWS))


def test_trap_58_no_checkpoint_of_another_workflow_run_can_be_found_on_a_disk() -> None:
    segment, judge = read(SEGMENT)["jobs"]["slot"], read(SOAK)["jobs"]["judge"]
    places = [step(segment, "Soak")["with"]["checkpoints"], step(judge, "Judge")["with"]["checkpoints"]]
    assert all("${{ github.run_id }}-${{ inputs.name }}" in place for place in places)
    assert step(judge, "Fetch the checkpoints")["with"]["path"] == places[1]


def test_the_interpreter_is_proven_before_anything_is_fetched() -> None:
    names = [step["name"] for step in read(SEGMENT)["jobs"]["slot"]["steps"]]
    assert names[:2] == ["Check out the repository", "Prove the interpreter"]


def test_windows_differs_in_its_runner_and_its_name_only() -> None:
    soak, windows = called(SOAK), called(WINDOWS)
    assert list(windows["inputs"]) == list(soak["inputs"])
    assert list(windows["outputs"]) == list(soak["outputs"])
    defaults = {name: about["default"] for name, about in windows["inputs"].items() if about != soak["inputs"][name]}
    assert defaults == {"name": "soak-windows", "runs-on": '"windows-latest"'}
    (job,) = read(WINDOWS)["jobs"].values()
    assert job["with"] == {name: f"${{{{ inputs.{name} }}}}" for name in soak["inputs"]}
    for name, about in windows["outputs"].items():
        assert about["value"] == soak["outputs"][name]["value"].replace("jobs.judge", "jobs.soak")
        assert about["description"] == soak["outputs"][name]["description"]


# ---- the script


def test_the_slots_are_written_anew_and_stale_ones_are_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SOAK.read_text("utf-8")
    stale = tmp_path / "soak.yml"
    stale.write_text(text.replace("needs.plan.outputs.planned >= 3", "needs.plan.outputs.planned >= 30"), "utf-8")
    assert slots.main(["--check"], stale) == 1
    assert "soak.yml is stale" in capsys.readouterr().out
    assert slots.main([], stale) == 0
    assert stale.read_text("utf-8") == text
    assert slots.main(["--check"], stale) == 0


@pytest.mark.parametrize("mark", ["begin of the slots", "end of what the judge waits for"])
def test_a_workflow_without_the_marks_is_refused(tmp_path: Path, mark: str) -> None:
    broken = tmp_path / "soak.yml"
    broken.write_text(SOAK.read_text("utf-8").replace(mark, "nothing"), "utf-8")
    with pytest.raises(LookupError):
        slots.main([], broken)
