"""Whether a run may go on with what differs, and how that is told."""

from __future__ import annotations

import pytest

from soak_action import changes
from soak_action.errors import UsageError


def difference(key: str, before: object = "a", now: object = "b") -> dict:
    return {"key": key, "before": {"value": before, "origin": "here"}, "now": {"value": now, "origin": "there"}}


def refused(*found: dict, allowed: bool) -> str:
    with pytest.raises(UsageError) as error:
        changes.check(found, "RUN", allowed=allowed)
    return str(error.value)


def test_nothing_differs_and_nothing_is_said():
    changes.check([], "RUN", allowed=False)
    changes.check([], "RUN", allowed=True)


def test_what_may_change_has_to_be_allowed():
    changes.check([difference("workload.run"), difference("commit")], "RUN", allowed=True)
    text = refused(difference("workload.run"), allowed=False)
    assert "--allow-change goes on all the same" in text
    assert text.endswith('\n  workload.run was "a" (here), now it is "b" (there)')


def test_nobody_is_sent_to_an_option_that_would_not_help():
    assert "--allow-change" not in refused(difference("workload.run"), difference("kpis.v.hard"), allowed=False)


def test_with_the_option_only_what_it_cannot_allow_is_named():
    text = refused(difference("workload.run"), difference("kpis.v.hard"), allowed=True)
    assert "no run may change this under way (begin a new one)" in text
    assert "workload.run" not in text


def test_a_command_that_comes_or_goes_is_not_allowed():
    text = refused({**difference("workload.run"), "now": None}, allowed=True)
    assert text.endswith('\n  workload.run was "a" (here), now it is not given')


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (difference("commit", None, "abc"), "the commit was none, now it is abc"),
        (difference("profile", "ci", None), "the profile was ci, now it is none"),
        (
            difference("tree_dirty", now=None, before=False),
            "whether the tree has changes that are not committed was false, now it is none",
        ),
        ({**difference("workload.shell"), "before": None}, 'workload.shell was not given, now it is "b" (there)'),
    ],
)
def test_each_kind_of_difference_has_its_words(found, line):
    assert refused(found, allowed=False).splitlines()[1:] == [f"  {line}"]


def test_many_differences_are_bounded():
    lines = refused(*(difference(f"kpis.k{number}.hard") for number in range(25)), allowed=False).splitlines()
    assert (len(lines), lines[-1]) == (12, "  and 15 more")
