"""The freeze: so many stable iterations, so many held ones, a breach thaws, and it all begins anew."""

from __future__ import annotations

import pytest

from soak_action.config.model import Freeze
from soak_action.tuning.freeze import Freezing, Frozen, Seen, following

FREEZE = Freeze(after=2, hold=4, when="x > 1", parameters=("p",))


def course(freeze: Freeze, iterations: str) -> str:
    """The frozen iterations as F, the others as a dot; `iterations` tells of each one what it was like.

    A small letter names the state of an iteration that meets the condition, a capital one that of an iteration that
    does so and breaches; a dot does not meet it, and an exclamation mark only breaches.
    """
    freezing, drawn = Freezing(), ""
    for iteration, letter in enumerate(iterations, 1):
        drawn += "." if freezing.frozen_in(iteration) is None else "F"
        breaches = letter.isupper() or letter == "!"
        freezing = following(freezing, freeze, Seen(iteration, letter.isalpha(), breaches, letter.lower()))
    return drawn


@pytest.mark.parametrize(
    ("after", "hold", "iterations", "frozen"),
    [
        (2, 4, "aaaaaaaa", "..FFFF.."),
        (2, 4, "aa......", "..FFFF.."),
        (2, 4, "a.a.a.a.", "........"),
        (2, 4, "a.aa....", "....FFFF"),
        (1, 2, "a.......", ".FF....."),
        (1, 2, "aaaaaaaa", ".FF.FF.F"),
        (3, 1, "aaaaaaaa", "...F...F"),
        # A new state begins to count at one.
        (2, 4, "abab....", "........"),
        (2, 4, "abb.....", "...FFFF."),
        (3, 2, "aabbb...", ".....FF."),
        # A breach thaws at once, and is never stable itself.
        (2, 4, "aa.!....", "..FF...."),
        (2, 4, "aa!.....", "..F....."),
        (2, 4, "aa.Aaaaa", "..FF..FF"),
        (2, 4, "aA......", "........"),
        (2, 4, "a!a.....", "........"),
        # The hold is not lengthened by iterations that go on to meet the condition; counting begins behind it.
        (2, 2, "aaaaaaaaaa", "..FF..FF.."),
        (2, 2, "aabbbb....", "..FF..FF.."),
    ],
)
def test_the_course_of_a_freeze(after: int, hold: int, iterations: str, frozen: str) -> None:
    assert course(Freeze(after, hold, "x > 1", ("p",)), iterations) == frozen


def test_a_freeze_tells_what_since_when_how_long_and_of_which_state() -> None:
    once = following(Freezing(), FREEZE, Seen(7, meets=True, breaches=False, state_hash="abc"))
    assert once == Freezing(1, "abc")
    twice = following(once, FREEZE, Seen(8, meets=True, breaches=False, state_hash="abc"))
    assert twice == Freezing(frozen=Frozen(("p",), 9, 12, "abc"))
    assert [bool(twice.frozen_in(iteration)) for iteration in (8, 9, 12, 13)] == [False, True, True, False]
    assert Frozen(("p",), 9, 12, "abc").to_dict() == {"parameters": ["p"], "since": 9, "until": 12, "signature": "abc"}


@pytest.mark.parametrize("count", [1, 5, 500])
def test_trap_35_a_freeze_is_counted_in_iterations_and_not_in_time(count: int) -> None:
    assert course(Freeze(count, count, "x > 1", ()), "a" * 2 * count) == "." * count + "F" * count
