"""The reusable workflow prune.yml as act plays it: a folder of runs, and artifacts of a stand-in of GitHub's API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.e2e import acting
from tests.github_api.server import TOKEN, GitHub, RealTime, serving
from tests.unit.retention.runs import log_of, make_run, output

WORKFLOW = Path(__file__).resolve().parent / "workflows" / "prune.yml"
CONFIGURATION = """\
version: 1
workload: {run: work}
kpis: {exit_code: {hard: 0}}
retention: {keep_last: 2}
"""


@pytest.fixture
def place(tmp_path):
    """Somebody else's repository, whose workflow calls ours."""
    place = tmp_path / "somebody else's repository"
    (place / ".github" / "workflows").mkdir(parents=True)
    (place / ".github" / "workflows" / "prune.yml").write_bytes(WORKFLOW.read_bytes())
    (place / "soak.yaml").write_text(CONFIGURATION, "utf-8")
    acting.commit(place)
    return place


def played(actor, place: Path, runs: Path, github: GitHub, folder: str) -> acting.Played:
    """Play the workflow; whatever comes of it, the token is nowhere in the log."""
    found = actor.play(
        ".github/workflows/prune.yml",
        place,
        inputs={"paths": str(runs)},
        folder=folder,
        options=["--secret", f"GITHUB_TOKEN={TOKEN}", "--env", f"GITHUB_API_URL={github.address}"],
    )
    assert TOKEN not in found.text
    assert github.mistakes == []
    return found


def fill(github: GitHub) -> None:
    for age in range(5):
        github.add_run(100 - age)
        github.add_artifact(100 - age, f"soak-2026010{age}T000000Z-nightly-ab12cd", 100 - age, age)


def test_a_folder_and_the_artifacts_are_pruned_and_told_about(actor, place, tmp_path):
    runs = output(tmp_path / "runs")
    for days in (1, 30, 60, 90):
        make_run(runs, datetime.now(UTC) - timedelta(days=days))
    with serving(GitHub(RealTime())) as github:
        fill(github)
        github.add_artifact(1, "coverage", 100, 50)
        found = played(actor, place, runs, github, tmp_path.name)
        assert found.code == 0, found.text
        assert github.deleted == [96, 97, 98]
        assert sorted(github.sizes) == [1, 99, 100]
        methods = [request.method for request in github.requests]
        assert methods.count("DELETE") == 3
    told, done = (found.jobs[f"{name}/prune"].steps["prune/soak"] for name in ("told", "done"))
    assert told.summary.startswith("# 🔍 Retention, a dry run: 3 items to delete, 2.9 KiB to free\n")
    assert done.summary.startswith("# \u2705 Retention: 5 items deleted")
    assert f"| `{runs}` | 2 | 1 | 2 |" in done.summary
    assert "| `artifacts of somebody/something` | 2 | 0 | 3 | 2.9 KiB | 1 |" in done.summary
    assert "| deleted | no rule keeps it | 5 |" in done.summary
    plan = [line for line in told.log.splitlines() if "soak-2026010" in line and not line.startswith("{")]
    assert [line.split()[0] for line in plan] == ["delete"] * 3 + ["keep"] * 2
    assert all(line in done.log.splitlines() for line in plan), "the real run prints the plan of the dry run"
    assert [json.loads(line)["operation"] for line in done.log.splitlines() if line.startswith("{")] == ["delete"] * 3
    assert [line["operation"] for line in log_of(runs)] == ["delete", "delete", "compress"]
    needs = json.loads(found.jobs["after"].steps["outputs"].log)
    wanted = {"kept": "4", "compressed": "1", "deleted": "5", "protected": "1", "over-budget": "0", "exit-code": "0"}
    assert {name: needs["done"]["outputs"][name] for name in wanted} == wanted
    assert (needs["told"]["outputs"]["deleted"], needs["told"]["outputs"]["freed-bytes"]) == ("3", "3000")


def test_a_token_that_may_not_delete_is_red_and_says_what_it_lacks(actor, place, tmp_path):
    runs = output(tmp_path / "runs")
    with serving(GitHub(RealTime(), may_delete=False)) as github:
        fill(github)
        found = played(actor, place, runs, github, f"{tmp_path.name}-red")
        assert len(github.artifacts) == 5
    assert found.code != 0
    done = found.jobs["done/prune"].steps["prune/soak"]
    assert "'actions: write'" in done.summary
    assert [places["title"] for places, _ in done.annotations("error")] == ["retention", "retention"]
    step = found.jobs["done/prune"].steps["prune"]
    assert (step.outcome, step.outputs["exit-code"], step.outputs["deleted"]) == ("failure", "5", "0")
    assert found.jobs["done/prune"].result == "failure"
