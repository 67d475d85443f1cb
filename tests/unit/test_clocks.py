"""Reading two clocks as if at once, and the real ones of this machine."""

from __future__ import annotations

from itertools import chain, repeat

from soak_action import clocks


def readings(*values: float):
    given = chain(values, repeat(values[-1]))
    return lambda: next(given)


def test_one_clock_is_ahead_of_another_by_what_lies_between_them():
    assert clocks.ahead(readings(107.0), readings(7.0, 7.0)) == 100


def test_a_reader_who_is_held_up_once_reads_again():
    held_up = readings(0.0, 60.0, 60.0, 60.0)
    assert clocks.ahead(readings(100.0, 160.0), held_up) == 100


def test_a_reader_who_is_always_held_up_takes_the_best_reading():
    slow = readings(0.0, 9.0, 9.0, 11.0, 11.0, 20.0, 20.0, 29.0, 29.0, 38.0)
    assert clocks.ahead(readings(104.0, 110.0, 190.0, 190.0, 190.0), slow) == 100


def test_the_clocks_of_this_machine_advance_and_agree():
    first, before, second = clocks.awake(), clocks.slept(), clocks.awake()
    assert second >= first
    assert before is None or before > -1
