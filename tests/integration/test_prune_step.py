"""The step `prune` as GitHub's runner starts it: folders, artifacts, both, and what its page and outputs tell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.github_api.server import OWNER, REPOSITORY, TOKEN, GitHub, RealTime, refusal, serving
from tests.integration.action_step import Done, Job
from tests.unit.retention.runs import make_run, output

PLACE = ".github/actions/prune"
Step = Callable[..., Done]


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving(GitHub(RealTime())) as served:
        for age in range(5):
            served.add_run(100 - age)
            served.add_artifact(100 - age, f"soak-2026010{age}T000000Z-nightly-ab12cd", 100 - age, age)
        yield served
    assert served.mistakes == []


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose workspace holds four runs, of which a policy keeps two, and one of these is compressed."""
    job = Job(tmp_path)
    root = output(job.workspace / ".soak")
    now = datetime.now(UTC)
    for days in (1, 30, 60, 90):
        make_run(root, now - timedelta(days=days))
    (job.workspace / "soak.yaml").write_text(
        "version: 1\nworkload: {run: work}\nkpis: {exit_code: {hard: 0}}\nretention: {keep_last: 2}\n", "utf-8"
    )
    return job


@pytest.fixture
def step(job: Job, github: GitHub) -> Step:
    """Perform the step; whatever comes of it, the token is in nothing that it gives back, not even to be hidden."""

    def perform(**inputs: str) -> Done:
        variables = {"GITHUB_REPOSITORY": f"{OWNER}/{REPOSITORY}", "GITHUB_API_URL": github.address}
        done = job.run(PLACE, variables, **{"token": TOKEN, **inputs})
        assert TOKEN not in done.log + done.summary + json.dumps(done.outputs)
        return done

    return perform


def numbers(done: Done) -> list[int]:
    names = ("kept", "compressed", "deleted", "freed-bytes", "protected", "over-budget", "exit-code")
    return [int(done.outputs[name]) for name in names]


def runs(job: Job) -> int:
    return len([path for path in (job.workspace / ".soak").iterdir() if not path.name.startswith((".", "retention"))])


def test_trap_56_without_more_artifacts_are_only_told_about(step: Step, github: GitHub) -> None:
    done = step()
    assert done.code == 0, done.log
    assert numbers(done) == [2, 0, 3, 3000, 1, 0, 0]
    assert done.summary.startswith("# 🔍 Retention, a dry run: 3 items to delete, 2.9 KiB to free\n")
    assert len(github.artifacts) == 5
    assert {request.method for request in github.requests} == {"GET"}


def test_folders_and_artifacts_are_pruned_when_told_so(step: Step, job: Job, github: GitHub) -> None:
    done = step(paths=".soak", artifacts="delete")
    assert done.code == 0, done.log
    assert sorted(github.sizes) == [99, 100]
    assert runs(job) == 2
    kept, compressed, deleted, freed, protected, over, code = numbers(done)
    assert (kept, compressed, deleted, protected, over, code) == (4, 1, 5, 1, 0, 0)
    assert freed > 3000 + 2 * 50_000
    assert done.summary.startswith("# ✅ Retention: 5 items deleted")
    assert f"| `{job.workspace / '.soak'}` | 2 | 1 | 2 |" in done.summary
    assert f"| `artifacts of {OWNER}/{REPOSITORY}` | 2 | 0 | 3 | 2.9 KiB | 1 |" in done.summary
    assert "| deleted | no rule keeps it | 5 |" in done.summary
    assert [json.loads(line)["operation"] for line in done.log.splitlines() if line.startswith("{")] == ["delete"] * 3
    log = (job.workspace / ".soak" / "retention-log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["operation"] for line in log] == ["delete", "delete", "compress"]


def test_folders_are_pruned_while_artifacts_are_only_told_about(step: Step, job: Job, github: GitHub) -> None:
    done = step(paths=".soak\n")
    assert done.code == 0, done.log
    assert (runs(job), len(github.artifacts)) == (2, 5)
    assert "(dry run)" in done.summary
    assert done.summary.startswith("# ✅ Retention: 5 items deleted")


def test_a_dry_run_is_one_for_everything(step: Step, job: Job, github: GitHub) -> None:
    done = step(paths=".soak", artifacts="delete", dry_run="true")
    assert done.code == 0, done.log
    assert (runs(job), len(github.artifacts)) == (4, 5)
    assert numbers(done)[:3] == [4, 1, 5]
    assert done.summary.startswith("# 🔍 Retention, a dry run: 5 items to delete")


def test_only_folders_need_neither_a_token_nor_the_network(step: Step, job: Job, github: GitHub) -> None:
    done = step(paths=".soak", artifacts="off", token="")
    assert done.code == 0, done.log
    assert runs(job) == 2
    assert github.requests == []


def test_inputs_choose_the_policy_the_artifacts_and_no_page(step: Step, github: GitHub) -> None:
    done = step(set="retention.keep_last=1", prefix="soak-20260100", summary="false")
    assert numbers(done)[:3] == [1, 0, 0]
    assert done.summary == ""


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"artifacts": "off"}, "there is nothing to prune: name folders in the input paths"),
        ({"artifacts": "yes"}, "input artifacts: 'yes' is unknown; write one of delete, dry-run, off"),
        ({"dry_run": "yes"}, "input dry-run: 'yes' is neither true nor false"),
        ({"token": ""}, "GITHUB_TOKEN is not set"),
        ({"paths": "elsewhere"}, "there is no such directory"),
        ({"paths": "."}, "only what soak marked as its own is pruned"),
        ({"set": "retention.keep_lst=1"}, "did you mean 'keep_last'?"),
        ({"profile": "nightly"}, "nightly"),
        ({"paths": ".soak", "artifacts": "delete", "set": "retention.max_total=1B"}, "would delete every run of"),
    ],
)
def test_mistakes_are_told_before_anything_is_done(
    step: Step, job: Job, github: GitHub, inputs: dict[str, str], told: str
) -> None:
    done = step(**inputs)
    assert (done.code, done.outputs["exit-code"]) == (2, "2"), done.log
    assert told in done.log
    assert "::error" in done.log
    assert (runs(job), len(github.artifacts)) == (4, 5)


def test_a_missing_permission_is_red_and_told_beside_the_table(step: Step, github: GitHub) -> None:
    github.may_delete = False
    done = step(artifacts="delete")
    assert (done.code, done.outputs["exit-code"], done.outputs["deleted"]) == (5, "5", "0")
    assert "::error title=retention::artifacts of" in done.log
    assert "'actions: write'" in done.summary
    assert done.summary.startswith("# ❌ Retention: 2 problems, 0 items deleted")


def test_a_server_that_refuses_leaves_the_folders_alone(step: Step, job: Job, github: GitHub) -> None:
    github.faults.append(lambda _: refusal(401, "Bad credentials"))
    done = step(paths=".soak", artifacts="delete")
    assert (done.code, done.outputs["exit-code"]) == (5, "5")
    assert runs(job) == 4


def test_names_that_somebody_made_up_stay_text(step: Step, github: GitHub) -> None:
    """A name comes from a job that may have run anything."""
    for number, name in enumerate(
        ("soak-\ud800", "soak-a\n::error::x", "soak-`|<img src=x>@you", "soak-\u202e", "soak-")
    ):
        github.add_artifact(number, name, 100, 30)
        github.add_artifact(number + 10, name, 100, 31)
    done = step(artifacts="delete", set="retention.keep_last=1")
    assert done.code == 0, done.log
    assert len(github.artifacts) == 6
    assert [line for line in done.log.splitlines() if line.startswith("::error")] == []
    assert "<img" not in re.sub(r"``.*?``(?!`)", "", done.summary), "it stands in code only"
    assert "\u202e" not in done.summary + done.log
    for line in done.log.splitlines():
        if line.startswith("{"):
            assert json.loads(line)["operation"] == "delete"


def test_what_is_protected_over_the_limit_is_red(step: Step, github: GitHub) -> None:
    github.releases, github.tags = ["v1"], {"v1": f"{100:040x}"}
    done = step(artifacts="delete", set="retention.max_total=500B")
    assert (done.code, done.outputs["over-budget"]) == (1, "500")
    assert done.summary.startswith("# ❌ Retention: over the limit")
    assert "::error title=retention::" in done.log
    assert sorted(github.sizes) == [100]
