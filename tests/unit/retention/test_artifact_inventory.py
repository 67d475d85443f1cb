"""Artifacts in the words of the policy: what belongs together, what is of whom, and what is protected."""

from __future__ import annotations

import pytest

from soak_action.config.model import Retention
from soak_action.retention.artifact import Artifact
from soak_action.retention.artifact_inventory import Inventory, RunState, Surroundings, take_inventory
from soak_action.retention.item import Group

NOW = 1_780_000_000.0
DAY = 86_400.0
RUN = "20261123T005200Z-nightly-ab12cd"
PASSED, FAILED, RUNNING, OTHER = (
    RunState("pass", is_running=False),
    RunState("fail", is_running=False),
    RunState(None, is_running=True),
    RunState(None, is_running=False),
)


def artifact(number: int, name: str, days_old: float = 0, size: int = 10, **values) -> Artifact:
    defaults = {"is_expired": False, "run": number, "branch": "main", "commit": f"c{number}"}
    return Artifact(number, name, size, NOW - days_old * DAY, **(defaults | values))


def taken(*artifacts: Artifact, prefix: str = "soak-", **surroundings) -> Inventory:
    return take_inventory(artifacts, prefix, Surroundings("main", **surroundings))


def kept(inventory: Inventory, **policy) -> dict[str, tuple[str, ...]]:
    """Return what is kept under a policy, with the reasons."""
    plan = inventory.plan(Retention(**{"keep_last": 1, "max_total": None, **policy}), NOW)
    return {decision.item.id: decision.reasons for decision in plan.of("keep")}


def test_only_what_has_the_prefix_and_is_there_is_looked_after() -> None:
    inventory = taken(
        artifact(1, "soak-a"), artifact(2, "coverage"), artifact(3, "soak-a", is_expired=True), artifact(4, "xsoak-a")
    )
    assert [bundle.item.id for bundle in inventory.bundles] == ["soak-a#1"]
    assert (inventory.expired, inventory.others) == (1, 2)


def test_an_artifact_that_moved_to_the_next_page_counts_once() -> None:
    inventory = taken(artifact(1, "soak-a"), artifact(1, "soak-a"), artifact(2, "x"), artifact(2, "x"))
    assert [bundle.item.bytes for bundle in inventory.bundles] == [10]
    assert inventory.others == 1


def test_the_slots_of_a_soak_are_one_item_as_old_as_the_newest() -> None:
    slots = [artifact(number, f"soak-api-attempt-1-slot-{number}", 10 - number, run=77) for number in (1, 2, 3)]
    again = artifact(4, "soak-api-attempt-2-slot-3", 1, run=77)
    verdict = artifact(5, "soak-api-verdict-attempt-2", 1, run=77)
    another = artifact(6, "soak-api-attempt-1-slot-1", 20, run=66)
    inventory = taken(*slots, again, verdict, another)
    bundles = {bundle.item.id: bundle for bundle in inventory.bundles}
    assert set(bundles) == {"soak-api slots#run-77", "soak-api-attempt-1-slot-1#6", "soak-api-verdict-attempt-2#5"}
    item = bundles["soak-api slots#run-77"].item
    assert (item.bytes, item.started, item.group) == (40, NOW - DAY, Group("api", "slots"))
    assert bundles["soak-api-verdict-attempt-2#5"].item.group == Group("api", "slots", judgements=True)
    assert bundles["soak-api-verdict-attempt-2#5"].item.kind == "judgement"


def test_evidence_is_of_the_suite_that_its_receipt_names() -> None:
    inventory = taken(
        artifact(1, f"soak-{RUN}", run=77),
        artifact(2, f"soak-receipt-api-nightly-{RUN}", run=77),
        artifact(3, f"soak-{RUN}", run=78),
    )
    groups = {bundle.artifacts[0].id: bundle.item.group for bundle in inventory.bundles}
    assert groups == {1: Group("api", "nightly"), 2: Group("api", "nightly receipts"), 3: Group("soak", "nightly")}


def test_what_no_run_made_stands_for_itself() -> None:
    slots = [artifact(number, f"soak-api-attempt-1-slot-{number}", run=None) for number in (1, 2)]
    assert len(taken(*slots).bundles) == 2


def test_branches_do_not_count_for_each_other() -> None:
    inventory = taken(artifact(1, "soak-a", 9), *(artifact(number, "soak-a", branch="topic") for number in (2, 3)))
    assert set(kept(inventory)) == {"soak-a#1", "soak-a#3"}
    assert Group("soak-a", "artifacts of other branches") in {bundle.item.group for bundle in inventory.bundles}


def test_a_running_workflow_keeps_its_artifacts() -> None:
    inventory = taken(*(artifact(number, "soak-a", 9 - number) for number in (1, 2, 3)), runs={1: RUNNING, 2: OTHER})
    assert kept(inventory) == {"soak-a#1": ("running",), "soak-a#3": ("keep_last 1 of 1",)}


def test_the_newest_passing_and_failing_of_each_group_are_kept() -> None:
    runs = {1: FAILED, 2: FAILED, 3: PASSED, 4: PASSED, 5: OTHER}
    inventory = taken(*(artifact(number, "soak-a", 9 - number) for number in range(1, 6)), runs=runs)
    assert kept(inventory) == {
        "soak-a#5": ("keep_last 1 of 1",),
        "soak-a#4": ("newest passing of its group",),
        "soak-a#2": ("newest failing of its group",),
    }


def test_what_was_released_is_kept_by_commit_and_by_tag() -> None:
    artifacts = [artifact(number, "soak-a", 9 - number) for number in (1, 2, 4)]
    tagged = artifact(3, "soak-a", 6, branch="v1.0")
    inventory = taken(*artifacts, tagged, released_commits=frozenset({"c1"}), released_tags=frozenset({"v1.0"}))
    assert kept(inventory) == {
        "soak-a#4": ("keep_last 1 of 1",),
        "soak-a#3": ("evidence of a release", "keep_last 1 of 1"),
        "soak-a#1": ("evidence of a release",),
    }
    assert set(kept(inventory, max_total=1)) == {"soak-a#3", "soak-a#1"}


def test_receipts_of_the_default_branch_are_what_is_compared_with() -> None:
    names = {number: f"soak-receipt-api-nightly-202611{number:02}T005200Z-nightly-ab12cd" for number in range(11, 17)}
    inventory = taken(
        *(
            artifact(number, name, 20 - number, branch="main" if number < 14 else "topic")
            for number, name in names.items()
        )
    )
    found = {bundle.artifacts[0].id for bundle in inventory.bundles if bundle.item.id in kept(inventory)}
    assert found == {11, 12, 13, 16}


def test_forks_cost_nothing_of_this_repository_whatever_they_upload() -> None:
    own = [artifact(number, f"soak-2026112{number}T005200Z-nightly-ab12cd", 9 - number, 100) for number in (1, 2, 3)]
    stranger = [
        artifact(number, name, 0, 10**12, is_of_fork=True, commit="c3")
        for number, name in enumerate((f"soak-{RUN}", "soak-api-attempt-1-slot-1", "soak-x", "soak-y"), 10)
    ]
    inventory = taken(*own, *stranger, released_commits=frozenset({"c3"}))
    plan = inventory.plan(Retention(keep_last=2, max_total=10**9), NOW)
    assert {decision.item.id for decision in plan.of("delete")} == {
        "soak-20261121T005200Z-nightly-ab12cd#1",
        f"soak-{RUN}#10",
        "soak-api-attempt-1-slot-1#11",
    }
    assert plan.over_budget == 0
    assert {bundle.item.group for bundle in inventory.bundles if bundle.is_of_fork} == {Group("forks", "artifacts")}


@pytest.mark.parametrize(("limit", "deleted"), [(None, 0), (30, 0), (29, 1), (25, 1)])
def test_the_limit_takes_the_oldest(limit: int | None, deleted: int) -> None:
    inventory = taken(*(artifact(number, "soak-a", 9 - number) for number in (1, 2, 3)))
    plan = inventory.plan(Retention(keep_last=9, max_total=limit), NOW)
    assert [decision.item.id for decision in plan.of("delete")] == ["soak-a#1"][:deleted]
    assert plan.of("compress") == []


def test_a_decision_leads_back_to_its_artifacts() -> None:
    inventory = taken(artifact(1, "soak-a", 2), artifact(2, "soak-a"))
    (decision,) = inventory.plan(Retention(keep_last=1), NOW).of("delete")
    assert [each.id for each in inventory.bundle(decision).artifacts] == [1]


def test_nothing_is_planned_for_nothing() -> None:
    plan = taken().plan(Retention(), NOW)
    assert (plan.decisions, plan.over_budget) == ((), 0)
