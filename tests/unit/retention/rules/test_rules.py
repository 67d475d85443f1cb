"""Each rule keeps what it names, tells why, and leaves the rest alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.unit.retention.items import DAY, NOW, item

from soak_action.config.model import Retention
from soak_action.retention.item import Item
from soak_action.retention.rules import RULES, keep_last, keep_periods, keep_within, orphan_age, pinned, protected
from soak_action.retention.rules.rule import Rule

HOURS = [item(f"r{hours:02d}", hours / 24) for hours in range(0, 60, 6)]


def kept(rule: Rule, items: list[Item], policy: Retention) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for place, reason in rule.keep(items, policy, NOW):
        found.setdefault(items[place].id, []).append(reason)
    return found


def test_keep_last_counts_from_the_newest():
    assert kept(keep_last.RULE, HOURS, Retention(keep_last=2)) == {
        "r00": ["keep_last 1 of 2"],
        "r06": ["keep_last 2 of 2"],
    }
    assert kept(keep_last.RULE, HOURS[:1], Retention(keep_last=2)) == {"r00": ["keep_last 1 of 2"]}
    assert kept(keep_last.RULE, HOURS, Retention(keep_last=0)) == {}


def test_keep_within_counts_from_the_newest_item_not_from_now():
    old = [item("a", 400), item("b", 400.4), item("c", 402)]
    assert set(kept(keep_within.RULE, old, Retention(keep_within=DAY))) == {"a", "b"}
    assert kept(keep_within.RULE, old, Retention()) == {}


def test_keep_within_leaves_out_what_is_exactly_as_old():
    assert set(kept(keep_within.RULE, [item("a"), item("b", 1)], Retention(keep_within=DAY))) == {"a"}


def test_an_item_of_the_future_makes_no_other_one_older():
    items = [item("future", -3650), item("a", 2), item("b", 2.5), item("c", 4)]
    assert set(kept(keep_within.RULE, items, Retention(keep_within=DAY))) == {"future", "a", "b"}
    assert set(kept(keep_within.RULE, items[:1], Retention(keep_within=DAY))) == {"future"}


@pytest.mark.parametrize(
    ("rule", "policy", "names"),
    [
        (keep_periods.HOURLY, Retention(keep_hourly=2), ["r00", "r06"]),
        (keep_periods.DAILY, Retention(keep_daily=2), ["r00", "r06"]),
        (keep_periods.DAILY, Retention(keep_daily=9), ["r00", "r06", "r30", "r54"]),
        # r54 is of Monday, so all of them are of one week.
        (keep_periods.WEEKLY, Retention(keep_weekly=3), ["r00"]),
        (keep_periods.MONTHLY, Retention(keep_monthly=3), ["r00"]),
        (keep_periods.DAILY, Retention(), []),
    ],
)
def test_periods_keep_the_newest_of_each(rule, policy, names):
    assert list(kept(rule, HOURS, policy)) == names


def test_a_period_tells_which_one_it_is():
    found = kept(keep_periods.DAILY, HOURS, Retention(keep_daily=2))
    assert found["r06"] == ["keep_daily 2 of 2: newest of its day"]


def test_weeks_begin_on_monday_and_months_on_the_first():
    weekly = [item("thursday"), item("monday", 3), item("sunday", 3.01)]
    assert list(kept(keep_periods.WEEKLY, weekly, Retention(keep_weekly=5))) == ["thursday", "sunday"]
    monthly = [item("26th"), item("1st", 25), item("31st", 25.01)]
    assert list(kept(keep_periods.MONTHLY, monthly, Retention(keep_monthly=5))) == ["26th", "31st"]


def test_months_are_those_of_the_calendar():
    first = date(1970, 1, 1)
    for day in [*range(-800, 30_000), *range(40_000, 140_000, 7)]:
        expected = first + timedelta(days=day)
        assert keep_periods.month_of(day) == (expected.year, expected.month), expected


def test_weeks_are_those_of_the_calendar():
    start = datetime(2020, 12, 1, tzinfo=UTC)
    days = [start + timedelta(days=number) for number in range(400)][::-1]
    items = [Item(f"{day:%F}", None, day.timestamp(), 1) for day in days]
    weeks = {day.isocalendar()[:2] for day in days}
    assert len(kept(keep_periods.WEEKLY, items, Retention(keep_weekly=999))) == len(weeks)


def test_pins_keep_and_protect():
    assert kept(pinned.RULE, [item("a", is_pinned=True), item("b")], Retention()) == {"a": ["pinned"]}
    assert pinned.RULE.protects


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"is_running": True}, "running"),
        ({"kind": "baseline"}, "baseline that other runs are compared with"),
        ({"kind": "release"}, "evidence of a release"),
        ({"kind": "damaged"}, "damaged: whatever is left of it may be the only copy"),
        ({"obstacle": "another file system is mounted in it"}, "another file system is mounted in it"),
    ],
)
def test_what_others_need_is_protected(more, reason):
    assert kept(protected.RULE, [item("a", **more), item("b")], Retention()) == {"a": [reason]}
    assert protected.RULE.protects


def test_the_newest_passing_and_the_newest_failing_are_protected():
    verdicts = ["inconclusive", "warn", "invalid", "fail", "pass", "fail", None]
    items = [item(str(place), place, verdict=verdict) for place, verdict in enumerate(verdicts)]
    assert kept(protected.RULE, items, Retention()) == {
        "1": ["newest passing of its group"],
        "3": ["newest failing of its group"],
    }


def test_what_is_no_finished_run_stays_until_it_is_an_orphan():
    items = [
        item("young", 29.9, kind="unfinished", group=None),
        item("old", 30, kind="unfinished", group=None),
        item("strange", 2, kind="unknown", group=None),
        item("future", -9, kind="unknown", group=None),
        item("run", 2),
    ]
    assert kept(orphan_age.RULE, items, Retention()) == {
        "young": ["unfinished, younger than orphan_age"],
        "strange": ["unknown, younger than orphan_age"],
        "future": ["unknown, younger than orphan_age"],
    }


def test_every_rule_has_its_own_name():
    assert len({rule.name for rule in RULES}) == len(RULES) == 9
