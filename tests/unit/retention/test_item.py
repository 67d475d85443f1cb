"""Groups by their names, and which items belong to one."""

from __future__ import annotations

from tests.unit.retention.items import API, item

from soak_action.retention.item import Group


def test_a_group_is_named_by_suite_and_profile():
    assert str(API) == "api/default"
    assert str(Group("api", "nightly", judgements=True)) == "api/nightly judgements"
    assert str(Group("\x1b[2J", "a\nb")) == "\\x1b[2J/a\\nb"


def test_only_what_ended_belongs_to_its_group():
    assert item("a").is_grouped
    assert item("a", kind="baseline").is_grouped
    assert not item("a", kind="unfinished").is_grouped
    assert not item("a", kind="unknown", group=None).is_grouped
