"""The artifacts of a repository at GitHub: a stand-in of the API that keeps state, pages, limits and misbehaves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.github_api.server import DAY, OWNER, REPOSITORY, START, TOKEN, GitHub, Reply, Request, refusal, serving

from soak_action.config.model import Retention
from soak_action.errors import SurroundingsError, UsageError
from soak_action.github.rest import RestClient
from soak_action.github.transport import Patience, RestError
from soak_action.retention.artifact_inventory import Inventory
from soak_action.retention.github_artifacts import ArtifactOutcome, Repository
from soak_action.retention.policy import Plan

NAME = f"{OWNER}/{REPOSITORY}"


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving(GitHub()) as served:
        yield served
    assert served.mistakes == []


def repository(github: GitHub, *, longest: float = 900.0, token: str = TOKEN) -> Repository:
    time = github.time
    patience = Patience(time.now, time.now, time.sleep, longest_seconds=longest)
    return Repository(RestClient(github.address + github.prefix, token, patience), NAME)


def nightly(github: GitHub, count: int, size: int = 1000) -> None:
    """Add soaks, one a day, the newest first as GitHub lists them; all passed but every tenth."""
    for age in range(count):
        number = 10_000 - age
        github.add_run(number, "failure" if age % 10 == 9 else "success")
        github.add_artifact(number, f"soak-20260101T{number:06}Z-nightly-ab12cd", number, age, size)


def planned(github: GitHub, **policy) -> tuple[Repository, Inventory, Plan]:
    found = repository(github)
    inventory = found.look()
    return found, inventory, inventory.plan(Retention(**{"keep_last": 5, "max_total": None, **policy}), START)


def pruned(github: GitHub, **policy) -> ArtifactOutcome:
    found, inventory, plan = planned(github, **policy)
    return found.carry_out(plan, inventory, github.time.now, lambda *_: None)


def test_what_no_rule_keeps_is_deleted_and_nothing_else(github: GitHub) -> None:
    nightly(github, 30)
    github.add_artifact(1, "coverage", 10_000, 400)
    outcome = pruned(github)
    assert sorted(github.sizes) == [1, 9_991, *range(9_996, 10_001)]
    assert (outcome.deleted, outcome.freed_bytes, outcome.is_complete) == (24, 24_000, True)


def test_looking_and_planning_change_nothing(github: GitHub) -> None:
    nightly(github, 30)
    _, inventory, plan = planned(github)
    assert len(plan.of("delete")) == 24
    assert {request.method for request in github.requests} == {"GET"}
    assert len(github.artifacts) == 30
    assert inventory.others == 0


def test_the_oldest_goes_first_and_each_is_recorded(github: GitHub) -> None:
    nightly(github, 8)
    found, inventory, plan = planned(github)
    records: list[tuple[str, str, tuple[str, ...]]] = []

    def record(operation, decision, reasons) -> None:
        records.append((operation, decision.item.id, reasons))

    github.runs[9_994] |= {"status": "queued"}
    outcome = found.carry_out(plan, inventory, github.time.now, record)
    assert github.deleted == [9_993, 9_995]
    assert [(operation, reasons) for operation, _, reasons in records] == [
        ("delete", ("no rule keeps it",)),
        ("skip", ("its workflow run began again",)),
        ("delete", ("no rule keeps it",)),
    ]
    assert [name.partition("#")[2] for _, name, _ in records] == ["9993", "9994", "9995"]
    assert outcome.deleted == 2


def test_everything_is_listed_before_the_first_deletion(github: GitHub) -> None:
    nightly(github, 350)
    outcome = pruned(github)
    methods = [request.method for request in github.requests]
    listed = [request.path.endswith("/artifacts") for request in github.requests]
    assert max(place for place, is_list in enumerate(listed) if is_list) < methods.index("DELETE")
    assert outcome.deleted == 344
    assert outcome.is_complete


def test_ten_thousand_artifacts_are_brought_under_the_limit_within_the_limits_of_the_api(github: GitHub) -> None:
    for age in range(10_000):
        number = 20_000 - age
        if age % 10 == 0:
            github.add_run(number)
        github.add_artifact(number, f"soak-load-{number}", number + age % 10, age / 100, 1_000_000)
    before = sum(github.sizes.values())
    outcome = pruned(github, keep_last=9_500, max_total=94 * 10**8)
    assert (before, sum(github.sizes.values())) == (10**10, 846 * 10**7)
    assert outcome.freed_bytes == before - 846 * 10**7
    assert outcome.is_complete
    times = github.deletion_times
    assert len(times) == 1_540
    assert all(later - earlier >= 60 for earlier, later in zip(times, times[180:], strict=False))
    assert max(github.time.slept) < 1


def test_artifacts_of_a_running_workflow_stay(github: GitHub) -> None:
    nightly(github, 12)
    github.runs[9_990] |= {"status": "in_progress", "conclusion": None}
    github.runs[9_989] |= {"status": "queued", "conclusion": None}
    pruned(github)
    assert {9_990, 9_989} <= set(github.sizes)
    assert 9_992 not in github.sizes


def test_a_workflow_that_is_run_again_meanwhile_keeps_its_artifacts(github: GitHub) -> None:
    nightly(github, 12)
    found, inventory, plan = planned(github)
    github.runs[9_990] |= {"status": "queued"}
    outcome = found.carry_out(plan, inventory, github.time.now, lambda *_: None)
    assert 9_990 in github.sizes
    assert [(skipped.reason, skipped.is_failure) for skipped in outcome.skipped] == [
        ("its workflow run began again", False)
    ]
    assert outcome.is_complete


def test_during_a_long_deletion_it_is_looked_again(github: GitHub) -> None:
    nightly(github, 400)

    def run_again(request: Request) -> None:
        if len(github.deleted) == 100:
            github.runs[9_900] |= {"status": "in_progress"}

    github.before = run_again
    assert [skipped.id.partition("#")[2] for skipped in pruned(github).skipped] == ["9900"]


def test_what_was_released_stays(github: GitHub) -> None:
    nightly(github, 20)
    github.runs[9_985]["head_branch"] = "v2"
    github.artifacts[15]["workflow_run"]["head_branch"] = "v2"
    github.releases = ["v1", "v2"]
    github.tags = {"v1": f"{9_983:040x}", "unreleased": f"{9_984:040x}"}
    pruned(github)
    assert {9_985, 9_983} <= set(github.sizes)
    assert 9_984 not in github.sizes


def test_the_newest_failing_one_is_found_behind_many_runs_of_the_workflow(github: GitHub) -> None:
    nightly(github, 3)
    for number in range(9_000, 9_400):
        github.add_run(number)
    github.add_run(8_000, "failure")
    github.add_artifact(8_000, "soak-20260101T000000Z-nightly-ab12cd", 8_000, 80)
    github.add_run(7_000, "failure")
    github.add_artifact(7_000, "soak-20260101T000001Z-nightly-ab12cd", 7_000, 81)
    pruned(github, keep_last=1)
    assert sorted(github.sizes) == [8_000, 10_000]


def test_runs_are_asked_for_by_workflow_not_one_by_one(github: GitHub) -> None:
    nightly(github, 90)
    for number in range(500, 540):
        github.add_run(number, workflow_id=8)
        github.add_artifact(number, "soak-smoke", number, 50)
    repository(github).look()
    assert len(github.requests) == 1 + 2 + 2 + 1 + 2  # the repository, its artifacts, the runs, the releases


def test_a_run_that_was_deleted_protects_nothing_and_stops_nothing(github: GitHub) -> None:
    nightly(github, 12)
    del github.runs[10_000], github.runs[9_995]
    outcome = pruned(github)
    assert outcome.is_complete
    assert 9_995 not in github.sizes


def test_a_workflow_that_was_deleted_stops_nothing(github: GitHub) -> None:
    nightly(github, 7)
    github.faults.append(lambda request: refusal(404, "Not Found") if "/workflows/" in request.path else None)
    assert pruned(github).is_complete
    assert len(github.artifacts) == 5


def test_a_server_that_tells_nothing_of_the_runs_stops_before_anything_is_deleted(github: GitHub) -> None:
    nightly(github, 7)
    github.faults.append(lambda request: refusal(500, "Oops") if "/runs" in request.path else None)
    with pytest.raises(RestError, match="500"):
        planned(github)


def test_expired_artifacts_are_counted_and_left_alone(github: GitHub) -> None:
    nightly(github, 10)
    for row in github.artifacts[6:]:
        row["expired"] = True
    _, inventory, plan = planned(github)
    assert (inventory.expired, plan.bytes_before) == (4, 6_000)
    assert pruned(github).deleted == 1
    assert len(github.artifacts) == 9


def test_what_somebody_else_deleted_counts_as_done(github: GitHub) -> None:
    nightly(github, 8)
    found, inventory, plan = planned(github)
    github.artifacts = [row for row in github.artifacts if row["id"] != 9_994]
    outcome = found.carry_out(plan, inventory, github.time.now, lambda *_: None)
    assert (outcome.deleted, outcome.already_gone, outcome.freed_bytes) == (3, 1, 2_000)
    assert outcome.is_complete


def test_a_missing_permission_is_told_at_the_first_deletion(github: GitHub) -> None:
    nightly(github, 20)
    github.may_delete = False
    outcome = pruned(github)
    assert "lacks the permission 'actions: write'" in outcome.skipped[0].reason
    assert (outcome.deleted, len(outcome.skipped), outcome.left_out) == (0, 1, 13)
    assert sum(request.method == "DELETE" for request in github.requests) == 1


def test_one_artifact_that_cannot_be_deleted_does_not_keep_the_others(github: GitHub) -> None:
    nightly(github, 9)
    github.faults.append(lambda request: refusal(500, "Oops") if request.path.endswith("/9992") else None)
    outcome = pruned(github)
    assert (outcome.deleted, len(outcome.skipped), outcome.left_out) == (3, 1, 0)
    assert not outcome.is_complete


def test_a_server_that_can_delete_nothing_is_left_alone(github: GitHub) -> None:
    nightly(github, 30)
    github.faults.append(lambda request: refusal(502, "Oops") if request.method == "DELETE" else None)
    outcome = pruned(github)
    assert len(outcome.skipped) == 3
    assert outcome.left_out == 21


def test_answers_that_make_no_sense_in_the_middle_stop_without_losing_what_was_done(github: GitHub) -> None:
    nightly(github, 30)
    found, inventory, plan = planned(github)
    nonsense = Reply(200, {"workflow_runs": [{"id": None}]})
    github.faults.append(lambda request: nonsense if len(github.deleted) == 5 and "/runs" in request.path else None)
    ticks = iter(range(0, 100_000, 60))
    outcome = found.carry_out(plan, inventory, lambda: float(next(ticks)), lambda *_: None)
    assert (outcome.deleted, len(github.deleted), outcome.is_complete) == (5, 5, False)
    assert outcome.left_out == 18


def carried_out(github: GitHub, longest: float) -> ArtifactOutcome:
    """Return what comes of sixty soaks when a request may be waited for as `longest` says."""
    nightly(github, 60)
    found = repository(github, longest=longest)
    inventory = found.look()
    plan = inventory.plan(Retention(keep_last=5), START)
    github.hourly = len(github.requests) + 25
    return found.carry_out(plan, inventory, github.time.now, lambda *_: None)


def test_the_last_requests_of_the_hour_are_left_to_other_jobs(github: GitHub) -> None:
    outcome = carried_out(github, 900)
    assert not outcome.is_complete
    assert "2 requests of this hour are left, which other jobs need too; ask again in" in outcome.skipped[0].reason
    assert outcome.deleted == len(github.deleted) == 18
    assert outcome.left_out == 60 - 6 - 18 - 1
    assert github.hourly - len(github.requests) == 2


def test_who_may_wait_for_the_next_hour_goes_on_then(github: GitHub) -> None:
    outcome = carried_out(github, 4_000)
    assert (outcome.deleted, outcome.is_complete) == (54, True)
    assert sum(seconds > 3_000 for seconds in github.time.slept) >= 2


def test_when_another_job_uses_up_the_hour_it_says_when_to_come_again(github: GitHub) -> None:
    nightly(github, 60)
    found, inventory, plan = planned(github)

    def others(_: Request) -> None:
        if len(github.deleted) == 10:
            github.hourly = 0

    github.before = others
    outcome = found.carry_out(plan, inventory, github.time.now, lambda *_: None)
    assert "403, the rate limit: API rate limit exceeded; ask again in" in outcome.skipped[0].reason
    assert (outcome.deleted, outcome.left_out) == (10, 60 - 6 - 10 - 1)


def test_a_secondary_limit_is_waited_for_in_the_middle(github: GitHub) -> None:
    nightly(github, 30)
    github.points_a_minute = 60
    assert pruned(github).is_complete
    assert 60 in github.time.slept


def test_whoever_is_stopped_in_the_middle_goes_on_where_it_was(github: GitHub) -> None:
    nightly(github, 20)
    found, inventory, plan = planned(github)

    def stop(*_: object) -> None:
        if len(github.deleted) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        found.carry_out(plan, inventory, github.time.now, stop)
    assert len(github.artifacts) == 17
    assert pruned(github).deleted == 11
    assert sorted(github.sizes) == [9_991, *range(9_996, 10_001)]


def test_two_at_once_delete_the_same_and_both_are_content(github: GitHub) -> None:
    nightly(github, 20)
    first, second = planned(github), planned(github)
    outcomes = [
        found.carry_out(plan, inventory, github.time.now, lambda *_: None) for found, inventory, plan in (first, second)
    ]
    assert [(outcome.deleted, outcome.already_gone, outcome.is_complete) for outcome in outcomes] == [
        (14, 0, True),
        (14, 14, True),
    ]
    assert sorted(github.sizes) == [9_991, *range(9_996, 10_001)]


@pytest.mark.parametrize("is_new", [True, False], ids=["uploaded", "deleted"])
def test_artifacts_that_come_and_go_while_they_are_listed_cost_nothing_that_stays(github: GitHub, is_new: bool) -> None:
    nightly(github, 250)

    def somebody(request: Request) -> None:
        if request.path.endswith("/artifacts") and "page" in request.query:
            if is_new:
                github.add_artifact(20_000 + len(github.requests), "soak-other", 10_000, 0)
                github.artifacts.insert(0, github.artifacts.pop())
            else:
                github.artifacts.pop(0)

    github.before = somebody
    outcome = pruned(github)
    assert outcome.is_complete
    kept = {row["id"] for row in github.artifacts}
    assert {9_996, 9_997, 9_998} <= kept
    assert len([number for number in kept if number < 20_000]) >= 5


def test_an_enterprise_server_has_its_api_below_a_path(github: GitHub) -> None:
    github.prefix = "/api/v3"
    nightly(github, 120)
    assert pruned(github).deleted == 114


@pytest.mark.parametrize(
    "name", ["", "a", "a/", "/b", "a/b/c", "a/..", "a/.", "../b", "a b/c", "a/b?x", "a/b#", "a/b\n"]
)
def test_what_names_no_repository_is_refused(github: GitHub, name: str) -> None:
    with pytest.raises(UsageError, match="OWNER/NAME"):
        Repository(RestClient(github.address, TOKEN), name)


@pytest.mark.parametrize("prefix", ["", " "])
def test_an_empty_prefix_is_refused(github: GitHub, prefix: str) -> None:
    with pytest.raises(UsageError, match="all of them"):
        repository(github).look(prefix)
    assert github.requests == []


def test_an_unknown_repository_is_told(github: GitHub) -> None:
    client = RestClient(github.address, TOKEN)
    with pytest.raises(RestError, match=r"GET /repos/nobody/nothing/actions/artifacts: the answer is 404"):
        Repository(client, "nobody/nothing").look()


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("", {"default_branch": None}),
        ("", []),
        ("/releases", [{"tag_name": 5}]),
        ("/actions/artifacts", {"total_count": 1, "artifacts": [{"id": 1}]}),
        ("/actions/runs/10000", ["x"]),
        ("/actions/workflows/7/runs", {"workflow_runs": [{"id": "x"}]}),
    ],
)
def test_answers_that_make_no_sense_stop_before_anything_is_deleted(github: GitHub, path: str, document) -> None:
    nightly(github, 10)
    wanted = f"/repos/{NAME}{path}"
    github.faults.append(lambda request: Reply(200, document) if request.path == wanted else None)
    with pytest.raises(SurroundingsError):
        planned(github)
    assert len(github.artifacts) == 10


def test_a_policy_that_would_empty_a_group_is_refused(github: GitHub) -> None:
    github.add_run(1, "cancelled")
    github.add_artifact(1, "soak-huge", 1, 3, 2 * 10**9)
    with pytest.raises(UsageError, match="soak-huge/artifacts"):
        planned(github, max_total=10**9)


def test_protected_artifacts_over_the_limit_are_told(github: GitHub) -> None:
    nightly(github, 3, size=10**9)
    github.releases, github.tags = ["v1"], {"v1": f"{9_999:040x}"}
    _, _, plan = planned(github, max_total=10**9)
    assert plan.over_budget == 10**9
    assert [decision.item.started for decision in plan.of("delete")] == [START - 2 * DAY]
