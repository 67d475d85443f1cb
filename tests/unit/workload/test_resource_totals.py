from __future__ import annotations

from soak_action.workload.resource_totals import Totals
from soak_action.workload.usage import Usage

MAIN, CHILD, OTHER = (1, 10.0), (2, 11.0), (2, 12.0)


IO = frozenset({"io_read_mib", "io_write_mib"})


def usage(rss: float, cpu: float = 0.0, *refused: str) -> Usage:
    return Usage({"rss_mib": rss, "cpu_seconds": cpu}, frozenset(refused))


def test_the_highest_sum_of_a_moment_counts_and_not_the_sum_of_the_highest() -> None:
    totals = Totals()
    totals.add({MAIN: usage(50)}, MAIN)
    totals.add({MAIN: usage(10), CHILD: usage(30)}, MAIN)
    assert (totals.highest["rss_mib"], totals.highest["children"]) == (50, 1)
    totals.add({MAIN: usage(10), CHILD: usage(41)}, MAIN)
    assert totals.highest["rss_mib"] == 51


def test_cpu_time_of_who_is_gone_stays_and_a_reused_pid_begins_anew() -> None:
    totals = Totals()
    totals.add({MAIN: usage(1, 1.0), CHILD: usage(1, 5.0)}, MAIN)
    totals.end(CHILD)
    totals.add({MAIN: usage(1, 2.0), OTHER: usage(1, 0.5)}, MAIN)
    assert totals.highest["cpu_seconds"] == 7.5
    totals.end((3, 1.0))
    assert totals.highest["cpu_seconds"] == 7.5


def test_children_are_counted_when_the_main_process_is_gone_too() -> None:
    totals = Totals()
    totals.add({CHILD: usage(1), OTHER: usage(1)}, MAIN)
    assert totals.highest["children"] == 2


def test_nobody_there_is_no_sample_of_zero() -> None:
    totals = Totals()
    totals.add({}, MAIN)
    assert totals.highest == {}


def test_refusals_are_counted_and_a_figure_that_nobody_has_is_no_zero() -> None:
    totals = Totals()
    totals.add({MAIN: usage(1, 0.0, "fds"), CHILD: Usage({"threads": 2.0}, frozenset({"fds"}))}, MAIN)
    totals.add({CHILD: Usage({}, frozenset({"uss_mib"}))}, MAIN)
    assert totals.refused == {"fds": 2, "uss_mib": 1}
    assert totals.highest == {"rss_mib": 1, "cpu_seconds": 0, "threads": 2, "children": 1}


def test_cpu_time_that_nobody_tells_is_no_zero() -> None:
    totals = Totals()
    totals.add({MAIN: Usage({"rss_mib": 1.0}, frozenset({"cpu_seconds"}))}, MAIN)
    assert "cpu_seconds" not in totals.highest


def test_what_is_kept_does_not_grow_with_the_samples() -> None:
    totals = Totals()
    for number in range(1000):
        process = (number, 1.0)
        totals.add({MAIN: usage(1), process: Usage({"cpu_seconds": 1.0}, inherited=IO)}, MAIN)
        totals.end(process)
    assert len(totals._counts["cpu_seconds"]) == 1
    assert totals._inherited == {}
    assert totals.highest["cpu_seconds"] == 1000


def test_a_sample_returns_its_sums_without_the_incomplete_ones() -> None:
    totals = Totals()
    assert totals.add({MAIN: usage(1, 2.0), CHILD: usage(3, 4.0)}, MAIN) == {
        "rss_mib": 4,
        "cpu_seconds": 6,
        "children": 1,
    }
    refusing = Usage({"cpu_seconds": 5.0}, frozenset({"rss_mib"}))
    assert totals.add({MAIN: usage(1, 2.0), CHILD: refusing}, MAIN) == {"cpu_seconds": 7, "children": 1}
    assert totals.add({}, MAIN) == {}


def test_what_a_parent_takes_over_from_its_children_is_not_counted_twice() -> None:
    totals = Totals()
    totals.add({MAIN: Usage({"io_write_mib": 1.0}, inherited=IO), CHILD: Usage({"io_write_mib": 8.0})}, MAIN)
    totals.end(CHILD)
    totals.add({MAIN: Usage({"io_write_mib": 2.0}, inherited=IO)}, MAIN)
    assert totals.highest["io_write_mib"] == 10
    totals = Totals()
    child = Usage({"io_write_mib": 8.0}, inherited=IO)
    totals.add({MAIN: Usage({"io_write_mib": 1.0}, inherited=IO), CHILD: child}, MAIN)
    totals.end(CHILD)
    totals.add({MAIN: Usage({"io_write_mib": 9.5}, inherited=IO)}, MAIN)
    assert totals.highest["io_write_mib"] == 9.5


def test_the_totals_that_follow_begin_with_nothing_used_and_the_same_processes() -> None:
    totals = Totals()
    totals.add({MAIN: usage(50, 3.0), CHILD: usage(1, 4.0)}, MAIN)
    totals.end(CHILD)
    following = totals.next()
    assert (following.highest, following.refused) == ({}, {})
    assert following.add({MAIN: usage(10, 3.5)}, MAIN)["cpu_seconds"] == 0.5
    assert following.highest["rss_mib"] == 10
    assert totals.highest["cpu_seconds"] == 7
    assert following.next().add({MAIN: usage(10, 3.5)}, MAIN)["cpu_seconds"] == 0
