"""Noticing suspends with clocks that somebody else sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from soak_action.suspends import Suspends


class Machine:
    def __init__(self, slept: float | None = 500.0) -> None:
        self.slept = slept
        self.moment = datetime(2026, 11, 23, tzinfo=UTC)

    def watch(self) -> Suspends:
        return Suspends(lambda: self.slept, lambda: self.moment)

    def pass_by(self, seconds: float, *, asleep: float = 0.0) -> None:
        self.moment += timedelta(seconds=seconds + asleep)
        if self.slept is not None:
            self.slept += asleep


def test_what_the_machine_slept_before_is_nobodys_business():
    suspends = Machine(86400.0).watch()
    assert (suspends.take(), suspends.seconds) == ([], 0)


def test_a_suspend_is_told_once_with_its_length_and_the_looks_around_it():
    machine = Machine()
    suspends = machine.watch()
    machine.pass_by(10)
    suspends.look()
    machine.pass_by(5, asleep=3600)
    told = {"after": "2026-11-23T00:00:10.000Z", "before": "2026-11-23T01:00:15.000Z", "seconds": 3600}
    assert suspends.take() == [told]
    assert (suspends.take(), suspends.seconds) == ([], 3600)


def test_each_look_tells_one_suspends_from_another():
    machine = Machine()
    suspends = machine.watch()
    for _ in range(2):
        machine.pass_by(1, asleep=60)
        suspends.look()
    assert ([found["seconds"] for found in suspends.take()], suspends.seconds) == ([60, 60], 120)


def test_less_than_a_second_is_what_reading_two_clocks_costs():
    machine = Machine()
    suspends = machine.watch()
    for asleep in (0.9, -0.5, 0.9):
        machine.pass_by(1, asleep=asleep)
        assert suspends.take() == []


def test_where_nothing_tells_it_is_unknown():
    machine = Machine(None)
    suspends = machine.watch()
    machine.pass_by(7, asleep=99)
    assert (suspends.take(), suspends.seconds) == ([], None)
