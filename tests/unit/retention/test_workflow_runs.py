"""Which workflow runs have ended, and how, asked for in as few requests as the API allows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.github_api.server import OWNER, REPOSITORY, TOKEN, GitHub, Reply, refusal, serving

from soak_action.errors import SurroundingsError
from soak_action.github.rest import RestClient
from soak_action.github.transport import Patience, RestError
from soak_action.retention.artifact_inventory import RunState
from soak_action.retention.workflow_runs import WorkflowRuns

PASSED, FAILED = RunState("pass", is_running=False), RunState("fail", is_running=False)
OTHER, RUNNING = RunState(None, is_running=False), RunState(None, is_running=True)


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving(GitHub()) as served:
        yield served
    assert served.mistakes == []


@pytest.fixture
def runs(github: GitHub) -> WorkflowRuns:
    client = RestClient(github.address, TOKEN, Patience(github.time.now, github.time.now, github.time.sleep))
    return WorkflowRuns(client, f"/repos/{OWNER}/{REPOSITORY}")


@pytest.mark.parametrize(
    ("conclusion", "status", "state"),
    [
        ("success", "completed", PASSED),
        ("failure", "completed", FAILED),
        ("timed_out", "completed", FAILED),
        ("startup_failure", "completed", FAILED),
        ("cancelled", "completed", OTHER),
        ("skipped", "completed", OTHER),
        ("neutral", "completed", OTHER),
        (None, "in_progress", RUNNING),
        (None, "queued", RUNNING),
        (None, "something new", RUNNING),
    ],
)
def test_what_github_says_of_a_run(
    github: GitHub, runs: WorkflowRuns, conclusion: str | None, status: str, state: RunState
) -> None:
    github.add_run(5, conclusion, status=status)
    assert runs.states({5}) == {5: state}


def test_the_runs_of_a_workflow_come_a_hundred_at_a_time_and_only_as_far_back_as_needed(
    github: GitHub, runs: WorkflowRuns
) -> None:
    for number in range(1, 1001):
        github.add_run(number, "failure" if number % 2 else "success")
    found = runs.states({1000, 851})
    assert (found[1000], found[851]) == (PASSED, FAILED)
    assert len(github.requests) == 3  # the newest run, which tells the workflow, and two pages


def test_each_workflow_is_asked_once(github: GitHub, runs: WorkflowRuns) -> None:
    for number in range(1, 41):
        github.add_run(number, workflow_id=number % 2)
    assert len(runs.states(set(range(1, 41)))) == 40
    assert len(github.requests) == 4


def test_runs_and_workflows_that_were_deleted_are_unknown(github: GitHub, runs: WorkflowRuns) -> None:
    github.add_run(5)
    github.faults.append(lambda request: refusal(404, "Not Found") if "/workflows/" in request.path else None)
    assert runs.states({5, 6, 4}) == {5: PASSED}


def test_nothing_is_asked_about_nothing(github: GitHub, runs: WorkflowRuns) -> None:
    assert runs.states(set()) == {}
    assert github.requests == []


def test_every_run_that_has_not_ended_is_unfinished(github: GitHub, runs: WorkflowRuns) -> None:
    github.add_run(1)
    for number, status in enumerate(("in_progress", "queued", "requested", "waiting", "pending"), 2):
        github.add_run(number, None, status=status)
    assert runs.unfinished() == frozenset(range(2, 7))


def test_a_refusal_and_nonsense_are_no_runs(github: GitHub, runs: WorkflowRuns) -> None:
    github.add_run(5)
    github.faults = [lambda _: refusal(403, "No")]
    with pytest.raises(RestError, match="403"):
        runs.states({5})
    for document in (["x"], "x", 5):
        github.faults = [lambda _, document=document: Reply(200, document)]
        with pytest.raises(SurroundingsError, match="makes no sense"):
            runs.states({5})
    github.faults = [lambda _: Reply(200, {"workflow_runs": [{}]})]
    with pytest.raises(SurroundingsError, match="without a number"):
        runs.unfinished()
