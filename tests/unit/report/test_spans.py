"""Spans of iterations with one state: joined when there are too many, and never lost."""

from __future__ import annotations

from tests.unit.report.tuned import record

from soak_action.report.spans import Spans
from soak_action.report.tuned_iteration import TunedIteration


def spans(states, most=30):
    found = Spans(most)
    for number, state in enumerate(states, 1):
        found.add(TunedIteration.of(record(number, {"p": state})))
    return found.finish()


def ends(found):
    return [(span.first, span.last, span.states, span.parameters["p"]) for span in found]


def test_a_span_lasts_as_long_as_the_state():
    assert ends(spans([1, 1, 2, 2, 2, 1])) == [(1, 2, 1, 1), (3, 5, 1, 2), (6, 6, 1, 1)]
    assert ends(spans([])) == []


def test_of_too_many_the_shortest_neighbours_are_joined_and_the_last_never_is():
    found = spans([1, 1, 1, 1, 2, 3, 4, 4, 4, 5], most=4)
    assert ends(found) == [(1, 4, 1, 1), (5, 6, 2, 3), (7, 9, 1, 4), (10, 10, 1, 5)]
    assert [span.iterations for span in found] == [4, 2, 3, 1]
    # The last one has only begun and may become the longest.
    assert ends(spans([1, 1, 1, 1, 2, 2, 2, 2, 3, 4], most=3)) == [(1, 4, 1, 1), (5, 9, 2, 3), (10, 10, 1, 4)]


def test_joined_spans_cover_each_iteration_once_and_are_about_equally_long():
    found = spans(range(1000), most=30)
    assert len(found) == 30
    assert [span.first for span in found] == [1, *(span.last + 1 for span in found[:-1])]
    assert sum(span.iterations for span in found) == sum(span.states for span in found) == 1000
    assert max(span.iterations for span in found) <= 4 * 1000 / 30
