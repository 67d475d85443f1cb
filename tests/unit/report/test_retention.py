"""The page about retention: what was kept, compressed and deleted, what went wrong, and why."""

from __future__ import annotations

import pytest

from soak_action.config.model import Retention
from soak_action.report.markdown import MOST_BYTES
from soak_action.report.retention import Pruned, retention_markdown
from soak_action.retention.github_artifacts import ArtifactOutcome
from soak_action.retention.item import Group, Item
from soak_action.retention.local import Outcome, Skipped
from soak_action.retention.policy import Plan, make_plan

NOW = 1_780_000_000.0
DAY = 86_400.0


def item(number: int, size: int = 1024, **values) -> Item:
    return Item(f"run-{number}", Group("api", "nightly"), NOW - number * DAY, size, **values)


def planned(*items: Item, **policy) -> Plan:
    chosen = Retention(**{"keep_last": 2, "max_total": None, "compress_after": None, **policy})
    return make_plan(items, chosen, NOW, lambda item: item.bytes // 2)


PLAN = planned(*(item(number) for number in range(5)), item(9, verdict="fail"))


@pytest.mark.parametrize(
    ("parts", "first"),
    [
        ([Pruned("x", PLAN)], "# 🔍 Retention, a dry run: 3 items to delete, 3.0 KiB to free"),
        ([Pruned("x", PLAN, Outcome(deleted=3, freed_bytes=3072))], "# ✅ Retention: 3 items deleted, 3.0 KiB freed"),
        (
            [Pruned("x", PLAN, Outcome(deleted=1, freed_bytes=1024)), Pruned("y", PLAN)],
            "# ✅ Retention: 4 items deleted, 4.0 KiB freed",
        ),
        (
            [Pruned("x", PLAN, Outcome(deleted=1, freed_bytes=5, skipped=[Skipped("a", "no", is_failure=True)]))],
            "# ❌ Retention: 1 problem, 1 item deleted, 5 Bytes freed",
        ),
        (
            [Pruned("x", planned(item(1, 9000, is_pinned=True), max_total=1000))],
            "# ❌ Retention: over the limit, 0 items deleted, 0 Bytes freed",
        ),
        ([], "# ✅ Retention: 0 items deleted, 0 Bytes freed"),
    ],
)
def test_the_first_line_tells_what_came_of_it(parts: list[Pruned], first: str) -> None:
    assert retention_markdown(parts).splitlines()[0] == first


def test_the_table_has_a_row_for_each_place() -> None:
    plan = planned(*(item(number) for number in range(4)), compress_after=0.5 * DAY)
    text = retention_markdown(
        [
            Pruned("folder a|b", plan, Outcome(compressed=1, deleted=1, freed_bytes=1536)),
            Pruned("artifacts", PLAN),
        ]
    )
    assert "| `folder a\\|b` | 3 | 1 | 1 | 1.5 KiB | 0 | \u2013 | 4.0 KiB | 2.5 KiB |" in text
    assert "| `artifacts` (dry run) | 3 | 0 | 3 | 3.0 KiB | 1 | \u2013 | 6.0 KiB | 3.0 KiB |" in text


def test_reasons_are_counted_and_every_item_has_its_own() -> None:
    text = retention_markdown([Pruned("x", PLAN)])
    assert "| deleted | no rule keeps it | 3 | 3.0 KiB |" in text
    assert "| kept | keep\\_last | 2 | 2.0 KiB |" in text
    assert "| kept | newest failing of its group | 1 | 1.0 KiB |" in text
    assert "| deleted | `run-4` | api/nightly | 1.0 KiB | no rule keeps it |" in text
    assert "| kept | `run-1` | api/nightly | 1.0 KiB | keep\\_last 2 of 2 |" in text
    assert text.index("`run-2`") < text.index("`run-0`"), "what is deleted comes first"


def test_what_is_protected_over_the_limit_is_told() -> None:
    plan = planned(item(1, 5000, is_pinned=True), item(2, 3000, is_pinned=True), item(3, 10), max_total=4096)
    text = retention_markdown([Pruned("x", plan, Outcome())])
    assert "- ⚠️ x: 3.8 KiB over retention.max\\_total, for what is protected takes 7.8 KiB and is never deleted" in text
    assert "| `x` |" in text
    assert "3.8 KiB |" in text


def test_problems_come_before_the_table_and_notes_after_it() -> None:
    skipped = [Skipped("a", "<b>@you", is_failure=True), Skipped("b", "it changed", is_failure=False)]
    outcome = ArtifactOutcome(skipped=skipped, left_out=7, already_gone=1)
    text = retention_markdown([Pruned("x", PLAN, outcome, notes=["5 expired"])])
    assert (
        text.index("- ❌ x: a: &lt;b&gt;")
        < text.index("- ❌ x: 7 items left out, for the next time")
        < text.index("| where |")
    )
    assert "x: 1 artifact gone already" in text
    assert text.index("| where |") < text.index("x: b: it changed") < text.index("- \u2139\ufe0f x: 5 expired")
    assert "@you" not in text


def test_an_empty_place_is_a_row_and_nothing_more() -> None:
    text = retention_markdown([Pruned("x", planned())])
    assert "| `x` (dry run) | 0 | 0 | 0 | 0 Bytes | 0 | \u2013 | 0 Bytes | 0 Bytes |" in text
    assert "### Why" not in text


def test_a_huge_plan_stays_within_the_bounds() -> None:
    items = [
        Item(
            f"{'|$<' * 100}{number}", Group(f"{'@' * 60}{number}", "b"), NOW - number, 10, obstacle=f"why {number}" * 99
        )
        for number in range(3000)
    ]
    outcome = Outcome(skipped=[Skipped("x", "x" * 900, is_failure=True)] * 3000)
    part = Pruned("x", planned(*items), outcome, notes=["y" * 900] * 3000)
    text = retention_markdown([part] * 4)
    assert len(text.encode()) <= MOST_BYTES
    assert "and 2700 more items" in text
    assert "more reasons" in text
    assert "and 11900 more" in text
