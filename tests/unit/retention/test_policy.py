"""Plans: what is kept, compressed and deleted, in which order, and what is refused."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.retention.items import API, NOW, item

from soak_action.config.model import Retention
from soak_action.errors import UsageError
from soak_action.retention.item import Group, Item
from soak_action.retention.policy import Plan, make_plan

WEB = Group("web", "default")


def plan(items, compressed=lambda one: one.bytes // 10, **policy) -> Plan:
    return make_plan(items, Retention(**{"compress_after": None, "max_total": None, **policy}), NOW, compressed)


def operations(found: Plan) -> dict[str, str]:
    return {decision.item.id: decision.operation for decision in found.decisions}


def reasons(found: Plan, name: str) -> tuple[str, ...]:
    return next(decision.reasons for decision in found.decisions if decision.item.id == name)


def test_counts_are_per_group():
    items = [item("a1", 1), item("a2", 2), item("w1", 30, group=WEB), item("w2", 31, group=WEB)]
    found = plan(items, keep_last=1)
    assert operations(found) == {"a1": "keep", "a2": "delete", "w1": "keep", "w2": "delete"}
    assert reasons(found, "a2") == ("no rule keeps it",)


def test_every_rule_that_keeps_an_item_is_told():
    (decision,) = plan([item("a", is_pinned=True, verdict="pass")], keep_last=1, keep_daily=1).decisions
    assert decision.reasons == (
        "pinned",
        "newest passing of its group",
        "keep_last 1 of 1",
        "keep_daily 1 of 1: newest of its day",
    )
    assert decision.is_protected


def test_old_items_are_compressed_but_not_those_that_are_deleted():
    asked = []

    def compressed(one: Item) -> int:
        asked.append(one.id)
        return 100

    found = plan(
        [item("new", 6), item("old", 8), item("gone", 9)], compressed, keep_last=2, compress_after=7 * 86_400.0
    )
    assert operations(found) == {"new": "keep", "old": "compress", "gone": "delete"}
    assert asked == ["old"]
    assert (found.bytes_before, found.bytes_after) == (3000, 1100)
    assert reasons(found, "old") == ("keep_last 2 of 2", "older than compress_after")


@pytest.mark.parametrize(
    ("more", "compressed", "reason"),
    [
        ({"is_compressed": True}, 1, None),
        ({"is_running": True}, 1, None),
        ({"obstacle": "it holds a mount"}, 1, None),
        ({}, 1000, "compressing it would free nothing"),
        ({}, "it holds a pipe", "it holds a pipe"),
    ],
)
def test_what_is_not_compressed(more, compressed, reason):
    (decision,) = plan([item("a", 8, **more)], lambda _: compressed, compress_after=86_400.0).decisions
    assert decision.operation == "keep"
    assert decision.bytes_after == 1000
    assert reason is None or reason in decision.reasons


def test_what_was_begun_to_be_compressed_is_finished_whatever_its_age():
    found = plan([item("a", 1, has_archive=True)], lambda _: 100)
    assert operations(found) == {"a": "compress"}
    assert "its archive is there already" in reasons(found, "a")


def test_an_unfinished_run_is_never_compressed():
    items = [item("killed", 8, kind="unfinished", group=None), item("a")]
    assert operations(plan(items, compress_after=86_400.0)) == {"killed": "keep", "a": "keep"}


def test_an_orphan_is_deleted_whatever_its_name_and_a_young_one_is_not():
    items = [item("killed", 40, kind="unfinished"), item("odd", 40, kind="unknown", group=None), item("a")]
    found = plan([*items, item("fresh", 20, kind="unfinished")])
    assert operations(found) == {"killed": "delete", "odd": "delete", "a": "keep", "fresh": "keep"}
    assert reasons(found, "odd") == ("unknown, older than orphan_age",)


def test_trap_55_the_limit_deletes_the_oldest_of_all_groups_down_to_the_low_water_mark():
    items = [item(f"a{days}", days, 100) for days in range(8)]
    items += [item(f"w{days}", days + 0.5, 100, group=WEB) for days in range(3)]
    found = plan(items, max_total=1000)
    # 1100 bytes are too many, 900 are few enough.
    assert [one.item.id for one in found.of("delete")] == ["a6", "a7"]
    assert found.bytes_after == 900
    assert found.over_budget == 0
    assert reasons(found, "a7") == ("oldest, to bring the total from over 1000 Bytes down to 900 Bytes",)


def test_trap_55_nothing_is_deleted_while_the_limit_holds():
    items = [item(f"a{days}", days, 100) for days in range(10)]
    assert plan(items, max_total=1000).of("delete") == []


def test_of_equally_old_items_the_largest_goes_first():
    items = [item("small", 5, 100), item("large", 5, 900), item("new", 0, 100)]
    assert [one.item.id for one in plan(items, max_total=1000).of("delete")] == ["large"]


def test_what_the_limit_deletes_is_not_compressed_first():
    items = [item("new", 0, 500), item("old", 9, 4000)]
    found = plan(items, max_total=800, compress_after=86_400.0)
    assert operations(found) == {"new": "keep", "old": "delete"}


def test_compressing_may_be_enough():
    items = [item("new", 0, 500), item("old", 9, 2000)]
    found = plan(items, max_total=800, compress_after=86_400.0)
    assert operations(found) == {"new": "keep", "old": "compress"}
    assert found.over_budget == 0


def test_what_is_protected_stays_and_by_how_much_it_is_too_large_is_told():
    items = [item("new", 0, 10), item("pinned", 9, 900, is_pinned=True), item("old", 10, 500, verdict="pass")]
    found = plan([*items, item("older", 11, 50)], max_total=1000)
    assert operations(found) == {"new": "delete", "pinned": "keep", "old": "keep", "older": "delete"}
    assert found.over_budget == 400


def test_an_empty_policy_is_refused():
    with pytest.raises(UsageError, match=r"no rule keeps a run.*retention.keep_last: 100"):
        plan([item("a")], keep_last=0, max_total=10)
    assert plan([item("a")], keep_last=0, keep_within=1.0).of("delete") == []


def test_a_plan_that_empties_a_group_is_refused():
    items = [item("a", 0, 900, verdict="pass"), item("w", 9, 900, group=WEB), item("w2", 8, 900, group=WEB)]
    with pytest.raises(UsageError, match=r"every run of web/default; raise retention.max_total"):
        plan(items, max_total=1000)
    assert operations(plan(items, max_total=2000)) == {"a": "keep", "w": "delete", "w2": "keep"}


def test_many_emptied_groups_are_not_all_named():
    items = [item(str(number), 9, 900, group=Group("web", f"p{number}")) for number in range(5)]
    with pytest.raises(UsageError, match=r"web/p0, web/p1, web/p2 and 2 more;"):
        plan(items, max_total=10)


def test_a_decision_stands_in_a_plan_with_all_that_is_known():
    (decision,) = plan([item("a", 9, verdict="fail")], compress_after=1.0).decisions
    assert decision.to_dict() == {
        "id": "a",
        "group": "api/default",
        "kind": "run",
        "verdict": "fail",
        "operation": "compress",
        "bytes_before": 1000,
        "bytes_after": 100,
        "protected": True,
        "reasons": ["newest failing of its group", "keep_last 1 of 100", "older than compress_after"],
    }
    (orphan,) = plan([item("x", kind="unknown", group=None)]).decisions
    assert orphan.to_dict()["group"] is None


ITEMS = st.lists(
    st.builds(
        lambda number, days, size, verdict, more: item(
            f"r{number}", days, size, verdict=verdict, group=[API, WEB][number % 2], **more
        ),
        st.integers(0, 999),
        st.floats(-5, 400),
        st.integers(0, 5000),
        st.sampled_from([None, "pass", "fail", "warn", "inconclusive"]),
        st.sampled_from([{}, {}, {"is_pinned": True}, {"is_running": True}, {"kind": "unfinished"}]),
    ),
    max_size=25,
    unique_by=lambda one: one.id,
)


@given(ITEMS, st.integers(0, 5), st.integers(0, 3), st.integers(1, 40_000), st.randoms())
def test_whatever_the_history_the_promises_hold(items, last, daily, limit, random: Random):
    policy = Retention(keep_last=last, keep_daily=daily, max_total=limit, compress_after=86_400.0)
    try:
        found = make_plan(items, policy, NOW, lambda one: one.bytes // 3)
    except UsageError:
        return
    assert sorted(one.item.id for one in found.decisions) == sorted(one.id for one in items)
    assert all(one.reasons for one in found.decisions)
    assert not [one for one in found.of("delete") if one.is_protected or one.item.is_pinned or one.item.is_running]
    assert found.bytes_after <= max(limit, sum(one.bytes_after for one in found.decisions if one.is_protected))
    assert (found.over_budget > 0) == (found.bytes_after > limit)
    shuffled = list(items)
    random.shuffle(shuffled)
    assert make_plan(shuffled, policy, NOW, lambda one: one.bytes // 3) == found
