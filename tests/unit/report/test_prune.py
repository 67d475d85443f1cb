"""The words of a prune: the plan with every reason, what is odd, what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from soak_action.config.model import Retention
from soak_action.report.prune import document, outcome_lines, plan_lines
from soak_action.retention.inventory import Inventory
from soak_action.retention.item import Group, Item
from soak_action.retention.local import Outcome, Prune, Skipped
from soak_action.retention.policy import make_plan

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ROOT = Path("runs")
API = Group("api", "default")


def item(name: str, days: float, **more: object) -> Item:
    return Item(**{"id": name, "group": API, "started": NOW.timestamp() - days * 86_400, "bytes": 10_240, **more})


def prune(*items: Item, leftovers: tuple[str, ...] = (), notes: tuple[str, ...] = (), **policy: object) -> Prune:
    chosen = Retention(**policy)
    plan = make_plan(items, chosen, NOW.timestamp(), lambda _: 1024)
    return Prune(Inventory(ROOT, {}, leftovers, notes), chosen, plan, NOW)


def test_a_plan_tells_every_decision_with_its_reasons_and_the_sums() -> None:
    found = prune(item("new", 1, verdict="pass"), item("old", 9), item("gone", 10), keep_last=2)
    assert list(plan_lines(found)) == [
        "runs: 3 items, 30.0 KiB of 953.7 MiB allowed",
        "  delete    gone  api/default  10.0 KiB  no rule keeps it",
        "  compress  old  api/default  10.0 KiB -> 1.0 KiB  keep_last 2 of 2; older than compress_after",
        "  keep      new  api/default  10.0 KiB  newest passing of its group; keep_last 1 of 2",
        "  kept 1, compressed 1, deleted 1, protected 1, freed 19.0 KiB",
    ]


def test_what_is_odd_comes_first_and_orders_nothing_of_a_terminal() -> None:
    odd = item("o\x1bdd", 1, group=None, kind="unknown")
    lines = list(plan_lines(prune(odd, leftovers=("a", "b"), notes=("x\ny",), max_total=None)))
    assert lines[:4] == [
        "runs: 1 item, 10.0 KiB",
        "  note      x\\ny",
        "  trash     2 leftovers of a killed prune",
        "  keep      o\\x1bdd  10.0 KiB  unknown, younger than orphan_age",
    ]


def test_over_budget_is_told_with_what_to_do() -> None:
    *_, last = plan_lines(prune(item("pinned", 1, is_pinned=True), max_total=1000))
    assert last.startswith("  over budget by 9.0 KiB: what is protected takes more than retention.max_total allows")


def test_an_outcome_tells_what_was_skipped_and_why() -> None:
    outcome = Outcome(1, 2, 2048, [Skipped("a", "it changed\n", is_failure=False)])
    lines = list(outcome_lines(outcome))
    assert lines[0] == "  skipped   a: it changed\\n"
    assert lines[1].startswith("  done: compressed 1, deleted 2, freed 2.0 KiB")


def test_the_document_sums_over_all_directories() -> None:
    one = prune(item("new", 1), item("gone", 2), keep_last=1)
    two = prune(item("pinned", 1, is_pinned=True), max_total=1000)
    found = document([one, two], None)
    expected = {"kept": 2, "compressed": 0, "deleted": 1, "freed_bytes": 10_240, "protected": 1, "over_budget": 9240}
    assert {key: found[key] for key in expected} == expected
    assert [(entry["root"], entry["id"]) for entry in found["plan"]] == [
        *(("runs", "new"), ("runs", "gone"), ("runs", "pinned"))
    ]
    assert found["outcome"] is None
    done = document([one, two], [Outcome(0, 1, 10_240), Outcome(skipped=[Skipped("a", "b", is_failure=True)])])
    assert done["outcome"]["deleted"] == 1
    assert done["outcome"]["skipped"] == [{"id": "a", "reason": "b"}]
    assert {**done, "outcome": None} == found
